"""Does the model's answer give a sensitive attribute away? An attack with it, against one without it.

The attacker knows everything about a row but the attribute, learned from other rows (half of the audited
data) how the attribute goes with the rest, and is told what the model answered. The attack without the answer
knows the same and was not told: what the answer adds is the gain. A model that reads the attribute gives some
of it away of anybody; what it gives away of training rows beyond that is the advantage.

Source: Yeom and others, "Privacy risk in machine learning", 2018; Jayaraman and Evans, "Are attribute
inference attacks just imputation?", 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.shared.encoded import (
    Encoding,
    boosted,
    is_number,
    number,
    sample,
    text,
    training_data,
)
from workbench.datasets.dataset import MISSING
from workbench.stats.independent import Estimate, mean
from workbench.stats.paired import rate_difference

Array = npt.NDArray[Any]

_VALUES = 6
"""Values of an attribute that are told apart; the rarer ones are one more."""
_LEAST = 10
"""Rows of a value that the attack learns from and is judged on, at least."""
_OTHER = "other"


@dataclass(frozen=True)
class Guesses:
    """What two attacks say of the attribute of some rows."""

    truth: Array
    """(n,) values as text."""
    told: Array
    """(n,) the attack's answer with the model's answer."""
    untold: Array
    """(n,) the same without."""

    @property
    def said(self) -> str:
        """How both attacks do, in words."""
        told, untold = (self._recall(side) for side in (self.told, self.untold))
        return f"balanced accuracy {told:.3f} with the model's answer, {untold:.3f} without"

    def gain(self, confidence: float, values: Array) -> Estimate:
        """What the model's answer adds, -1 to 1: the difference of both informednesses.

        Informedness of k values is (k · balanced accuracy - 1) / (k - 1), for two values TPR - FPR.
        Interval: Bonett and Price's paired one for each value, together as Zou and Donner.
        """
        gains = np.array([self._of_value(value, confidence) for value in values])
        scale = len(values) / (len(values) - 1)
        value, low, high = (scale * end for end in mean(*gains.T))
        return value, low, high

    def _of_value(self, value: Any, confidence: float) -> Estimate:
        rows = self.truth == value
        told, untold, n = self.told[rows] == value, self.untold[rows] == value, int(rows.sum())
        gained, lost = int((told & ~untold).sum()), int((untold & ~told).sum())
        low, high = rate_difference(np.array(gained), np.array(lost), n, confidence)
        return (gained - lost) / n, float(low), float(high)

    def _recall(self, said: Array) -> float:
        return float(np.mean([(said[self.truth == v] == v).mean() for v in np.unique(self.truth)]))


@dataclass(frozen=True)
class Inferred:
    """What both attacks say of training rows, and of others."""

    values: Array
    """Those that are told apart, as text."""
    trained: Guesses
    other: Guesses


def infer(subject: Subject, attribute: str, rows: int) -> Inferred | str:
    """Learn on half of the audited data and infer ``attribute`` of training rows and of the other half.

    Args:
        subject: what is audited.
        attribute: a column.
        rows: how many at most are learned from, and guessed of either kind.

    Returns:
        What both attacks say, or why they cannot be made.
    """
    reference = training_data(subject)
    if attribute not in reference.frame.columns:
        return f"The training data have no column {attribute!r}."
    rng = np.random.default_rng([subject.seed, 3])
    places = rng.permutation(len(subject.data))
    half = len(places) // 2
    sources = (
        subject.data.frame.iloc[places[:half][:rows]],
        reference.frame.iloc[sample(len(reference), rows, rng)],
        subject.data.frame.iloc[places[half:][:rows]],
    )
    values = [_values(side[attribute], sources[0][attribute]) for side in sources]
    names = np.array(
        [v for v in np.unique(values[0]) if min(int((side == v).sum()) for side in values) >= _LEAST],
        dtype=object,
    )
    if len(names) < 2:
        return f"Fewer than two values of {attribute!r} occur in {_LEAST} rows of all that are needed."
    kept = [np.isin(side, names) for side in values]
    frames = [side[rows] for side, rows in zip(sources, kept, strict=True)]
    values = [side[rows] for side, rows in zip(values, kept, strict=True)]
    encoding = _encoding(subject, frames[0], attribute)
    known = [encoding.codes(side) for side in frames]
    told = [np.column_stack([k, _answers(subject, side)]) for k, side in zip(known, frames, strict=True)]
    guesses = [_attack(side, values[0], encoding.categorical, subject.seed) for side in (told, known)]
    return Inferred(names, *(Guesses(values[i], guesses[0][i - 1], guesses[1][i - 1]) for i in (1, 2)))


def _attack(sides: list[Array], values: Array, categorical: Array, seed: int) -> list[Array]:
    """Fit to the first of ``sides``, every value weighing the same, and answer for the others."""
    from sklearn.utils.class_weight import compute_sample_weight

    learned, *judged = sides
    model = boosted(
        learned,
        values,
        categorical=np.pad(categorical, (0, learned.shape[1] - len(categorical))),
        seed=seed,
        weight=compute_sample_weight("balanced", values),
    )
    return [np.asarray(model.predict(side), dtype=object) for side in judged]


def _encoding(subject: Subject, frame: pd.DataFrame, attribute: str) -> Encoding:
    """What is known of a row: all columns the model reads but the attribute, and the truth."""
    columns = [*(name for name in subject.features if name in frame.columns), subject.data.target]
    return Encoding.of(frame, [name for name in dict.fromkeys(columns) if name != attribute])


def _answers(subject: Subject, frame: pd.DataFrame) -> Array:
    """(n, k) what the model answers: its probabilities if it gives them, else its answer."""
    probabilities = subject.predictor.probabilities(frame)
    if probabilities is not None:
        return probabilities
    answers = subject.predictor.predict(frame)
    if subject.data.task == "regression":
        return answers.astype(float)[:, None]
    return np.column_stack([answers == label for label in subject.data.classes]).astype(float)


def _values(column: pd.Series, learned: pd.Series) -> Array:
    """(n,) the attribute as text: frequent values, or thirds of a number of many values."""
    if is_number(learned) and learned.nunique() > _VALUES:
        edges = np.unique(np.nanquantile(number(learned), [1 / 3, 2 / 3]))
        known = number(column)
        names = np.array([f"third {i + 1}" for i in range(len(edges) + 1)], dtype=object)
        return np.where(
            np.isnan(known), MISSING, names[np.searchsorted(edges, known, side="left").clip(0, len(edges))]
        )
    frequent = learned.dropna().map(str).value_counts().index[:_VALUES]
    names = text(column)
    return np.where(
        column.isna(), MISSING, np.where(np.isin(names, np.array(frequent, dtype=object)), names, _OTHER)
    ).astype(object)
