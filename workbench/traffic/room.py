"""The room: what was captured, what turned out to be true of it, and how long it is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import orjson

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, Unavailable, nearest
from workbench.core.records import Record
from workbench.datasets.reading import read_frame, to_frame
from workbench.journal import Journal
from workbench.traffic import segments
from workbench.traffic.labels import Label, Labels, lock
from workbench.traffic.removal import COUNTED, DROPPED, ERASED, Key, Remains, Removal, Remover
from workbench.traffic.store import TrafficStore
from workbench.traffic.targets import Known, Targets

if TYPE_CHECKING:
    import pyarrow as pa

    from workbench.models.registry import Registry

#: Longest request id that is looked for; the gateway gives and takes shorter ones.
_LONGEST_ID = 200


class Labelled(Record):
    """What became of labels that were told."""

    labels: int
    waiting: int
    """Of requests of which there is no exchange, or none yet: joined when it comes."""

    def __str__(self) -> str:
        waiting = f", {self.waiting:,} of them of requests that are not there (yet)" if self.waiting else ""
        return f"{self.labels:,} labels kept{waiting}"


class Traffic(TrafficStore):
    """A ``TrafficStore`` that also takes labels, and takes exchanges away.

    Args:
        folder: ``<state>/traffic``.
        clock: stamps labels, and says what is old.
        journal: opened when something is taken away.
        registry: opened when there is a label to hold against a model.
        frozen: names the incidents that hold rows of a key.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        journal: Callable[[], Journal],
        registry: Callable[[], Registry],
        frozen: Callable[[Key], Collection[str]],
    ) -> None:
        super().__init__(folder)
        self._clock = clock
        self._registry = registry
        self._frozen = frozen
        self._labels = Labels(folder)
        self._remover = Remover(folder, self._labels, journal)

    # Labels

    def label(self, request_id: str, value: Any, *, row: int = 0) -> Labelled:
        """Say what was true of a request. The last label of a row counts; those before it are kept, too.

        Args:
            request_id: as in the answer's ``X-Request-Id``; its exchange may come later.
            value: one of the model's labels, or a number where it predicts numbers.
            row: whose, of a request with several; from 0.

        Raises:
            InvalidInput: it is no label of the model that was asked, or the request has no such row.
        """
        return self._keep([(request_id, row, value)])

    def label_many(self, labels: Any) -> Labelled:
        """Say what was true of many requests: all of it is kept, or nothing.

        Args:
            labels: a mapping of request ids to labels; or a frame, or a CSV or Parquet file, with the columns
                ``request_id``, ``label`` and, where requests have several rows, ``row``.

        Raises:
            InvalidInput: a column is missing, or a label does not fit; as ``label``.
        """
        if isinstance(labels, Mapping):
            return self._keep([(request_id, 0, value) for request_id, value in labels.items()])
        text = ("request_id",)
        frame = to_frame(read_frame(labels, text=text) if isinstance(labels, str | Path) else labels)
        for name in ("request_id", "label"):
            if name not in frame.columns:
                raise InvalidInput(
                    f"{name}: there is no such column.", remedy=nearest(name, frame.columns), field=name
                )
        rows = frame["row"] if "row" in frame.columns else [0] * len(frame)
        return self._keep(list(zip(frame["request_id"], rows, frame["label"], strict=True)))

    def labels(self, request_id: str | None = None) -> list[Label]:
        """Return every label that was told, of one request or of all, in the order they came."""
        return [label for label in self._labels.history() if request_id in (None, label.request_id)]

    def waiting(self) -> int:
        """Count the requests that have labels and no exchange (yet)."""
        told = set(self._labels.last())
        return len(told - set(self._known(told)))

    def _keep(self, told: list[tuple[Any, Any, Any]]) -> Labelled:
        known = self._known({request_id for request_id, _, _ in told if isinstance(request_id, str)})
        targets, now = Targets(self._registry, self.endpoints()), self._clock.now()
        labels = []
        for request_id, row, value in told:
            request, place = _request_id(request_id), _row(row)
            try:
                fit = targets.fitting(value, place, known.get(request))
            except InvalidInput as error:
                told_of = f"{error.message} This was told of request {request!r}."
                raise InvalidInput(told_of, remedy=error.remedy, field=error.field) from error
            labels.append(Label(request, place, fit, now))
        self._labels.append(labels)
        return Labelled(labels=len(labels), waiting=len({label.request_id for label in labels} - set(known)))

    def _known(self, wanted: Collection[str]) -> dict[str, Known]:
        """The requests that have an exchange, newest segments first until all are found."""
        found: dict[str, Known] = {}
        wanted = frozenset(wanted)
        for endpoint, name in sorted(self._segments(), key=lambda place: place[1], reverse=True):
            if len(found) == len(wanted):
                break
            path = self.folder / endpoint / name
            if wanted.isdisjoint(segments.read(path, ("request_id",)).column(0).to_pylist()):
                continue
            for exchange in segments.read(path, ("request_id", "version", "inputs")).to_pylist():
                if exchange["request_id"] not in wanted:
                    continue
                rows = len(orjson.loads(exchange["inputs"]))
                found.setdefault(exchange["request_id"], Known(endpoint, exchange["version"], rows))
        return found

    # How long it is kept

    def erase(
        self, subject_column: str = "", value: Any = None, *, request_ids: Collection[str] | None = None
    ) -> Removal:
        """Take away every exchange of a subject, with its labels, and tell the journal how many there were.

        A request with several rows goes whole. Frozen incidents are named and not changed: they are evidence.
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
            Unavailable: the disk does not take it; whatever was begun is finished by the next call.
        """
        key = _key(subject_column, value, request_ids)
        with self._alone():
            incidents = tuple(self._frozen(key))
            columns: set[str] = set()
            found = list(self._held(key, columns))
            if key.column and columns and not incidents and key.column not in columns:
                raise InvalidInput(
                    f"subject_column: no exchange has a column {key.column!r}.",
                    remedy=nearest(key.column, columns),
                    field="subject_column",
                )
            gone = {name for some in found for name in some.gone.column("request_id").to_pylist()}
            gone |= key.request_ids
            salt = token_hex(16)
            return self._remover.remove(
                found,
                lambda label: label.request_id in gone,
                lambda **said: Removal(
                    kind=ERASED, salt=salt, key=key.hashed(salt), incidents=incidents, **said
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
            dropped = {name for some in found for name in some.gone.column("request_id").to_pylist()}
            old = {label.request_id for label in self._labels.history() if label.time < before}
            old -= set(self._known(old))
            if not found and not old:
                return None
            return self._remover.remove(
                found,
                lambda label: label.request_id in (dropped if label.time >= before else dropped | old),
                lambda **said: Removal(kind=DROPPED, before=before, **said),
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one that takes away, after whatever somebody else left unfinished."""
        try:
            with lock(self.folder / ".removal.lock"):
                self._remover.settle()
                yield
        except OSError as error:
            raise Unavailable(
                f"Captured traffic could not be changed ({error.strerror or error}).",
                remedy="Make room on the disk, and do it again: what was begun is finished then.",
                field="traffic",
            ) from error

    def _held(self, key: Key, columns: set[str]) -> Iterator[Remains]:
        """Segments that hold the key; notes the columns that there are."""
        for endpoint, name in self._segments():
            table = segments.read(self.folder / endpoint / name)
            meant = []
            ids = table.column("request_id").to_pylist()
            for request_id, text in zip(ids, table.column("inputs").to_pylist(), strict=True):
                rows = orjson.loads(text)
                columns.update(*rows)
                meant.append(key.holds(request_id, rows))
            if any(meant):
                yield _split(endpoint, name, table, meant)

    def _older(self, than: int) -> Iterator[Remains]:
        """Segments that end before; of the newest the name stays, for writers and cursors go on from it."""
        for endpoint in self.endpoints():
            names = segments.names(self.folder / endpoint)
            for name in names:
                segment = segments.Segment.parse(name)
                if segment is None or segment.latest >= than:
                    continue
                gone = segments.read(self.folder / endpoint / name, ("request_id", *COUNTED))
                if name != names[-1]:
                    yield Remains(endpoint, name, gone, None)
                elif gone.num_rows:
                    yield Remains(endpoint, name, gone, segments.schema().empty_table())

    def _segments(self) -> list[tuple[str, str]]:
        return [(name, file) for name in self.endpoints() for file in segments.names(self.folder / name)]


def _split(endpoint: str, name: str, table: pa.Table, meant: list[bool]) -> Remains:
    import pyarrow as pa
    import pyarrow.compute as pc

    mask = pa.array(meant)
    return Remains(endpoint, name, table.filter(mask), table.filter(pc.invert(mask)))


def _request_id(text: Any) -> str:
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_ID:
        raise InvalidInput(
            f"request_id: {str(text)[:60]!r} is none.",
            remedy="Give the id of the answer's header X-Request-Id, as text.",
            field="request_id",
        )
    return text


def _row(place: Any) -> int:
    number = place.item() if hasattr(place, "item") else place
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise InvalidInput(
            f"row: {str(place)[:60]!r} is no place.", remedy="Rows are counted from 0.", field="row"
        )
    return number


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
    return Key(column, value, frozenset(map(_request_id, request_ids or ())))
