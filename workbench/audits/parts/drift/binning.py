"""Bins of a reference column: a distribution becomes a row of counts, exact to add up, cheap to compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]

_FEW = 20
"""Numbers with at most so many values, each seen often enough, get a bin each: quantiles would smear them."""
_ENOUGH = 5
"""Rows that a bin of numbers should have in the reference."""
_SAMPLE = 50_000
"""Rows of the reference that fix the bins. The counts are of all rows: only where an edge lies is a guess."""
_BLOCK = 65_536
"""Numbers compared at a time: they stay in the processor's cache from one edge to the next."""
_DIGITS = 1e-12
"""Numbers nearer than this share of themselves are one value."""


@dataclass(frozen=True)
class Binning:
    """Bins fixed on the reference. The last count is of missing values; before it, of other categories."""

    edges: Array | None
    """Inner edges of numbers: bin i is ``(edges[i-1], edges[i]]``, the outer ones without end. Else None."""
    categories: tuple[str, ...] = ()
    """Values that have a bin of their own, as text."""
    positions: Array | None = None
    """Mean of the reference in every bin of numbers, shape (len(edges) + 1,)."""
    values: Array | None = None
    """The categories as numbers, ascending, when the reference holds numbers."""

    @classmethod
    def of(
        cls, reference: pd.Series, *, bins: int = 10, categories: int = 30, ordered: bool = False
    ) -> Binning:
        """Fix bins on ``reference``: equal shares of its rows, or its most frequent values.

        Args:
            reference: floats, or anything else, taken as categories.
            bins: of floats with more than 20 distinct values, fewer when there are few rows. With fewer
                values, every one has its bin and one never seen before is an "other".
            categories: most values with a bin of their own.
            ordered: the bins must be an axis: then few values get edges between them.
        """
        if not pd.api.types.is_float_dtype(reference.dtype):
            return cls(None, tuple(_by_text(reference))[:categories])
        values = _some_known(reference)
        distinct = np.unique(values)
        if len(distinct) > min(_FEW, len(values) / _ENOUGH):
            shares = np.linspace(0, 1, max(2, min(bins, len(values) // _ENOUGH)) + 1)[1:-1]
            return _with_positions(values, np.unique(np.quantile(values, shares, method="inverted_cdf")))
        if ordered:
            return _with_positions(values, (distinct[1:] + distinct[:-1]) / 2)
        known = {f"{value:.12g}": value for value in distinct.tolist()}
        return cls(None, tuple(known), values=np.array(list(known.values())))

    def counts(self, column: pd.Series) -> Array:
        """Return the number of rows in every bin, shape (k,). They add up to ``len(column)``."""
        if self.edges is not None:
            below = _at_most(_numbers(column), np.append(self.edges, np.inf))
            own = np.diff(below, prepend=0)
        elif self.values is not None and column.dtype.kind == "f":
            below = _at_most(_numbers(column), np.append(_around(self.values), np.inf))
            own = below[1:-1:2] - below[:-1:2]
            own = np.append(own, below[-1] - own.sum())
        else:
            return self._texts(column)
        return np.append(own, len(column) - below[-1])

    def _texts(self, column: pd.Series) -> Array:
        found = _by_text(column)
        own = np.array([found.get(name, 0) for name in self.categories], dtype=int)
        known = sum(found.values())
        return np.concatenate([own, [known - own.sum(), len(column) - known]])


def _with_positions(values: Array, edges: Array) -> Binning:
    places = np.searchsorted(edges, values, side="left")
    size = np.bincount(places, minlength=len(edges) + 1)
    finite = values[np.isfinite(values)]
    within = np.clip(values, finite.min(), finite.max()) if len(finite) else np.zeros(len(values))
    total = np.bincount(places, weights=within, minlength=len(edges) + 1)
    # only the last bin can be empty in the reference: when its last edge is the greatest value
    return Binning(edges, positions=np.where(size > 0, total / np.maximum(size, 1), within.max()))


def _some_known(column: pd.Series) -> Array:
    """Numbers to fix the bins by, the same ones each time."""
    if len(column) > _SAMPLE:
        rows = np.random.default_rng(0).integers(0, len(column), _SAMPLE)
        values = _known(column.iloc[rows])
        if len(values) > _SAMPLE / 10:  # else almost all is missing, and every value is needed
            return values
    return _known(column)


def _around(values: Array) -> Array:
    """Ends just below and just above each of ``values``, shape (2k,)."""
    slack = np.where(np.isfinite(values), np.abs(values) * _DIGITS, 0.0)
    ends = np.column_stack([values - slack, values + slack])
    return np.asarray(np.nextafter(ends, [-np.inf, np.inf]).ravel())


def _numbers(column: pd.Series) -> Array:
    return np.ascontiguousarray(column.to_numpy(dtype=float, na_value=np.nan))


def _known(column: pd.Series) -> Array:
    values = _numbers(column)
    return np.asarray(values[~np.isnan(values)])


def _at_most(values: Array, ends: Array) -> Array:
    """How many values are at most each end, shape (k,); NaN is at most nothing.

    Few ends: comparing all values with each is many times as fast as a search for the place of each value.
    """
    counts = np.zeros(len(ends), dtype=np.int64)
    below = np.empty(min(_BLOCK, len(values)), dtype=bool)
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        out = below[: len(block)]
        for i, end in enumerate(ends):
            counts[i] += np.count_nonzero(np.less_equal(block, end, out=out))
    return counts


def _by_text(column: pd.Series) -> dict[str, int]:
    """Rows of each value, by its text, missing left out; the most frequent first.

    1 and 1.0 are one value: a gap turns whole numbers into floats.
    """
    counted: dict[str, int] = {}
    for value, count in _by_value(column):
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        text = f"{value:.12g}" if number else str(value)
        counted[text] = counted.get(text, 0) + int(count)
    return counted


def _by_value(column: pd.Series) -> list[tuple[Any, int]]:
    """Rows of each value that occurs, missing left out; the most frequent first."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.value_counts().items())
    counts = np.bincount(
        column.cat.codes.to_numpy().astype(np.intp) + 1, minlength=len(column.cat.categories) + 1
    )[1:]
    order = np.argsort(-counts, kind="stable")
    return [(column.cat.categories[i], int(counts[i])) for i in order if counts[i]]
