"""What models answer, checked: one value a row, of a kind that can be sent, finite, and a label they know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.gateway.batch import Batch
from workbench.gateway.pool import Pool
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion


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


@dataclass(frozen=True)
class Loaded:
    """A version in memory."""

    model: ModelVersion
    predictor: Predictor
    pool: Pool
    """Threads for answers that are sent."""
    shadow_pool: Pool
    """Threads for answers that are only kept."""

    @property
    def version(self) -> int:
        """The version number."""
        return self.model.version

    @property
    def busy(self) -> int:
        """Calls that run or wait."""
        return self.pool.busy + self.shadow_pool.busy

    def close(self) -> None:
        """Start no further call; those under way are answered."""
        self.pool.close()
        self.shadow_pool.close()

    async def ask(self, batch: Batch, *, scores: bool, deadline: float, shadow: bool = False) -> Answer:
        """Answer a batch within ``deadline`` seconds.

        Args:
            batch: the rows.
            scores: whether scores are wanted too.
            deadline: seconds.
            shadow: the answer is only kept, never sent: it waits behind those that are.

        Raises:
            Problem: 503, too many calls wait.
            DeadlineExceeded: no answer in time.
            WorkbenchError: the answer has another length, is not finite, or is no known label.
            Exception: whatever the model raises.
        """
        pool = self.shadow_pool if shadow else self.pool
        return await pool.call(partial(self.answer, batch, scores=scores), deadline=deadline)

    def answer(self, batch: Batch, *, scores: bool) -> Answer:
        """Answer a batch. Runs in a thread of the version's own.

        Raises:
            WorkbenchError: the answer has another length, is not finite, or is no known label.
            Exception: whatever the model raises.
        """
        frame = batch.frame(self.model.columns)
        predictions = self._predictions(self.predictor.predict(frame), batch.n)
        return Answer(predictions, self._scores(frame, batch.n) if scores else None)

    def _predictions(self, values: Any, n: int) -> list[Any]:
        answers = _plain(values, n, self.model.ref)
        if self.model.task == "regression":
            return _numbers(answers, self.model.ref)
        known = self.model.classes
        for answer in answers:
            if not _is_label(answer) or (known and answer not in known):
                raise WorkbenchError(f"{self.model.ref} answered {answer!r:.60}, which is no label it knows.")
        return answers

    def _scores(self, frame: Any, n: int) -> list[float] | None:
        values = self.predictor.scores(frame)
        if values is None:
            return None
        scores = _numbers(_plain(values, n, self.model.ref), self.model.ref)
        if not all(0.0 <= score <= 1.0 for score in scores):
            raise WorkbenchError(f"{self.model.ref} answered a score outside 0 to 1.")
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
