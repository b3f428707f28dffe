"""The journal itself: append, read, follow."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, Unavailable
from workbench.journal import proving, witness
from workbench.journal.base import Connection
from workbench.journal.chain import COLUMNS, Chain, frontier_of, length_of, root_at, size_of
from workbench.journal.checkpointing import Checkpointing, Receiver
from workbench.journal.checkpoints import Checkpoint, origin_of
from workbench.journal.connecting import connect
from workbench.journal.due import CheckpointPolicy
from workbench.journal.leaves import Row, payload_text, timestamp
from workbench.journal.merkle import Frontier
from workbench.journal.places import Place, is_url
from workbench.journal.proofs import ConsistencyProof, InclusionProof
from workbench.journal.records import Entry, Event, Verification
from workbench.journal.signers import Signer, VerifierKey
from workbench.journal.verify import verify

#: What a database does not take within text: NUL, and half of a surrogate pair.
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

#: The greatest number a database can hold.
_MOST = 2**63 - 1

#: Stream, event, and the number of entries the stream must have now (None: whatever there is).
Write = tuple[str, Event, int | None]


class Journal:
    """An open journal. Threads may share one; processes each open their own on the same file or server.

    Args:
        path: The SQLite file, made with its folder when there is none; or a URL of PostgreSQL.
        actor: Who acts: written into every entry.
        clock: Stamps the entries.
        patience: Seconds to wait while another process writes.
        beside: Folder of the witness and the checkpoints made here. Default: the file's own. With a URL and
            no folder, nothing is kept outside the server.
        signer: Signs checkpoints. With one, they are made by themselves when ``policy`` says so.
        policy: When a checkpoint is due.
        handed_to: Who gets each checkpoint made here: places, as ``hand_out`` takes them, and functions. One
            that fails is logged and stops nobody.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        actor: str,
        clock: Clock,
        patience: float = 5.0,
        beside: Path | None = None,
        signer: Signer | None = None,
        policy: CheckpointPolicy | None = None,
        handed_to: Iterable[Receiver] = (),
    ) -> None:
        _require_words("actor", actor)
        self.actor = actor
        self.signer = signer
        self.place = Place.of(path, beside)
        self._url = str(path) if is_url(path) else ""
        self._checkpointing = Checkpointing(self, policy or CheckpointPolicy(), handed_to)
        self._clock = clock
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._connection: Connection | None = connect(path, patience)
        # A notebook never closes its journal: this does, when it is forgotten or the interpreter ends.
        self._closing = weakref.finalize(self, _close, self._connection, self._process)

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        actor: str,
        clock: Clock,
        patience: float = 5.0,
        beside: Path | None = None,
        signer: Signer | None = None,
        policy: CheckpointPolicy | None = None,
        handed_to: Iterable[Receiver] = (),
    ) -> Self:
        """Open the journal at ``path``, making it when there is none.

        Raises:
            InvalidInput: the file or address is something else, or ``actor`` is empty.
            MissingDependency: the address is PostgreSQL's and psycopg is not installed.
            Unavailable: the folder cannot be written or is on a network, the file stays locked, or the
                server does not answer.
        """
        return cls(
            path,
            actor=actor,
            clock=clock,
            patience=patience,
            beside=beside,
            signer=signer,
            policy=policy,
            handed_to=handed_to,
        )

    @property
    def path(self) -> Path:
        """The SQLite file.

        Raises:
            InvalidInput: this journal is on a server.
        """
        if self.place.file is None:
            raise InvalidInput("This journal is on a server and has no file.", field="path")
        return self.place.file

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

    def append_many(self, writes: Iterable[Write], *, unmoved: Iterable[tuple[str, int]] = ()) -> list[Entry]:
        """Append several events in one transaction, to one stream or to several: all of them or none.

        Args:
            writes: Stream, event, and the number of entries the caller read from the stream, as if the writes
                before it had been made.
            unmoved: Streams that the decision rests on, and the number of entries the caller read from each:
                whatever was read there still stands when this is written.

        Raises:
            Conflict: a stream written to or named in ``unmoved`` has another number of entries.

        And as ``append`` does.
        """
        prepared = [(stream, event, payload_text(event), expected) for stream, event, expected in writes]
        for stream, event, _, _ in prepared:
            _require_words("stream", stream)
            _require_words("kind", event.kind)
        resting = list(unmoved)
        for stream, _ in resting:
            _require_text(stream)
        streams = sorted({write[0] for write in prepared} | {stream for stream, _ in resting})
        if not streams:
            return []
        with self._database() as connection:
            with connection.transaction() as head:
                chain = Chain(connection, head, streams, self.actor, timestamp(self._clock.now()))
                for stream, length in resting:
                    chain.require_length(stream, length)
                rows = [chain.add(*write) for write in prepared]
                if rows:
                    chain.set_head()
            entries = [row.entry() for row in rows]
            if rows:
                self._attest(connection, chain.before, chain.frontier)
        if entries:
            self._checkpointing.make_if_due(entries[-1].time, entries)
        return entries

    def read(self, stream: str, after: int = -1) -> list[Entry]:
        """Return the entries of one stream whose position is greater than ``after``.

        Raises:
            Tampered: a row is not the one that was appended.
            InvalidInput: ``stream`` is what no database takes for text.
        """
        _require_text(stream)
        return self._select("stream = ? AND position > ? ORDER BY position", stream, _count(after))

    def entries(self, after: int = -1) -> list[Entry]:
        """Return the entries of all streams whose ``seq`` is greater than ``after``; raises as ``read``."""
        return self._select("seq > ? ORDER BY seq", _count(after))

    def leaves(self, stream: str) -> list[bytes]:
        """Return the bytes of each entry of one stream that its leaf hash covers; raises as ``read``."""
        _require_text(stream)
        rows = self._rows("stream = ? ORDER BY position", stream)
        for row in rows:
            row.entry()
        return [row.content() for row in rows]

    def length(self, stream: str) -> int:
        """Return the number of entries in one stream."""
        _require_text(stream)
        with self._database() as connection:
            return length_of(connection, stream)

    def streams(self, prefix: str = "") -> list[str]:
        """Return the names of the streams that begin with ``prefix``, sorted."""
        _require_text(prefix)
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

    def entry(self, seq: int) -> Entry | None:
        """Return one entry; None when there are fewer. Raises as ``read``."""
        return next(iter(self._select("seq = ?", _count(seq))), None)

    def root(self) -> str:
        """Return the Merkle root over every entry, hex (RFC 6962)."""
        with self._database() as connection:
            root: str = connection.execute("SELECT root FROM head").fetchone()[0]
            return root

    def size(self) -> int:
        """Return the number of entries."""
        with self._database() as connection:
            return size_of(connection)

    def head(self) -> tuple[str, int, str]:
        """Return what a checkpoint says: origin, size and Merkle root, hex, all of one moment.

        Raises:
            InvalidInput: the journal is empty.
        """
        with self._database() as connection:
            frontier = frontier_of(connection)
            first = connection.execute("SELECT hash FROM entries WHERE seq = 0").fetchone()
        if first is None or not frontier.size:
            raise InvalidInput("The journal is empty: there is nothing to sign.", field="journal")
        return origin_of(first[0]), frontier.size, frontier.root()

    def inclusion(self, seq: int, size: int | None = None) -> InclusionProof:
        """Prove that entry ``seq`` is among the first ``size`` entries (default: all there are).

        Raises:
            InvalidInput: there is no such entry, or fewer entries than ``size``.
            Tampered: what is stored does not add up to the stored root.
        """
        with self._database() as connection:
            return proving.inclusion(connection, seq, size)

    def consistency(self, first: int, second: int | None = None) -> ConsistencyProof:
        """Prove that the log of ``second`` entries (default: all) begins with that of ``first`` entries.

        Raises as ``inclusion`` does.
        """
        with self._database() as connection:
            return proving.consistency(connection, first, second)

    def checkpoint(self, signer: Signer | None = None) -> Checkpoint:
        """Sign size and root as they are now, and keep the checkpoint beside the journal.

        Args:
            signer: Who signs. Default: the signer the journal was opened with.

        Raises:
            InvalidInput: the journal is empty, or there is nobody to sign.
        """
        signer = signer or self.signer
        if signer is None:
            raise InvalidInput("signer: nobody is there to sign a checkpoint.", field="signer")
        return self._checkpointing.make(signer)

    def checkpoint_if_due(self) -> Checkpoint | None:
        """Make a checkpoint when the policy asks for one: what a timer calls. A failure is logged."""
        return self._checkpointing.make_if_due(self._clock.now())

    def checkpoint_is_due(self) -> bool:
        """True when the policy asks for a checkpoint now."""
        return self._checkpointing.is_due(self._clock.now())

    def checkpoints(self) -> list[Checkpoint]:
        """Return the checkpoints kept beside the journal, oldest first; verify names what is none."""
        return self._checkpointing.kept()

    def hand_out(self, checkpoint: Checkpoint, to: Path) -> Path:
        """Give a checkpoint to somebody outside: a folder, a git repository, another person's file.

        Raises:
            Tampered: the journal does not go on from the newest checkpoint that lies there.
            Unavailable: it cannot be written, or git refuses.
        """
        return self._checkpointing.hand_out(checkpoint, to)

    def holders(self, checkpoint: Checkpoint) -> list[str]:
        """Return those places of ``handed_to`` where a checkpoint lies now."""
        return self._checkpointing.holders(checkpoint)

    def verify(self, *, checkpoints: Iterable[Path] = (), keys: Iterable[VerifierKey] = ()) -> Verification:
        """Recompute everything from the database and compare (``workbench.journal.verify``)."""
        place = self._url or self.path
        return verify(place, beside=self.place.folder, checkpoints=checkpoints, keys=keys)

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
    def _database(self) -> Iterator[Connection]:
        with self._lock:
            if self._connection is None:
                raise Unavailable("The journal is closed.", remedy="Open the project again: wb.open()")
            if self._process != os.getpid():  # a forked connection corrupts what it writes
                raise Unavailable(
                    "The journal was opened by the process this one was forked from.",
                    remedy="Open the project again in this process: wb.open()",
                    field="journal",
                )
            with self._connection.explained():
                yield self._connection

    def _select(self, condition: str, *values: object) -> list[Entry]:
        return [row.entry() for row in self._rows(condition, *values)]

    def _rows(self, condition: str, *values: object) -> list[Row]:
        query = f"SELECT {COLUMNS} FROM entries WHERE {condition}"  # noqa: S608 - conditions are ours, values bound
        with self._database() as connection:
            return [Row(*row) for row in connection.execute(query, values).fetchall()]

    def _attest(self, connection: Connection, before: Frontier, now: Frontier) -> None:
        # The commit has happened: a note that cannot be written (disk full) must not make it look undone.
        # One that disagrees with the entries stays as it is, so that verify goes on telling.
        stem = self.place.stem
        if stem is None:
            return

        def root(size: int) -> str | None:
            return before.root() if size == before.size else root_at(connection, size)

        with contextlib.suppress(OSError, ValueError):
            last = witness.read(stem)
            if last is None or (last.size < now.size and last.root == root(last.size)):
                witness.write(stem, witness.Witness(now.size, now.root()))


def _close(connection: Connection, process: int) -> None:
    if process == os.getpid():  # a forked child must leave its parent's connection alone
        connection.close()


def _count(number: int) -> int:
    """The number, or the nearest one that a database can hold: no entry lies there or beyond."""
    return max(-1, min(number, _MOST))


def _require_text(stream: str) -> None:
    if _NO_TEXT.search(stream):
        raise InvalidInput(
            f"stream: {stream!r} is not a name.", remedy="Use printable characters.", field="stream"
        )


def _require_words(field: str, text: str) -> None:
    if not text.strip() or not text.isprintable():
        raise InvalidInput(
            f"{field}: {text!r} is not a name.",
            remedy="Use printable characters, at least one.",
            field=field,
        )
