"""Whether a reader of pickles would run something before it stumbles over a file. Nothing of it is read so.

Protocols 0 and 1 have no magic number: their opcodes are text. What counts is whether a reader would get as
far as running something, because it runs what comes before the stumbling. Where readers differ in what they
take, the opcode counts as taken: one reads ``I0x10`` as a number, another does not.
"""

from __future__ import annotations

import pickletools
import re
from typing import IO

#: Opcodes followed: no text of people's gets anywhere near, so that what goes on longer counts as a program.
_MOST_OPCODES = 100_000

_LINE = 1 << 16

_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}

#: Opcodes that fetch something by name, and those that then run it or hand it out.
_FETCHES = frozenset({"GLOBAL", "INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
_RUNS = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "STOP"})

#: Bytes of the length that stands before an argument, and whether it may be negative, which stops a reader.
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: (1, False),
    pickletools.TAKEN_FROM_ARGUMENT4: (4, True),
    pickletools.TAKEN_FROM_ARGUMENT4U: (4, False),
    pickletools.TAKEN_FROM_ARGUMENT8U: (8, False),
}

_WHOLE = re.compile(rb"\s*[-+]?[0-9][0-9A-Za-z_]*\s*")
_LINES = {
    "decimalnl_short": _WHOLE,
    "decimalnl_long": _WHOLE,
    "floatnl": re.compile(rb"\s*[-+]?([0-9.][0-9.eE+_-]*|inf|infinity|nan)\s*", re.IGNORECASE),
    "stringnl": re.compile(rb"(['\"]).*\1\n", re.DOTALL),
}


class _Stumbles(Exception):
    """A reader would stop here and raise."""


def is_pickle(source: IO[bytes], size: int) -> bool:
    """Return whether what begins here is a pickle of any protocol.

    Args:
        source: at its beginning; it can seek.
        size: its bytes.
    """
    head = source.read(2)
    if head[:1] == b"\x80" and len(head) > 1 and head[1] <= 5:
        return True
    source.seek(0)
    try:
        return _would_run(_Opcodes(source, size))
    except _Stumbles:
        return False


def _would_run(opcodes: _Opcodes) -> bool:
    """Follow the opcodes as a reader would, until one of them needs what is not on the stack."""
    stack: list[bool] = []  # True where a mark lies
    fetched = False
    for _ in range(_MOST_OPCODES):
        opcode = opcodes.take()
        fetched = fetched or opcode.name in _FETCHES
        if fetched and opcode.name in _RUNS:
            return True
        if opcode.name == "STOP":
            return False
        needs = [thing.name for thing in opcode.stack_before]
        if "mark" in needs:
            if True not in stack:
                return False
            while not stack.pop():
                pass
            needs = needs[: needs.index("mark")]
        if len(stack) < len(needs):
            return False
        del stack[len(stack) - len(needs) :]
        stack += [thing.name == "mark" for thing in opcode.stack_after]
    return True


class _Opcodes:
    """The opcodes of a file, whose arguments are stepped over in constant memory."""

    def __init__(self, source: IO[bytes], size: int) -> None:
        self._source = source
        self._left = size

    def take(self) -> pickletools.OpcodeInfo:
        """Return the next opcode and step over its argument."""
        opcode = _OPCODES.get(self._read(1).decode("latin-1"))
        if opcode is None:
            raise _Stumbles
        argument = opcode.arg
        if argument is None:
            return opcode
        if argument.n == pickletools.UP_TO_NEWLINE:
            self._lines(argument.name)
        elif argument.n in _LENGTHS:
            width, signed = _LENGTHS[argument.n]
            self._skip(int.from_bytes(self._read(width), "little", signed=signed))
        else:
            self._skip(argument.n)
        return opcode

    def _lines(self, kind: str) -> None:
        line = self._line()
        if kind == "stringnl_noescape_pair":
            self._line()
        taken = _LINES.get(kind)
        if taken is not None and len(line) < _LINE and not taken.fullmatch(line):
            raise _Stumbles

    def _line(self) -> bytes:
        """Step over a line and return its beginning."""
        start = part = self._source.readline(_LINE)
        self._left -= len(part)
        while part and not part.endswith(b"\n"):
            part = self._source.readline(_LINE)
            self._left -= len(part)
        if not part:
            raise _Stumbles
        return start

    def _read(self, count: int) -> bytes:
        if count > self._left:
            raise _Stumbles
        self._left -= count
        return self._source.read(count)

    def _skip(self, count: int) -> None:
        if not 0 <= count <= self._left:
            raise _Stumbles
        self._left -= count
        self._source.seek(count, 1)
