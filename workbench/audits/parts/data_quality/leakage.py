"""Target leakage: a single column that foretells the target too well, or is the target under another name.

Every column is asked alone: within five folds, the target's mean (or its classes' shares) in 64 quantile bins
of a number, or in each category, learned on four folds and held against the fifth. No column learns its own
rows, so an identifier foretells nothing. One that foretells nothing comes out a little below one half: what
one fold has too many of, the others have too few of.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types as kinds

from workbench.audits.parts.shared import verdicts
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.stats import ranking
from workbench.stats.intervals import mean_interval, mean_of_rates, wilson

Array = npt.NDArray[Any]
Ends = tuple[float, float, float]

FEWEST = 20
"""Rows without which nothing is foretold."""
_FOLDS, _BINS, _CATEGORIES = 5, 64, 2_000


def single_features(
    data: Dataset, columns: list[str], *, seed: int, confidence: float, at_most: float | None
) -> list[Measurement]:
    """Measure each column alone, the best first: ROC AUC, balanced accuracy or R² on rows it has not seen.

    Args:
        data: at least ``FEWEST`` rows.
        columns: asked one by one.
        seed: of the folds.
        confidence: level of the intervals.
        at_most: what a single column may reach; None for no verdict.
    """
    fold = np.random.default_rng([seed, 11]).permutation(len(data)) % _FOLDS
    metric = _metric_of(data)
    found = []
    for name in columns:
        codes = _codes(data.frame[name])
        value, low, high = _score(data, codes, fold, confidence)
        found.append(
            Measurement(
                metric=metric,
                slice=name,
                value=value,
                low=low,
                high=high,
                n=len(data),
                unit="score",
                outcome=verdicts.at_most(None if np.isnan(value) else at_most, low, high),
                note="by itself, on rows it has not seen",
            )
        )
    return sorted(found, key=lambda m: -(m.value or 0.0))


def copies(data: Dataset, columns: list[str], *, judged: bool) -> Iterator[Measurement]:
    """Name columns that are the target: one value of theirs for each value of the target, or a line.

    Args:
        data: with its target.
        columns: held against it.
        judged: whether the model reads them, so that a copy is a failure.
    """
    for name in columns:
        same = _line(data, name) if data.task == "regression" else _one_to_one(data, name)
        if same:
            yield Measurement(
                metric="target_copy",
                slice=name,
                value=1.0,
                n=len(data),
                unit="rate",
                outcome=Outcome.FAIL if judged else Outcome.MEASURED,
                note=f"the column is the target under another name: {same}",
            )


def _metric_of(data: Dataset) -> str:
    if data.task == "regression":
        return "single_feature_r2_score"
    return f"single_feature_{'roc_auc' if data.positive is not None else 'balanced_accuracy'}_score"


def _codes(column: pd.Series) -> Array:
    """Number the bins or categories of a column from 0, shape (n,); missing values have one of their own."""
    if kinds.is_numeric_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        return _bins(values)
    if kinds.is_datetime64_any_dtype(column.dtype) or kinds.is_timedelta64_dtype(column.dtype):
        return _bins(np.where(column.isna(), np.nan, column.astype("int64").to_numpy(dtype=float)))
    codes, distinct = pd.factorize(column.astype(object), use_na_sentinel=False)
    if len(distinct) <= _CATEGORIES:
        return np.asarray(codes)
    most = np.argsort(-np.bincount(codes), kind="stable")[: _CATEGORIES - 1]
    place = np.full(len(distinct), _CATEGORIES - 1)
    place[most] = np.arange(len(most))
    return np.asarray(place[codes])


def _bins(values: Array) -> Array:
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if len(distinct) <= _BINS:
        found = np.searchsorted(distinct, values)
    else:
        edges = np.unique(np.quantile(values[known], np.arange(1, _BINS) / _BINS, method="lower"))
        found = np.searchsorted(edges, values, side="left")
    return np.asarray(np.where(known, found, found[known].max(initial=-1) + 1))


def _score(data: Dataset, codes: Array, fold: Array, confidence: float) -> Ends:
    if data.task == "regression":
        return _r2(data.y.astype(float), codes, fold, confidence)
    if data.positive is not None:
        positive = np.asarray(data.y == data.positive, dtype=bool)
        said = _means(positive.astype(float), codes, fold)
        return ranking.roc_auc(ranking.score_table(said, positive)[1], confidence)
    return _balanced_accuracy(data, codes, fold, confidence)


def _means(y: Array, codes: Array, fold: Array) -> Array:
    """Mean of the target in a row's bin over the other folds, drawn to the mean by one row, shape (n,)."""
    k = int(codes.max()) + 1
    place = fold * k + codes
    n = np.bincount(place, minlength=_FOLDS * k).reshape(_FOLDS, k)
    total = np.bincount(place, y, _FOLDS * k).reshape(_FOLDS, k)
    others, sums = n.sum(axis=0) - n, total.sum(axis=0) - total
    prior = sums.sum(axis=1, keepdims=True) / np.maximum(others.sum(axis=1, keepdims=True), 1)
    return np.asarray(((sums + prior) / (others + 1))[fold, codes])


def _balanced_accuracy(data: Dataset, codes: Array, fold: Array, confidence: float) -> Ends:
    index = {c: i for i, c in enumerate(data.classes)}
    label = np.array([index[value] for value in data.y.tolist()])
    weight = np.bincount(label, minlength=len(data.classes)) / len(label)
    said = np.stack([_means((label == i) / weight[i], codes, fold) for i in range(len(data.classes))])
    right = said.argmax(axis=0) == label
    n = np.bincount(label)
    k = np.bincount(label, right)
    low, high = wilson(k, n, confidence)
    least, most = mean_of_rates(k / n, low, high)
    return float((k / n).mean()), float(least), float(most)


def _r2(y: Array, codes: Array, fold: Array, confidence: float) -> Ends:
    spread = (y - y.mean()) ** 2
    total = float(spread.mean())
    if total == 0:
        return np.nan, np.nan, np.nan
    squares = (y - _means(y, codes, fold)) ** 2
    rest = float(squares.mean()) / total
    _, low, high = mean_interval((squares - rest * spread) / total, confidence)
    return 1 - rest, 1 - rest - high, min(1 - rest - low, 1.0)


def _one_to_one(data: Dataset, name: str) -> str:
    column = data.frame[name]
    if column.isna().any() or name == data.target:
        return ""
    codes, distinct = pd.factorize(column)
    labels = pd.factorize(data.frame[data.target])[0]
    if len(distinct) != len(data.classes) or len(data) < FEWEST:
        return ""
    pairs = len(np.unique(codes.astype(np.int64) * len(distinct) + labels))
    return "each of its values goes with one label" if pairs == len(distinct) else ""


def _line(data: Dataset, name: str) -> str:
    column = data.frame[name]
    if not kinds.is_numeric_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype) or len(data) < FEWEST:
        return ""
    x, y = column.to_numpy(dtype=float, na_value=np.nan), data.y.astype(float)
    if not np.isfinite(x).all() or np.ptp(x) == 0 or np.ptp(y) == 0 or name == data.target:
        return ""
    x, y = x - x.mean(), y - y.mean()
    r2 = float((x @ y) ** 2 / ((x @ x) * (y @ y)))
    return "a straight line leads from one to the other" if r2 > 1 - 1e-12 else ""
