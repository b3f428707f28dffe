"""The raw content of a PostgreSQL journal, for ``verify``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from workbench.core.errors import NotFound
from workbench.core.optional import require
from workbench.journal import guards
from workbench.journal.leaves import Row
from workbench.journal.postgres import Address, connect, explained, revision
from workbench.journal.snapshots import Snapshot

_PATIENCE = 10.0
_AT_ONCE = 2000
_ROWS = ", ".join(f"entries.{name}" for name in Row._fields)
_TABLES = {"alembic_version", "entries", "head", "subtrees"}

_RELATIONS = """SELECT relname FROM pg_class
WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"""
_TRIGGERS = """SELECT tgname, relname, tgtype, proname, prosrc, tgenabled::text
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_proc ON pg_proc.oid = tgfoid
WHERE relnamespace = to_regnamespace(%s) AND NOT tgisinternal"""


class PostgresSnapshot(Snapshot):
    """One moment of the journal at ``url``.

    Raises:
        NotFound: there is no journal.
        Unavailable: the server does not answer.
    """

    name = "PostgreSQL"

    def __init__(self, url: str) -> None:
        psycopg = require("psycopg", extra="postgres")
        self.errors = (psycopg.Error, UnicodeDecodeError)
        self._address = Address.parse(url)
        with explained(self._address, _PATIENCE):
            self._connection = connect(self._address, _PATIENCE)
            try:
                self._begin()
            except BaseException:
                self._connection.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def flaws(self) -> Iterator[str]:
        """Yield what is not the journal's schema."""
        with self._savepoint():
            found = {name for (name,) in self._connection.execute(_RELATIONS, (self._address.schema,))}
            triggers = {
                row[0]: list(row[1:]) for row in self._connection.execute(_TRIGGERS, (self._address.schema,))
            }
        for name in sorted(_TABLES - found):
            yield f"The schema's {name!r} is missing."
        for name in sorted(found - _TABLES):
            yield f"The schema has {name!r}, which is not the journal's."
        for name, (table, event, function) in guards.TRIGGERS.items():
            expected = [table, guards.timing(event), function, guards.FUNCTIONS[function], "A"]
            if triggers.pop(name, None) != expected:
                yield f"The schema's {name!r} is missing or was changed."
        for name in triggers:
            yield f"The schema has {name!r}, which is not the journal's."

    def rows(self) -> Iterator[tuple[Row, object]]:
        """Yield every row in order of ``seq``, with the text in ``subtrees`` under it."""
        query = f"SELECT {_ROWS}, hashes FROM entries LEFT JOIN subtrees USING (seq) ORDER BY entries.seq"  # noqa: S608
        with self._savepoint(), self._connection.cursor("verify") as cursor:
            cursor.itersize = _AT_ONCE
            for *row, hashes in cursor.execute(query):
                yield Row(*row), hashes

    def subtrees(self) -> int | None:
        """Return the number of rows in ``subtrees``."""
        with self._savepoint():
            (count,) = self._connection.execute("SELECT count(*) FROM subtrees").fetchone() or (0,)
        return int(count)

    def heads(self) -> list[tuple[Any, ...]]:
        """Return size, root and frontier of every head."""
        with self._savepoint():
            return self._connection.execute("SELECT size, root, frontier FROM head").fetchall()

    def _begin(self) -> None:
        if revision(self._connection) is None:
            raise NotFound(
                f"There is no journal at {self._address.shown}.",
                remedy="Open a project with this journal_url first: wb.open()",
                field="journal_url",
            )
        self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def _savepoint(self) -> Any:
        return self._connection.transaction()  # so that what cannot be read leaves the rest readable
