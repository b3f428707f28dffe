"""The same rows, scored on several versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.incidents import metrics
from workbench.incidents.answers import (
    Answers,
    ask,
    in_one_line,
    inputs,
    median_latency_ms,
    missing_columns,
    recorded,
)
from workbench.incidents.compare import any_unlike, disagreement
from workbench.incidents.freeze import PREDICTION
from workbench.incidents.records import Incident, ReplayColumn, ReplayReport
from workbench.incidents.rows import plain, plain_rows, spread, truth_of
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    import pandas as pd

    from workbench.models.registry import Registry

_EXAMPLES = 20


def replay(
    incident: Incident,
    frame: pd.DataFrame,
    versions: Sequence[ModelVersion],
    *,
    registry: Registry,
    now: datetime,
) -> ReplayReport:
    """Score ``frame`` on every version, one ``predict`` each, and compare.

    A version that cannot be loaded, or that reads a column the rows do not have, has n = 0 and says why.
    """
    production = recorded(frame[PREDICTION]) if PREDICTION in frame.columns else None
    labels = {version.ref: _label(version, registry) for version in versions}
    columns: list[ReplayColumn] = []
    answers: dict[str, Answers] = {}
    first: tuple[ModelVersion, Answers] | None = None
    for version in versions:
        column, given = _column(version, frame, first=first, production=production, registry=registry)
        columns.append(column.model_copy(update={"label": labels[version.ref]}))
        if given is not None:
            first = first or (version, given)
            answers[version.ref] = given
    return ReplayReport(
        incident=incident.id,
        digest=incident.digest,
        rows=len(frame),
        columns=tuple(columns),
        examples=tuple(_examples(frame, [v for v in versions if v.ref in answers], answers, labels)),
        time=now,
    )


def _column(
    version: ModelVersion,
    frame: pd.DataFrame,
    *,
    first: tuple[ModelVersion, Answers] | None,
    production: Answers | None,
    registry: Registry,
) -> tuple[ReplayColumn, Answers | None]:
    """One version's column, and its answers when it could be asked."""
    empty = ReplayColumn(version=version.version, label=version.ref, n=0)
    missing = missing_columns(frame, version)
    if missing:
        return empty.model_copy(update={"error": f"the rows have no {', '.join(missing)}"}), None
    try:
        predictor = registry.load(version)
    except Exception as error:  # noqa: BLE001 - one version that cannot be loaded must not hide the others
        return empty.model_copy(update={"error": in_one_line(error)}), None
    rows = inputs(frame, version)
    given = ask(predictor, rows)
    n = int(given.answered.sum())
    latency, alone = median_latency_ms(predictor, rows, given)
    other, expected = first or (version, given)
    alike = other.task == version.task
    positive = int((given.answer[given.answered] == version.positive).sum())
    measured: dict[str, Any] = {
        "n": int(given.asked.sum()),
        "errors": int(given.failed.sum()),
        "error": given.error or (alone and f"only one row alone: {alone}"),
        "disagrees_with_recorded": production and disagreement(production, given, version.task),
        "disagrees_with_first": disagreement(expected, given, version.task) if alike else None,
        "positive_rate": positive / n if n and version.positive is not None else None,
        "metrics": metrics.shown(version, given, truth_of(frame, version)),
        "latency_ms": latency,
    }
    return empty.model_copy(update=measured), given


def _examples(
    frame: pd.DataFrame,
    versions: Sequence[ModelVersion],
    answers: dict[str, Answers],
    labels: dict[str, str],
) -> list[dict[str, Any]]:
    """Rows on which versions differ: what the models read, and nothing else that may be known of a person."""
    alike = [answers[v.ref] for v in versions if v.task == versions[0].task]
    if len(alike) < 2:
        return []
    differ = any_unlike(alike, versions[0].task)
    chosen = spread(np.flatnonzero(differ), _EXAMPLES)
    read = list(dict.fromkeys(column.name for version in versions for column in version.columns))
    examples = plain_rows(frame[read].iloc[chosen])
    for example, row in zip(examples, chosen, strict=True):
        if PREDICTION in frame.columns:
            example["production"] = plain(frame[PREDICTION].iloc[row])
        for version in versions:
            example[labels[version.ref]] = _answer(answers[version.ref], int(row))
    return examples


def _answer(answers: Answers, row: int) -> Any:
    return "error" if answers.failed[row] else plain(answers.answer[row])


def _label(version: ModelVersion, registry: Registry) -> str:
    champion = registry.aliases(version.name).get("champion") == version.version
    return f"{version.ref} (champion)" if champion else version.ref
