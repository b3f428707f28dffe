"""The end of the journal, where entries are added, and what lies under it: statements and their rows."""

from __future__ import annotations

from workbench.core.digests import canonical_json
from workbench.core.errors import Conflict, Tampered
from workbench.journal.base import Connection
from workbench.journal.leaves import GENESIS, Row
from workbench.journal.merkle import Frontier, from_text, to_text
from workbench.journal.proofs import Subtree
from workbench.journal.records import Event

COLUMNS = ", ".join(Row._fields)


class Chain:
    """The end of the journal while a transaction adds to it."""

    def __init__(self, connection: Connection, frontier: Frontier, actor: str, time: str) -> None:
        self.frontier = frontier
        self._connection = connection
        self._actor = actor
        self._time = time
        self._previous = _last_hash(connection, frontier.size)

    def add(self, stream: str, event: Event, payload: str, expected: int | None) -> Row:
        """Add one entry; its row, its leaf and the subtrees it completes. Raises Conflict."""
        position = length_of(self._connection, stream)
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
        self.frontier, completed = self.frontier.grow(leaf)
        self._previous = leaf.hex()
        row = row._replace(hash=self._previous, root=self.frontier.root())
        places = ", ".join("?" * len(row))
        self._connection.execute(f"INSERT INTO entries ({COLUMNS}) VALUES ({places})", row)  # noqa: S608
        if completed:
            self._connection.execute("INSERT INTO subtrees VALUES (?, ?)", (row.seq, to_text(completed)))
        return row


def frontier_of(connection: Connection) -> Frontier:
    """Return the frontier that the head keeps; raises Tampered where it contradicts itself."""
    head = connection.execute("SELECT size, root, frontier FROM head").fetchone()
    try:
        size, root, text = head
        frontier = Frontier.from_text(size, text)
    except (TypeError, ValueError) as error:
        raise damaged("The journal's head cannot be read.") from error
    if frontier.root() != root:
        raise damaged("The journal's head contradicts itself.")
    return frontier


def set_head(connection: Connection, frontier: Frontier) -> None:
    """Move the head to what was added."""
    connection.execute(
        "UPDATE head SET size = ?, root = ?, frontier = ?",
        (frontier.size, frontier.root(), frontier.to_text()),
    )


def _last_hash(connection: Connection, size: int) -> str:
    row = connection.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    if (row[0] + 1 if row else 0) != size:
        raise damaged(f"The journal should have {size} entries and ends at another: it was cut or extended.")
    return row[1] if row else GENESIS


def damaged(sentence: str) -> Tampered:
    """Return the error of a journal that is not as it was written."""
    return Tampered(
        sentence,
        remedy="Run: workbench verify. Keep the file, and put a backup in its place.",
        field="journal",
    )


def length_of(connection: Connection, stream: str) -> int:
    """Return the number of entries in one stream."""
    query = "SELECT coalesce(max(position) + 1, 0) FROM entries WHERE stream = ?"
    length: int = connection.execute(query, (stream,)).fetchone()[0]
    return length


def root_at(connection: Connection, size: int) -> str | None:
    """Return the stored root over the first ``size`` entries, hex; None when there are fewer."""
    row = connection.execute("SELECT root FROM entries WHERE seq = ?", (size - 1,)).fetchone()
    return row[0] if row else None


def size_of(connection: Connection) -> int:
    """Return the number of entries."""
    size: int = connection.execute("SELECT coalesce(max(seq) + 1, 0) FROM entries").fetchone()[0]
    return size


def subtrees_of(connection: Connection) -> Subtree:
    """Return how a proof finds the roots of perfect subtrees: one row each, by its key."""

    def subtree(level: int, index: int) -> bytes:
        last = ((index + 1) << level) - 1  # the entry that completes it
        table, column = ("subtrees", "hashes") if level else ("entries", "hash")
        query = f"SELECT {column} FROM {table} WHERE seq = ?"  # noqa: S608 - our own names
        row = connection.execute(query, (last,)).fetchone()
        try:
            return from_text(row[0])[max(level - 1, 0)]
        except (TypeError, ValueError, IndexError) as error:
            raise damaged(f"The hashes that entry {last} completes cannot be read.") from error

    return subtree
