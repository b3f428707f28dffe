"""The journal itself: append, read, follow."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from workbench.core.clock import Clock
from workbench.core.digests import canonical_json
from workbench.core.errors import Conflict, InvalidInput, Tampered, Unavailable
from workbench.journal import database, witness
from workbench.journal.filesystems import refuse_network
from workbench.journal.leaves import GENESIS, Row, payload_text, timestamp
from workbench.journal.merkle import Frontier
from workbench.journal.records import Entry, Event, Verification
from workbench.journal.verify import verify

#: Stream, event, and the number of entries the stream must have now (None: whatever there is).
Write = tuple[str, Event, int | None]

_COLUMNS = ", ".join(Row._fields)


class Journal:
    """An open journal. Threads may share one; processes each open their own on the same file.

    Args:
        path: The SQLite file, made with its folder when there is none.
        actor: Who acts: written into every entry.
        clock: Stamps the entries.
        patience: Seconds to wait while another process writes.
    """

    def __init__(self, path: Path, *, actor: str, clock: Clock, patience: float = 5.0) -> None:
        _require_words("actor", actor)
        self.path = path
        self.actor = actor
        self._clock = clock
        self._patience = patience
        self._lock = threading.RLock()
        self._process = os.getpid()
        _make_folder(path)
        self._connection: sqlite3.Connection | None = database.connect(path, patience=patience)
        # A notebook never closes its journal: this does, when it is forgotten or the interpreter ends.
        self._closing = weakref.finalize(self, _close, self._connection, self._process)

    @classmethod
    def open(cls, path: Path, *, actor: str, clock: Clock, patience: float = 5.0) -> Self:
        """Open the journal at ``path``, making it when there is none.

        Raises:
            InvalidInput: the file is something else, or ``actor`` is empty.
            Unavailable: the folder cannot be written or is on a network, or the file stays locked.
        """
        return cls(path, actor=actor, clock=clock, patience=patience)

    def append(self, stream: str, event: Event, *, expected: int | None = None) -> Entry:
        """Append one event; when this returns, it is on the disk.

        Args:
            stream: What the fact is about, for example ``release/recidivism-2``.
            event: The fact.
            expected: The number of entries the caller read from the stream. None: no check.

        Raises:
            Conflict: the stream has another number of entries: somebody was first.
            InvalidInput: the payload holds what JSON cannot carry exactly.
            Unavailable: another process holds the lock too long, or the disk is full.
        """
        return self.append_many([(stream, event, expected)])[0]

    def append_many(self, writes: Iterable[Write]) -> list[Entry]:
        """Append several events in one transaction, to one stream or to several: all of them or none.

        Each ``expected`` counts as if the writes before it had been made. Raises as ``append`` does.
        """
        prepared = [(stream, event, payload_text(event), expected) for stream, event, expected in writes]
        for stream, event, _, _ in prepared:
            _require_words("stream", stream)
            _require_words("kind", event.kind)
        with self._database() as connection:
            with database.transaction(connection):
                before = _frontier(connection)
                chain = _Chain(connection, before, self.actor, timestamp(self._clock.now()))
                rows = [chain.add(*write) for write in prepared]
                if rows:
                    _set_head(connection, chain.frontier)
            if rows:
                self._attest(connection, witness.Witness(chain.frontier.size, rows[-1].root))
        return [row.entry() for row in rows]

    def read(self, stream: str, after: int = -1) -> list[Entry]:
        """Return the entries of one stream whose position is greater than ``after``.

        Raises:
            Tampered: a row is not the one that was appended.
        """
        return self._select("stream = ? AND position > ? ORDER BY position", stream, after)

    def entries(self, after: int = -1) -> list[Entry]:
        """Return the entries of all streams whose ``seq`` is greater than ``after``; raises as ``read``."""
        return self._select("seq > ? ORDER BY seq", after)

    def length(self, stream: str) -> int:
        """Return the number of entries in one stream."""
        with self._database() as connection:
            return _length(connection, stream)

    def streams(self, prefix: str = "") -> list[str]:
        """Return the names of the streams that begin with ``prefix``, sorted."""
        query = "SELECT stream FROM entries WHERE position = 0 AND substr(stream, 1, ?) = ? ORDER BY stream"
        with self._database() as connection:
            return [row[0] for row in connection.execute(query, (len(prefix), prefix))]

    def follow(
        self, after: int = -1, *, poll: float = 0.2, stop: threading.Event | None = None
    ) -> Iterator[Entry]:
        """Yield the entries after ``after``, then each new one as it comes, from whatever process.

        Args:
            after: The last ``seq`` already seen.
            poll: Seconds between looks.
            stop: Set it to end. Closing the journal ends it too.
        """
        stop = stop or threading.Event()
        while not stop.is_set():
            with self._lock:
                if self._connection is None:
                    return
                batch = self.entries(after)
            for entry in batch:
                if stop.is_set():
                    return
                yield entry
                after = entry.seq
            stop.wait(poll)

    def root(self) -> str:
        """Return the Merkle root over every entry, hex (RFC 6962)."""
        with self._database() as connection:
            root: str = connection.execute("SELECT root FROM head").fetchone()[0]
            return root

    def verify(self) -> Verification:
        """Recompute everything from the file and compare (``workbench.journal.verify``)."""
        return verify(self.path)

    def close(self) -> None:
        """Close the file. Closing twice is fine; everything appended is already on the disk."""
        with self._lock:
            self._connection = None
            self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with self._lock, database.explained(self.path, self._patience):
            if self._connection is None:
                raise Unavailable("The journal is closed.", remedy="Open the project again: wb.open()")
            if self._process != os.getpid():  # a forked SQLite connection corrupts the file
                raise Unavailable(
                    "The journal was opened by the process this one was forked from.",
                    remedy="Open the project again in this process: wb.open()",
                    field="journal",
                )
            yield self._connection

    def _select(self, condition: str, *values: object) -> list[Entry]:
        query = f"SELECT {_COLUMNS} FROM entries WHERE {condition}"  # noqa: S608 - conditions are ours, values bound
        with self._database() as connection:
            rows = connection.execute(query, values).fetchall()
        return [Row(*row).entry() for row in rows]

    def _attest(self, connection: sqlite3.Connection, seen: witness.Witness) -> None:
        # The commit has happened: a note that cannot be written (disk full) must not make it look undone.
        # One that disagrees with the entries stays as it is, so that verify goes on telling.
        with contextlib.suppress(OSError, ValueError):
            last = witness.read(self.path)
            if last is None or (last.size < seen.size and last.root == _root_at(connection, last.size)):
                witness.write(self.path, seen)


class _Chain:
    """The end of the journal while a transaction adds to it."""

    def __init__(self, connection: sqlite3.Connection, frontier: Frontier, actor: str, time: str) -> None:
        self.frontier = frontier
        self._connection = connection
        self._actor = actor
        self._time = time
        self._previous = _last_hash(connection, frontier.size)

    def add(self, stream: str, event: Event, payload: str, expected: int | None) -> Row:
        position = _length(self._connection, stream)
        if expected is not None and expected != position:
            raise Conflict(
                f"{stream} has {position} entries, not {expected}: somebody else wrote first.",
                remedy="Look at what was written, then decide again.",
                field="expected",
            )
        row = Row(
            seq=self.frontier.size,
            stream=stream,
            position=position,
            time=self._time,
            actor=self._actor,
            kind=event.kind,
            subjects=canonical_json(event.subjects).decode(),
            payload=payload,
            previous=self._previous,
        )
        leaf = row.leaf()
        self.frontier = self.frontier.append(leaf)
        self._previous = leaf.hex()
        row = row._replace(hash=self._previous, root=self.frontier.root())
        places = ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO entries ({_COLUMNS}) VALUES ({places})", row)  # noqa: S608
        return row


def _close(connection: sqlite3.Connection, process: int) -> None:
    if process == os.getpid():  # a forked child must leave its parent's connection alone
        connection.close()


def _frontier(connection: sqlite3.Connection) -> Frontier:
    size, root, text = connection.execute("SELECT size, root, frontier FROM head").fetchone()
    try:
        frontier = Frontier.from_text(size, text)
    except (TypeError, ValueError) as error:
        raise _damaged("The journal's head cannot be read.") from error
    if frontier.root() != root:
        raise _damaged("The journal's head contradicts itself.")
    return frontier


def _set_head(connection: sqlite3.Connection, frontier: Frontier) -> None:
    connection.execute(
        "UPDATE head SET size = ?, root = ?, frontier = ?",
        (frontier.size, frontier.root(), frontier.to_text()),
    )


def _last_hash(connection: sqlite3.Connection, size: int) -> str:
    row = connection.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if (row[0] + 1 if row else 0) != size:
        raise _damaged(f"The journal should have {size} entries and ends at another: it was cut or extended.")
    return row[1] if row else GENESIS


def _damaged(sentence: str) -> Tampered:
    return Tampered(
        sentence,
        remedy="Run: workbench verify. Keep the file, and put a backup in its place.",
        field="journal",
    )


def _length(connection: sqlite3.Connection, stream: str) -> int:
    query = "SELECT coalesce(max(position) + 1, 0) FROM entries WHERE stream = ?"
    length: int = connection.execute(query, (stream,)).fetchone()[0]
    return length


def _root_at(connection: sqlite3.Connection, size: int) -> str | None:
    row = connection.execute("SELECT root FROM entries WHERE seq = ?", (size - 1,)).fetchone()
    return row[0] if row else None


def _require_words(field: str, text: str) -> None:
    if not text.strip() or not text.isprintable():
        raise InvalidInput(
            f"{field}: {text!r} is not a name.",
            remedy="Use printable characters, at least one.",
            field=field,
        )


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"{path.parent} cannot be made ({error.strerror}).",
            remedy="Open the project in a folder you may write to.",
            field="path",
        ) from error
    refuse_network(path.parent)
