"""The journal itself: append, read, follow."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, Tampered, Unavailable
from workbench.journal import handing, witness
from workbench.journal.base import Connection
from workbench.journal.chain import (
    COLUMNS,
    Chain,
    damaged,
    frontier_of,
    length_of,
    root_at,
    set_head,
    size_of,
    subtrees_of,
)
from workbench.journal.checkpoints import Checkpoint, origin_of, sign
from workbench.journal.due import CheckpointPolicy, due
from workbench.journal.filesystems import refuse_network
from workbench.journal.leaves import Row, payload_text, timestamp
from workbench.journal.merkle import Frontier
from workbench.journal.places import Place, is_url
from workbench.journal.proofs import (
    ConsistencyProof,
    InclusionProof,
    consistency_path,
    inclusion_path,
)
from workbench.journal.records import Entry, Event, Verification
from workbench.journal.signers import Signer, VerifierKey
from workbench.journal.sqlite import SQLite
from workbench.journal.verify import verify

#: Stream, event, and the number of entries the stream must have now (None: whatever there is).
Write = tuple[str, Event, int | None]

_log = logging.getLogger(__name__)

_Proof = TypeVar("_Proof", InclusionProof, ConsistencyProof)


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
    ) -> None:
        _require_words("actor", actor)
        self.actor = actor
        self.signer = signer
        self.place = Place.of(path, beside)
        self._url = str(path) if is_url(path) else ""
        self._policy = policy or CheckpointPolicy()
        self._covered: int | None = None
        self._clock = clock
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._connection: Connection | None = _connect(path, patience)
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

    def append_many(self, writes: Iterable[Write]) -> list[Entry]:
        """Append several events in one transaction, to one stream or to several: all of them or none.

        Each ``expected`` counts as if the writes before it had been made. Raises as ``append`` does.
        """
        prepared = [(stream, event, payload_text(event), expected) for stream, event, expected in writes]
        for stream, event, _, _ in prepared:
            _require_words("stream", stream)
            _require_words("kind", event.kind)
        with self._database() as connection:
            with connection.transaction():
                before = frontier_of(connection)
                chain = Chain(connection, before, self.actor, timestamp(self._clock.now()))
                rows = [chain.add(*write) for write in prepared]
                if rows:
                    set_head(connection, chain.frontier)
            entries = [row.entry() for row in rows]
            if rows:
                self._attest(connection, before, chain.frontier)
                self._sign_when_due(connection, entries, chain.frontier)
        return entries

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
            return length_of(connection, stream)

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

    def size(self) -> int:
        """Return the number of entries."""
        with self._database() as connection:
            return size_of(connection)

    def inclusion(self, seq: int, size: int | None = None) -> InclusionProof:
        """Prove that entry ``seq`` is among the first ``size`` entries (default: all there are).

        Raises:
            InvalidInput: there is no such entry, or fewer entries than ``size``.
            Tampered: what is stored does not add up to the stored root.
        """
        with self._database() as connection:
            size = _size_within(connection, size)
            path = inclusion_path(seq, size, subtrees_of(connection))
            leaf = subtrees_of(connection)(0, seq).hex()
            proof = InclusionProof(
                seq=seq, size=size, leaf=leaf, root=root_at(connection, size) or "", path=path
            )
        return _held(proof)

    def consistency(self, first: int, second: int | None = None) -> ConsistencyProof:
        """Prove that the log of ``second`` entries (default: all) begins with that of ``first`` entries.

        Raises as ``inclusion`` does.
        """
        with self._database() as connection:
            second = _size_within(connection, second)
            proof = ConsistencyProof(
                first=first,
                second=second,
                path=consistency_path(first, second, subtrees_of(connection)),
                first_root=root_at(connection, first) or "",
                second_root=root_at(connection, second) or "",
            )
        return _held(proof)

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
        with self._database() as connection:
            made = _checkpoint(connection, frontier_of(connection), signer)
            self._covered = made.size
            if self.place.kept:
                handing.hand_out(made, self.place.kept)
        return made

    def checkpoint_if_due(self) -> Checkpoint | None:
        """Make a checkpoint when the policy asks for one: what a timer calls."""
        with self._database() as connection:
            waiting = self._first_uncovered(connection)
            if self.signer and waiting and due([waiting], self._clock.now(), self._policy):
                return self.checkpoint()
        return None

    def checkpoints(self) -> list[Checkpoint]:
        """Return the checkpoints kept beside the journal, oldest first; verify names what is none."""
        kept = self.place.kept
        found = handing.handed_out(kept) if kept and kept.is_dir() else ()
        return [checkpoint for _, checkpoint in found if isinstance(checkpoint, Checkpoint)]

    def hand_out(self, checkpoint: Checkpoint, to: Path) -> Path:
        """Give a checkpoint to somebody outside: a folder, a git repository, another person's file.

        Raises:
            Tampered: the journal does not go on from an earlier checkpoint that lies there.
            Unavailable: it cannot be written, or git refuses.
        """
        for name, earlier in handing.handed_out(to) if to.exists() else ():
            if isinstance(earlier, Checkpoint) and earlier.origin == checkpoint.origin:
                self._require_growth(name, earlier, checkpoint)
        return handing.hand_out(checkpoint, to)

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
        query = f"SELECT {COLUMNS} FROM entries WHERE {condition}"  # noqa: S608 - conditions are ours, values bound
        with self._database() as connection:
            rows = connection.execute(query, values).fetchall()
        return [Row(*row).entry() for row in rows]

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

    def _sign_when_due(self, connection: Connection, entries: list[Entry], now: Frontier) -> None:
        # The commit has happened here, too: a signer that fails delays the checkpoint, and undoes nothing.
        if self.signer is None:
            return
        try:
            waiting = self._first_uncovered(connection) or entries[0]
            if due([waiting, *entries], entries[-1].time, self._policy):
                self.checkpoint()
        except Exception:  # noqa: BLE001 - a signer is anybody's code
            _log.exception("No checkpoint could be made over %d entries.", now.size)

    def _first_uncovered(self, connection: Connection) -> Entry | None:
        """Return the first entry that no checkpoint made here covers."""
        if self._covered is None:
            self._covered = max((checkpoint.size for checkpoint in self.checkpoints()), default=0)
        query = f"SELECT {COLUMNS} FROM entries WHERE seq = ?"  # noqa: S608 - our own names
        row = connection.execute(query, (self._covered,)).fetchone()
        return Row(*row).entry() if row else None

    def _require_growth(self, name: str, earlier: Checkpoint, now: Checkpoint) -> None:
        first, second = sorted((earlier, now), key=lambda checkpoint: checkpoint.size)
        grown = first.size == 0 or (
            second.size <= self.size()
            and (proof := self.consistency(first.size, second.size)).first_root == first.root
            and proof.second_root == second.root
        )
        if not grown:
            raise Tampered(
                f"The journal does not go on from the checkpoint {name} that was handed out earlier.",
                remedy="Run: workbench verify. Keep both checkpoints: together they show what happened.",
                field="checkpoint",
            )


def _connect(path: Path | str, patience: float) -> Connection:
    if is_url(path):
        from workbench.journal.postgres import Postgres

        return Postgres(str(path), patience=patience)
    _make_folder(Path(path))
    return SQLite(Path(path), patience=patience)


def _checkpoint(connection: Connection, frontier: Frontier, signer: Signer) -> Checkpoint:
    first = connection.execute("SELECT hash FROM entries WHERE seq = 0").fetchone()
    if first is None:
        raise InvalidInput("The journal is empty: there is nothing to sign.", field="journal")
    return sign(origin_of(first[0]), frontier.size, frontier.root(), signer)


def _close(connection: Connection, process: int) -> None:
    if process == os.getpid():  # a forked child must leave its parent's connection alone
        connection.close()


def _size_within(connection: Connection, size: int | None) -> int:
    there = size_of(connection)
    if size is not None and not 0 <= size <= there:
        raise InvalidInput(f"size: the journal has {there} entries, not {size}.", field="size")
    return there if size is None else size


def _held(proof: _Proof) -> _Proof:
    if not proof.holds():
        raise damaged("The stored hashes do not add up to the stored root.")
    return proof


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
