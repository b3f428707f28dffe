"""Frames between the gateway and a worker: four bytes of length, then JSON.

JSON, not pickle: what a model's process sends is read by the gateway, and must not be able to run there.
"""

from __future__ import annotations

import socket
import struct
from typing import Any

import orjson

_LENGTH = struct.Struct("!I")

#: No answer is longer; a process that announces more is not one to listen to.
MOST_BYTES = 256 << 20


def encode(message: Any) -> bytes:
    """Return a message as a frame.

    Raises:
        orjson.JSONEncodeError: it holds what JSON cannot say, such as half a character.
    """
    body = orjson.dumps(message, option=orjson.OPT_SERIALIZE_NUMPY)
    return _LENGTH.pack(len(body)) + body


def receive(channel: socket.socket) -> Any:
    """Wait for a frame and return its message; None when the other side has gone."""
    head = _exactly(channel, _LENGTH.size)
    body = head and _exactly(channel, _LENGTH.unpack(head)[0])
    return orjson.loads(body) if body else None


class Reader:
    """Puts the pieces that arrive together again."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Any:
        """Take a piece; return the message it completes, None while there is more to come.

        Raises:
            ValueError: it is no frame.
        """
        self._held += data
        if len(self._held) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._held)
        if length > MOST_BYTES:
            raise ValueError(f"a frame of {length} bytes")
        if len(self._held) < _LENGTH.size + length:
            return None
        message = orjson.loads(memoryview(self._held)[_LENGTH.size : _LENGTH.size + length])
        self._held = bytearray()  # one question, one answer: nothing follows
        return message


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = channel.recv(min(missing, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
