"""The writer of the gateway's own record: putting never waits, a full disk is waited out in a thread."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from workbench.core.digests import of_bytes
from workbench.gateway.record import RECORD, Line, number, parts, whole_lines
from workbench.gateway.routing import sync_folder

#: Bytes after which a file of the record is full. All of them are kept.
FULL = 1 << 20
#: Lines that may wait while the disk refuses them; one more is lost, and counted.
WAITING = 1000
#: Seconds until a line that was refused is tried again.
AGAIN = 1.0

log = logging.getLogger(__name__)


class Recorder:
    """Writes lines under ``folder``, from a thread of its own; each is on the disk before the next begins.

    The one process that holds the endpoint's lock has one; it goes on where the process before it ended.

    Args:
        folder: of the endpoint.
        captured: returns the exchanges that this process has written; each line tells it.
    """

    def __init__(self, folder: Path, *, captured: Callable[[], int] = int) -> None:
        self._folder = folder
        self._captured = captured
        self._counted = 0
        """Exchanges that the last line told of."""
        self._path = folder / RECORD
        self._waiting: SimpleQueue[Line | None] = SimpleQueue()
        self._lost = 0
        self._told = 0
        """Of the lost lines, how many the record tells of."""
        self._previous: str | None = None
        """Digest of the last line; None before the first one of this process."""
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="record", daemon=True)
        self._thread.start()

    def put(self, line: Line) -> None:
        """Hand over a line. Returns at once, whatever the disk does. A count that has not changed is none."""
        counted = self._captured()
        if line.what == "counted" and counted == self._counted:
            return
        line, self._counted = line.model_copy(update={"captured": counted}), counted
        if self._waiting.qsize() >= WAITING:
            self._lost += 1
        else:
            self._waiting.put(line)

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits and end the thread. What the disk still refuses is lost."""
        self._closing.set()
        self._waiting.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        while (line := self._waiting.get()) is not None:
            fault = ""
            while True:
                try:
                    self._write(line)
                    break
                except Exception as error:
                    # Serving goes on whatever happens to its record, and the record when the disk has room.
                    if repr(error) != fault:
                        fault = repr(error)
                        log.exception("A change of what is in force could not be recorded yet")
                if self._closing.wait(AGAIN):
                    break

    def _write(self, line: Line) -> None:
        lost = self._lost
        if self._previous is None:
            self._previous = _last(self._folder)
        body = line.model_copy(update={"lost": lost - self._told, "previous": self._previous}).encoded()
        self._turn_over()
        _append(self._path, body + b"\n")
        self._previous, self._told = of_bytes(body), lost

    def _turn_over(self) -> None:
        """Put a full file aside."""
        if self._path.exists() and self._path.stat().st_size >= FULL:
            newest = max(map(number, parts(self._folder)))
            self._path.rename(self._folder / f"record-{newest + 1:06d}.jsonl")
            sync_folder(self._folder)


def _last(folder: Path) -> str:
    """Digest of the last whole line there is; empty when there is none."""
    for place in reversed(parts(folder)):
        if lines := whole_lines(place.read_bytes()):
            return of_bytes(lines[-1])
    return ""


def _append(path: Path, body: bytes) -> None:
    """Add a line; when this returns it is on the disk, and when it raises there is nothing of it.

    Opened anew each time: a file that was moved away meanwhile must not swallow what follows.
    """
    new = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = _mended(handle)
        try:
            if os.write(handle, body) < len(body):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - as a full disk says it
            os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if new:
        sync_folder(path.parent)


def _mended(handle: int) -> int:
    """Cut off a last line without its end, which a process left that died while it wrote; return the size."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        size = os.pread(handle, size, 0).rfind(b"\n") + 1
        os.ftruncate(handle, size)
    return size
