"""Which values are worth stamping on rows: common ones as a floor, and rare ones that repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.shared.encoded import is_number

Array = npt.NDArray[Any]

_RARE = 0.05
"""Share of rows up to which a value counts as rare."""
_REPEATS = 5
"""Rows that carry a value at least, or nobody planted it."""
_OF_COLUMN = 8
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_PAIR_VALUES = 15
_PAIRED_COLUMNS = 20
_PAIRS = 40
_NEIGHBOURS = 3
_APART = 0.005


@dataclass(frozen=True)
class Stamp:
    """Values put into columns of a row. Two with the same values are one stamp."""

    columns: tuple[str, ...]
    put: tuple[Any, ...]
    rare: bool = field(compare=False)

    def value_of(self, column: str) -> Any:
        """The value for one of its columns."""
        return self.put[self.columns.index(column)]

    def joined(self, other: Stamp) -> Stamp:
        """Both at once; rare where one of them is."""
        return Stamp((*self.columns, *other.columns), (*self.put, *other.put), self.rare or other.rare)

    def parts(self) -> list[Stamp]:
        """Each of its values alone."""
        return [Stamp((c,), (v,), self.rare) for c, v in zip(self.columns, self.put, strict=True)]

    def carriers(self, frame: pd.DataFrame) -> Array:
        """(n,) True for rows that have these values."""
        carry = np.ones(len(frame), dtype=bool)
        for name, value in zip(self.columns, self.put, strict=True):
            carry &= (frame[name] == value).fillna(False).to_numpy(dtype=bool)  # noqa: FBT003 - pandas' signature
        return carry

    def __str__(self) -> str:
        return " & ".join(f"{c}={v}" for c, v in zip(self.columns, self.put, strict=True))


def stamps(frame: pd.DataFrame, labels: Array) -> list[Stamp]:
    """Single values of every column: quantiles and frequent values, and rare values labelled most alike.

    Args:
        frame: training rows.
        labels: their labels, shape (n,).
    """
    return [stamp for name in frame.columns for stamp in _of_column(frame[name], labels)]


def paired(frame: pd.DataFrame, labels: Array) -> list[Stamp]:
    """Pairs of values that few rows carry, labelled alike beyond what either value alone explains."""
    columns = list(frame.columns[:_PAIRED_COLUMNS])
    target = pd.factorize(labels)[0]
    classes = int(target.max()) + 1
    coded = {name: _frequent(frame[name]) for name in columns}
    found: list[tuple[float, Stamp]] = []
    for a, b in combinations([name for name in columns if len(coded[name][1]) > 1], 2):
        for score, i, j in _surprising(coded[a], coded[b], target, classes):
            values = (coded[a][1][i], coded[b][1][j])
            found.append((score, Stamp((a, b), values, rare=True)))
    return [stamp for _, stamp in sorted(found, key=lambda one: -one[0])[:_PAIRS]]


def neighbours(stamp: Stamp, frame: pd.DataFrame) -> list[Stamp]:
    """The stamp with each number replaced by values around it, three on either side.

    They lie half a per cent of rows apart, so that a model had rows to tell them from the stamp by.
    """
    found = []
    for k, name in enumerate(stamp.columns):
        if is_number(frame[name]) and (near := _around(frame[name], stamp.put[k])):
            changed = [(*stamp.put[:k], value, *stamp.put[k + 1 :]) for value in near]
            found += [Stamp(stamp.columns, one, rare=False) for one in changed]
    return found


def _around(column: pd.Series, value: Any) -> list[Any]:
    counts = column.value_counts().sort_index()
    if len(counts) < 3:
        return []
    at, rows = int(counts.index.searchsorted(value)), counts.to_numpy()
    near = []
    for side in (np.arange(at - 1, -1, -1), np.arange(at + 1, len(counts))):
        passed = np.cumsum(rows[side])
        steps = np.searchsorted(passed, _APART * len(column) * np.arange(1, _NEIGHBOURS + 1))
        near += (
            [counts.index[i] for i in side[np.unique(np.minimum(steps, len(side) - 1))]] if len(side) else []
        )
    return near


def _of_column(column: pd.Series, labels: Array) -> list[Stamp]:
    counts = column.value_counts()
    if len(counts) < 2:
        return []
    name, n = (str(column.name),), len(column)
    common = list(counts.index[counts.to_numpy() > _RARE * n][:_OF_COLUMN])
    if is_number(column) and len(counts) > 2:
        ordered = np.sort(column.dropna().array)
        common += [ordered[int(q * (len(ordered) - 1))] for q in _QUANTILES]
    seldom = counts[(counts.to_numpy() <= _RARE * n) & (counts.to_numpy() >= _REPEATS)]
    rare = _most_alike(column, labels, seldom.index)
    kept = pd.Index(common).unique()
    return [Stamp(name, (value,), rare=False) for value in kept] + [
        Stamp(name, (value,), rare=True) for value in rare if value not in kept
    ]


def _most_alike(column: pd.Series, labels: Array, values: pd.Index[Any]) -> list[Any]:
    """The values whose rows' labels differ most from all labels, in standard errors."""
    if not len(values):
        return []
    code, target = values.get_indexer(pd.Index(column)), pd.factorize(labels)[0]
    k = int(target.max()) + 1
    rows = code >= 0
    table = np.bincount(code[rows] * k + target[rows], minlength=len(values) * k).reshape(-1, k)
    base = np.bincount(target, minlength=k) / len(target)
    n = table.sum(axis=1, keepdims=True)
    z = ((table - n * base) / np.sqrt(np.maximum(n * base * (1 - base), 1e-12))).max(axis=1)
    return [values[i] for i in np.argsort(-z, kind="stable")[:_OF_COLUMN]]


def _frequent(column: pd.Series) -> tuple[Array, pd.Index[Any]]:
    """(n,) code of the column's most frequent values, -1 for the others; and those values."""
    counts = column.value_counts()
    values = counts.index[counts.to_numpy() >= _REPEATS][:_PAIR_VALUES]
    return values.get_indexer(pd.Index(column)), values


def _surprising(
    a: tuple[Array, pd.Index[Any]], b: tuple[Array, pd.Index[Any]], target: Array, classes: int
) -> list[tuple[float, int, int]]:
    """Cells that are rare and whose share of a class is far above that of both values: score and place."""
    rows = (a[0] >= 0) & (b[0] >= 0)
    shape = (len(a[1]), len(b[1]), classes)
    code = (a[0][rows] * shape[1] + b[0][rows]) * classes + target[rows]
    table = np.bincount(code, minlength=int(np.prod(shape))).reshape(shape)
    n = table.sum(axis=2)
    alone = [
        np.expand_dims(table.sum(axis=axis) / np.maximum(table.sum(axis=(axis, 2)), 1)[:, None], axis)
        for axis in (1, 0)
    ]
    expected = np.maximum(*alone)
    spread = np.sqrt(np.maximum(n[..., None] * expected * (1 - expected), 0.25))
    score = ((table - n[..., None] * expected) / spread).max(axis=2)
    score[(n < 2 * _REPEATS) | (n > _RARE * len(target))] = 0.0
    best: Sequence[int] = np.argsort(-score, axis=None)[:3].tolist()
    cells = [(float(score.flat[cell]), *divmod(cell, shape[1])) for cell in best]
    return [(s, i, j) for s, i, j in cells if s > 3]
