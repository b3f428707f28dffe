"""What the journal asks of a database. One implementation a file: ``sqlite.py``, ``postgres.py``.

Statements are the same for all, with ``?`` for a value: the schema is one, and so is the SQL that uses it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

HEAD = "SELECT size, root, frontier FROM head"


class Cursor(Protocol):
    """The rows of one statement."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the rest."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """An open database that holds a journal of the present schema."""

    def execute(self, statement: str, values: Sequence[object] = ()) -> Cursor:
        """Run one statement."""
        ...

    def transaction(self) -> AbstractContextManager[Cursor]:
        """Be the only writer, and leave all of it or nothing. Gives the head's row: size, root, frontier.

        Nobody else writes from when that row was looked at.
        """
        ...

    def explained(self) -> AbstractContextManager[None]:
        """Turn the database's errors into ours, with what to do next."""
        ...

    def close(self) -> None:
        """Let go of it. Twice is fine."""
        ...
