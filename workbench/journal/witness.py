"""The witness: size and root of the journal in a small file beside it.

SQLite drops a damaged write-ahead log without a word, and a backup put back is a perfectly good file: in both
cases committed entries are gone and all that is left agrees with itself. The witness remembers that there
were more. It lags when a process dies between commit and note, which is harmless; it is never ahead, because
it is written after the commit. It guards against accidents: whoever can write both files can forge both.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_DIGITS = 12


class Witness(NamedTuple):
    """What was seen last."""

    size: int
    root: str


def path_of(journal: Path) -> Path:
    """Return where the witness of this journal lies."""
    return journal.with_suffix(".witness")


def read(journal: Path) -> Witness | None:
    """Return what was seen last, or None when nothing was.

    Raises:
        ValueError: the file is there and is no witness.
    """
    path = path_of(journal)
    if not path.is_file():
        return None
    size, _, root = path.read_text(encoding="ascii").rstrip("\n").partition(" ")
    if len(root) != 64 or not size.isdecimal():
        raise ValueError(f"{path.name} is not a size and a root")
    return Witness(int(size), root)


def write(journal: Path, seen: Witness) -> None:
    """Write in place, in one call and always the same length: a reader sees the old line or the new one."""
    line = f"{seen.size:0{_DIGITS}d} {seen.root}\n".encode("ascii")
    file = os.open(path_of(journal), os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(file, line)
    finally:
        os.close(file)
