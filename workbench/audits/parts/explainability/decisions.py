"""What explanations of single decisions look like over many rows: aggregates only, never a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.counterfactual import moves_of, searching
from workbench.audits.parts.explainability.counterfactual_search import Search
from workbench.audits.parts.explainability.explainers import Explanation
from workbench.audits.parts.shared.measured import of_hits, of_share
from workbench.audits.reasons import towards
from workbench.audits.records import Measurement
from workbench.stats.quantiles import quantile

Array = np.ndarray[Any, Any]

_MOST_ANSWERS = 5
_REASONS = 3

_FEWEST = 10
"""Rows of one answer below which it is not reported on its own: a median of few is somebody's row."""

REASONS = (
    "First reasons: the column that pushed a row's output most towards its answer; the most frequent of "
    "them, as counts. The reasons of one row come from reason_codes."
)
NO_DECISION = (
    "A regression has no other answer: name what is wanted for one row, counterfactual(wanted=(low, high))."
)


def first_reasons(
    subject: Subject, rows: pd.DataFrame, explanation: Explanation, confidence: float
) -> list[Measurement]:
    """How often each column is the first reason, for every answer the three most frequent."""
    n = len(explanation.output)
    answers = np.asarray(subject.predictor.predict(rows.head(n)))
    pushed = towards(explanation, answers, subject.predictor.positive)
    first = np.where(pushed.max(axis=1) > 0, pushed.argmax(axis=1), -1)
    if subject.data.task == "regression":
        return _frequent(first, explanation.columns, "", confidence)
    labels, counts = np.unique(answers.astype(str), return_counts=True)
    found = []
    for label in labels[np.argsort(-counts, kind="stable")][:_MOST_ANSWERS]:
        of_label = first[answers.astype(str) == label]
        found += _frequent(of_label, explanation.columns, f"answer={label} & ", confidence)
    return found


def counterfactuals(
    subject: Subject,
    rows: pd.DataFrame,
    queries: int,
    confidence: float,
    *,
    immutable: Sequence[str] | None,
    rising: Sequence[str],
    falling: Sequence[str],
) -> Finding:
    """Search for every row, and report how many have one, and of what size."""
    moves = moves_of(subject, immutable, rising=rising, falling=falling)
    if not moves.columns:
        return Finding([], notes=["No column may change: no counterfactual was searched."])
    search = searching(subject, rows, moves, queries)
    points = search.run()
    columns, distance = _sizes(search, points)
    answers = np.asarray(subject.predictor.predict(search.frame)).astype(str)
    found = _of_rows(columns, distance, "", confidence)
    labels, counts = np.unique(answers, return_counts=True)
    for label in labels[counts >= _FEWEST] if 1 < len(labels) <= _MOST_ANSWERS else ():
        mine = answers == label
        found += _of_rows(columns[mine], distance[mine], f"answer={label}", confidence)
    spent = int(search.spent.sum())
    found.append(
        Measurement(
            metric="counterfactual_queries",
            value=spent / len(rows),
            low=float(search.spent.min()),
            high=float(search.spent.max()),
            n=len(rows),
            unit="queries",
            note="mean, smallest and greatest of a row",
        )
    )
    return Finding(found, notes=[_MEANING.format(len(rows)), *_held(moves.held)])


def _sizes(search: Search, points: list[Array]) -> tuple[Array, Array]:
    """(n,) fewest columns changed and least distance of each row; infinite where nothing was found."""
    columns, distance = np.full(len(points), np.inf), np.full(len(points), np.inf)
    for i, candidates in enumerate(points):
        if len(candidates):
            origin = np.repeat(search.origin[[i]], len(candidates), axis=0)
            columns[i] = search.moves.units_changed(origin, candidates).sum(axis=1).min()
            distance[i] = search.moves.distance(origin, candidates).min()
    return columns, distance


def _of_rows(columns: Array, distance: Array, slice_: str, confidence: float) -> list[Measurement]:
    found = "rows for which a change within the constraints was found that gets another answer"
    return [
        of_hits("counterfactual_rate", np.isfinite(columns), confidence=confidence, slice=slice_, note=found),
        _median("counterfactual_columns_changed", slice_, columns, "columns", confidence),
        _median("counterfactual_distance", slice_, distance, "sd", confidence),
    ]


def _median(metric: str, slice_: str, values: Array, unit: str, confidence: float) -> Measurement:
    value, low, high = quantile(values, 0.5, confidence)
    note = "median; a row without a counterfactual counts as larger than any"
    return Measurement(
        metric=metric,
        slice=slice_,
        value=value if np.isfinite(value) else None,
        low=low if np.isfinite(low) else None,
        high=high if np.isfinite(high) else None,
        n=len(values),
        unit=unit,
        note=note if np.isfinite(value) else f"{note}: most rows have none",
    )


def _frequent(first: Array, columns: Sequence[str], slice_: str, confidence: float) -> list[Measurement]:
    counts = np.bincount(first[first >= 0], minlength=len(columns))
    found = []
    for j in np.argsort(-counts, kind="stable")[:_REASONS]:
        if counts[j]:
            k, where = int(counts[j]), f"{slice_}reason={columns[j]}"
            found.append(of_share("first_reason_rate", k, len(first), confidence=confidence, slice=where))
    return found


def _held(held: dict[str, str]) -> list[str]:
    if not held:
        return []
    stay = [f"{column} ({why})" for column, why in list(held.items())[:12]]
    more = f" and {len(held) - 12} more" if len(held) > 12 else ""
    return [f"Held fixed in counterfactuals: {'; '.join(stay)}{more}."]


_MEANING = (
    "Counterfactuals were searched for {} rows; distance is L2 in standard deviations, one for each category "
    "that changes. A search that finds none proves nothing, and a change that gets another answer from the "
    "model may be out of a person's reach."
)
