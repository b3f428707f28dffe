"""Rows as 64-bit numbers: equal rows have equal numbers, so repeats are found without comparing rows.

Two different rows of a million share a number with a chance of 1 in 40 million. Values are equal across types
where a person would say so: 1 and 1.0, a text and the same as a category; missing is one value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types as kinds

Array = npt.NDArray[Any]


def hash_rows(frame: pd.DataFrame, columns: Sequence[str]) -> Array:
    """Return a number for every row of some columns, shape (n,), uint64."""
    total = np.full(len(frame), 0x9E3779B97F4A7C15, dtype=np.uint64)
    for name in columns:
        total = _mixed(total * np.uint64(0x100000001B3) ^ hash_column(frame[name]))
    return total


def hash_column(column: pd.Series) -> Array:
    """Return a number for every value, shape (n,), uint64."""
    if kinds.is_numeric_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        numbers = np.where(np.isnan(numbers), np.nan, numbers + 0.0)  # one NaN, and no negative zero
        return _mixed(numbers.view(np.uint64))
    if kinds.is_datetime64_any_dtype(column.dtype) or kinds.is_timedelta64_dtype(column.dtype):
        return _mixed(column.astype("int64").to_numpy().view(np.uint64))
    codes, distinct = pd.factorize(column.astype(object))
    texts = np.array([_text(value) for value in distinct], dtype=object)
    hashed = np.append(pd.util.hash_array(texts, categorize=False), np.uint64(0))
    return np.asarray(hashed[codes])  # a missing value has code -1: the last


@dataclass(frozen=True)
class Repeats:
    """Which rows are repeated; every field has shape (n,)."""

    duplicate: Array
    """Equal to an earlier row, target and all."""
    conflicting: Array
    """Equal to another row in everything but the target."""


def repeats(frame: pd.DataFrame, features: Sequence[str], target: str) -> Repeats:
    """Find rows that repeat one another."""
    like = pd.factorize(hash_rows(frame, features))[0]
    label = pd.factorize(hash_column(frame[target]))[0]
    pair = like.astype(np.int64) * (label.max() + 1) + label
    _, first = np.unique(pair, return_index=True)
    duplicate = np.ones(len(frame), dtype=bool)
    duplicate[first] = False
    labels = np.bincount(like[first])
    return Repeats(duplicate, labels[like] > 1)


@dataclass(frozen=True)
class Overlap:
    """How many rows are in a reference, and how many would be by chance."""

    there: int
    """Rows that are in the reference."""
    rows: int
    twice: int
    """Rows of the reference that it holds at least twice."""
    reference_rows: int
    error: float
    """Standard error of the share of these, as what a fresh row would show."""


def overlap(frame: pd.DataFrame, reference: pd.DataFrame, columns: Sequence[str]) -> Overlap:
    """Count rows of ``frame`` that are in ``reference``, and those of ``reference`` that are in it twice.

    The share of the latter is what a fresh row of the same kind would show by chance: it too is one row held
    against all the others. Its error is that of Good and Turing's estimate, with f1 rows that stand alone and
    f2 pairs: [f1 (1 - f1 / n) + 2 f2] / n².

    Source: Esty, "A normal limit law for a nonparametric estimator of the coverage of a random sample", 1983.
    """
    now, before = hash_rows(frame, columns), hash_rows(reference, columns)
    distinct, count = np.unique(before, return_counts=True)
    n, alone, pairs = len(before), int((count == 1).sum()), int((count == 2).sum())
    error = (alone * (1 - alone / n) + 2 * pairs) ** 0.5 / n
    return Overlap(int(np.isin(now, distinct).sum()), len(now), n - alone, n, error)


def _text(value: Any) -> str:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return f"{float(value)!r}" if number else str(value)


def _mixed(numbers: Array) -> Array:
    """Spread every bit over all others: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    x = numbers.astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
