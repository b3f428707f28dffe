"""The failure as a behaviour case: rows that a bad version answers wrongly and a good one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.audits.cases import Case
from workbench.core.errors import InvalidInput
from workbench.incidents.answers import Answers, Array, ask, inputs, missing_columns
from workbench.incidents.compare import are_numbers, tolerance, unlike
from workbench.incidents.records import Incident
from workbench.incidents.rows import plain, plain_rows, spread, truth_of
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from workbench.models.registry import Registry

_MOST = 200


def case_of(
    incident: Incident,
    frame: pd.DataFrame,
    *,
    name: str,
    bad: ModelVersion,
    good: ModelVersion | None,
    labels: bool,
    at_least: float,
    versions: Sequence[ModelVersion],
    registry: Registry,
) -> Case:
    """Make the case: at most 200 rows, spread over all on which it shows, with the columns that models read.

    Args:
        incident: where the rows come from.
        frame: the frozen rows.
        name: of the case.
        bad: the version that shows the failure.
        good: the version that does not. With ``labels`` it may be None: then rows count on which ``bad`` is
            wrong; else on which ``bad`` is wrong and ``good`` right, since no model gets all of them right.
        labels: expect the target rather than what ``good`` answers.
        at_least: share of the rows that must be answered so.
        versions: of the model; the columns they read are kept.
        registry: loads versions.

    Raises:
        InvalidInput: a version cannot answer or is for another task, the rows have no labels, or there is no
            row to save.
    """
    _require_one_task(bad, good)
    given = _asked(bad, frame, registry)
    sound = None if good is None else _asked(good, frame, registry)
    if labels:
        expected = _truth(frame, bad)
    else:
        assert sound is not None  # noqa: S101 - without labels there is a good version
        expected = sound
    apart = unlike(expected, given, bad.task) | (expected.answered & given.failed)
    if labels and sound is not None:
        apart &= sound.answered & ~unlike(expected, sound, bad.task)
    columns = list(dict.fromkeys(c.name for v in versions for c in v.columns if c.name in frame.columns))
    rows = _distinct(frame[columns], np.flatnonzero(apart))
    if not len(rows):
        raise InvalidInput(
            f"name: there is no row to save: {bad.ref} answers every frozen row as "
            f"{good.ref if good is not None and not labels else 'its label says'}.",
            remedy="Take expected_from another version; `replay` shows which differ.",
            field="expected_from",
        )
    chosen = spread(rows, _MOST)
    return Case(
        name=name,
        kind="golden",
        description=incident.title,
        source=incident.id,
        model=incident.model,
        rows=tuple(plain_rows(frame[columns].iloc[chosen])),
        expected=tuple(plain(value) for value in expected.answer[chosen]),
        tolerance=tolerance(expected) if bad.task == "regression" else 0.0,
        at_least=at_least,
    )


def _require_one_task(bad: ModelVersion, good: ModelVersion | None) -> None:
    if good is None or good.task == bad.task:
        return
    raise InvalidInput(
        f"expected_from: {bad.ref} is for {bad.task}, {good.ref} for {good.task}.",
        remedy="Take a version for the same task.",
        field="expected_from",
    )


def _asked(version: ModelVersion, frame: pd.DataFrame, registry: Registry) -> Answers:
    missing = missing_columns(frame, version)
    if missing:
        raise InvalidInput(
            f"expected_from: {version.ref} reads {', '.join(missing)}, which the frozen rows do not have.",
            remedy="Take another version.",
            field="expected_from",
        )
    return ask(registry.load(version), inputs(frame, version))


def _truth(frame: pd.DataFrame, version: ModelVersion) -> Answers:
    import pandas as pd

    truth = truth_of(frame, version)
    known = ~pd.isna(truth)
    if not known.any():
        raise InvalidInput(
            f"expected_from: the frozen rows have no {version.target!r}.",
            remedy="Give the version whose answers are right, for example expected_from=2.",
            field="expected_from",
        )
    if version.task == "regression" and not are_numbers(truth[known]):
        raise InvalidInput(
            f"expected_from: {version.target!r} holds what is no number, and {version.ref} answers numbers.",
            remedy="Give the version whose answers are right, for example expected_from=2.",
            field="expected_from",
        )
    return Answers(truth, known, np.zeros(len(truth), dtype=bool))


def _distinct(frame: pd.DataFrame, rows: Array) -> Array:
    """Leave out rows whose inputs are those of an earlier one."""
    repeated = frame.iloc[rows].astype(str).duplicated().to_numpy()
    return np.asarray(rows[~repeated])
