"""Bytes on a socket, as a hostile caller sends them."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answered:
    """All that came back on one connection."""

    raw: bytes
    closed: bool
    """By the other side, within the time given."""
    seconds: float
    sent: int
    """Bytes that could be sent before it was closed."""

    @property
    def status(self) -> int | None:
        """Of the first answer; None when there is none."""
        return int(self.raw.split(b" ", 2)[1]) if self.raw else None

    @property
    def answers(self) -> int:
        """How many answers came."""
        return self.raw.count(b"HTTP/1.1 ")

    @property
    def content_type(self) -> str:
        """Of the first answer."""
        head = self.raw.partition(b"\r\n\r\n")[0].lower()
        return head.partition(b"content-type: ")[2].partition(b"\r\n")[0].decode()

    @property
    def body(self) -> Any:
        """JSON of the first answer."""
        return json.loads(self.raw.partition(b"\r\n\r\n")[2])


def send_raw(url: str, *pieces: bytes, wait: float = 5.0, pause: float = 0.0) -> Answered:
    """Send pieces as they are, then read until the end, or until nothing came for ``wait`` seconds.

    Args:
        url: whose host and port are called.
        pieces: of one or more requests, whole or broken.
        wait: seconds of patience.
        pause: seconds after each piece.
    """
    parts, raw, sent, closed = urlsplit(url), bytearray(), 0, False
    started = time.monotonic()
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=wait) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
                sent += len(piece)
                time.sleep(pause)
        except OSError:
            closed = True
        try:
            while piece := connection.recv(65536):
                raw += piece
            closed = True
        except TimeoutError:
            pass
        except OSError:
            closed = True
    return Answered(bytes(raw), closed, time.monotonic() - started, sent)


def post_bytes(path: str, body: bytes, *headers: str) -> bytes:
    """Return a whole POST that asks to close."""
    length = f"Content-Length: {len(body)}"
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", length, "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def get_bytes(path: str) -> bytes:
    """Return a whole GET that asks to close."""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
