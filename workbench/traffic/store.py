"""The reader of captured traffic."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from workbench.core.errors import InvalidInput, Unavailable
from workbench.models.references import require_name
from workbench.traffic import segments
from workbench.traffic.decided import COUNTED, Decided, count
from workbench.traffic.labels import Labels
from workbench.traffic.records import Exchange
from workbench.traffic.storage import LocalStorage, Storage, storage_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from workbench.core.settings import Settings

_NULLABLE = ("served_by", "shadow_version")


class Recent(NamedTuple):
    """A request, as far as a glance needs it."""

    time: datetime
    served_by: int | None
    status: int


class TrafficStore:
    """Captured exchanges. Reads only segments that can hold what is asked for.

    Args:
        folder: ``<state>/traffic``, where labels are.
        storage: where segments are; None: in ``folder``.
    """

    def __init__(self, folder: Path, storage: Storage | None = None) -> None:
        self.folder = folder
        self.storage: Storage = storage or LocalStorage(folder)

    @classmethod
    def of(cls, settings: Settings) -> TrafficStore:
        """Return a project's captured exchanges, wherever its settings keep them."""
        return TrafficStore(settings.state / "traffic", storage_of(settings))

    def endpoints(self) -> list[str]:
        """Names of the endpoints that have traffic."""
        return self.storage.endpoints()

    def segment(self, endpoint: str, name: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read one segment, or some of its columns. One that was dropped since it was listed holds nothing.

        Raises:
            Tampered: it is damaged.
            Unavailable: the storage does not answer.
        """
        try:
            body = self.storage.read(endpoint, name)
        except FileNotFoundError:
            return segments.empty(columns)
        except OSError as error:
            raise Unavailable(
                f"The traffic segment {name} cannot be read ({error.strerror or error}).",
                remedy="Look at the folder and its rights.",
                field="traffic",
            ) from error
        return segments.decoded(body, name, columns)

    def frame(
        self,
        endpoint: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        request_ids: Collection[str] | None = None,
        *,
        labels: bool = False,
    ) -> pd.DataFrame:
        """Return exchanges, one row a request, in the order of their time.

        Args:
            endpoint: of one endpoint; None for all.
            since: no earlier than this (aware).
            until: no later than this (aware).
            request_ids: only these.
            labels: add a column ``labels``: a list with the last label of each row, None where there is none.

        Returns:
            The fields of ``Exchange`` as columns; ``inputs``, ``outputs`` and ``shadow_outputs`` hold lists.
            Empty, with the same columns, when there is nothing.

        Raises:
            InvalidInput: a time without a zone, or an endpoint that cannot be a name.
            Tampered: a segment is damaged, or a label.
            Unavailable: the storage does not answer.
        """
        found = _frame(self._table(endpoint, since, until, request_ids))
        return _labelled(found, Labels(self.folder)) if labels else found

    def exchanges(
        self,
        endpoint: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        request_ids: Collection[str] | None = None,
    ) -> list[Exchange]:
        """Return the same as records."""
        columns = _columns(self._table(endpoint, since, until, request_ids))
        return [
            Exchange(**dict(zip(columns, values, strict=True)))
            for values in zip(*columns.values(), strict=True)
        ]

    def after(self, endpoint: str, cursor: str = "") -> tuple[pd.DataFrame, str]:
        """Return what is new since ``cursor``, and the next cursor. An empty cursor means from the beginning.

        Every exchange comes exactly once, whole segments at a time, in the order they were closed.
        """
        new = self._names(endpoint, after=cursor)
        table = _concat([self.segment(endpoint, name) for name in new])
        return _frame(table.sort_by("time")), new[-1] if new else cursor

    def end(self, endpoint: str) -> str:
        """Return the cursor after everything there is now, for a controller that starts here."""
        return max(self._names(endpoint), default="")

    def decided(self, endpoint: str) -> tuple[list[Decided], list[str]]:
        """Count all exchanges by the table that decided and the versions that answered, in constant memory.

        Returns:
            The counts, and one sentence for each segment that is damaged, which they leave out.
        """
        return count(self._names(endpoint), lambda name: self.segment(endpoint, name, COUNTED))

    def recent(self, endpoint: str, since: datetime, *, most: int) -> tuple[list[Recent], datetime]:
        """Return who answered of late, for a glance: no row is read.

        Args:
            endpoint: whose requests.
            since: no earlier than this (aware).
            most: segments to read, the newest first; under much traffic they do not reach back to ``since``.

        Returns:
            One item a request, and the time from which on all of them are there.
        """
        low = _bound("since", since, 0)
        found = [s for s in map(segments.Segment.parse, self._names(endpoint)) if s and s.latest >= low]
        read, left = found[-most:], found[:-most]
        whole = segments.moment(max([low, *(segment.latest + 1 for segment in left)]))
        tables = [self.segment(endpoint, segment.name, Recent._fields) for segment in read]
        rows = (Recent(**row) for table in tables for row in table.to_pylist())
        return [row for row in rows if row.time >= whole], whole

    def reach(self, endpoint: str) -> tuple[datetime, datetime] | None:
        """Return the times of the first and the last request there is; None when there is none."""
        found = [segments.Segment.parse(name) for name in self._names(endpoint)]
        if not found:
            return None
        times = [time for segment in found if segment for time in (segment.earliest, segment.latest)]
        return segments.moment(min(times)), segments.moment(max(times))

    def _names(self, endpoint: str, after: str = "") -> list[str]:
        return self.storage.names(require_name(endpoint, field="endpoint"), after)

    def _table(
        self,
        endpoint: str | None,
        since: datetime | None,
        until: datetime | None,
        request_ids: Collection[str] | None,
    ) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        low, high = _bound("since", since, 0), _bound("until", until, 2**63 - 1)
        parts = []
        for name in [endpoint] if endpoint is not None else self.endpoints():
            for file in self._names(name):
                segment = segments.Segment.parse(file)
                if segment is not None and segment.earliest <= high and segment.latest >= low:
                    parts.append(self.segment(name, file))
        table = _concat(parts)
        if since is not None:
            table = table.filter(pc.field("time") >= pa.scalar(since, table.schema.field("time").type))
        if until is not None:
            table = table.filter(pc.field("time") <= pa.scalar(until, table.schema.field("time").type))
        if request_ids is not None:
            table = table.filter(pc.field("request_id").isin(pa.array(list(request_ids), pa.string())))
        return table.sort_by("time")


def rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Unfold a frame of requests into one row per input row, where rows were kept.

    Args:
        frame: from ``TrafficStore.frame`` or ``after``.

    Returns:
        The input columns, and ``__request_id``, ``__time``, ``__arm``, ``__version`` (the version that
        answered, missing when nobody could), ``__prediction`` (missing then too) and ``__error``; of a frame
        with labels ``__label``, too. Requests whose rows were not kept (``kept``) are not among them.
    """
    import numpy as np
    import pandas as pd

    frame = frame[frame["kept"].astype(bool)]
    lengths = np.array([len(batch) for batch in frame["inputs"]], dtype=int)
    unfolded = pd.DataFrame(list(chain.from_iterable(frame["inputs"])))
    for name, source in (
        ("__request_id", "request_id"),
        ("__time", "time"),
        ("__arm", "arm"),
        ("__version", "served_by"),
        ("__error", "error"),
    ):
        unfolded[name] = frame[source].repeat(lengths.tolist()).array
    answers = (
        [None] * length if outputs is None else outputs
        for outputs, length in zip(frame["outputs"], lengths, strict=True)
    )
    unfolded["__prediction"] = pd.Series(list(chain.from_iterable(answers)), index=unfolded.index)
    if "labels" in frame.columns:
        labels = list(chain.from_iterable(frame["labels"]))
        unfolded["__label"] = pd.Series(labels, index=unfolded.index, dtype=object)
    return unfolded


def _labelled(frame: pd.DataFrame, told: Labels) -> pd.DataFrame:
    import pandas as pd

    last = told.last(frame["endpoint"].unique().tolist())
    nothing: dict[int, Any] = {}
    requests = zip(frame["endpoint"], frame["request_id"], frame["inputs"], strict=True)
    labels = [
        [of.get(row) for row in range(len(batch))]
        for endpoint, request_id, batch in requests
        for of in [last.get((endpoint, request_id), nothing)]
    ]
    return frame.assign(labels=pd.Series(labels, index=frame.index, dtype=object))


def _bound(field: str, time: datetime | None, default: int) -> int:
    if time is None:
        return default
    if time.tzinfo is None:
        raise InvalidInput(
            f"{field}: {time} has no time zone.",
            remedy="Use an aware time: datetime.now(UTC), or time.astimezone().",
            field=field,
        )
    return segments.microseconds(time)


def _concat(parts: list[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(parts) if parts else segments.empty()


def _columns(table: pa.Table) -> dict[str, list[Any]]:
    """Columns as Python lists, JSON text read back."""
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    for name in segments.JSON_FIELDS:
        columns[name] = [None if text is None else orjson.loads(text) for text in columns[name]]
    return columns


def _frame(table: pa.Table) -> pd.DataFrame:
    """A frame with plain types: Int64 where a version may be missing, objects for lists."""
    import pandas as pd

    frame: pd.DataFrame = table.drop_columns(list(segments.JSON_FIELDS)).to_pandas()
    for name in segments.JSON_FIELDS:
        texts = table.column(name).to_pylist()
        values = [None if text is None else orjson.loads(text) for text in texts]
        frame[name] = pd.Series(values, dtype=object, index=frame.index)
    return frame.astype(dict.fromkeys(_NULLABLE, "Int64")).reindex(columns=table.column_names)
