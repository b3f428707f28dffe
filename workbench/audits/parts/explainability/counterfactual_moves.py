"""What a counterfactual may change: numbers as an attack may, and categories to values that were seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.robustness.space import Array, Space, matrix

_MOST_CATEGORIES = 50


@dataclass(frozen=True)
class Moves:
    """The D columns that may change, as numbers: first those of ``space``, then codes of categories.

    NaN stands for a value that cannot move: missing, or a category that was never seen.
    """

    space: Space
    categories: dict[str, Array]
    """Text columns and the values seen, the most frequent first."""
    held: dict[str, str]
    """Columns that stay, and why."""

    @classmethod
    def of(cls, frame: pd.DataFrame, features: Sequence[str], **constraints: Any) -> Moves:
        """Read from rows what may change.

        Args:
            frame: the reference, or the data itself.
            features: columns the model reads.
            constraints: those of ``Space.of``: ``immutable``, ``ranges``, ``rising``, ``falling`` …

        Raises:
            InvalidInput: a constraint names a column that does not move, or contradicts the data.
        """
        space = Space.of(frame, features, **constraints)
        categories, held = {}, {}
        for column, why in space.held.items():
            seen = frame[column].value_counts().index if why == "not a number" else pd.Index([])
            if not _is_text(frame[column]):
                held[column] = why
            elif not 2 <= len(seen) <= _MOST_CATEGORIES:
                held[column] = why if why != "not a number" else f"{len(seen)} distinct values"
            else:
                categories[column] = seen.to_numpy(dtype=object)
        return cls(space, categories, held)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that may change, in the order of the points."""
        return (*self.space.columns, *self.categories)

    @property
    def numbers(self) -> int:
        """How many of the columns are numbers."""
        return len(self.space.columns)

    @property
    def units(self) -> list[list[int]]:
        """Positions that change as one: a column, or the columns of a one-hot group."""
        return [*self.space.blocks(), *([self.numbers + j] for j in range(len(self.categories)))]

    def points(self, frame: pd.DataFrame) -> Array:
        """Rows as points, (n, D)."""
        codes = [pd.Index(seen).get_indexer(pd.Index(frame[name])) for name, seen in self.categories.items()]
        found = np.column_stack([matrix(frame, self.space.columns), *codes]).astype(float)
        found[:, self.numbers :][found[:, self.numbers :] < 0] = np.nan
        return found

    def valid(self, origin: Array, points: Array) -> Array:
        """Make points valid: in range and whole where they must be; what cannot move has not moved."""
        points = np.where(np.isfinite(origin) & np.isfinite(points), points, origin)
        d = self.numbers
        move = np.nan_to_num((points[:, :d] - origin[:, :d]) / self.space.scale)
        return np.column_stack([self.space.place(origin[:, :d], move), points[:, d:]])

    def changed(self, origin: Array, points: Array) -> Array:
        """(k, D) which columns differ."""
        return np.asarray(np.isfinite(origin) & (origin != points))

    def units_changed(self, origin: Array, points: Array) -> Array:
        """(k, U) which units differ."""
        changed = self.changed(origin, points)
        return np.column_stack([changed[:, unit].any(axis=1) for unit in self.units])

    def distance(self, origin: Array, points: Array) -> Array:
        """L2, (k,): numbers in units of the space, one for every category that differs."""
        d = self.numbers
        switched = self.changed(origin[:, d:], points[:, d:]).sum(axis=1)
        return np.asarray(np.sqrt(self.space.distance(origin[:, :d], points[:, :d]) ** 2 + switched))

    def rows(self, frame: pd.DataFrame, points: Array) -> pd.DataFrame:
        """Return ``frame`` with the values of the points, in the columns' own dtypes."""
        made = self.space.rows(frame, points[:, : self.numbers])
        for j, (name, seen) in enumerate(self.categories.items()):
            codes = points[:, self.numbers + j]
            own = made[name]
            known = np.isfinite(codes)
            if known.any():
                values = own.to_numpy(dtype=object).copy()
                values[known] = seen[codes[known].astype(int)]
                made[name] = pd.Series(values, index=own.index).astype(own.dtype)
        return made


def _is_text(column: pd.Series) -> bool:
    kinds = pd.api.types
    if isinstance(column.dtype, pd.CategoricalDtype | pd.StringDtype):
        return True
    return kinds.is_object_dtype(column.dtype) and kinds.infer_dtype(column, skipna=True) == "string"
