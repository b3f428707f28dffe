"""What a perturbation may do to a row: which numbers move, in what steps, how far, and what one unit is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.core.errors import InvalidInput, unknown

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Space:
    """The d numeric columns that may move. A move is measured in ``scale`` units a column, L2 over them."""

    columns: tuple[str, ...]
    scale: Array
    """(d,) size of one unit: the standard deviation unless the user says otherwise."""
    low: Array
    """(d,) smallest value seen."""
    high: Array
    """(d,) greatest value seen."""
    integer: Array
    """(d,) bool: only whole numbers were seen, so only whole numbers are made."""
    held: dict[str, str]
    """Columns that stay, and why."""

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        features: Sequence[str],
        *,
        immutable: Sequence[str] = (),
        scale: Mapping[str, float] | None = None,
    ) -> Space:
        """Read the space from rows of ``frame``.

        Args:
            frame: the reference, or the data itself.
            features: columns the model reads.
            immutable: columns that must stay.
            scale: size of one unit, by column; default: the standard deviation.

        Raises:
            InvalidInput: ``scale`` names a column that does not move, or is not positive.
        """
        held = {name: why for name in features if (why := _why_held(frame[name], name in immutable))}
        columns = [name for name in features if name not in held]
        values = matrix(frame, columns)
        unit = np.nanstd(values, axis=0) if len(values) else np.zeros(0)
        for name, size in (scale or {}).items():
            if name not in columns:
                raise unknown("scale", "column that moves", name, columns)
            if not size > 0:
                raise InvalidInput(f"scale: {name} must be positive, not {size}.", field="scale")
            unit[columns.index(name)] = size
        return cls(
            columns=tuple(columns),
            scale=unit,
            low=np.nanmin(values, axis=0) if columns else unit,
            high=np.nanmax(values, axis=0) if columns else unit,
            integer=np.array([_whole(values[:, i]) for i in range(len(columns))], dtype=bool),
            held=held,
        )

    def place(self, origin: Array, move: Array) -> Array:
        """Return the rows ``move`` units away from ``origin``, both (k, d), made valid: whole and in range.

        A row that already lies outside the range may stay where it is. A missing value stays missing.
        """
        moved = origin + move * self.scale
        moved = np.where(self.integer, np.rint(moved), moved)
        # ART works in 32 bits: a coordinate that has not really moved is put back exactly
        moved = np.where(np.abs(moved - origin) < 1e-6 * self.scale, origin, moved)
        return np.clip(moved, np.minimum(self.low, origin), np.maximum(self.high, origin))

    def distance(self, origin: Array, moved: Array) -> Array:
        """L2 distance in units, shape (k,). A missing value has not moved."""
        step = np.nan_to_num((moved - origin) / self.scale)
        return np.asarray(np.sqrt((step**2).sum(axis=-1)))

    def rows(self, origin: pd.DataFrame, moved: Array) -> pd.DataFrame:
        """Return ``origin`` with the moved numbers, in the columns' own dtypes. What is missing stays."""
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


def _why_held(column: pd.Series, immutable: bool) -> str:  # noqa: FBT001
    if immutable:
        return "immutable"
    if pd.api.types.is_bool_dtype(column.dtype) or not pd.api.types.is_numeric_dtype(column.dtype):
        return "not a number"
    if pd.api.types.is_complex_dtype(column.dtype):
        return "not a real number"
    values = column.to_numpy(dtype=float, na_value=np.nan)
    values = values[np.isfinite(values)]
    if values.size == 0 or values.min() == values.max():
        return "one value"
    if np.isin(values, (values.min(), values.max())).all():
        return "two values: a switch, or one column of a one-hot group"
    return ""


def _whole(values: Array) -> bool:
    known = values[np.isfinite(values)]
    return bool((known == np.rint(known)).all())
