"""The room: what was captured, what turned out to be true of it, and how long it is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import orjson

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, NotFound, Unavailable, nearest, unknown
from workbench.datasets.reading import read_frame, to_frame
from workbench.journal import Journal
from workbench.traffic import segments
from workbench.traffic.decided import COUNTED
from workbench.traffic.files import lock
from workbench.traffic.labels import Label, Labels
from workbench.traffic.removal import DROPPED, ERASED, Key, Remains, Removal, Remover
from workbench.traffic.storage import LOCK, Storage
from workbench.traffic.store import TrafficStore
from workbench.traffic.telling import Labelled, Teller, Told, by_request, request_id_of

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.models.records import ModelVersion
    from workbench.models.registry import Registry

#: Seconds after which nobody is writing a segment any more that has not got its name.
_HALF = 60.0


class Traffic(TrafficStore):
    """A ``TrafficStore`` that also takes labels, and takes exchanges away.

    Args:
        folder: ``<state>/traffic``.
        storage: where segments are; None: in ``folder``.
        clock: stamps labels, and says what is old.
        journal: opened when something is taken away.
        registry: opened when there is a label to hold against a model.
        frozen: names the incidents that hold rows of a key.
        actor: who tells labels.
        secret: reads the key of the digests that stand for subjects; empty where there is none. Asked at each
            erasure: a gateway makes the key when it first needs one.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        storage: Storage | None = None,
        *,
        secret: Callable[[], bytes] = bytes,
        journal: Callable[[], Journal],
        registry: Callable[[], Registry],
        frozen: Callable[[Key], Collection[str]],
        actor: Callable[[], str] = str,
    ) -> None:
        super().__init__(folder, storage)
        self._clock = clock
        self._registry = registry
        self._frozen = frozen
        self._secret = secret
        self._actor = actor
        self._labels = Labels(folder)
        self._teller = Teller(self, self._labels, clock, self._model)
        self._remover = Remover(folder, self.storage, self._labels, journal)

    # Labels

    def label(self, request_id: str, value: Any, *, row: int = 0, endpoint: str = "") -> Labelled:
        """Say what was true of a request. The last label of a row counts; those before it are kept, too.

        Args:
            request_id: as in the answer's ``X-Request-Id``; its exchange may come later.
            value: one of the model's labels, or a number where it predicts numbers.
            row: whose, of a request with several; from 0.
            endpoint: whose request is meant; needed only where several endpoints have one of this id.

        Raises:
            InvalidInput: it is no label of the model that was asked, the request has no such row, or several
                endpoints have such a request.
        """
        return self._tell([(request_id, row, value)], endpoint)

    def label_many(self, labels: Any, *, endpoint: str = "") -> Labelled:
        """Say what was true of many requests: all of it is kept, or nothing.

        Args:
            labels: a mapping of request ids to a label, or to a list of one for each row; or a frame, or a
                CSV or Parquet file, with the columns ``request_id``, ``label`` and, where requests have
                several rows, ``row``.
            endpoint: as for ``label``.

        Raises:
            InvalidInput: a column is missing, or a label does not fit; as ``label``.
        """
        if isinstance(labels, Mapping):
            return self._tell(by_request(labels), endpoint)
        text = ("request_id",)
        frame = to_frame(read_frame(labels, text=text) if isinstance(labels, str | Path) else labels)
        for name in ("request_id", "label"):
            if name not in frame.columns:
                raise InvalidInput(
                    f"{name}: there is no such column.", remedy=nearest(name, frame.columns), field=name
                )
        rows = frame["row"] if "row" in frame.columns else [0] * len(frame)
        return self._tell(list(zip(frame["request_id"], rows, frame["label"], strict=True)), endpoint)

    def labels(self, request_id: str | None = None) -> list[Label]:
        """Return every label that was told, of one request or of all, in the order they came."""
        return [label for label in self._labels.history() if request_id in (None, label.request_id)]

    def waiting(self) -> int:
        """Count the requests that have labels and no exchange (yet)."""
        return len({request_id for _, request_id in self._teller.waiting(self._labels.history())})

    def _tell(self, told: list[Told], endpoint: str) -> Labelled:
        if endpoint and endpoint not in (known := self.endpoints()):
            raise unknown("endpoint", "endpoint", endpoint, known)
        return self._teller.keep(told, endpoint=endpoint, by=self._actor())

    def _model(self, ref: str) -> ModelVersion | None:
        try:
            return self._registry().version(ref)
        except NotFound:
            return None

    # How long it is kept

    def erase(
        self, subject_column: str = "", value: Any = None, *, request_ids: Collection[str] | None = None
    ) -> Removal:
        """Take away every exchange of a subject, with its labels, and tell the journal how many there were.

        A request with several rows goes whole. Labels stay while another exchange of the endpoint has the
        same request id. Frozen incidents are named and not changed: they are evidence.
        What a gateway captured within the last second may come after it: erase once more when it matters.

        Args:
            subject_column: the input column that names subjects.
            value: of that column, as a number or as text.
            request_ids: instead of the two, the requests that go.

        Returns:
            The counts, as they stand in the journal, where a salted hash stands for the value.

        Raises:
            InvalidInput: no exchange and no frozen incident has such a column.
            Tampered: a segment is damaged.
            Unavailable: digests stand for subjects and their key is not here: nothing has happened. Or the
                disk does not take it: whatever was begun is finished by the next call.
        """
        key = _key(subject_column, value, request_ids)
        if key.column:
            key = key._replace(secret=self._secret())
        with self._alone():
            incidents = tuple(self._frozen(key))
            seen = _Seen()
            found = list(self._held(key, seen))
            if key.column and not incidents and key.column not in seen.columns and seen.columns.total():
                raise _no_column(key.column, seen.columns, seen.unwritten)
            salt = token_hex(16)
            return self._remover.remove(
                found,
                lambda label: label.request_id in key.request_ids,
                lambda **said: Removal(
                    kind=ERASED,
                    salt=salt,
                    key=key.hashed(salt),
                    incidents=incidents,
                    unwritten=seen.unwritten[key.column],
                    unsampled=seen.unsampled if key.column else 0,
                    **said,
                ),
            )

    def retain(self, *, days: float) -> Removal | None:
        """Drop segments that ended more than so many days ago, with their labels, and tell the journal.

        Labels as old as that, of requests that are not there, go as well.

        Returns:
            What was dropped; None when nothing is as old.

        Raises:
            InvalidInput: ``days`` is not above 0.
            Unavailable: the disk does not take it; whatever was begun is finished by the next call.
        """
        if not 0 < days < 36_500:
            raise InvalidInput(f"days: {days} is not above 0.", remedy="Give days, such as 90.", field="days")
        before = self._clock.now() - timedelta(days=days)
        with self._alone():
            found = list(self._older(segments.microseconds(before)))
            waiting = self._teller.waiting(label for label in self._labels.history() if label.time < before)
            if not found and not waiting:
                return None
            return self._remover.remove(
                found,
                lambda label: label.time < before and label.request in waiting,
                lambda **said: Removal(kind=DROPPED, before=before, **said),
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one that takes away, after whatever somebody else left unfinished."""
        try:
            with lock(self.folder / LOCK):
                self._remover.settle()
                self.storage.tidy(_HALF)
                yield
        except OSError as error:
            raise Unavailable(
                f"Captured traffic could not be changed ({error.strerror or error}).",
                remedy="Make room on the disk, and do it again: what was begun is finished then.",
                field="traffic",
            ) from error

    def _held(self, key: Key, seen: _Seen) -> Iterator[Remains]:
        """Segments that hold the key; counts exchanges by what could be looked for in them."""
        for endpoint, name in self._segments():
            table = self.segment(endpoint, name)
            meant = []
            read = (table.column(of).to_pylist() for of in ("request_id", "inputs", "redacted", "kept"))
            for request_id, text, left_out, kept in zip(*read, strict=True):
                rows, closed = orjson.loads(text), orjson.loads(left_out)
                seen.add(set().union(*rows), set(closed), kept=kept)
                meant.append(key.holds(request_id, rows, closed))
            if any(meant):
                yield _split(endpoint, name, table, meant)

    def _older(self, than: int) -> Iterator[Remains]:
        """Segments that end before; of the newest the name stays, for writers and cursors go on from it."""
        for endpoint in self.endpoints():
            names = self.storage.names(endpoint)
            for name in names:
                segment = segments.Segment.parse(name)
                if segment is None or segment.latest >= than:
                    continue
                gone = self.segment(endpoint, name, ("request_id", *COUNTED))
                if name != names[-1]:
                    yield Remains(endpoint, name, gone, None)
                elif gone.num_rows:
                    yield Remains(endpoint, name, gone, segments.empty())

    def _segments(self) -> list[tuple[str, str]]:
        return [(name, file) for name in self.endpoints() for file in self.storage.names(name)]


@dataclass
class _Seen:
    """How many exchanges were looked through."""

    columns: Counter[str] = field(default_factory=Counter)
    """By the columns they have …"""
    unwritten: Counter[str] = field(default_factory=Counter)
    """… and those that were left out of them."""
    unsampled: int = 0
    """Whose rows were not kept."""

    def add(self, there: set[str], closed: set[str], *, kept: bool) -> None:
        self.columns.update(there)
        self.unwritten.update(closed - there)
        self.unsampled += not kept


def _split(endpoint: str, name: str, table: pa.Table, meant: list[bool]) -> Remains:
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pa.array(meant)
    return Remains(endpoint, name, table.filter(mask), table.filter(pc.invert(mask)))


def _no_column(column: str, columns: Iterable[str], unwritten: Collection[str]) -> InvalidInput:
    if column in unwritten:
        return InvalidInput(
            f"subject_column: no value of {column!r} was ever written (capture_redact).",
            remedy="Erase by request_ids=.",
            field="subject_column",
        )
    return InvalidInput(
        f"subject_column: no exchange has a column {column!r}.",
        remedy=nearest(column, columns),
        field="subject_column",
    )


def _key(column: str, value: Any, request_ids: Collection[str] | None) -> Key:
    if (
        bool(column) == (request_ids is not None)
        or (column and value is None)
        or isinstance(request_ids, str)
    ):
        raise InvalidInput(
            "subject_column: whose exchanges are meant is not clear.",
            remedy="Give subject_column= and value=, or request_ids=, a list.",
            field="subject_column",
        )
    value = value.item() if hasattr(value, "item") else value
    return Key(column, value, frozenset(map(request_id_of, request_ids or ())))
