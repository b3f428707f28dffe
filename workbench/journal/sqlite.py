"""The SQLite file: its schema, how it is opened, and what its errors mean to a person.

The schema itself refuses what an append-only log must not do. ``INSERT OR REPLACE`` deletes without firing a
delete trigger, so inserts are held to the next free place as well.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from workbench.core.errors import InvalidInput, Tampered, Unavailable, WorkbenchError
from workbench.journal.base import HEAD
from workbench.journal.merkle import EMPTY_ROOT, Frontier, to_text

#: In the file's header, so that another program's database is never taken for a journal: "WKJ1".
APPLICATION_ID = 0x574B4A31

#: Every object in the file, by name; ``verify`` compares them with what the file holds.
SCHEMA = {
    "entries": """CREATE TABLE entries (
  seq INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  position INTEGER NOT NULL,
  time TEXT NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  subjects TEXT NOT NULL,
  payload TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL,
  root TEXT NOT NULL,
  UNIQUE (stream, position)
)""",
    "head": """CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 0),
  size INTEGER NOT NULL,
  root TEXT NOT NULL,
  frontier TEXT NOT NULL
)""",
    "entries_insert": """CREATE TRIGGER entries_insert BEFORE INSERT ON entries
WHEN NEW.seq <> (SELECT coalesce(max(seq) + 1, 0) FROM entries)
  OR NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM entries WHERE stream = NEW.stream)
BEGIN SELECT RAISE(ABORT, 'the journal takes an entry at its end only'); END""",
    "entries_update": """CREATE TRIGGER entries_update BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    "entries_delete": """CREATE TRIGGER entries_delete BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    "head_insert": """CREATE TRIGGER head_insert BEFORE INSERT ON head
WHEN EXISTS (SELECT 1 FROM head)
BEGIN SELECT RAISE(ABORT, 'the journal has one head'); END""",
    "head_update": """CREATE TRIGGER head_update BEFORE UPDATE ON head
WHEN NEW.size <= OLD.size
BEGIN SELECT RAISE(ABORT, 'the journal only grows'); END""",
    "head_delete": """CREATE TRIGGER head_delete BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
}

#: What proofs read: under ``seq`` the roots of the subtrees of 2, 4, 8 … leaves that this entry completes.
SUBTREES = {
    "subtrees": """CREATE TABLE subtrees (
  seq INTEGER PRIMARY KEY,
  hashes TEXT NOT NULL
)""",
    "subtrees_insert": """CREATE TRIGGER subtrees_insert BEFORE INSERT ON subtrees
WHEN NEW.seq <= (SELECT coalesce(max(seq), 0) FROM subtrees)
BEGIN SELECT RAISE(ABORT, 'the journal takes a subtree at its end only'); END""",
    "subtrees_update": """CREATE TRIGGER subtrees_update BEFORE UPDATE ON subtrees
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    "subtrees_delete": """CREATE TRIGGER subtrees_delete BEFORE DELETE ON subtrees
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
}

#: The file's objects as they were before proofs; such a file is brought up to date when it is opened.
FIRST_SCHEMA = dict(SCHEMA)
SCHEMA |= SUBTREES


class SQLite:
    """The journal's file, open (``base.Connection``)."""

    def __init__(self, path: Path, *, patience: float) -> None:
        self.raw = connect(path, patience=patience)
        self._path = path
        self._patience = patience

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        """Run one statement."""
        return self.raw.execute(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """Hold the write lock from the first read on, and leave all of it or nothing."""
        self.execute("BEGIN IMMEDIATE")
        try:
            yield self.execute(HEAD)
            self.execute("COMMIT")
        except BaseException:
            if self.raw.in_transaction:
                self.raw.execute("ROLLBACK")
            raise

    def explained(self) -> AbstractContextManager[None]:
        """Turn SQLite's errors into ours, with what to do next."""
        return explained(self._path, self._patience)

    def close(self) -> None:
        """Close the file."""
        self.raw.close()


def connect(path: Path, *, patience: float) -> sqlite3.Connection:
    """Open the journal at ``path``, making it when there is none; wait ``patience`` seconds for a lock.

    Raises:
        InvalidInput: the file is something else.
        Unavailable: the folder cannot be written, or another process holds the file too long.
    """
    with explained(path, patience):
        connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, path, patience)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock from the first read on, and leave all of it or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def explained(path: Path, patience: float) -> Iterator[None]:
    """Turn SQLite's errors into ours, with what to do next."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a message quotes damaged text
        raise _explain(error, path, patience) from error


def objects(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the text of every table and trigger in the file, by name."""
    return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


def _prepare(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    # Looked at before anything is written: another program's database must be left as it is. Objects first:
    # they and the mark arrive in one transaction, so that where another process has just made a journal, both
    # are seen.
    if objects(connection) and not _is_journal(connection):
        raise InvalidInput(
            f"{path} is a SQLite database, but not a journal.",
            remedy="Move it away, or open the folder of the project it belongs to.",
            field="path",
        )
    _use_wal(connection, patience)
    connection.execute("PRAGMA synchronous=FULL")  # NORMAL can lose a committed approval at a power cut
    connection.execute("PRAGMA fullfsync=ON")  # on macOS a plain fsync stops at the drive's cache
    if not _is_journal(connection):
        with transaction(connection):
            _create(connection)
    if objects(connection) == FIRST_SCHEMA:
        with transaction(connection):
            _add_subtrees(connection)
    if objects(connection) != SCHEMA:  # without its triggers it would take what is not an append
        raise Tampered(
            f"{path} has another schema than a journal: it was changed by hand, or by a newer version.",
            remedy="Run: workbench verify. Keep the file, and put a backup in its place.",
            field="journal",
        )


def _is_journal(connection: sqlite3.Connection) -> bool:
    found: int = connection.execute("PRAGMA application_id").fetchone()[0]
    return found == APPLICATION_ID


def _create(connection: sqlite3.Connection) -> None:
    if _is_journal(connection):  # another process made it while this one waited for the lock
        return
    for statement in SCHEMA.values():
        connection.execute(statement)
    connection.execute("INSERT INTO head VALUES (0, 0, ?, '')", (EMPTY_ROOT,))
    connection.execute(f"PRAGMA application_id={APPLICATION_ID}")


def _add_subtrees(connection: sqlite3.Connection) -> None:
    if objects(connection) != FIRST_SCHEMA:  # another process did it while this one waited for the lock
        return
    for statement in SUBTREES.values():
        connection.execute(statement)
    frontier = Frontier()
    for (leaf,) in connection.execute("SELECT hash FROM entries ORDER BY seq"):
        seq = frontier.size
        frontier, completed = frontier.grow(bytes.fromhex(leaf))
        if completed:
            connection.execute("INSERT INTO subtrees VALUES (?, ?)", (seq, to_text(completed)))


def _use_wal(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to write-ahead logging; SQLite's own time-out does not hold for this lock, so wait here."""
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _explain(error: Exception, path: Path, patience: float) -> WorkbenchError:
    # Errors of Python's own making, such as text that is not UTF-8, carry no code: damaged rows make them.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Unavailable(
                f"{path.name} was locked by another process for more than {patience:g} s.",
                remedy=f"Try again; if it stays, close the program that holds {path}.",
                field="journal",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return Unavailable(
                f"{path} cannot be written.",
                remedy=f"Make {path.parent} a folder you may write to, or open the project elsewhere.",
                field="journal",
            )
        case sqlite3.SQLITE_FULL:
            return Unavailable(
                f"The disk that holds {path} is full; nothing was written.",
                remedy="Free some space and try again.",
                field="journal",
            )
        case sqlite3.SQLITE_NOTADB:
            return InvalidInput(
                f"{path} is not a journal: it is no SQLite file, or its first bytes are damaged.",
                remedy="Move it away to begin a new journal, or put a backup in its place.",
                field="path",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_CONSTRAINT:
            return Tampered(
                f"{path} is damaged ({error}).",
                remedy="Run: workbench verify. Keep the file, and put a backup in its place.",
                field="journal",
            )
        case _:
            return Unavailable(
                f"{path} cannot be used ({error}).",
                remedy="Check the disk and its permissions.",
                field="journal",
            )
