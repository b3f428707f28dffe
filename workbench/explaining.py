"""Explaining one decision of a registered version: its reasons, and the nearest change of the row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, WorkbenchError

if TYPE_CHECKING:
    import pandas as pd

    from workbench.audits.explanation_records import Decision
    from workbench.datasets import Dataset
    from workbench.models.predictors import Predictor
    from workbench.models.records import ModelVersion


def decision(
    version: ModelVersion,
    predictor: Predictor,
    reference: Dataset | None,
    row: Any,
    *,
    data: Any,
    wanted: Any,
    immutable: Sequence[str] | None,
    rising: Sequence[str],
    falling: Sequence[str],
    seed: int,
    asked_by: str,
    clock: Clock,
) -> Decision:
    """Ask a version about one row; the arguments are those of ``bench.explain``."""
    from workbench.audits.base import Subject
    from workbench.audits.counterfactual import counterfactual
    from workbench.audits.explanation_records import Decision
    from workbench.audits.parts.explainability.one_row import one_row, plain_value
    from workbench.audits.reasons import reason_codes

    constraints: dict[str, Any] = {
        "immutable": None if immutable is None else _names(immutable),
        "rising": _names(rising),
        "falling": _names(falling),
    }
    given = None if data is None else _rows(data, version)
    place = isinstance(row, int | np.integer)
    frame = one_row(Subject(predictor, given), row) if given is not None and place else row
    subject = Subject(predictor, _typical(reference, given, version), seed=seed)
    frame = one_row(subject, frame)
    answer = _answer(predictor, frame, version)
    seeks = wanted is not None or predictor.task == "classification"
    change = counterfactual(subject, frame, wanted, **constraints) if seeks else None
    reasons = reason_codes(subject, frame)
    return Decision(
        model=version.ref,
        model_digest=version.digest,
        target=version.target,
        answer=plain_value(answer),
        score=_score(predictor, frame, answer),
        reasons=reasons,
        change=change,
        notes=() if seeks else (_NOTHING_WANTED,),
        time=clock.now(),
        asked_by=asked_by,
        code=_code(
            f"{version.ref!r}, {row if place else 'row'}" + ("" if data is None else ", data=data"),
            {"wanted": change.wanted if change else None, **constraints},
            seed,
        ),
    )


_NOTHING_WANTED = (
    "No change was looked for: of a regression, say between which two numbers the prediction should lie, for "
    "example wanted=(100, 120)."
)


def _rows(data: Any, version: ModelVersion) -> Dataset:
    """Rows as they stand, in their own order: no truth is needed, so none is left out."""
    from workbench.datasets import Dataset
    from workbench.datasets.reading import to_frame

    return Dataset(to_frame(data), version.target, version.sensitive, version.positive, version.task)


def _typical(reference: Dataset | None, given: Dataset | None, version: ModelVersion) -> Dataset:
    known = given if reference is None else reference
    if known is None:
        raise InvalidInput(
            f"data: the training data of {version.ref} is gone, and nothing else says what is typical.",
            remedy="Give rows like those it was trained on.",
            field="data",
        )
    return known


def _answer(predictor: Predictor, frame: pd.DataFrame, version: ModelVersion) -> Any:
    """Ask about the row first: what the model cannot take must not look like a fault of ours."""
    try:
        return predictor.predict(frame)[0]
    except WorkbenchError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise InvalidInput(
            f"row: {version.ref} has no answer for it: {reason}",
            remedy="Give values that the model takes.",
            field="row",
        ) from error


def _score(predictor: Predictor, frame: pd.DataFrame, answer: Any) -> float | None:
    probabilities = predictor.probabilities(frame)
    return None if probabilities is None else float(probabilities[0, predictor.classes.index(answer)])


def _names(given: Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _code(asked: str, options: dict[str, Any], seed: int) -> str:
    """A place is no value of anybody; all else of a row stays out."""
    said = {k: v for k, v in options.items() if v is not None and not (k in ("rising", "falling") and not v)}
    given = "".join(f", {key}={value!r}" for key, value in said.items())
    return f"import workbench as wb\n\nbench = wb.open()\nbench.explain({asked}{given}, seed={seed})"
