"""Messages between a worker and who started it: JSON and bytes of a known shape, and never a pickle.

Rows go out as an Arrow table. Answers come back as plain numbers: a reader of Arrow allocates what the writer
says it needs, and here the writer is a stranger.
"""

from __future__ import annotations

import json
import math
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

_HEAD = struct.Struct(">IQ")

MOST_JSON = 16 << 20
MOST_CONTENT = 4 << 30

#: Answers to one row: more classes than anybody tells apart.
MOST_ANSWERS = 1000

_KINDS = {"b": "|b1", "i": "<i8", "u": "<i8", "f": "<f8"}


def send(to: BinaryIO, message: dict[str, Any], content: bytes = b"") -> None:
    """Write one message."""
    text = json.dumps(message).encode()
    to.write(_HEAD.pack(len(text), len(content)) + text + content)
    to.flush()


def receive(source: BinaryIO, *, most: int = MOST_CONTENT) -> tuple[dict[str, Any], bytes]:
    """Read one message, whoever wrote it.

    Raises:
        EOFError: the other side has gone.
        ValueError: it is none, or too great.
    """
    lengths = _HEAD.unpack(_exactly(source, _HEAD.size))
    if lengths[0] > MOST_JSON or lengths[1] > most:
        raise ValueError("a message that is too great")
    try:
        message = json.loads(_exactly(source, lengths[0]))
    except RecursionError as error:
        raise ValueError("a message that is too deep") from error
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")  # noqa: TRY004 - one kind of error for all
    return message, _exactly(source, lengths[1])


def table_to_bytes(table: pa.Table) -> bytes:
    """Return a table as an Arrow stream."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def table_of(content: bytes) -> pa.Table:
    """Read what ``table_to_bytes`` wrote: for the worker, which is sent nothing by strangers."""
    import pyarrow as pa

    return pa.ipc.open_stream(content).read_all()


def answers_to_bytes(answers: np.ndarray) -> tuple[dict[str, Any], bytes]:
    """Return answers of shape (n,) or (n, k) as a message and its bytes.

    Raises:
        ValueError: another shape, or a value that is no number, text or truth value.
    """
    import numpy as np

    if answers.ndim not in {1, 2}:
        raise ValueError("answers with more than two dimensions")
    message: dict[str, Any] = {"shape": list(answers.shape)}
    kind = _KINDS.get(answers.dtype.kind)
    if kind is not None:
        return {**message, "kind": kind}, np.ascontiguousarray(answers.astype(kind)).tobytes()
    places: dict[Any, int] = {}
    codes = [places.setdefault((type(value), value), len(places)) for value in answers.ravel().tolist()]
    labels = [value for _, value in places]
    if not all(map(_plain, labels)):
        raise ValueError("answers that are neither numbers nor text")
    return {**message, "kind": "labels", "labels": labels}, np.array(codes, "<i8").tobytes()


def answers_of(message: dict[str, Any], content: bytes, n: int) -> np.ndarray:
    """Read answers for ``n`` rows, whoever wrote them.

    Raises:
        ValueError: they have another shape, or are no answers.
    """
    import numpy as np

    shape, kind, labels = message.get("shape"), message.get("kind"), message.get("labels", [])
    if not (isinstance(shape, list) and len(shape) in {1, 2} and all(type(size) is int for size in shape)):
        raise ValueError("answers of no shape")
    if shape[0] != n or not all(0 <= size <= MOST_ANSWERS for size in shape[1:]):
        raise ValueError(f"answers of shape {tuple(shape)!s:.40} for {n} rows")
    dtype = np.dtype("<i8" if kind == "labels" else kind if kind in _KINDS.values() else "V0")
    if dtype.itemsize == 0 or len(content) != math.prod(shape) * dtype.itemsize:
        raise ValueError("answers of another length than they say")
    values = np.frombuffer(content, dtype).reshape(shape).copy()  # what is read from bytes cannot be written
    if kind != "labels":
        return values
    if not (isinstance(labels, list) and all(map(_plain, labels))):
        raise ValueError("answers that are neither numbers nor text")
    if values.size and not (values.min() >= 0 and values.max() < len(labels)):
        raise ValueError("answers without a label")
    return np.asarray([labels[code] for code in values.ravel().tolist()]).reshape(shape)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _exactly(source: BinaryIO, length: int) -> bytes:
    content = source.read(length)
    if len(content) < length:
        raise EOFError("the other side has gone")
    return content
