"""XGBoost's UBJSON, followed from its first byte to its last without building anything of it."""

from __future__ import annotations

from pathlib import Path
from typing import IO

#: Far deeper than any model of XGBoost goes.
_DEEPEST = 64

#: Bytes of a value of each type, after its marker.
_WIDTHS = {b"Z": 0, b"T": 0, b"F": 0}
_NUMBERS = {b"i": 1, b"U": 1, b"C": 1, b"I": 2, b"l": 4, b"d": 4, b"L": 8, b"D": 8}
_WIDTHS |= _NUMBERS


def flaw_of_ubjson(file: Path) -> str:
    """Say what is wrong with a UBJSON file; empty when it is one object and nothing after it."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        walk = _Walk(opened, size)
        try:
            walk.value(0)
        except ValueError:
            return "is not a whole UBJSON file of XGBoost"
        return "" if walk.left == 0 else "holds bytes after its end"


class _Walk:
    """A place in a file that moves on by whole values."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source = source
        self.left = size

    def value(self, depth: int) -> None:
        """Step over one value, with its marker.

        Raises:
            ValueError: it is none, or the file ends within it.
        """
        self._value(self._read(1), depth)

    def _value(self, marker: bytes, depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError("nested too deep")
        if marker in _WIDTHS:
            self._skip(_WIDTHS[marker])
        elif marker == b"S":
            self._text()
        elif marker == b"{":
            self._object(depth)
        elif marker == b"[":
            self._array(depth)
        else:
            raise ValueError("no marker")

    def _object(self, depth: int) -> None:
        while (marker := self._read(1)) != b"}":
            self._skip(self._count(marker))  # the key
            self.value(depth + 1)

    def _array(self, depth: int) -> None:
        """An array of one type, one of a length, or one up to its end."""
        marker = self._read(1)
        if marker == b"$":
            width = _NUMBERS.get(self._read(1))
            if width is None or self._read(1) != b"#":
                raise ValueError("no array of numbers")
            self._skip(width * self._count(self._read(1)))
        elif marker == b"#":
            for _ in range(self._count(self._read(1))):
                self.value(depth + 1)
        else:
            while marker != b"]":
                self._value(marker, depth + 1)
                marker = self._read(1)

    def _text(self) -> None:
        self._skip(self._count(self._read(1)))

    def _count(self, marker: bytes) -> int:
        if marker != b"L":
            raise ValueError("no length")
        return int.from_bytes(self._read(8), "big", signed=True)

    def _read(self, count: int) -> bytes:
        self._require(count)
        return self._source.read(count)

    def _skip(self, count: int) -> None:
        self._require(count)
        self._source.seek(count, 1)

    def _require(self, count: int) -> None:
        if not 0 <= count <= self.left:
            raise ValueError("the file ends before")
        self.left -= count
