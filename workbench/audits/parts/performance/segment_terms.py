"""Columns as what may be said of rows: ``age<25``, ``25≤age<40``, ``region=north``, ``income=missing``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types

from workbench.audits.parts.shared.encoded import is_number, number
from workbench.audits.parts.shared.slices import escaped
from workbench.datasets.dataset import MISSING
from workbench.stats.segment_search import Feature

Array = npt.NDArray[Any]

_BINS = 8
"""Of a number; a term is any run of neighbouring bins."""
_MOST_VALUES = 12
"""Of a category; the most frequent have a term."""
_EPOCH = pd.Timestamp("2000-01-01")


@dataclass(frozen=True)
class Terms:
    """One column: the code of each row, and what each term says."""

    feature: Feature
    names: tuple[str, ...]


def terms_of(column: pd.Series, seen: Array, support: int) -> Terms | None:
    """Cut a column into terms.

    Args:
        column: all rows.
        seen: True for the rows that bins and values are taken from.
        support: fewest of those rows that a value must have to be a term.

    Returns:
        None when there is nothing to tell apart: a constant, or texts that are all different.
    """
    if is_number(column) and not types.is_bool_dtype(column.dtype):
        return _of_numbers(column, seen)
    return _of_values(column, seen, support)


def _of_numbers(column: pd.Series, seen: Array) -> Terms | None:
    values = number(column)
    known = values[seen & ~np.isnan(values)]
    if not len(known):
        return None
    edges = _edges(known)
    codes = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="right"))
    bins = len(edges) + 1
    runs = [(i, j) for i in range(bins) for j in range(i + 1, bins + 1) if j - i < bins]
    place = np.arange(bins + 1)
    rules = [(place >= i) & (place < j) for i, j in runs]
    said = [_run(str(column.name), [_written(edge, column) for edge in edges], i, j) for i, j in runs]
    if np.isnan(values).any():
        rules, said = [*rules, place == bins], [*said, f"{escaped(str(column.name))}={MISSING}"]
    return Terms(Feature(codes, np.array(rules)), tuple(said)) if rules else None


def _edges(known: Array) -> Array:
    """Values that start the second and every later bin, rounded to what the spread of the column needs."""
    distinct = np.unique(known)
    if len(distinct) <= _BINS:
        return np.asarray(distinct[1:])
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS, method="higher"))
    step = 10.0 ** np.floor(np.log10(max(float(np.ptp(edges)), 1e-300) / 100)) if len(edges) > 1 else 0.0
    if step > 0:
        edges = np.unique(np.round(np.round(edges / step) * step, 12)) + 0.0  # no minus zero
    return np.asarray(edges[edges > distinct[0]])


def _written(edge: float, column: pd.Series) -> str:
    if types.is_datetime64_any_dtype(column.dtype):
        return str((_EPOCH + pd.Timedelta(days=edge)).date())
    return f"{edge:.12g}" + (" days" if types.is_timedelta64_dtype(column.dtype) else "")


def _run(column: str, edges: list[str], i: int, j: int) -> str:
    low = f"{edges[i - 1]}≤" if i else ""
    high = f"<{edges[j - 1]}" if j <= len(edges) else ""
    return f"{low}{escaped(column)}{high}" if high else f"{escaped(column)}≥{edges[i - 1]}"


def _of_values(column: pd.Series, seen: Array, support: int) -> Terms | None:
    codes, values = pd.factorize(column.astype(object), use_na_sentinel=True)
    names = [str(value) for value in values] + [MISSING]
    codes = np.where(codes < 0, len(values), codes)
    counts = np.bincount(codes[seen], minlength=len(names))
    kept = [int(i) for i in np.argsort(-counts, kind="stable")[:_MOST_VALUES] if counts[i] >= support]
    if not kept or counts[kept[0]] == counts.sum():
        return None
    place = np.full(len(names), len(kept))
    place[kept] = np.arange(len(kept))
    rules = np.eye(len(kept), len(kept) + 1, dtype=bool)
    said = tuple(f"{escaped(str(column.name))}={escaped(names[i])}" for i in kept)
    return Terms(Feature(place[codes], rules), said)
