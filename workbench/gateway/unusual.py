"""Values that training never showed: numbers beyond its smallest and greatest, categories nobody has seen.

Such a request is answered, and told to be unusual: what a model says out there is a guess. Only the training
range of a signature is asked, prepared once, so that looking costs a request microseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from workbench.models.records import Column

#: Most characters of names in a header; servers and clients refuse long ones.
_HEADER = 2000


@dataclass(frozen=True)
class Usual:
    """What training showed."""

    ranges: tuple[tuple[str, float, float], ...]
    """Numeric columns: name, smallest value, greatest value."""
    known: tuple[tuple[str, frozenset[str | None]], ...]
    """Text columns with their categories; a missing value is another check's business."""

    @classmethod
    def of(cls, columns: Iterable[Column]) -> Usual:
        """Prepare the columns of a signature."""
        columns = list(columns)
        return cls(
            tuple(
                (c.name, -math.inf if c.low is None else c.low, math.inf if c.high is None else c.high)
                for c in columns
                if c.low is not None or c.high is not None
            ),
            tuple((c.name, frozenset((*c.categories, None))) for c in columns if c.categories is not None),
        )

    def outside(self, values: Mapping[str, list[Any]], n: int) -> tuple[str, ...]:
        """Return the columns with a value from outside, in the order of ``values``.

        Args:
            values: checked cells by column, None where one is missing.
            n: rows.
        """
        if n == 1:  # the usual request, without a function call for each column
            found = [
                name
                for name, low, high in self.ranges
                if (cell := values[name][0]) is not None and not low <= cell <= high
            ]
        else:
            found = [name for name, low, high in self.ranges if not _inside(values[name], low, high)]
        found += [name for name, known in self.known if not known.issuperset(values[name])]
        return tuple(name for name in values if name in found) if found else ()


def header(columns: Iterable[str]) -> str:
    """Return names of columns for a header, percent-encoded, with commas between; ``+3``: three more.

    Names come from whoever made the training data: a line break in one must not end the header.
    """
    names = [quote(name, safe="") for name in columns]
    length = 0
    for place, name in enumerate(names):
        length += len(name) + 1
        if length > _HEADER:
            return ",".join([*names[:place], f"+{len(names) - place}"])
    return ",".join(names)


def _inside(cells: list[Any], low: float, high: float) -> bool:
    there = [cell for cell in cells if cell is not None] if None in cells else cells
    return not there or (low <= min(there) and max(there) <= high)
