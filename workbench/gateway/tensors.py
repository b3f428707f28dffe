"""Tensors of the Open Inference Protocol: from JSON or raw little-endian bytes to plain values, and back."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from workbench.gateway.json_body import optional_object
from workbench.gateway.problems import malformed, shown, unprocessable

#: Datatype → NumPy's code; BYTES and BOOL are read by hand and as bytes.
NUMERIC = {
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}
DATATYPES = {*NUMERIC, "BOOL", "BYTES"}
_LENGTH = struct.Struct("<I")
#: Rows or columns that a shape may name. Beyond every body; and a message can hold the product of two.
_MOST = 2**31


@dataclass(frozen=True)
class Tensor:
    """One input as sent: values in row-major order."""

    name: str
    shape: tuple[int, ...]
    values: list[Any]


def read_tensors(inputs: Any, raw: memoryview) -> list[Tensor]:
    """Read the ``inputs`` of a request; binary tensors follow one another in ``raw``.

    Raises:
        Problem: 400 when shape, sizes and data do not agree; nothing of a claimed size is allocated before.
    """
    if not isinstance(inputs, list) or not inputs:
        raise malformed("'inputs' must be a list of tensors.")
    tensors = []
    for spec in inputs:
        name, shape, datatype, size = _head(spec)
        if size is None:
            values = _from_json(name, spec.get("data"), shape)
        else:
            if size > len(raw):
                raise malformed(f"Tensor {shown(name)}: binary_data_size is more than the body holds.")
            values = _from_bytes(name, raw[:size], datatype, math.prod(shape))
            raw = raw[size:]
        tensors.append(Tensor(name, shape, values))
    if len(raw):
        raise malformed(f"{len(raw)} bytes follow the last tensor.")
    return tensors


def datatype_of(values: list[Any]) -> str:
    """The datatype of answers: BOOL, INT64, FP64, or BYTES for text."""
    types = set(map(type, values))
    if types == {bool}:
        return "BOOL"
    if types == {int}:
        return "INT64"
    return "FP64" if types <= {int, float} else "BYTES"


def to_bytes(values: list[Any], datatype: str) -> bytes:
    """Answers as the binary extension sends them."""
    if datatype == "BYTES":
        texts = [str(value).encode() for value in values]
        return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
    import numpy as np

    code = "?" if datatype == "BOOL" else NUMERIC[datatype]
    return np.array(values, dtype=code).tobytes()


def _head(spec: Any) -> tuple[str, tuple[int, ...], str, int | None]:
    """Name, shape, datatype and binary size of a tensor, each checked."""
    if not isinstance(spec, dict) or not isinstance(spec.get("name"), str):
        raise malformed("Every input must be an object with a name, a shape, a datatype and data.")
    name, shape, datatype = spec["name"], spec.get("shape"), spec.get("datatype")
    if not isinstance(shape, list) or not all(type(size) is int and 0 <= size < _MOST for size in shape):
        raise malformed(f"Tensor {shown(name)}: the shape must be a list of whole numbers, 0 to 2^31.")
    if len(shape) not in (1, 2):
        raise malformed(f"Tensor {shown(name)}: the shape must be [n], [n, 1], or [n, columns].")
    if not isinstance(datatype, str) or datatype not in DATATYPES:
        raise malformed(f"Tensor {shown(name)}: unknown datatype {shown(datatype)}.")
    parameters = optional_object(spec.get("parameters"), f"Tensor {shown(name)}: 'parameters'")
    if "shared_memory_region" in parameters:
        raise unprocessable(f"Tensor {shown(name)}: shared memory is not served here.")
    size = parameters.get("binary_data_size")
    if size is not None and (type(size) is not int or size < 0 or "data" in spec):
        raise malformed(f"Tensor {shown(name)}: give data, or binary_data_size and the bytes, not both.")
    return name, tuple(shape), datatype, size


def _from_json(name: str, data: Any, shape: tuple[int, ...]) -> list[Any]:
    """Flat data, or rows of a matrix as lists."""
    if not isinstance(data, list):
        raise malformed(f"Tensor {shown(name)}: 'data' must be a list.")
    if data and len(shape) == 2 and all(isinstance(row, list) and len(row) == shape[1] for row in data):
        cells = [cell for row in data for cell in row]
    else:
        cells = list(data)
    if len(cells) != math.prod(shape):
        raise malformed(
            f"Tensor {shown(name)}: the shape {shown(list(shape))} does not fit {len(cells)} values."
        )
    return cells


def _from_bytes(name: str, raw: memoryview, datatype: str, n: int) -> list[Any]:
    """Little-endian values; a NaN stands for a missing value, because bytes have no null."""
    if datatype == "BYTES":
        texts = list(_texts(name, raw))
        if len(texts) != n:
            raise malformed(f"Tensor {shown(name)}: its bytes hold {len(texts)} texts, its shape {n}.")
        return texts
    import numpy as np

    code = np.dtype("<u1" if datatype == "BOOL" else NUMERIC[datatype])
    if len(raw) != n * code.itemsize:
        raise malformed(
            f"Tensor {shown(name)}: {len(raw)} bytes are not {n} values of {code.itemsize} bytes each."
        )
    values: list[Any] = list(np.frombuffer(raw, dtype=code).tolist())
    if datatype == "BOOL":
        if not set(values) <= {0, 1}:
            raise malformed(f"Tensor {shown(name)}: a BOOL is 0 or 1.")
        return list(map(bool, values))
    return [None if value != value else value for value in values]  # noqa: PLR0124 - NaN alone differs


def _texts(name: str, raw: memoryview) -> Iterator[str]:
    at = 0
    while at < len(raw):
        start = at + _LENGTH.size
        end = start + _LENGTH.unpack_from(raw, at)[0] if start <= len(raw) else len(raw) + 1
        if end > len(raw):
            raise malformed(f"Tensor {shown(name)}: a text is longer than what is left of its bytes.")
        try:
            yield str(raw[start:end], "utf-8")
        except UnicodeDecodeError as error:
            raise malformed(f"Tensor {shown(name)}: a text is not valid UTF-8.") from error
        at = end
