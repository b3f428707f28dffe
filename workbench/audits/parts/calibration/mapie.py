"""MAPIE on answers that are already known: an estimator whose rows are their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from mapie.classification import SplitConformalClassifier
from mapie.regression import SplitConformalRegressor
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

Array = npt.NDArray[Any]


class _Known(BaseEstimator):  # type: ignore[misc] # scikit-learn ships no types
    """Looks up what was answered for a row, given its number as the only feature."""

    def __init__(self, table: Array) -> None:
        self.table = table
        self.n_features_in_ = 1

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any) -> _Known:  # noqa: ARG002 - the interface of an estimator
        """Do nothing: it is fitted."""
        return self

    def _of(self, X: Any) -> Array:
        return np.asarray(self.table[np.asarray(X)[:, 0].astype(int)])


class _Labels(ClassifierMixin, _Known):  # type: ignore[misc]
    def __init__(self, table: Array) -> None:
        super().__init__(table)
        self.classes_ = np.arange(table.shape[1])

    def predict_proba(self, X: Any) -> Array:
        return self._of(X)

    def predict(self, X: Any) -> Array:
        return np.asarray(self._of(X).argmax(axis=1))


class _Numbers(RegressorMixin, _Known):  # type: ignore[misc]
    def predict(self, X: Any) -> Array:
        return self._of(X)


def label_sets(table: Array, truth: Array, calibration: Array, test: Array, level: float) -> Array:
    """Return which labels are in the set of each test row, shape (test rows, k), score 1 - P(label).

    Args:
        table: probabilities, shape (n, k), each row adding up to 1.
        truth: place of the true label, shape (n,).
        calibration: numbers of the rows that set the bound.
        test: numbers of the rows that get a set.
        level: coverage.
    """
    split = SplitConformalClassifier(
        _Labels(table), level, conformity_score="lac", prefit=True, random_state=0
    )  # nothing is drawn, but without a state MAPIE takes one from NumPy's global generator
    split.conformalize(calibration[:, None], truth[calibration])
    return np.asarray(split.predict_set(test[:, None])[1][:, :, 0], dtype=bool)


def intervals(
    table: Array, truth: Array, calibration: Array, test: Array, level: float
) -> tuple[Array, Array]:
    """Return the ends of the interval of each test row, from absolute residuals. Arguments as above."""
    split = SplitConformalRegressor(_Numbers(table), level, prefit=True)
    split._mapie_regressor.random_state = 0  # for the same reason; this class has no argument for it
    split.conformalize(calibration[:, None], truth[calibration])
    found = split.predict_interval(test[:, None])[1]
    return found[:, 0, 0], found[:, 1, 0]
