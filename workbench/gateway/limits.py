"""How much one request may ask for: the loop that reads it also carries the probes and the kill switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.gateway.problems import too_many

if TYPE_CHECKING:
    from workbench.core.settings import Settings


@dataclass(frozen=True)
class Limits:
    """Of one request, whatever form it comes in."""

    rows: int
    cells: int
    """Rows times the columns that are read, sent or not: a column that is left out still has its cells."""

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """What the project's settings say."""
        return cls(settings.gateway_max_rows, settings.gateway_max_cells)

    def check(self, rows: int, columns: int) -> None:
        """Let a request pass before its cells are made.

        Raises:
            Problem: 413, there are too many rows or cells.
        """
        if rows > self.rows:
            raise too_many(f"{self.rows:,} rows", "gateway_max_rows")
        if rows * columns > self.cells:
            cells = f"{self.cells:,} cells, its rows times the {columns:,} columns that are read"
            raise too_many(cells, "gateway_max_cells")
