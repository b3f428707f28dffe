"""What a file of an artifact is, told by its bytes and never by its name.

Three answers are possible. **data** is a format that holds numbers and text and no code. **program** is one
whose reading runs what it holds: a pickle, Python source. Everything else is **refused**: what is not known
here, and what is packed so that nobody can look inside.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import struct
from collections.abc import Callable, Container
from pathlib import Path
from typing import IO, Any, NamedTuple

from workbench.models.pickle_opcodes import is_pickle
from workbench.models.records import ScanVerdict
from workbench.models.ubjson import flaw_of_ubjson

#: Bytes looked at to tell most formats.
_HEAD = 1 << 16

#: Greatest header of a safetensors file: far more than any model's, far less than parsing it would take.
_MOST_HEADER = 16 << 20

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "zstandard",
    b"\x04\x22\x4d\x18": "lz4",
    b"\x5d\x00\x00": "lzma",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!": "rar",
    b"\x78\x01": "zlib",
    b"\x78\x5e": "zlib",
    b"\x78\x9c": "zlib",
    b"\x78\xda": "zlib",
}

#: Bits of one number of each type that safetensors knows.
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16}
_BITS |= {"BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64}

#: Where the end of a zip archive may lie: it is 22 bytes long, and a comment may follow.
_ZIP_TAIL = (1 << 16) + 22

#: That end, with the size of the list of members that stands before it.
_ZIP_END = re.compile(rb"PK\x05\x06(?=.{8}(.{4}).{6})", re.DOTALL)

#: How XGBoost begins its JSON, in one of two orders. Other JSON is text: nothing here opens it.
_XGBOOST_JSON = re.compile(rb"\s*\{\s*\"(learner|version|Config)\"\s*:")

#: Text with one of these endings is source: the name can only make a verdict stricter.
_SOURCE = frozenset({".py", ".pyw", ".pyi", ".pth", ".ipynb", ".sh", ".bash", ".bat", ".cmd", ".ps1", ".js"})


class Found(NamedTuple):
    """What a file is."""

    format: str
    verdict: ScanVerdict = "data"
    reason: str = ""
    trusted: tuple[str, ...] = ()
    """Types it asks for that only ``trusted`` lets through."""


def identify(file: Path, trusted: Container[str] = ()) -> Found:
    """Return the format of a file and whether it is data, a program, or to be refused, with the reason.

    Args:
        file: the file.
        trusted: types that a skops file may ask for beside those on the list of this package.
    """
    with file.open("rb") as opened:
        head = opened.read(_HEAD)
    if not head:
        return Found("empty")
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return _a_zip(file, trusted)
    found = next(filter(None, (look(file, head) for look in _LOOKS)), None)
    if found is None:
        return Found("unknown", "refused", "is in a format that is not known here")
    if found.verdict == "data" and ends_as_archive(file):
        return Found(found.format, "refused", "ends as a zip archive, and begins as something else")
    return found


def packed(head: bytes) -> str:
    """Return the name of the compression that ``head`` begins with; empty when there is none."""
    return next((name for magic, name in _PACKED.items() if head.startswith(magic)), "")


def _a_pickle(file: Path, head: bytes) -> Found | None:  # noqa: ARG001 - one signature for all looks
    with file.open("rb") as opened:
        found = is_pickle(opened, file.stat().st_size)
    if found:
        return Found("pickle", "program", "is a pickle, which runs code when it is read")
    return None


def _a_packed_file(file: Path, head: bytes) -> Found | None:  # noqa: ARG001 - as above
    name = "tar" if head[257:262] == b"ustar" else packed(head)
    return Found(name, "refused", f"is packed with {name}: what is inside cannot be told") if name else None


def ends_as_archive(file: Path) -> bool:
    """Return whether a reader of zip archives, which begins at the end, would find one in this file."""
    with file.open("rb") as opened:
        start = opened.seek(max(0, file.stat().st_size - _ZIP_TAIL))
        for found in _ZIP_END.finditer(opened.read()):
            (listed,) = struct.unpack("<I", found[1])
            places = ((listed, b"PK\x01\x02"), (20, b"PK\x06\x07"))  # its list of members, or a greater one's
            for before, magic in places:
                opened.seek(max(0, start + found.start() - before))
                if opened.read(4) == magic:
                    return True
    return False


def _a_zip(file: Path, trusted: Container[str]) -> Found:
    from workbench.models.archives import look_into

    flaw, strangers = look_into(file)
    if unknown := [name for name in strangers if name not in trusted]:
        flaw = f"asks for types that are not on the reviewed list: {', '.join(unknown)[:300]}"
    return Found("zip", "refused", flaw) if flaw else Found("skops", trusted=strangers)


def _an_array(file: Path, head: bytes) -> Found | None:
    if not head.startswith(b"\x93NUMPY"):
        return None
    with file.open("rb") as opened:
        flaw = flaw_of_array(opened, file.stat().st_size)
    return Found("npy") if not flaw else Found("npy", "refused", flaw)


def flaw_of_array(opened: IO[bytes], size: int) -> str:
    """Say what is wrong with an ``.npy`` stream of some size; empty when it holds plain numbers or text."""
    from numpy.lib import format as npy

    try:
        version = npy.read_magic(opened)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read(opened)
    except Exception as error:  # noqa: BLE001 - a crafted header raises anything
        return f"has a header that is not NumPy's: {type(error).__name__}"
    if dtype.hasobject:
        return "holds Python objects, which NumPy keeps as a pickle"
    declared = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or declared != size - opened.tell():
        return "declares another size than it has"
    return ""


def _an_xgboost(file: Path, head: bytes) -> Found | None:
    """UBJSON: ``{``, a length as int64, and the first key, in one of XGBoost's two orders."""
    if head[:2] == b"{L" and len(head) > 18:
        (length,) = struct.unpack(">q", head[2:10])
        if 0 < length < 16 and head[10 : 10 + length] in {b"learner", b"version", b"Config"}:
            flaw = flaw_of_ubjson(file)
            return Found("xgboost-ubj", "refused", flaw) if flaw else Found("xgboost-ubj")
    return None


def _a_lightgbm(file: Path, head: bytes) -> Found | None:
    if head.startswith((b"tree\nversion=", b"tree\r\nversion=")) and _is_text(file):
        return Found("lightgbm-text")
    return None


def _a_safetensors(file: Path, head: bytes) -> Found | None:
    """A length, a header in JSON of that length, and the bytes of the tensors without a gap."""
    if len(head) < 10 or head[8:9] != b"{":
        return None
    (length,) = struct.unpack("<Q", head[:8])
    size = file.stat().st_size
    if not 2 <= length <= min(size - 8, _MOST_HEADER):
        return Found("safetensors", "refused", "declares a header that is not there")
    with file.open("rb") as opened:
        opened.seek(8)
        text = opened.read(length)
    try:
        flaw = _flaw_of_tensors(json.loads(text, object_pairs_hook=_once), size - 8 - length)
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        flaw = "has a header that is not safetensors'"
    return Found("safetensors", "refused", flaw) if flaw else Found("safetensors")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a mapping of JSON's pairs; a key that comes twice could be read in two ways."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key that comes twice")
    return dict(pairs)


def _flaw_of_tensors(header: dict[str, Any], size: int) -> str:
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    end = 0
    for start, stop, tensor in sorted((*tensor["data_offsets"], tensor) for tensor in tensors):
        if start != end or stop < start:
            return "has tensors that overlap, or leave a gap"
        bits = _BITS[tensor["dtype"]]
        if min(tensor["shape"], default=0) < 0 or math.prod(tensor["shape"]) * bits != (stop - start) * 8:
            return "declares a tensor of another size than it has"
        end = stop
    return "" if end == size else "has offsets beyond its end, or bytes after it"


def _a_text(file: Path, head: bytes) -> Found | None:
    if not _is_text(file):
        return None
    if file.suffix.lower() in _SOURCE or head.startswith(b"#!"):
        return Found("source", "program", "is source code")
    return Found("xgboost-json" if _XGBOOST_JSON.match(head) else "text")


def _is_text(file: Path) -> bool:
    """Return whether the file is UTF-8 without control characters, read in constant memory."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(1 << 20):
                if chunk.translate(None, _CONTROL) != chunk:
                    return False
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f")) + b"\x7f"


def _an_onnx(file: Path, head: bytes) -> Found | None:
    """A protocol buffer has no magic number; ONNX begins with its field 1, a small version, and field 2."""
    if head[:1] != b"\x08" or len(head) < 4 or not 1 <= head[1] <= 32 or head[2] not in {0x12, 0x3A, 0x42}:
        return None
    from workbench.models.onnx_files import flaw_of_onnx

    flaw = flaw_of_onnx(file)
    return Found("onnx") if not flaw else Found("onnx", "refused", flaw)


_LOOKS: tuple[Callable[[Path, bytes], Found | None], ...] = (
    _an_array,
    _a_lightgbm,
    _an_xgboost,
    _a_pickle,  # before what begins with a length: its eight bytes can be opcodes
    _a_safetensors,
    _a_text,
    _a_packed_file,
    _an_onnx,
)
