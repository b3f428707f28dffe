"""What models answer, checked: one value a row, of a kind that can be sent, finite, and a label they know."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from workbench.core.errors import WorkbenchError
from workbench.models.cells import frame_of
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    from workbench.gateway.batch import Batch
    from workbench.models.compiled import FastPath


@dataclass(frozen=True)
class Answer:
    """One version's answer to a batch."""

    predictions: list[Any]
    """A label or a number for every row."""
    scores: list[float] | None
    """Probability of the positive label for every row; None when not asked for, or there is none."""


@dataclass(frozen=True)
class Reply:
    """What the caller gets."""

    request_id: str
    predictions: list[Any]
    scores: list[float] | None
    served_by: int | None
    """The version; None when the declared fallback answered."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the caller is told beside it."""


class DeadlineExceeded(Exception):
    """A version did not answer in time. ``started`` is False when the call still waited for its turn."""

    def __init__(self, seconds: float, *, started: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.started = started


class Failed(Exception):
    """A version could not answer: its model raised, answered nonsense, or its process ended. Says why."""


class Loaded(Protocol):
    """A version that can be asked."""

    @property
    def model(self) -> ModelVersion:
        """Its record."""
        ...

    @property
    def version(self) -> int:
        """The version number."""
        ...

    async def ask(self, batch: Batch, *, scores: bool, deadline: float, shadow: bool = False) -> Answer:
        """Answer a batch within ``deadline`` seconds.

        Args:
            batch: the rows.
            scores: whether scores are wanted too.
            deadline: seconds.
            shadow: the answer is only kept, never sent: it waits behind those that are.

        Raises:
            Problem: 503, too many calls wait; 422, the rows lack what this version reads.
            DeadlineExceeded: no answer in time.
            Failed: it could not answer.
        """
        ...


class Answerer:
    """A model that answers checked rows. To be used where the model is: in a worker, in a batch run.

    Args:
        model: its record.
        predictor: the model.
        fast: its compiled copy; None: the model itself answers.
    """

    def __init__(self, model: ModelVersion, predictor: Predictor, fast: FastPath | None = None) -> None:
        self._model = model
        self._predictor = predictor
        self._fast = fast

    def answer(self, cells: Mapping[str, list[Any]], n: int, *, scores: bool) -> Answer:
        """Answer ``n`` rows.

        Args:
            cells: by column of the model's signature, as ``Batch.cells`` gives them.
            n: rows.
            scores: whether scores are wanted too.

        Raises:
            WorkbenchError: the answer has another length, is not finite, or is no known label.
            Exception: whatever the model raises.
        """
        if self._fast is not None:
            labels, given = self._fast.answer(cells, n, scores)
            told = checked_scores(given, n, self._model) if scores else None
            return Answer(checked_predictions(labels, n, self._model), told)
        frame = frame_of(self._model.columns, cells)
        predictions = checked_predictions(self._predictor.predict(frame), n, self._model)
        if not scores:
            return Answer(predictions, None)
        return Answer(predictions, checked_scores(self._predictor.scores(frame), n, self._model))


def checked_predictions(values: Any, n: int, model: ModelVersion) -> list[Any]:
    """Return what a model predicted for ``n`` rows as plain values.

    Raises:
        WorkbenchError: another length, a value that is not finite, or no label that the model knows.
    """
    answers = _plain(values, n, model.ref)
    if model.task == "regression":
        return _numbers(answers, model.ref)
    known = model.classes
    for answer in answers:
        if not _is_label(answer) or (known and answer not in known):
            raise WorkbenchError(f"{model.ref} answered {answer!r:.60}, which is no label it knows.")
    return answers


def checked_scores(values: Any, n: int, model: ModelVersion) -> list[float] | None:
    """Return the scores of ``n`` rows as plain numbers; None where the model has none.

    Raises:
        WorkbenchError: another length, or a value outside 0 to 1.
    """
    if values is None:
        return None
    scores = _numbers(_plain(values, n, model.ref), model.ref)
    if not all(0.0 <= score <= 1.0 for score in scores):
        raise WorkbenchError(f"{model.ref} answered a score outside 0 to 1.")
    return scores


def _is_label(answer: Any) -> bool:
    return isinstance(answer, str | int) or (isinstance(answer, float) and math.isfinite(answer))


def _plain(values: Any, n: int, ref: str) -> list[Any]:
    answers = values.tolist() if hasattr(values, "tolist") else list(values)
    if len(answers) != n:
        raise WorkbenchError(f"{ref} gave {len(answers)} answers for {n} rows.")
    return answers


def _numbers(answers: list[Any], ref: str) -> list[float]:
    for answer in answers:
        if not isinstance(answer, int | float) or not math.isfinite(answer):
            raise WorkbenchError(f"{ref} answered {answer!r:.60}, which is no finite number.")
    return list(map(float, answers))
