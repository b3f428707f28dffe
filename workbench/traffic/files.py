"""Files of this machine that are shared by processes: written whole, and one holder at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def put(path: Path, body: bytes) -> None:
    """Write a file whole: whoever reads meets what was there before, or all of this.

    Raises:
        OSError: the disk is full, or the folder cannot be written. What was there stays.
    """
    part = part_of(path)
    try:
        with part.open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """Where a file is while it is written; it stays there when the writer is killed."""
    return path.with_name(f".{path.name}.tmp")


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Be the only one who holds this file. The kernel lets it go when a process ends, in whatever way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
