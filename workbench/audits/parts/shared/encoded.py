"""Rows as numbers, for what is learned beside the model: an attack, a surrogate, a search for odd rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from workbench.audits.base import Subject
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset

Array = npt.NDArray[Any]

_LEVELS = 20
"""Values of a category that get a code of their own; the rarer ones share the last."""


@dataclass(frozen=True)
class Encoding:
    """How each column becomes a number, learned from one frame and applied to others."""

    columns: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    """Frequent values of the columns that are not numbers, the most frequent first."""
    centre: Array
    """(d,) mean of every number; 0 for a category."""
    scale: Array
    """(d,) its standard deviation, 1 where that is 0."""
    gaps: tuple[str, ...]
    """Numbers that were missing somewhere: in ``design`` a column of their own says where."""

    @classmethod
    def of(cls, frame: pd.DataFrame, columns: Sequence[str]) -> Encoding:
        """Learn from ``columns`` of ``frame``."""
        levels = {name: _frequent(frame[name]) for name in columns if not is_number(frame[name])}
        numbers = [name for name in columns if name not in levels]
        centre, scale = np.zeros(len(columns)), np.ones(len(columns))
        gaps = []
        for name in numbers:
            known = number(frame[name])
            if np.isnan(known).any():
                gaps.append(name)
                known = known[np.isfinite(known)]
            i = list(columns).index(name)
            centre[i] = known.mean() if known.size else 0.0
            scale[i] = (known.std() if known.size else 0.0) or 1.0
        return cls(tuple(columns), levels, centre, scale, tuple(gaps))

    @property
    def categorical(self) -> Array:
        """(d,) True for columns that hold codes."""
        return np.array([name in self.levels for name in self.columns], dtype=bool)

    def codes(self, frame: pd.DataFrame) -> Array:
        """Numbers as they are and categories as codes, missing as NaN, shape (n, d): what trees read."""
        table = np.empty((len(frame), len(self.columns)))
        for i, name in enumerate(self.columns):
            column = frame[name]
            table[:, i] = self._coded(column) if name in self.levels else number(column)
        return table

    def design(self, frame: pd.DataFrame) -> Array:
        """Standardised numbers and one column for each category's value, shape (n, k): for distances."""
        codes, parts = self.codes(frame), []
        for i, name in enumerate(self.columns):
            if name in self.levels:
                parts.append((codes[:, i, None] == np.arange(len(self.levels[name]) + 1)).astype(float))
            else:
                values = (codes[:, i] - self.centre[i]) / self.scale[i]
                missing = np.isnan(values)
                parts.append(np.where(missing, 0.0, np.clip(values, -10, 10))[:, None])
                if name in self.gaps:
                    parts.append(missing[:, None].astype(float))
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(frame), 0))

    def _coded(self, column: pd.Series) -> Array:
        names = self.levels[str(column.name)]
        code, values = pd.factorize(column)
        found = pd.Index(names).get_indexer(pd.Index([str(value) for value in values], dtype=object))
        # The code of a missing value is -1: the last place.
        return np.append(np.where(found < 0, len(names), found).astype(float), np.nan)[code]


def is_number(column: pd.Series) -> bool:
    """Whether a column is read as numbers: reals, switches, points in time."""
    kind = column.dtype
    return bool(
        (types.is_numeric_dtype(kind) and not types.is_complex_dtype(kind))
        or types.is_bool_dtype(kind)
        or types.is_datetime64_any_dtype(kind)
        or types.is_timedelta64_dtype(kind)
    )


def is_free_text(column: pd.Series) -> bool:
    """Whether most rows have words of their own: a code of such a value says nothing about another row."""
    return not is_number(column) and column.nunique() > max(_LEVELS, len(column) / 2)


def number(column: pd.Series) -> Array:
    """Return a column of numbers as float64, shape (n,); missing and infinite are NaN, times are days."""
    if types.is_datetime64_any_dtype(column.dtype):
        naive = column.dt.tz_localize(None) if column.dt.tz is not None else column
        values = (naive - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
    elif types.is_timedelta64_dtype(column.dtype):
        values = column.dt.total_seconds() / 86_400
    else:
        values = column
    array = values.to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(array), array, np.nan)


def text(column: pd.Series) -> Array:
    """Return the values of a column as text, shape (n,); missing is ``nan``."""
    code, values = pd.factorize(column)
    return np.array([*(str(value) for value in values), "nan"], dtype=object)[code]


def boosted(
    X: Array,
    y: Array,
    *,
    categorical: Array,
    seed: int,
    task: str = "classification",
    weight: Array | None = None,
) -> Any:
    """Fit a small gradient-boosted model to ``X`` (n, d) and ``y`` (n,), at least two values of it.

    Leaves are small enough that a hundred rows already teach it something.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if task == "classification" else HistGradientBoostingRegressor
    X = np.where(np.isnan(X).all(axis=0), 0.0, X)  # scikit-learn cannot bin a column of nothing
    classes = len(np.unique(y)) if task == "classification" else 1
    return kind(
        max_iter=60 if classes <= 2 else max(20, 180 // classes),
        max_leaf_nodes=15,
        min_samples_leaf=max(2, min(20, len(y) // 20)),
        early_stopping=False,
        categorical_features=categorical if categorical.any() else None,
        random_state=seed,
    ).fit(X, y, sample_weight=weight)


def logistic(X: Array, y: Array, *, strength: float = 1.0) -> Any:
    """Fit a logistic regression to a design ``X`` (n, k) and labels ``y`` (n,), at least two of them."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # A surrogate need not be exact: where it stops after 200 steps, it is judged as it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(X, y)


def training_data(subject: Subject) -> Dataset:
    """Return the training data of a subject.

    Raises:
        InvalidInput: there are none. An audit says so in ``applies``, before it gets here.
    """
    if subject.reference is None:
        raise InvalidInput("There are no training data.", remedy="Give reference=.", field="reference")
    return subject.reference


def sample(n: int, most: int, rng: np.random.Generator) -> Array:
    """Return at most ``most`` of the positions 0 to n - 1, drawn without replacement, ascending."""
    return np.arange(n) if n <= most else np.sort(rng.choice(n, size=most, replace=False))


def _frequent(column: pd.Series) -> tuple[str, ...]:
    code, values = pd.factorize(column, sort=False)
    counts = np.bincount(code[code >= 0], minlength=len(values))
    names = sorted(zip((-counts).tolist(), (str(value) for value in values), strict=True))
    return tuple(name for _, name in names[:_LEVELS])
