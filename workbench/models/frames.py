"""Messages between a worker and who started it: JSON and an Arrow table, and never a pickle."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa

_HEAD = struct.Struct(">IQ")

MOST_JSON = 16 << 20
MOST_TABLE = 4 << 30


def send(to: BinaryIO, message: dict[str, Any], table: pa.Table | None = None) -> None:
    """Write one message."""
    text = json.dumps(message).encode()
    content = b"" if table is None else _written(table)
    to.write(_HEAD.pack(len(text), len(content)) + text + content)
    to.flush()


def receive(source: BinaryIO) -> tuple[dict[str, Any], pa.Table | None]:
    """Read one message, whoever wrote it.

    Raises:
        EOFError: the other side has gone.
        ValueError: it is none, or too great.
    """
    lengths = _HEAD.unpack(_exactly(source, _HEAD.size))
    if lengths[0] > MOST_JSON or lengths[1] > MOST_TABLE:
        raise ValueError("a message that is too great")
    message = json.loads(_exactly(source, lengths[0]))
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")  # noqa: TRY004 - one kind of error for all
    content = _exactly(source, lengths[1])
    return message, _read(content) if content else None


def _written(table: pa.Table) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read(content: bytes) -> pa.Table:
    import pyarrow as pa

    table = pa.ipc.open_stream(content).read_all()
    table.validate(full=True)  # offsets that lie would read memory that is not the message's
    return table


def _exactly(source: BinaryIO, length: int) -> bytes:
    content = source.read(length)
    if len(content) < length:
        raise EOFError("the other side has gone")
    return content
