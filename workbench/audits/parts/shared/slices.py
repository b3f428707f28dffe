"""Slices: everyone, the groups of each sensitive column, and where groups of several columns cross.

A slice is named ``race=African-American & sex=Male``, everyone is ``""``. A family is the slices of the same
columns, ``race & sex``: every row is in exactly one of them. Group names come from the data, so ``&``, ``=``
and the backslash in them are written with a backslash before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.datasets import Dataset
from workbench.datasets.dataset import MISSING

Array = npt.NDArray[Any]

MOST_GROUPS = 100
"""A column with more groups than this is a quantity or a name, not a group; so is a crossing."""
_MOST_CODES = 10_000_000
"""Codes up to which a table of all of them is faster than a hash."""


@dataclass(frozen=True)
class Family:
    """Slices of the same columns. Together they hold every row once."""

    name: str
    columns: tuple[str, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    """The same without the columns' names: ``African-American & Male``."""
    members: Array
    """True where a cell is in a slice, shape (slices, cells)."""


@dataclass(frozen=True)
class Slices:
    """Cells, which no two rows of different groups share, and the families over them."""

    cell: Array
    """Number of each row's cell, shape (rows,)."""
    cells: int
    families: tuple[Family, ...]
    notes: tuple[str, ...] = ()
    """Which columns and crossings were left out, and why."""

    @property
    def names(self) -> tuple[str, ...]:
        """Everyone, then the slices of each family."""
        return ("", *(name for family in self.families for name in family.names))

    def places(self, family: Family) -> slice:
        """Return where the slices of a family stand among ``names``."""
        start = 1
        for before in self.families:
            if before.name == family.name:
                break
            start += len(before.names)
        return slice(start, start + len(family.names))

    @property
    def members(self) -> Array:
        """True where a cell is in a slice, shape (len(names), cells)."""
        return np.vstack(
            [np.ones((1, self.cells), dtype=bool), *(family.members for family in self.families)]
        )


def slices_of(data: Dataset, *, depth: int = 2) -> Slices:
    """Group the rows by the sensitive columns.

    Args:
        data: with its sensitive columns; a missing value is the group ``missing``.
        depth: how many columns are crossed at most; 1 for no crossings.
    """
    found = {column: group_codes(data.frame[column]) for column in data.sensitive}
    kept = {column: groups for column, groups in found.items() if len(groups[1]) <= MOST_GROUPS}
    notes = [_too_many(column, len(found[column][1])) for column in found if column not in kept]
    cell, of_cell = _crossed(
        [codes for codes, _ in kept.values()], [len(names) for _, names in kept.values()], len(data)
    )
    code = dict(zip(kept, of_cell, strict=True))
    families = []
    for size in range(1, min(depth, len(kept)) + 1):
        for columns in combinations(kept, size):
            family = _family(columns, [code[c] for c in columns], [kept[c][1] for c in columns])
            if len(family.names) <= MOST_GROUPS:
                families.append(family)
            else:
                notes.append(_too_many(family.name, len(family.names)))
    return Slices(cell, len(of_cell[0]) if of_cell else 1, tuple(families), tuple(notes))


def group_codes(column: pd.Series) -> tuple[Array, Array]:
    """Number the groups of a column, in the order of their names as text; missing values are ``missing``.

    No text is made of any row, only of the distinct values.

    Returns:
        Each row's number, shape (n,), and the names.
    """
    codes, values = column.factorize()  # a missing value has the code -1: the last label
    missing = [MISSING] if len(codes) and codes.min() < 0 else []
    labels = np.array([*(str(value) for value in values), *missing], dtype=object)
    names, place = np.unique(labels, return_inverse=True)
    return place.astype(np.min_scalar_type(len(names)))[codes], names


def escaped(text: str) -> str:
    """Return a column's or group's name as it stands in the name of a slice."""
    for sign in "\\&=":
        text = text.replace(sign, "\\" + sign)
    return text


def _crossed(codes: Sequence[Array], groups: Sequence[int], rows: int) -> tuple[Array, list[Array]]:
    """Number the combinations that occur; return each row's, and each combination's code by column."""
    if not codes:
        return np.zeros(rows, dtype=np.uint8), []
    cell, of_cell = codes[0], [np.arange(groups[0])]
    for code, many in zip(codes[1:], groups[1:], strict=True):
        crossed, cell = _occurring(cell, code, len(of_cell[0]), many)
        before, last = np.divmod(crossed, many)
        of_cell = [*(column[before] for column in of_cell), last]
    return cell, of_cell


def _occurring(one: Array, other: Array, ones: int, others: int) -> tuple[Array, Array]:
    """Return the pairs of codes that occur, as ``one * others + other``, and each row's place among them."""
    most = ones * others
    code = np.multiply(one, others, dtype=np.min_scalar_type(most)) + other
    if most > _MOST_CODES:
        place, distinct = pd.factorize(code, sort=True)
        return np.asarray(distinct), place.astype(code.dtype)
    there = np.zeros(most, dtype=bool)
    there[code] = True
    crossed = np.flatnonzero(there)
    if len(crossed) == most:
        return crossed, code
    return crossed, (np.cumsum(there) - 1).astype(code.dtype)[code]


def _family(columns: tuple[str, ...], codes: list[Array], groups: list[Array]) -> Family:
    """Slices of some columns, from each cell's codes and the names of the codes."""
    distinct, of_cell = np.unique(np.stack(codes, axis=1), axis=0, return_inverse=True)
    values = [
        [str(names[code]) for names, code in zip(groups, combination, strict=True)]
        for combination in distinct
    ]
    return Family(
        name=" & ".join(escaped(column) for column in columns),
        columns=columns,
        names=tuple(
            " & ".join(f"{escaped(c)}={escaped(v)}" for c, v in zip(columns, row, strict=True))
            for row in values
        ),
        groups=tuple(" & ".join(escaped(v) for v in row) for row in values),
        members=np.arange(len(distinct))[:, None] == of_cell.ravel()[None, :],
    )


def _too_many(name: str, groups: int) -> str:
    return f"{name} has {groups} groups and was left out: put its values together in at most {MOST_GROUPS}."
