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


@dataclass(frozen=True)
class Binning:
    """Bins fixed on the reference. The last count is of missing values; before it, of other categories."""

    edges: Array | None
    """Inner edges of numbers: bin i is ``(edges[i-1], edges[i]]``, the outer ones without end. Else None."""
    categories: tuple[str, ...] = ()
    """Values that have a bin of their own, as text."""
    positions: Array | None = None
    """Mean of the reference in every bin of numbers, shape (len(edges) + 1,)."""

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
        values = _known(reference)
        distinct = np.unique(values)
        if len(distinct) > min(_FEW, len(values) / _ENOUGH):
            shares = np.linspace(0, 1, max(2, min(bins, len(values) // _ENOUGH)) + 1)[1:-1]
            return _with_positions(values, np.unique(np.quantile(values, shares)))
        if ordered:
            return _with_positions(values, (distinct[1:] + distinct[:-1]) / 2)
        return cls(None, tuple(_by_text(reference)))

    def counts(self, column: pd.Series) -> Array:
        """Return the number of rows in every bin, shape (k,). They add up to ``len(column)``."""
        missing = int(column.isna().sum())
        if self.edges is not None:
            places = np.searchsorted(self.edges, _known(column), side="left")
            return np.append(np.bincount(places, minlength=len(self.edges) + 1), missing)
        found = _by_text(column)
        own = np.array([found.get(name, 0) for name in self.categories], dtype=int)
        return np.concatenate([own, [len(column) - missing - own.sum(), missing]])


def _with_positions(values: Array, edges: Array) -> Binning:
    places = np.searchsorted(edges, values, side="left")
    size = np.bincount(places, minlength=len(edges) + 1)
    total = np.bincount(places, weights=values, minlength=len(edges) + 1)
    # only the last bin can be empty in the reference: when its last edge is the greatest value
    return Binning(edges, positions=np.where(size > 0, total / np.maximum(size, 1), values.max()))


def _known(column: pd.Series) -> Array:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(values[~np.isnan(values)])


def _by_text(column: pd.Series) -> dict[str, int]:
    """Rows of each value, by its text, missing left out; the most frequent first.

    1 and 1.0 are one value: a gap turns whole numbers into floats.
    """
    counted: dict[str, int] = {}
    for value, count in column.value_counts().items():
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        text = f"{value:.12g}" if number else str(value)
        counted[text] = counted.get(text, 0) + int(count)
    return counted
