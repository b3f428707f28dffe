"""Where copies are kept: ``compiled/<digest of the model>``, by their own digest, a record beside them.

The record is written last and in one step: whoever reads it finds the file it names, whole.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from workbench.core import digests
from workbench.core.errors import Tampered
from workbench.models.compiled.records import Compiled

_RECORD = "record.json"

#: A longer file is no copy of ours.
MOST_BYTES = 2 << 30


def keep(record: Compiled, content: bytes, state: Path) -> None:
    """Write a copy and its record, and take earlier copies of the same model away."""
    folder = _folder(record.digest, state)
    folder.mkdir(parents=True, exist_ok=True)
    if record.kind:
        _write(folder / _name(record), content)
    _write(folder / _RECORD, record.to_json(indent=2).encode())
    for other in folder.glob("*.bin"):
        if other.name != _name(record):
            other.unlink(missing_ok=True)


def record_of(digest: str, state: Path) -> Compiled | None:
    """Return what is recorded for a model's bytes; None where nothing is, or it cannot be read.

    Args:
        digest: of the model's files.
        state: the project's state folder.
    """
    place = _folder(digest, state) / _RECORD
    try:
        return Compiled.from_json(place.read_bytes())
    except (OSError, ValueError):
        return None


def content_of(record: Compiled, state: Path) -> bytes:
    """Return the bytes of a copy: what was hashed is what will run.

    Raises:
        Tampered: they are not those that were compared, or are gone.
    """
    place = _folder(record.digest, state) / _name(record)
    content = b""
    if place.is_file() and place.stat().st_size <= MOST_BYTES:
        content = place.read_bytes()
    if digests.of_bytes(content) != record.file_digest:
        raise Tampered(
            "The compiled file is not the one that was compared.",
            remedy=f"Compile it again: workbench compile {record.model}",
            field="model",
        )
    return content


def _folder(digest: str, state: Path) -> Path:
    return state / "compiled" / digest.removeprefix("sha256:")


def _name(record: Compiled) -> str:
    return f"{record.file_digest.removeprefix('sha256:')}.bin"


def _write(place: Path, content: bytes) -> None:
    handle, partial = tempfile.mkstemp(dir=place.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(place)
    finally:
        Path(partial).unlink(missing_ok=True)
