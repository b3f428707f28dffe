"""The rows of a file, a chunk at a time, as a request of the same form would carry them.

A CSV's cells stay text until the model's columns say what they are, as with ``POST /invocations``; a Parquet
file has types of its own, and null is a missing value.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from workbench.core.errors import InvalidInput, nearest
from workbench.models.records import Column


@dataclass(frozen=True)
class Rows:
    """Some rows of a file."""

    number: int
    """Of the chunk, from 0."""
    first: int
    """Of the first row in the file, from 1: the header is no row."""
    names: tuple[str, ...]
    cells: list[list[Any]]
    """By row; of a CSV as text, maybe too few or too many."""
    text: bool
    """Whether cells are a CSV's."""


class Source:
    """A CSV or Parquet file.

    Args:
        path: ``.csv``, ``.csv.gz`` or ``.parquet``.

    Raises:
        InvalidInput: no such file, another ending, no header, a column named twice, or not what its ending
            says.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InvalidInput(
                f"data: there is no file {path.name!r}.", remedy="Check the path.", field="data"
            )
        self.path = path
        self._parquet = path.name.lower().endswith(".parquet")
        if not self._parquet and not path.name.lower().endswith((".csv", ".csv.gz")):
            raise InvalidInput(
                f"data: {path.name} is neither .csv nor .parquet.",
                remedy="Save it as one of them.",
                field="data",
            )
        with self._readable():
            self.names = self._names()
            self.rows = self._count()
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice is not None:
            raise InvalidInput(
                f"data: {path.name} has two columns {twice!r}.", remedy="Rename one.", field="data"
            )

    def require(self, columns: Sequence[Column]) -> None:
        """Refuse a file that lacks what the model needs, before any row is read.

        Raises:
            InvalidInput: a column that must be there is not, with the nearest.
        """
        for column in columns:
            if column.required and column.name not in self.names:
                raise InvalidInput(
                    f"data: column {column.name!r} is missing, and the model needs it.",
                    remedy=nearest(column.name, self.names),
                    field="data",
                )

    def chunks(self, rows: int, *, after: int = 0) -> Iterator[Rows]:
        """Return chunks of ``rows`` rows, without the first ``after`` chunks.

        Raises:
            InvalidInput: the file is damaged further down.
        """
        with self._readable():
            for number, cells in enumerate(
                self._parquet_rows(rows) if self._parquet else self._csv_rows(rows)
            ):
                if number >= after:
                    yield Rows(number, number * rows + 1, self.names, cells, text=not self._parquet)

    def _names(self) -> tuple[str, ...]:
        if self._parquet:
            import pyarrow.parquet as pq

            return tuple(pq.read_schema(self.path).names)
        with self._open() as file:
            header = next(csv.reader(file, strict=True), None)
        if not header:
            raise InvalidInput(
                f"data: {self.path.name} has no header.",
                remedy="Its first line names the columns.",
                field="data",
            )
        return tuple(header)

    def _count(self) -> int:
        if self._parquet:
            import pyarrow.parquet as pq

            return int(pq.read_metadata(self.path).num_rows)
        with self._open() as file:
            return sum(1 for _ in csv.reader(file, strict=True)) - 1

    def _csv_rows(self, rows: int) -> Iterator[list[list[str]]]:
        with self._open() as file:
            records = csv.reader(file, strict=True)
            next(records)
            chunk: list[list[str]] = []
            for record in records:
                chunk.append(record)
                if len(chunk) == rows:
                    yield chunk
                    chunk = []
            if chunk:
                yield chunk

    def _parquet_rows(self, rows: int) -> Iterator[list[list[Any]]]:
        """Chunks that do not depend on how the file is cut into row groups."""
        import pyarrow.parquet as pq

        waiting: list[list[Any]] = []
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(batch_size=rows):
                columns = [column.to_pylist() for column in batch.columns]
                waiting += [list(row) for row in zip(*columns, strict=True)]
                while len(waiting) >= rows:
                    yield waiting[:rows]
                    waiting = waiting[rows:]
        if waiting:
            yield waiting

    def _open(self) -> IO[str]:
        if self.path.suffix.lower() == ".gz":
            return gzip.open(self.path, "rt", encoding="utf-8-sig", newline="")
        return self.path.open(encoding="utf-8-sig", newline="")

    @contextmanager
    def _readable(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (csv.Error, UnicodeDecodeError, EOFError, gzip.BadGzipFile, pa.ArrowException) as error:
            raise InvalidInput(
                f"data: {self.path.name} cannot be read: {str(error).splitlines()[0]}.",
                remedy="Check that it is a UTF-8 CSV with a header, or a Parquet file.",
                field="data",
            ) from error
