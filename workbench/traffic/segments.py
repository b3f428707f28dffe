"""One segment: a Parquet file of exchanges that is never changed after it has its name.

Inputs and outputs are kept as JSON text, one string an exchange: models differ in their columns, and JSON
keeps integers, booleans and text apart without a schema for each. Page checksums are written, and verified
when read; they do not cover the names of columns, which are held against ours. Where segments lie is the
business of ``storage``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from workbench.core.errors import Tampered
from workbench.traffic.records import Exchange

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIX = ".parquet"

#: Fields kept as JSON text.
JSON_FIELDS = ("inputs", "outputs", "shadow_outputs", "unusual", "redacted")

#: Fields that later versions added: segments from before lack them. Every version wrote the others.
ADDED = frozenset({"coin", "unit", "arm_name", "unusual", "kept", "redacted"})

_NAME = re.compile(r"(\d{16})-(\d{16})-(\d{16})-(\d+)\.parquet")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Segment(NamedTuple):
    """What a file's name tells. Times are microseconds since 1970; names sort by when they were closed."""

    closed: int
    earliest: int
    """Time of the first request in it."""
    latest: int
    """Time of the last request in it."""
    pid: int
    """Process that wrote it."""

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.closed:016d}-{self.earliest:016d}-{self.latest:016d}-{self.pid}{SUFFIX}"

    @classmethod
    def parse(cls, name: str) -> Segment | None:
        """Read a name; None when it is not one of ours."""
        match = _NAME.fullmatch(name)
        return cls(*map(int, match.groups())) if match else None


def microseconds(time: datetime) -> int:
    """Whole microseconds since 1970 of an aware time, exact."""
    return (time - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    """The time so many microseconds after 1970."""
    return _EPOCH + microseconds * _MICROSECOND


def names(there: Iterable[str], after: str = "") -> list[str]:
    """Those of some names that are segments' and sort after ``after``, oldest first."""
    return sorted(name for name in there if name > after and _NAME.fullmatch(name))


def made(exchanges: Sequence[Exchange], *, closed: int) -> tuple[str, bytes]:
    """Return the name and the bytes of a segment with these exchanges, closed at ``closed``."""
    times = [microseconds(exchange.time) for exchange in exchanges]
    name = Segment(closed, min(times), max(times), os.getpid()).name
    return name, encoded(_table(exchanges))


def encoded(table: pa.Table) -> bytes:
    """The bytes of a segment that holds these exchanges."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = pa.BufferOutputStream()
    pq.write_table(table, body, compression="zstd", write_page_checksum=True)
    return bytes(body.getvalue())


def decoded(body: bytes, name: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a segment's bytes, or some of its columns.

    Args:
        body: of the file.
        name: of the file, for the error.
        columns: fields of ``Exchange``; None for all.

    Raises:
        Tampered: a page's checksum is wrong, a column is not one of ours or one of ours is not there, or it
            is no Parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(body), page_checksum_verification=True)
        _check_columns(file.schema_arrow.names)
        return _grown(file.read(columns=columns), _asked(columns))
    except Exception as error:  # where its bytes are wrong, Arrow may fall over anything
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise Tampered(
            f"The traffic segment {name} cannot be read: {said}.",
            remedy="Restore it from a backup, or move it away from the others.",
            field="traffic",
        ) from error


def empty(columns: Sequence[str] | None = None) -> pa.Table:
    """What a segment without exchanges holds."""
    return _asked(columns).empty_table()


def _asked(columns: Sequence[str] | None) -> pa.Schema:
    import pyarrow as pa

    whole = schema()
    return whole if columns is None else pa.schema([whole.field(column) for column in columns])


def _check_columns(names: Sequence[str]) -> None:
    """No checksum covers the names: a changed one must not read as a column that was never written."""
    ours = set(Exchange.model_fields)
    if strange := sorted(set(names) - ours):
        raise ValueError(f"it has a column {strange[0]!r}, which this version does not know")
    if missing := sorted(ours - ADDED - set(names)):
        raise ValueError(f"it has no column {missing[0]!r}")


def _grown(table: pa.Table, asked: pa.Schema) -> pa.Table:
    """A segment from before a field was added, with the value the field has where nothing is known."""
    import pyarrow as pa

    for field in asked:
        if field.name not in table.column_names:
            default = _cell(field.name, Exchange.model_fields[field.name].default)
            table = table.append_column(field, pa.array([default] * table.num_rows, field.type))
    return table.select(asked.names).cast(asked)


@cache
def schema() -> pa.Schema:
    """The columns of a segment: the fields of ``Exchange``, in order."""
    import pyarrow as pa

    text, whole, number = pa.string(), pa.int64(), pa.float64()
    types: dict[str, Any] = {
        "time": pa.timestamp("us", tz="UTC"),
        "table_version": whole,
        "share": number,
        "coin": number,
        "version": whole,
        "served_by": whole,
        "status": whole,
        "latency_ms": number,
        "shadow_version": whole,
        "shadow_latency_ms": number,
        "kept": pa.bool_(),
    }
    return pa.schema([(name, types.get(name, text)) for name in Exchange.model_fields])


def _table(exchanges: Sequence[Exchange]) -> pa.Table:
    import pyarrow as pa

    columns = {
        name: [_cell(name, getattr(exchange, name)) for exchange in exchanges]
        for name in Exchange.model_fields
    }
    return pa.table(columns, schema=schema())


def _cell(name: str, value: Any) -> Any:
    if name not in JSON_FIELDS or value is None:
        return value
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY).decode()
