"""Copies of artifacts, hashed while they are written: what was hashed is what will be read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from workbench.core.digests import of_json

MOST_FILES = 10_000
MOST_BYTES = 16 << 30
MOST_DEPTH = 16

_CHUNK = 1 << 20
_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)


class NotPlain(ValueError):
    """A folder holds something else than files, or too much."""


def copy_tree(folder: Path, to: Path, *, but: str = "") -> dict[str, str]:
    """Copy the files of a folder into ``to``, which does not exist yet.

    Args:
        folder: from where.
        to: to where; owned by the caller alone.
        but: the name of one file at the top that is left out.

    Returns:
        The digest of every file, by its path below the folder with ``/``.

    Raises:
        NotPlain: a link, a pipe or a device, or more than an artifact may hold.
    """
    to.mkdir(parents=True)
    digests: dict[str, str] = {}
    left = MOST_BYTES
    for path in _walk(folder):
        if path == but:
            continue
        if len(digests) == MOST_FILES:
            raise NotPlain(f"more than {MOST_FILES} files")
        place = to / path
        place.parent.mkdir(parents=True, exist_ok=True)
        digests[path], size = copy_file(folder / path, place, most=left)
        left -= size
    return digests


def copy_file(file: Path, to: Path, *, most: int = MOST_BYTES) -> tuple[str, int]:
    """Copy one plain file and return digest and size of the bytes written.

    The file is opened once, without following a link, so that it cannot become another one in between.

    Raises:
        NotPlain: it is none, or greater than ``most``.
    """
    try:
        handle = os.open(file, _FLAGS)
    except OSError as error:
        if file.is_symlink():
            raise NotPlain(f"a link, {file.name!r}") from error
        raise
    hashed, size = hashlib.sha256(), 0
    with os.fdopen(handle, "rb") as source:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise NotPlain(f"{file.name!r}, which is no plain file")
        with to.open("xb") as target:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > most:
                    raise NotPlain(f"more than {MOST_BYTES >> 30} GB")
                hashed.update(chunk)
                target.write(chunk)
    return f"sha256:{hashed.hexdigest()}", size


def tree_digest(digests: dict[str, str]) -> str:
    """Return the digest of a folder from those of its files, as ``digests.of_tree`` does."""
    return of_json(digests)


def _walk(folder: Path, below: str = "") -> Iterator[str]:
    """Yield the paths of everything that is no folder, sorted."""
    if len(PurePosixPath(below).parts) > MOST_DEPTH:
        raise NotPlain(f"folders more than {MOST_DEPTH} deep")
    with os.scandir(folder / below) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        path = f"{below}/{entry.name}" if below else entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, path)
        else:
            yield path
