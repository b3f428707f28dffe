"""What several models say of the same rows, in one form, so that they can be compared row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Subject
from workbench.datasets import Dataset
from workbench.models.predictors import Predictor

Array = npt.NDArray[Any]

#: Units of what ``Answers.losses`` names.
UNITS = {"log_loss": "score", "zero_one_loss": "rate", "mean_absolute_error": "target"}

_LEAST = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Answers:
    """Answers of one model to the rows of a data set."""

    name: str
    """``model``, ``dummy``, ``linear``, ``tree``, ``champion``."""
    given: Array
    """Labels or numbers, shape (n,)."""
    chances: Array | None = None
    """Probability of each of the data's classes, in their order, shape (n, k); None when it gives none."""
    note: str = ""
    """What it is, in words."""

    def right(self, data: Dataset) -> Array:
        """True where the label is the truth, shape (n,)."""
        return np.asarray(
            np.asarray(self.given, dtype=object) == np.asarray(data.y, dtype=object), dtype=bool
        )

    def errors(self, data: Dataset) -> Array:
        """Number given less the truth, shape (n,)."""
        return np.asarray(self.given.astype(float) - data.y.astype(float))

    def scores(self, data: Dataset) -> Array | None:
        """Probability of the positive label, shape (n,), or None."""
        if self.chances is None or data.positive is None:
            return None
        return np.asarray(self.chances[:, data.classes.index(data.positive)])

    def surprise(self, data: Dataset) -> Array | None:
        """Log loss of every row, shape (n,), or None; an answer of 0 counts as the least number above it."""
        if self.chances is None:
            return None
        of_truth = self.chances[np.arange(len(data)), codes_of(data.y, data.classes)]
        return np.asarray(-np.log(np.clip(of_truth, _LEAST, 1 - _LEAST)))

    def losses(self, data: Dataset) -> tuple[str, Array]:
        """Name and loss of every row: log loss, else wrong or right; of a regression |error|."""
        if data.task == "regression":
            return "mean_absolute_error", np.abs(self.errors(data))
        surprise = self.surprise(data)
        return ("zero_one_loss", ~self.right(data) + 0.0) if surprise is None else ("log_loss", surprise)


def own(subject: Subject) -> Answers:
    """The answers of the model that is audited, from what was asked once."""
    chances = _aligned(subject.probabilities, subject.predictor, subject.data)
    return Answers("model", subject.answers, chances, subject.predictor.label)


def ask(name: str, predictor: Predictor, data: Dataset) -> Answers:
    """Ask a model about the rows of ``data``."""
    chances = _aligned(predictor.probabilities(data.frame), predictor, data)
    return Answers(name, predictor.predict(data.frame), chances, predictor.label)


def with_rows(data: Dataset, frame: pd.DataFrame) -> Dataset:
    """Other rows in the roles of ``data``; its classes stay, also those that these rows lack."""
    rows = replace(data, frame=frame)
    rows.__dict__["classes"] = data.classes
    return rows


def codes_of(labels: Array, classes: Sequence[Any]) -> Array:
    """Place of each label among ``classes``, -1 for a stranger, shape (n,)."""
    known = pd.Index(list(classes), dtype=object)
    return np.asarray(known.get_indexer(pd.Index(labels, dtype=object)))


def align(chances: Array, said: Sequence[Any], classes: Sequence[Any]) -> Array:
    """Put columns in the order of ``classes``; a class the model does not know has probability 0."""
    if list(said) == list(classes):
        return chances
    place = codes_of(np.asarray(classes, dtype=object), said)
    return np.where(place >= 0, chances[:, np.maximum(place, 0)], 0.0)


def _aligned(chances: Array | None, predictor: Predictor, data: Dataset) -> Array | None:
    if chances is None or data.task == "regression" or not predictor.classes:
        return None
    return align(chances, predictor.classes, data.classes)
