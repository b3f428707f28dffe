"""The raw content of a SQLite journal, for ``verify``."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from workbench.journal.leaves import Row
from workbench.journal.snapshots import Snapshot
from workbench.journal.sqlite import APPLICATION_ID, FIRST_SCHEMA, SCHEMA

_ROWS = ", ".join(f"entries.{name}" for name in Row._fields)


class _Text(bytes):
    """Text as it lies in the file, kept apart from a blob of the same bytes."""

    __slots__ = ()


class SQLiteSnapshot(Snapshot):
    """One moment of the file at ``path``."""

    name = "SQLite"
    errors = (sqlite3.Error, UnicodeDecodeError)  # the latter: a message quotes damaged text

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection:
            self._connection.close()

    def flaws(self) -> Iterator[str]:
        """Yield what SQLite finds damaged, and what is not the journal's schema."""
        application = self._execute("PRAGMA application_id").fetchone()[0]
        if application != APPLICATION_ID:
            yield "The file's header does not say that it is a journal."
        for (line,) in self._execute("PRAGMA integrity_check(10)"):
            if line != b"ok":
                yield f"SQLite finds the file damaged: {line.decode(errors='replace')}."
        yield from self._schema_flaws()

    def rows(self) -> Iterator[tuple[Row, object]]:
        """Yield every row in order of ``seq``, with the text in ``subtrees`` under it."""
        if not self._keeps_subtrees():
            for raw in self._execute(f"SELECT {_ROWS} FROM entries ORDER BY seq"):  # noqa: S608 - our own names
                yield Row(*map(_decoded, raw)), self.NOT_KEPT
            return
        query = f"SELECT {_ROWS}, hashes FROM entries LEFT JOIN subtrees USING (seq) ORDER BY entries.seq"  # noqa: S608
        for raw in self._execute(query):
            *row, hashes = map(_decoded, raw)
            yield Row(*row), hashes

    def subtrees(self) -> int | None:
        """Return the number of rows in ``subtrees``; None in a file from before they were kept."""
        if not self._keeps_subtrees():
            return None
        count: int = self._execute("SELECT count(*) FROM subtrees").fetchone()[0]
        return count

    def heads(self) -> list[tuple[Any, ...]]:
        """Return size, root and frontier of every head."""
        rows = self._execute("SELECT size, root, frontier FROM head").fetchall()
        return [tuple(map(_decoded, row)) for row in rows]

    def _execute(self, statement: str) -> sqlite3.Cursor:
        if self._connection is None:  # not before: that a file cannot be opened is a problem of the journal
            self._connection = sqlite3.connect(self._path, isolation_level=None)
            self._connection.text_factory = _Text
            self._connection.execute("BEGIN")
        return self._connection.execute(statement)

    def _schema_flaws(self) -> Iterator[str]:
        found = self._objects()
        if found == {name.encode(): sql.encode() for name, sql in FIRST_SCHEMA.items()}:
            return
        for name, sql in SCHEMA.items():
            if found.pop(name.encode(), None) != sql.encode():
                yield f"The schema's {name!r} is missing or was changed."
        for other in found:
            yield f"The schema has {other.decode(errors='replace')!r}, which is not the journal's."

    def _objects(self) -> dict[bytes, bytes]:
        return dict(self._execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))

    def _keeps_subtrees(self) -> bool:
        return b"subtrees" in self._objects()


def _decoded(value: Any) -> Any:
    """Return text as str; what is not UTF-8 stays as it is, for ``well_typed`` to find."""
    if type(value) is _Text:
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value
