"""The end of the journal, where entries are added, and what lies under it: statements and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from workbench.core.digests import canonical_json
from workbench.core.errors import Conflict, Tampered
from workbench.journal.base import HEAD, Connection, Cursor
from workbench.journal.leaves import GENESIS, Row
from workbench.journal.merkle import Frontier, from_text, to_text
from workbench.journal.proofs import Subtree
from workbench.journal.records import Event

COLUMNS = ", ".join(Row._fields)

# The end of an index, and not ``max``: PostgreSQL may think it as good to read a whole stream.
_LENGTH = (
    "SELECT coalesce((SELECT position + 1 FROM entries WHERE stream = {} ORDER BY position DESC LIMIT 1), 0)"
)
_INSERT = f"INSERT INTO entries ({COLUMNS}) VALUES ({', '.join('?' for _ in Row._fields)})"  # noqa: S608 - our own names

#: Streams asked for in one statement: databases limit the values of one.
_AT_ONCE = 500


class Chain:
    """The end of the journal while a transaction adds to it.

    What is read is asked for before the first answer is looked at, and nothing is looked at between the
    statements that write: a server may be far away.

    Args:
        connection: In a transaction.
        head: What the transaction gave.
        streams: Whatever will be added to, or must not have moved; at least one.
        actor: Who acts.
        time: Of the entries, as text.

    Raises:
        Tampered: the journal's head and its last entry do not fit.
    """

    def __init__(
        self, connection: Connection, head: Cursor, streams: Sequence[str], actor: str, time: str
    ) -> None:
        ends = [
            connection.execute(_ends(len(some)), some)
            for some in (streams[at : at + _AT_ONCE] for at in range(0, len(streams), _AT_ONCE))
        ]
        self.frontier = self.before = _frontier(head.fetchone())
        rows = [row for cursor in ends for row in cursor.fetchall()]
        self._previous = _last_hash(rows[0][:2], self.before.size)
        self._lengths: dict[str, int] = {stream: length for _, _, stream, length in rows}
        self._connection = connection
        self._actor = actor
        self._time = time

    def require_length(self, stream: str, expected: int | None) -> int:
        """Return the number of entries in a stream as this transaction sees it. Raises Conflict."""
        length = self._lengths[stream]
        if expected is not None and expected != length:
            raise Conflict(
                f"{stream} has {length} entries, not {expected}: somebody else wrote first.",
                remedy="Look at what was written, then decide again.",
                field="expected",
            )
        return length

    def add(self, stream: str, event: Event, payload: str, expected: int | None) -> Row:
        """Add one entry; its row, its leaf and the subtrees it completes. Raises Conflict."""
        position = self.require_length(stream, expected)
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
        self._lengths[stream] = position + 1
        row = row._replace(hash=self._previous, root=self.frontier.root())
        self._connection.execute(_INSERT, row)
        if completed:
            self._connection.execute("INSERT INTO subtrees VALUES (?, ?)", (row.seq, to_text(completed)))
        return row

    def set_head(self) -> None:
        """Move the head to what was added."""
        self._connection.execute(
            "UPDATE head SET size = ?, root = ?, frontier = ?",
            (self.frontier.size, self.frontier.root(), self.frontier.to_text()),
        )


def frontier_of(connection: Connection) -> Frontier:
    """Return the frontier that the head keeps; raises Tampered where it contradicts itself."""
    return _frontier(connection.execute(HEAD).fetchone())


def _frontier(head: Any) -> Frontier:
    try:
        size, root, text = head
        frontier = Frontier.from_text(size, text)
    except (TypeError, ValueError) as error:
        raise damaged("The journal's head cannot be read.") from error
    if frontier.root() != root:
        raise damaged("The journal's head contradicts itself.")
    return frontier


def _last_hash(last: tuple[int | None, str | None], size: int) -> str:
    seq, found = last
    if (0 if seq is None else seq + 1) != size:
        raise damaged(f"The journal should have {size} entries and ends at another: it was cut or extended.")
    return found or GENESIS


@cache
def _ends(streams: int) -> str:
    """The statement that reads the last entry, and the length of so many streams."""
    asked = ", ".join(["(?)"] * streams)
    return (
        f"WITH asked (stream) AS (VALUES {asked}) "  # noqa: S608 - our own names
        f"SELECT last.seq, last.hash, asked.stream, ({_LENGTH.format('asked.stream')}) "
        "FROM asked LEFT JOIN (SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1) AS last ON true"
    )


def damaged(sentence: str) -> Tampered:
    """Return the error of a journal that is not as it was written."""
    return Tampered(
        sentence,
        remedy="Run: workbench verify. Keep the file, and put a backup in its place.",
        field="journal",
    )


def length_of(connection: Connection, stream: str) -> int:
    """Return the number of entries in one stream."""
    length: int = connection.execute(_LENGTH.format("?"), (stream,)).fetchone()[0]
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
