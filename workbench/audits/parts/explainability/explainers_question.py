"""What an explainer that looks inside a model is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.models.predictors import Predictor

Array = np.ndarray[Any, Any]

BLOCKS = 5
"""Parts of the background that are explained against singly, to see what its choice does."""
OF_SHARES = ("BaseDecisionTree", "BaseForest")
"""Models that work on shares of labels; all others work on margins."""


@dataclass(frozen=True)
class Contributions:
    """What an explainer returns."""

    values: Array
    """(b, n, d) against each of b parts of the background, whose mean is against all of it."""
    base: Array
    """(b, n) mean output over each part."""
    output: Array
    """(n,) the model's own output."""
    unit: str
    method: str


@dataclass(frozen=True)
class Question:
    """What is to be explained, once for all explainers."""

    predictor: Predictor
    columns: tuple[str, ...]
    """What contributions are spread over."""
    rows: pd.DataFrame
    background: pd.DataFrame
    wanted: Array | None
    """(n,) the label whose output is explained in each row; None: a number."""

    def chosen(self, n: int, outputs: int, *, centred: bool) -> Array:
        """Weights (n, outputs) that make the explained output of what a model gives.

        One margin speaks for the second of two labels, and against the first. Margins of several labels are
        taken against their mean, because adding a constant to all of them changes no answer.
        """
        if self.wanted is None:
            return np.ones((n, outputs))
        place = {label: i for i, label in enumerate(self.predictor.classes)}
        codes = np.array([place[label] for label in self.wanted[:n]])
        if outputs == 1:
            return np.asarray(2.0 * codes[:, None] - 1.0)
        one = (codes[:, None] == np.arange(outputs)).astype(float)
        return np.asarray(one - 1 / outputs if centred else one)


def blocks(rows: int) -> list[slice]:
    """Cut the first ``rows`` rows of a background into parts of equal size, the rest left out."""
    parts = min(BLOCKS, rows)
    size = rows // parts
    return [slice(i * size, (i + 1) * size) for i in range(parts)]


def outputs(estimator: Any, given: Any, numeric: bool) -> Array:  # noqa: FBT001
    """What the model itself gives on the scale its inside works on, (n, outputs)."""
    if numeric:
        values = estimator.predict(given)
    elif is_a(estimator, OF_SHARES):
        values = estimator.predict_proba(given)
    elif is_a(estimator, ("XGBModel",)):
        values = estimator.predict(given, output_margin=True)
    elif is_a(estimator, ("LGBMModel",)):
        values = estimator.predict(given, raw_score=True)
    elif hasattr(estimator, "decision_function"):
        values = estimator.decision_function(given)
    else:
        values = np.zeros((len(given), 0))
    values = np.asarray(values, dtype=float)
    return values.reshape(len(values), -1)


def unit_of(estimator: Any, given: Any, own: Array, wanted: Array | None) -> str:
    """``log-odds`` where probabilities are the logistic (softmax) of the margin, else ``margin``."""
    if wanted is None:
        return "prediction"
    if not hasattr(estimator, "predict_proba"):
        return "margin"
    from scipy.special import softmax

    margins = np.column_stack([np.zeros(len(own)), own]) if own.shape[1] == 1 else own
    alike = np.allclose(softmax(margins, axis=1), estimator.predict_proba(given), atol=1e-3)
    return "log-odds" if alike else "margin"


def numbers(given: Any) -> Array | None:
    """The inputs as float64, or None where they hold anything but numbers (categories, text)."""
    if isinstance(given, pd.DataFrame) and not all(map(pd.api.types.is_numeric_dtype, given.dtypes)):
        return None
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        return None


def is_a(estimator: Any, names: Sequence[str]) -> bool:
    """Whether one of these is among its classes; by name, so that no library is imported to find out."""
    return any(kind.__name__ in names for kind in type(estimator).__mro__)
