"""Frames between the gateway and a worker: four bytes of length, then JSON.

JSON, not pickle: what a model's process sends is read by the gateway, and must not be able to run there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections import deque
from collections.abc import Iterable, Iterator
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
    return _body(channel, _exactly(channel, _LENGTH.size))


def receive_with_handle(channel: socket.socket) -> tuple[Any, list[int]]:
    """Wait for a frame and return its message and the open file that came with it, if one did."""
    head, handles, _, _ = socket.recv_fds(channel, _LENGTH.size, 1)
    head += _exactly(channel, _LENGTH.size - len(head)) if head else b""
    return _body(channel, head), list(handles)


class Sender:
    """Sends frames from the event loop without ever waiting: what finds no room goes when there is some.

    Args:
        channel: of the event loop that runs.
    """

    def __init__(self, channel: socket.socket) -> None:
        channel.settimeout(0.0)
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[memoryview, list[int]]] = deque()

    def put(self, frame: bytes, handle: int | None = None) -> None:
        """Send a frame, and an open file with its first byte; the caller may close the file.

        Raises:
            ConnectionError: the other side has gone.
            OSError: the system cannot send now. Nothing of the frame was sent.
        """
        self._waiting.append((memoryview(frame), [] if handle is None else [os.dup(handle)]))
        if len(self._waiting) > 1:
            return
        try:
            self._send()
        except OSError:
            self.close()
            raise
        if self._waiting:
            self._loop.add_writer(self._channel.fileno(), self._writable)

    def close(self) -> None:
        """Forget what waits."""
        self._loop.remove_writer(self._channel.fileno())
        while self._waiting:
            _close(self._waiting.popleft()[1])

    def _writable(self) -> None:
        with contextlib.suppress(OSError):  # it has gone: whoever reads from it is told, too
            self._send()
            if self._waiting:
                return
        self.close()

    def _send(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._waiting:
                rest, handles = self._waiting[0]
                sent = socket.send_fds(self._channel, [rest], handles)
                _close(handles)
                if sent < len(rest):
                    self._waiting[0] = rest[sent:], []
                else:
                    self._waiting.popleft()


class Reader:
    """Puts the pieces that arrive together again."""

    def __init__(self) -> None:
        self._held = bytearray()

    def each(self, data: bytes) -> Iterator[Any]:
        """Take a piece, and return every message that it completes.

        Raises:
            ValueError: it is no frame.
        """
        self._held += data
        while len(self._held) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._held)
            if length > MOST_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            end = _LENGTH.size + length
            if len(self._held) < end:
                return
            body = bytes(self._held[_LENGTH.size : end])
            del self._held[:end]
            yield orjson.loads(body)


def _body(channel: socket.socket, head: bytes) -> Any:
    body = _exactly(channel, _LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    return orjson.loads(body) if body else None


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts, missing = [], size
    while missing:
        part = channel.recv(min(missing, 1 << 20))
        if not part:
            return b""
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _close(handles: Iterable[int]) -> None:
    for handle in handles:
        os.close(handle)
