"""Processes that are killed, for tests of what they leave: forked children, death at the nth statement."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

Work = Callable[[int], None]
"""What a child does; it is given the file that it writes its words to."""


def child(work: Work) -> tuple[int, int]:
    """Start a child and return its process id and the file that its words are read from."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            work(writer)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is told and the child ends
            os.write(2, f"{error!r}\n".encode())
        finally:
            os._exit(3)
    os.close(writer)
    return pid, reader


def words(reader: int) -> list[bytes]:
    """Return what a child has written, all of it, and close the file."""
    text = b""
    while chunk := os.read(reader, 65536):
        text += chunk
    os.close(reader)
    return text.split()


def die_at(nth: int, connection: type, *, after: bool) -> None:
    """Kill this process at the nth statement of a journal, its notes beside the database counted as such.

    Args:
        nth: counted from here on, from 1.
        connection: the class of the journal's connection.
        after: die as soon as the statement was run, instead of before it is sent.
    """
    from workbench.journal import handing, witness

    count = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def point(*given: Any) -> Any:
            nonlocal count
            count += 1
            if count == nth and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*given)
            if count == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return point

    for place, name in ((connection, "execute"), (witness, "write"), (handing, "hand_out")):
        setattr(place, name, counted(getattr(place, name)))
