"""Taking exchanges away for good: done once, whatever happens meanwhile, and told in the journal.

What remains of each segment is written beside it first, then a **plan** with everything that the journal
will be told, then each segment is replaced under its own name or dropped, then the journal is told, then the
plan goes. Killed before the plan, nothing has happened; killed after it, ``settle`` finishes. A segment is
the old one or the new one at any moment; cursors of readers rest on names, which stay.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from workbench.core.digests import canonical_json, of_bytes
from workbench.core.errors import Tampered, Unavailable
from workbench.core.records import Record
from workbench.journal import Event, Journal
from workbench.traffic import segments
from workbench.traffic.decided import COUNTED, count_in
from workbench.traffic.files import put
from workbench.traffic.labels import Label, Labels
from workbench.traffic.policy import KEY, digest, is_digest, written
from workbench.traffic.storage import Storage

if TYPE_CHECKING:
    import pyarrow as pa

ERASED, DROPPED = "traffic.erased", "traffic.dropped"
STREAM = "traffic"

PLAN = ".removal.json"


class Changed(Record):
    """One segment, before and after."""

    name: str
    before: str
    """Digest of the file."""
    after: str
    """Digest of what took its place; empty when it was dropped."""


class Count(Record):
    """Exchanges that are gone, of one routing table and the same versions."""

    table_version: int
    share: float
    version: int
    served_by: int | None
    shadow_version: int | None
    n: int


class Part(Record):
    """What is gone of one endpoint."""

    exchanges: int
    decided: tuple[Count, ...]
    segments: tuple[Changed, ...]


class Removal(Record):
    """What was taken away, and by what it was found: the payload of the journal's entry, no value in it."""

    kind: str
    """``traffic.erased`` or ``traffic.dropped``."""
    id: str
    salt: str = ""
    key: str = ""
    """scrypt of the key under ``salt``, in hex: whoever knows the key can check that this was about it."""
    before: datetime | None = None
    """Dropped was what ended earlier than this."""
    endpoints: dict[str, Part]
    labels: int
    """Lines of labels, histories among them."""
    incidents: tuple[str, ...] = ()
    """Frozen incidents that hold rows of it. They were not changed."""
    unwritten: int = 0
    """Exchanges that stay because the column was left out of their rows, so that nobody can tell whose they
    are (``capture_redact``). They hold no value of it."""
    unsampled: int = 0
    """Exchanges that stay because no row of them was kept (``capture_sample``), likewise."""

    @property
    def exchanges(self) -> int:
        """How many are gone."""
        return sum(part.exchanges for part in self.endpoints.values())

    def __str__(self) -> str:
        what = "erased" if self.kind == ERASED else "dropped"
        lines = [f"{self.exchanges:,} exchanges and {self.labels:,} labels {what}"]
        lines += [f"  {name}: {part.exchanges:,} exchanges" for name, part in self.endpoints.items()]
        lines += [
            f"{name} holds rows of it and was not changed. Once nobody has to answer for it, close it, and "
            f"delete incidents/{name}/exchanges.parquet in the state folder"
            for name in self.incidents
        ]
        if self.unwritten:
            lines.append(f"of {self.unwritten:,} exchanges the column was never written: they stay")
        if self.unsampled:
            lines.append(f"of {self.unsampled:,} exchanges no row was kept (capture_sample): they stay")
        return "\n".join(lines)


class Key(NamedTuple):
    """By what exchanges are found: the value of a column or its digest, or their request ids."""

    column: str = ""
    value: Any = None
    request_ids: frozenset[str] = frozenset()
    secret: bytes = b""
    """Key of the digests; empty where none were written."""

    def holds(self, request_id: str, rows: Iterable[dict[str, Any]], closed: Collection[str] = ()) -> bool:
        """Whether a request is meant, or one of its rows; ``closed`` are the columns that were redacted.

        Raises:
            Unavailable: as ``is_value``.
        """
        if not self.column:
            return request_id in self.request_ids
        of = self.column
        return any(of in row and self.is_value(row[of], closed=of in closed) for row in rows)

    def is_value(self, cell: Any, *, closed: bool = False) -> bool:
        """Whether a cell holds the value, written as a number or as text, or its digest.

        Args:
            cell: of the column.
            closed: what the gateway wrote there is no value, but what stands for one.

        Raises:
            Unavailable: it is a digest, and its key is not here.
        """
        if cell is None:
            return False
        if closed and not self.secret and is_digest(cell):
            raise Unavailable(
                f"In captured traffic digests stand for {self.column!r}, and their key is not here.",
                remedy=f"Restore {KEY} in the state folder from a backup, or run this on the machine that "
                "captured them. Without it, erase by request_ids=.",
                field="capture_subject",
            )
        if self.secret and cell == digest(self.secret, self.column, self.value):
            return True
        return written(cell) == written(self.value) or str(cell) == str(self.value)

    def hashed(self, salt: str) -> str:
        """Return the hash that stands for the key; slow, so that few keys can be tried."""
        said = [self.column, str(self.value)] if self.column else sorted(self.request_ids)
        body = canonical_json(said)
        return hashlib.scrypt(body, salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()


class Remains(NamedTuple):
    """A segment of which something goes."""

    endpoint: str
    name: str
    gone: pa.Table
    """Has at least the columns ``request_id`` and ``COUNTED``."""
    kept: pa.Table | None
    """None: the file goes."""


class Remover:
    """Plans and carries out removals.

    Args:
        folder: ``<state>/traffic``, for the plan and what lies ready.
        storage: where segments are.
        labels: beside them.
        journal: opened when there is something to tell.
    """

    def __init__(
        self, folder: Path, storage: Storage, labels: Labels, journal: Callable[[], Journal]
    ) -> None:
        self._folder = folder
        self._storage = storage
        self._labels = labels
        self._journal = journal
        self._plan = folder / PLAN

    def remove(
        self, remains: Iterable[Remains], also: Callable[[Label], bool], describe: Callable[..., Removal]
    ) -> Removal:
        """Take away what is ``gone`` of segments, with its labels, and other labels.

        Args:
            remains: of the segments from which something goes.
            also: whether a label goes though no exchange does.
            describe: gets the parts and the number of labels.

        Raises:
            OSError: the disk does not take it. Nothing has happened, or ``settle`` finishes it.
        """
        for leftover in self._folder.glob("*/.*.new*"):  # of one that was killed before its plan
            leftover.unlink()
        parts: dict[str, list[tuple[Changed, pa.Table]]] = {}
        ids: dict[str, set[str]] = {}
        for some in remains:
            parts.setdefault(some.endpoint, []).append((self._stage(some), _counted(some.gone)))
            ids.setdefault(some.endpoint, set()).update(some.gone.column("request_id").to_pylist())
        orphans = self._orphans(ids, {(of, c.name): c for of, found in parts.items() for c, _ in found})

        def gone(label: Label) -> bool:
            return label.request in orphans or also(label)

        labels = sum(map(gone, self._labels.history()))
        said = {name: _part(found) for name, found in parts.items()}
        removal = describe(id=uuid4().hex, endpoints=said, labels=labels)
        self._folder.mkdir(parents=True, exist_ok=True)
        put(self._plan, removal.to_json().encode())
        self._labels.drop(gone)
        self._carry_out(removal)
        return removal

    def settle(self) -> Removal | None:
        """Finish what somebody began and did not end; None when there is nothing."""
        try:
            removal = Removal.from_json(self._plan.read_bytes())
        except FileNotFoundError:
            return None
        orphans = self._orphans(
            self._requests_of(removal), {(of, change.name): change for of, change in _changes(removal)}
        )
        self._labels.drop(lambda label: label.request in orphans)
        self._carry_out(removal)
        return removal

    def _stage(self, some: Remains) -> Changed:
        before, after = of_bytes(self._storage.read(some.endpoint, some.name)), ""
        if some.kept is not None:
            body = segments.encoded(some.kept)
            after = of_bytes(body)
            staged = self._staged(some.endpoint, some.name)
            staged.parent.mkdir(parents=True, exist_ok=True)
            put(staged, body)
        return Changed(name=some.name, before=before, after=after)

    def _orphans(
        self, gone: Mapping[str, set[str]], changes: Mapping[tuple[str, str], Changed]
    ) -> set[tuple[str, str]]:
        """Endpoints and ids of labels whose exchanges all go: callers may give a request id more than once.

        Args:
            gone: ids of the requests of which an exchange goes, by endpoint.
            changes: what becomes of segments, by endpoint and name.
        """
        told = {label.request for label in self._labels.history()}
        lost = {of for of in told if any(of[0] in ("", name) and of[1] in ids for name, ids in gone.items())}
        stay: set[tuple[str, str]] = set()
        for endpoint in self._storage.endpoints() if lost else ():
            for name in self._storage.names(endpoint):
                there = self._ids_after(endpoint, name, changes.get((endpoint, name)))
                stay |= {of for of in lost - stay if of[0] in ("", endpoint) and of[1] in there}
        return lost - stay

    def _ids_after(self, endpoint: str, name: str, change: Changed | None) -> set[str]:
        """Ids of the requests that a segment holds once it has been changed."""
        staged = self._staged(endpoint, name)
        try:
            if change is None or (change.after and not staged.exists()):
                return _ids(self._storage.read(endpoint, name), name)
            return _ids(staged.read_bytes(), name) if change.after else set()
        except (FileNotFoundError, Tampered):
            return set()  # dropped meanwhile, or nobody can read it: it keeps no label

    def _requests_of(self, removal: Removal) -> dict[str, set[str]]:
        """Ids of the requests that are still there and shall go, by endpoint."""
        found: dict[str, set[str]] = {}
        for endpoint, change in _changes(removal):
            staged = self._staged(endpoint, change.name)
            if change.after and not staged.exists():
                continue  # done before, after the labels
            kept = _ids(staged.read_bytes(), change.name) if change.after else set()
            try:
                ids = _ids(self._storage.read(endpoint, change.name), change.name)
            except FileNotFoundError:
                continue  # dropped before, after the labels
            found.setdefault(endpoint, set()).update(ids - kept)
        return found

    def _carry_out(self, removal: Removal) -> None:
        for endpoint, change in _changes(removal):
            staged = self._staged(endpoint, change.name)
            if not change.after:
                self._storage.drop(endpoint, change.name)
            elif staged.exists():
                self._storage.take(endpoint, change.name, staged)
        journal = self._journal()
        if not any(entry.payload.get("id") == removal.id for entry in journal.read(STREAM)):
            payload = removal.model_dump(mode="json", exclude={"kind"})
            journal.append(
                STREAM, Event(kind=removal.kind, payload={**payload, "exchanges": removal.exchanges})
            )
        self._plan.unlink()

    def _staged(self, endpoint: str, name: str) -> Path:
        return self._folder / endpoint / f".{name}.new"


def removed(journal: Journal, endpoint: str) -> int:
    """Count the exchanges of an endpoint that were taken away, as the journal tells."""
    told = (
        entry.payload.get("endpoints", {}).get(endpoint, {}).get("exchanges", 0)
        for entry in journal.read(STREAM)
        if entry.kind in (ERASED, DROPPED)
    )
    return sum(told)


def under_way(folder: Path) -> bool:
    """Whether a removal has begun that the journal may not tell of yet."""
    return (folder / PLAN).exists()


def _changes(removal: Removal) -> list[tuple[str, Changed]]:
    return [(endpoint, change) for endpoint, part in removal.endpoints.items() for change in part.segments]


def _ids(body: bytes, name: str) -> set[str]:
    return set(segments.decoded(body, name, ("request_id",)).column(0).to_pylist())


def _counted(gone: pa.Table) -> pa.Table:
    """Only what is counted by: the rest of a segment need not be kept in memory."""
    return gone.select(COUNTED)


def _part(found: Sequence[tuple[Changed, pa.Table]]) -> Part:
    counts = [
        Count(**{name: getattr(some, name) for name in Count.model_fields})
        for some in count_in(table for _, table in found)
    ]
    return Part(
        exchanges=sum(count.n for count in counts),
        decided=tuple(counts),
        segments=tuple(change for change, _ in found),
    )
