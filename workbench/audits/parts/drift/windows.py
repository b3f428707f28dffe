"""The data cut into windows, one after the other: which of them has moved, and when something changed.

Two things are watched. Each column against the reference: has this window other rows than the model was
trained on? And how columns and answers go together with the truth, against all windows since the last change:
a change of that relation is what spoils a model, and shows in no column alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.drift.binning import Binning
from workbench.audits.parts.drift.pairs import ANSWERS, Pair
from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.stats.intervals import mean_interval, wilson
from workbench.stats.windows import Look, watch

Array = np.ndarray[Any, Any]

MOST = 500
"""Windows."""
_COLUMNS = 20
"""Columns whose relation to the truth is watched: more would cost each of them power."""
_CLASSES = 5
"""Classes with cells of their own; the rarer ones share one."""
_BINS = 5
"""Bins of a column beside the truth, and of the truth of a regression."""


@dataclass(frozen=True)
class Window:
    """What one window showed."""

    number: int
    """From 1."""
    rows: int
    moved: tuple[str, ...]
    """Columns beyond the margin against the reference."""
    unsure: int
    """Columns that these rows cannot settle."""
    columns: int
    relation: tuple[str, ...]
    """Tables with the truth that changed; empty: no alarm."""
    strongest: Look | None
    """The relation that changed most; None without one to compare."""
    settled: bool
    """No relation can have changed by more than the margin."""
    performance: Measurement | None
    """None when the model gave no answers."""


@dataclass(frozen=True)
class Watched:
    """All windows, and how they were watched."""

    windows: tuple[Window, ...]
    tables: int
    """Relations that shared the false alarms."""


@dataclass(frozen=True)
class _Table:
    """Counts of truth and another column; the reference None where the first window stands in for it."""

    reference: Array | None
    windows: list[Array]


def cut(subject: Subject, size: int, time: str | None) -> list[Array]:
    """Return the places of each window's rows, in the order of ``time`` or else as they stand.

    Raises:
        InvalidInput: too many windows.
    """
    rows = len(subject.data)
    if rows > MOST * size:
        raise InvalidInput(
            f"drift: window of {size} makes {-(-rows // size)} windows; {MOST} are the most.",
            remedy=f"Give at least window={-(-rows // MOST)}.",
            field="window",
        )
    order = np.arange(rows)
    if time is not None:
        order = subject.data.frame[time].reset_index(drop=True).sort_values(kind="stable").index.to_numpy()
    return [order[start : start + size] for start in range(0, rows, size)]


def examine(
    subject: Subject,
    pairs: Mapping[str, Pair],
    windows: Sequence[Array],
    *,
    margin: float,
    relation_margin: float,
    false_alarms: float,
) -> Watched:
    """Watch columns and relations; each of the two raises a false alarm with half of ``false_alarms``.

    Args:
        subject: with a reference.
        pairs: columns and answers to watch.
        windows: places of rows, from ``cut``.
        margin: chi-square distance (about the PSI) at which a column has moved.
        relation_margin: the same for the relation to the truth.
        false_alarms: chance of any alarm in all windows while nothing changes.
    """
    there = [_something(subject, pairs, rows) for rows in windows]
    binnings = {name: Binning.of(pair.reference) for name, pair in pairs.items()}
    columns = list(
        watch(
            (
                [b.counts(pairs[c].current.iloc[rows]) * something for c, b in binnings.items()]
                for rows, something in zip(windows, there, strict=True)
            ),
            margin=margin,
            reference=[b.counts(pairs[c].reference) for c, b in binnings.items()],
            horizon=len(windows),
            false_alarms=false_alarms / 2,
        )
    )
    tables = _relations(subject, pairs, windows)
    relations = list(
        watch(
            (
                [table.windows[i] * something for table in tables.values()]
                for i, something in enumerate(there)
            ),
            margin=relation_margin,
            reference=[table.reference for table in tables.values()],
            restart=True,
            horizon=len(windows),
            false_alarms=false_alarms / 2,
        )
    )
    found = []
    for i, rows in enumerate(windows):
        known = [look for look in relations[i] if not np.isnan(look.value)]
        window = Window(
            number=i + 1,
            rows=len(rows),
            moved=_alarms(columns[i], list(pairs)),
            unsure=sum(not look.alarm and not look.still for look in columns[i]),
            columns=len(columns[i]),
            relation=_alarms(relations[i], list(tables)),
            strongest=max(known, key=lambda look: look.low, default=None),
            settled=bool(known) and all(look.still for look in known),
            performance=_performance(subject, rows, f"window={i + 1}") if "prediction" in pairs else None,
        )
        found.append(window)
    return Watched(tuple(found), len(tables))


def measurements(watched: Watched) -> list[Measurement]:
    """Three for each window: columns that moved, the relation to the truth, how the model did."""
    return [
        m
        for window in watched.windows
        for m in (_columns(window), _relation(window), window.performance)
        if m is not None
    ]


def _something(subject: Subject, pairs: Mapping[str, Pair], rows: Array) -> bool:
    """Whether any column has any value: a window without is no evidence for anything, and counts as empty."""
    columns = [name for name in pairs if name not in (subject.data.target, *ANSWERS)]
    return not columns or any(pairs[name].current.iloc[rows].notna().any() for name in columns)


def _relations(subject: Subject, pairs: Mapping[str, Pair], windows: Sequence[Array]) -> dict[str, _Table]:
    """Counts of truth and another column by name: of the reference, then of each window.

    A model does better on the rows it was trained on, so its answers are compared from the first window on.
    """
    data, reference = subject.data, subject.reference
    if reference is None or data.target not in pairs:
        return {}
    cells = _truth_cells(pairs[data.target])
    names = [name for name in pairs if name not in (data.target, *ANSWERS)][:_COLUMNS]
    tables: dict[str, _Table] = {}
    for name in names:
        pair, binning = pairs[name], Binning.of(pairs[name].reference, bins=_BINS, categories=_BINS)
        before = _crossed(binning, pair.reference, cells[0])
        now = [_crossed(binning, pair.current.iloc[rows], cells[1][rows]) for rows in windows]
        tables[name] = _Table(before, now)
    if "prediction" in pairs:
        answers = _answer_cells(subject, pairs["prediction"].current, cells[1], windows[0])
        k = int(answers.max()) + 1
        tables["prediction"] = _Table(None, [np.bincount(answers[rows], minlength=k) for rows in windows])
    return tables


def _truth_cells(pair: Pair) -> tuple[Array, Array]:
    """The cell of every row of the reference and of the data by its truth."""
    if pair.number and pair.reference.nunique() > _CLASSES:
        edges = np.unique(pair.reference.quantile(np.arange(1, _BINS) / _BINS).to_numpy())
        first, second = (np.searchsorted(edges, side.to_numpy()) for side in (pair.reference, pair.current))
        return first, second
    common = pair.reference.value_counts().index[:_CLASSES]
    codes = [pd.Index(common).get_indexer(pd.Index(side)) for side in (pair.reference, pair.current)]
    return np.where(codes[0] < 0, len(common), codes[0]), np.where(codes[1] < 0, len(common), codes[1])


def _answer_cells(subject: Subject, answers: pd.Series, truth: Array, first: Array) -> Array:
    """The cell of every row of the data by truth and answer; of a regression by its residual."""
    data = subject.data
    if data.task == "regression":
        residuals = np.asarray(data.y, dtype=float) - answers.to_numpy(dtype=float)
        edges = np.unique(np.quantile(residuals[first], np.arange(1, _BINS) / _BINS))
        return np.asarray(np.searchsorted(edges, residuals))
    right = np.asarray(subject.answers) == np.asarray(data.y)
    return np.asarray(truth * 2 + right)


def _crossed(binning: Binning, column: pd.Series, cells: Array) -> Array:
    most = _CLASSES + 1
    return np.concatenate([binning.counts(column[cells == cell]) for cell in range(most)])


def _performance(subject: Subject, rows: Array, name: str) -> Measurement:
    """How the model did on the rows of one window."""
    answers, truth = np.asarray(subject.answers)[rows], np.asarray(subject.data.y)[rows]
    if subject.data.task == "regression":
        value, low, high = mean_interval(np.abs(answers - truth))
        ends = {"low": low, "high": high} if np.isfinite(low) else {}
        return Measurement(
            metric="mean_absolute_error", slice=name, value=value, n=len(rows), unit="score", **ends
        )
    hits = int((answers == truth).sum())
    low, high = wilson(hits, len(rows))
    value = hits / len(rows)
    return Measurement(
        metric="accuracy_score", slice=name, value=value, low=low, high=high, n=len(rows), unit="rate"
    )


def _alarms(looks: Sequence[Look], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name, look in zip(names, looks, strict=True) if look.alarm)


def _columns(window: Window) -> Measurement:
    moved = len(window.moved)
    outcome = Outcome.INCONCLUSIVE if window.unsure or not window.columns else Outcome.PASS
    said = [f"moved: {', '.join(window.moved)}"] if moved else []
    said += [f"{window.unsure} of {window.columns} columns cannot be settled"] if window.unsure else []
    known = (
        {}
        if not window.columns
        else {"low": moved / window.columns, "high": (moved + window.unsure) / window.columns}
    )
    return Measurement(
        metric="drifted_columns_share",
        slice=f"window={window.number}",
        value=moved / window.columns if window.columns else None,
        n=window.rows,
        unit="rate",
        outcome=Outcome.FAIL if moved else outcome,
        note="; ".join(said) or ("" if window.columns else "no column to compare"),
        **known,
    )


def _relation(window: Window) -> Measurement:
    look = window.strongest
    common: dict[str, Any] = {
        "metric": "relation_chi2_distance",
        "slice": f"window={window.number}",
        "n": window.rows,
        "unit": "effect",
    }
    if look is None:
        outcome = Outcome.MEASURED if window.number == 1 else Outcome.INCONCLUSIVE
        return Measurement(value=None, note="nothing to compare it with", outcome=outcome, **common)
    since = "the reference" if look.since < 0 else f"the windows since {look.since + 1}"
    outcome = Outcome.PASS if window.settled else Outcome.INCONCLUSIVE
    changed = f"changed with the truth: {', '.join(window.relation)}; " if window.relation else ""
    return Measurement(
        value=look.value,
        low=look.low,
        high=look.high,
        outcome=Outcome.FAIL if window.relation else outcome,
        note=f"{changed}against {since}",
        **common,
    )
