"""What a person says about a space, read and checked: units, ranges and directions, by column or for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from workbench.core.errors import InvalidInput, unknown
from workbench.stats.norm_balls import Norm

Array = np.ndarray[Any, Any]
Range = tuple[float, float]
T = TypeVar("T")
Scales = Mapping[str, float] | float | None
"""A unit by column, one for all, or none given."""
Ranges = Mapping[str, Range] | Range | None
"""Likewise."""
Groups = tuple[tuple[int, ...], ...]


def named(option: Scales | Ranges, column: str) -> bool:
    """Say whether a person gave a value for this column."""
    return column in option if isinstance(option, Mapping) else option is not None


def scales_of(scale: Scales, columns: Sequence[str], values: Array, groups: Groups, norm: Norm) -> Array:
    """Return the size of one unit, (d,): the standard deviation, and for a group one unit a change.

    Raises:
        InvalidInput: a column that does not move, or a size that is not positive.
    """
    unit = np.nanstd(values, axis=0) if len(values) else np.zeros(len(columns))
    for group in groups:  # a change moves two columns by 1
        unit[list(group)] = 1.0 if norm == "linf" else 2**0.5
    for i, size in _each("scale", scale, columns):
        if not 0 < size < np.inf:
            raise InvalidInput(
                f"scale: {columns[i]} must be positive, not {size}.",
                remedy="Give the size of one unit of the column.",
                field="scale",
            )
        unit[i] = size
    return unit


def ranges_of(ranges: Ranges, columns: Sequence[str], values: Array, groups: Groups) -> tuple[Array, Array]:
    """Return smallest and greatest values, (d,) each: those seen, unless a person says otherwise.

    Raises:
        InvalidInput: a column that does not move, or a range without room.
    """
    low = np.nanmin(values, axis=0) if columns else np.zeros(0)
    high = np.nanmax(values, axis=0) if columns else np.zeros(0)
    grouped = {i for group in groups for i in group}
    for i, (least, most) in _each("ranges", ranges, columns):
        if not least < most:
            raise InvalidInput(
                f"ranges: {columns[i]} must go from a smaller to a greater value, not {least} to {most}.",
                remedy="Write [smallest, greatest].",
                field="ranges",
            )
        if i not in grouped:
            low[i], high[i] = least, most
    low[list(grouped)], high[list(grouped)] = 0.0, 1.0
    return low, high


def directions(columns: Sequence[str], rising: Sequence[str], falling: Sequence[str]) -> Array:
    """Return 1 for columns that may only rise, -1 for those that may only fall, 0 for the others, (d,).

    Raises:
        InvalidInput: a column that does not move, or one that may do neither.
    """
    direction = np.zeros(len(columns), dtype=int)
    for option, names, sign in (("rising", rising, 1), ("falling", falling, -1)):
        for name in names:
            if name not in columns:
                raise unknown(option, "column that moves", name, columns)
            if direction[columns.index(name)] == -sign:
                raise InvalidInput(
                    f"{option}: {name} may neither rise nor fall.",
                    remedy="Name it in immutable instead.",
                    field=option,
                )
            direction[columns.index(name)] = sign
    return direction


def _each(field: str, option: Mapping[str, T] | T | None, columns: Sequence[str]) -> Iterable[tuple[int, T]]:
    if option is None:
        return []
    if not isinstance(option, Mapping):
        return [(i, option) for i in range(len(columns))]
    for name in option:
        if name not in columns:
            raise unknown(field, "column that moves", name, columns)
    return [(columns.index(name), value) for name, value in option.items()]
