"""Copies of artifacts, hashed while they are written: what was hashed is what will be read."""

from __future__ import annotations

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from itertools import islice
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


def copy_tree(folder: Path, to: Path, *, but: str = "", strict: bool = False) -> dict[str, str]:
    """Copy the files of a folder into ``to``, which does not exist yet.

    Args:
        folder: from where.
        to: to where; owned by the caller alone.
        but: the name of one file at the top that is left out.
        strict: the folder comes from elsewhere: a file with a second name (a hard link) is refused as well.
            It could be any file of whoever copies, and the copy is kept where others read it.

    Returns:
        The digest of every file, by its path below the folder with ``/``.

    Raises:
        NotPlain: a link, a pipe or a device, a name that cannot be shown, or more than an artifact may hold.
    """
    paths = [path for path in islice(_walk(folder), MOST_FILES + 2) if path != but]
    if len(paths) > MOST_FILES:
        raise NotPlain(f"more than {MOST_FILES} files")
    _require_apart(paths)
    to.mkdir(parents=True)
    digests: dict[str, str] = {}
    left = MOST_BYTES
    for path in paths:
        place = to / path
        place.parent.mkdir(parents=True, exist_ok=True)
        digests[path], size = copy_file(folder / path, place, most=left, strict=strict)
        left -= size
    return digests


def copy_file(file: Path, to: Path, *, most: int = MOST_BYTES, strict: bool = False) -> tuple[str, int]:
    """Copy one plain file and return digest and size of the bytes written.

    The file is opened once, without following a link, so that it cannot become another one in between.

    Raises:
        NotPlain: it is none, greater than ``most``, or, when ``strict``, has a second name.
    """
    _require_plain(file, file.lstat())  # opening a device does something
    hashed, size = hashlib.sha256(), 0
    with os.fdopen(os.open(file, _FLAGS), "rb") as source:
        found = os.fstat(source.fileno())
        _require_plain(file, found)
        if strict and found.st_nlink > 1:
            raise NotPlain(f"{file.name!r}, which has a second name elsewhere (a hard link)")
        with to.open("xb") as target:
            while chunk := source.read(_CHUNK):
                size += len(chunk)
                if size > most:
                    raise NotPlain(f"more than {MOST_BYTES >> 30} GB")
                hashed.update(chunk)
                target.write(chunk)
    return f"sha256:{hashed.hexdigest()}", size


def _require_plain(file: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise NotPlain(f"a link, {file.name!r}")
    if not stat.S_ISREG(found.st_mode):
        raise NotPlain(f"{file.name!r}, which is no plain file")


def tree_digest(digests: dict[str, str]) -> str:
    """Return the digest of a folder from those of its files, as ``digests.of_tree`` does."""
    return of_json(digests)


def shows(name: str) -> bool:
    """Return whether a file's name is what it looks like, everywhere: no control or direction characters."""
    return name.isprintable() and "\\" not in name


def _require_apart(paths: list[str]) -> None:
    """Refuse two names that some file systems take for one."""
    seen: dict[str, str] = {}
    for path in paths:
        folded = unicodedata.normalize("NFC", path).casefold()
        if seen.setdefault(folded, path) != path:
            raise NotPlain(f"{seen[folded]!a} and {path!a}, which some systems take for one name")


def _walk(folder: Path, below: str = "") -> Iterator[str]:
    """Yield the paths of everything that is no folder, sorted."""
    if len(PurePosixPath(below).parts) > MOST_DEPTH:
        raise NotPlain(f"folders more than {MOST_DEPTH} deep")
    with os.scandir(folder / below) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        path = f"{below}/{entry.name}" if below else entry.name
        if not shows(entry.name):
            raise NotPlain(f"a file named {entry.name[:80]!a}")
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder, path)
        else:
            yield path
