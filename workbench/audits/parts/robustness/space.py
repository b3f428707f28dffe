"""What a perturbation may do to a row: which numbers move, in what steps, how far, and what one unit is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.robustness.one_hot import groups_of, switched
from workbench.audits.parts.robustness.space_options import (
    Ranges,
    Scales,
    directions,
    named,
    ranges_of,
    scales_of,
)
from workbench.stats.norm_balls import Norm, length

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Space:
    """The d columns that may move. A move is measured in ``scale`` units a column, L2 or Linf over them."""

    columns: tuple[str, ...]
    scale: Array
    """(d,) size of one unit: the standard deviation unless the user says otherwise."""
    low: Array
    """(d,) smallest value: the smallest seen unless the user says otherwise."""
    high: Array
    """(d,) greatest value, likewise."""
    integer: Array
    """(d,) bool: only whole numbers were seen, so only whole numbers are made."""
    held: dict[str, str]
    """Columns that stay, and why."""
    direction: Array
    """(d,) 1: may only rise, -1: may only fall, 0: both."""
    groups: tuple[tuple[int, ...], ...] = ()
    """Positions of the columns of each one-hot group: exactly one of them is set, and may become another."""
    open: tuple[bool, ...] = ()
    """By group: rows were seen in which none is set."""
    norm: Norm = "l2"

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        features: Sequence[str],
        *,
        immutable: Sequence[str] = (),
        scale: Scales = None,
        ranges: Ranges = None,
        rising: Sequence[str] = (),
        falling: Sequence[str] = (),
        one_hot: Sequence[Sequence[str]] | None = None,
        norm: Norm = "l2",
    ) -> Space:
        """Read the space from rows of ``frame``.

        Args:
            frame: the reference, or the data itself.
            features: columns the model reads.
            immutable: columns that must stay.
            scale: size of one unit, by column or for all; default: the standard deviation. Changing the
                category of a one-hot group is one unit.
            ranges: smallest and greatest value, by column or for all; default: those seen.
            rising: columns that may only rise, such as an age.
            falling: columns that may only fall.
            one_hot: groups of columns; default: those found in ``frame``.
            norm: of a move.

        Raises:
            InvalidInput: an option names a column that does not move, or contradicts the data or another.
        """
        found = groups_of(frame, features, one_hot)
        groups = [g for g in found if not set(g) & set(immutable)]
        members = {name for group in groups for name in group}
        held = {
            name: why
            for name in features
            if name not in members and (why := _why_held(frame[name], name, immutable, ranges, scale))
        }
        columns = [name for name in features if name not in held]
        values = matrix(frame, columns)
        places = tuple(tuple(columns.index(name) for name in group) for group in groups)
        low, high = ranges_of(ranges, columns, values, places)
        return cls(
            columns=tuple(columns),
            scale=scales_of(scale, columns, values, groups=places, norm=norm),
            low=low,
            high=high,
            integer=np.array(
                [_whole(frame[name], v) for name, v in zip(columns, values.T, strict=True)], dtype=bool
            ),
            held=held,
            direction=directions(columns, rising, falling),
            groups=places,
            open=tuple(bool((values[:, g].sum(axis=1) == 0).any()) for g in places),
            norm=norm,
        )

    def bounds(self, origin: Array) -> tuple[Array, Array]:
        """Return the smallest and greatest values a row may take, each of the shape of ``origin``.

        A row that already lies outside the range may stay where it is. What is missing stays missing.
        """
        low, high = np.minimum(self.low, origin), np.maximum(self.high, origin)
        if not self.direction.any():
            return low, high
        return np.where(self.direction > 0, origin, low), np.where(self.direction < 0, origin, high)

    def place(self, origin: Array, move: Array) -> Array:
        """Return the rows ``move`` units away from ``origin``, both (k, d), made valid.

        Whole numbers are whole, values in range and on the allowed side, a one-hot group has one column set.
        """
        moved = origin + move * self.scale
        whole = np.where(self.integer, np.rint(moved), moved)
        # ART works in 32 bits: a coordinate that has not really moved is put back exactly
        placed = np.where(np.abs(whole - origin) < 1e-6 * self.scale, origin, whole)
        placed = np.clip(placed, *self.bounds(origin))
        for group, none in zip(self.groups, self.open, strict=True):
            placed[..., group] = switched(origin[..., group], moved[..., group], may_be_none=none)
        return np.asarray(placed)

    def place_within(self, origin: Array, move: Array, radius: Array | float) -> Array:
        """Like ``place``, and not further than ``radius``: what rounding lengthens is rounded to the row.

        What is too long even so stays where it is.
        """
        points = self.place(origin, move)
        most = np.asarray(radius) * (1 + 1e-9)
        long = self.distance(origin, points) > most
        if long.any():
            short = np.where(self.integer, np.trunc(move * self.scale) / self.scale, move)
            for group in self.groups:
                short[..., group] = 0.0
            points[long] = self.place(origin[long], short[long])
            long = self.distance(origin, points) > most
            points[long] = origin[long]
        return points

    def distance(self, origin: Array, moved: Array) -> Array:
        """Distance in units, shape (k,). A missing value has not moved."""
        return length(np.nan_to_num((moved - origin) / self.scale), self.norm)

    def free(self, origin: Array) -> Array:
        """Say which coordinates may move, of the shape of ``origin``: not missing, and with room."""
        low, high = self.bounds(origin)
        return np.isfinite(origin) & (low < high)

    def blocks(self) -> list[list[int]]:
        """Return positions that only move together: a one-hot group, or one column."""
        grouped = {i for group in self.groups for i in group}
        return [list(g) for g in self.groups] + [[i] for i in range(len(self.columns)) if i not in grouped]

    def rows(self, origin: pd.DataFrame, moved: Array) -> pd.DataFrame:
        """Return ``origin`` with the moved numbers, in the columns' own dtypes. What is missing stays."""
        dtypes = set(origin.dtypes)
        if len(self.columns) == len(origin.columns) and len(dtypes) == 1 and np.isfinite(moved).all():
            # one block instead of hundreds of columns
            block = pd.DataFrame(moved, columns=list(self.columns)).astype(dtypes.pop())
            return block[list(origin.columns)]
        frame = origin.reset_index(drop=True)
        for i, name in enumerate(self.columns):
            column = frame[name]
            numbers = pd.Series(moved[:, i])
            kept = numbers if np.isfinite(moved[:, i]).all() else numbers.where(numbers.notna(), column)
            frame[name] = kept.astype(column.dtype)
        return frame


def matrix(frame: pd.DataFrame, columns: Sequence[str]) -> Array:
    """Return numeric columns as float64, shape (n, d), missing and infinite as NaN: neither can be moved."""
    if not columns:
        return np.zeros((len(frame), 0))
    values = np.column_stack([frame[name].to_numpy(dtype=float, na_value=np.nan) for name in columns])
    return np.where(np.isfinite(values), values, np.nan)


def _why_held(
    column: pd.Series,
    name: str,
    immutable: Sequence[str],
    ranges: Ranges,
    scale: Scales,
) -> str:
    kinds, dtype = pd.api.types, column.dtype
    if name in immutable:
        return "immutable"
    if kinds.is_bool_dtype(dtype) or kinds.is_complex_dtype(dtype) or not kinds.is_numeric_dtype(dtype):
        return "not a number"
    values = column.to_numpy(dtype=float, na_value=np.nan)
    values = values[np.isfinite(values)]
    if values.size and named(ranges, name) and (named(scale, name) or values.min() < values.max()):
        return ""  # somebody said how far it goes, and a unit is known
    if values.size == 0 or values.min() == values.max():
        return "one value"
    if np.isin(values, (values.min(), values.max())).all():
        return "two values: a switch"
    return ""


def _whole(column: pd.Series, values: Array) -> bool:
    """Only whole numbers were seen; a single real value, such as the 0 of an empty pixel, does not tell."""
    known = values[np.isfinite(values)]
    telling = pd.api.types.is_integer_dtype(column.dtype) or (known != known[:1]).any()
    return bool(telling and (known == np.rint(known)).all())
