"""Cells of checked columns as arrays: no frame is made on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.models.compiled.base import Cells
from workbench.models.records import Column

if TYPE_CHECKING:
    import numpy as np


def matrix(cells: Cells, names: Sequence[str], n: int, dtype: Any) -> np.ndarray:
    """Return columns of numbers side by side, shape (n, columns); None becomes NaN."""
    import numpy as np

    if n == 1:
        return np.array([[cells[name][0] for name in names]], dtype=dtype)
    return np.array([cells[name] for name in names], dtype=dtype).T


def at(cells: Cells, rows: Sequence[int]) -> Cells:
    """Return some of the rows."""
    return {name: [column[row] for row in rows] for name, column in cells.items()}


class Compared:
    """The values that the copy was compared on: a row with another is the model's to answer.

    Args:
        columns: the signature. Of a text without a list of categories no value is known.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._texts = [(c.name, frozenset(c.categories or ())) for c in columns if c.type == "string"]
        self._numbers = [(c.name, *bounds(c)) for c in columns if c.type in {"double", "long"}]

    def strangers(self, cells: Cells, n: int) -> list[int]:
        """Return the rows that ``holds`` is not true of."""
        if self.holds(cells):
            return []
        return [row for row in range(n) if not self.holds(at(cells, [row]))]

    def holds(self, cells: Cells) -> bool:
        """Whether each cell is a known category, a number within ``bounds``, a boolean, or no number."""
        if not all(known.issuperset(cells[name]) for name, known in self._texts):
            return False
        for name, low, high in self._numbers:
            for cell in cells[name]:
                if cell is not None and not low <= cell <= high:
                    return False
        return True


def bounds(column: Column) -> tuple[float, float]:
    """Return the least and greatest number that rows are drawn with: the training range, and half beyond."""
    if column.low is None or column.high is None:
        return 0.0, 0.0
    beyond = (column.high - column.low) / 2 or 1.0
    return column.low - beyond, column.high + beyond
