"""Late labels: what turned out to be true of a request, which is often known only days after its answer.

One file for all endpoints, ``<state>/traffic/.labels/labels.log``, to which lines are appended under a lock:
a checksum, a space, and ``[request id, row, label, time, endpoint, who told it]`` as JSON; the last two are
missing in lines of old. No line is changed by a later label: the last one of a row counts, those before it
are its history. A line without its end was never acknowledged: its writer died, and the next one takes it
away.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import orjson

from workbench.core.errors import InvalidInput, Tampered
from workbench.traffic.files import lock, part_of, put

FOLDER = ".labels"
"""No endpoint has this name: names do not begin with a dot."""


class Label(NamedTuple):
    """What was true of one row of one request."""

    request_id: str
    row: int
    """Place among the rows of the request, from 0."""
    value: Any
    time: datetime
    """When it was told."""
    endpoint: str = ""
    """Whose request it is; empty, where nobody knew: then of each endpoint that has such a request."""
    by: str = ""
    """Who told it: a person, or the name of the key or token that the gateway was shown."""

    @property
    def request(self) -> tuple[str, str]:
        """Endpoint and request id."""
        return self.endpoint, self.request_id


class Labels:
    """The labels beside the exchanges under ``folder``.

    Args:
        folder: ``<state>/traffic``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._log = self._folder / "labels.log"

    def append(self, labels: Iterable[Label]) -> None:
        """Add labels; they are on the disk when this returns. A disk that is full takes none of them.

        Raises:
            InvalidInput: text that is no Unicode.
            OSError: the disk does not take them.
        """
        body = b"".join(map(_line, labels))
        with self._locked(), self._log.open("a+b") as file:
            before = _whole(file.seek(0, os.SEEK_END), self._log)
            file.truncate(before)
            try:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self._log, before)
                raise

    def history(self) -> list[Label]:
        """Return every label, in the order they came.

        Raises:
            Tampered: a line is not as it was written.
        """
        return list(self._read())

    def last(self, endpoints: Collection[str]) -> dict[tuple[str, str], dict[int, Any]]:
        """Return the label that counts of each row, by endpoint and request id; raises as ``history``.

        Args:
            endpoints: a label that names none counts for each of these.
        """
        found: dict[tuple[str, str], dict[int, Any]] = {}
        for label in self._read():
            for endpoint in (label.endpoint,) if label.endpoint else endpoints:
                found.setdefault((endpoint, label.request_id), {})[label.row] = label.value
        return found

    def drop(self, gone: Callable[[Label], bool]) -> int:
        """Take away labels, with their history, and return how many lines that were."""
        if not self._log.is_file():
            return 0
        with self._locked():
            part_of(self._log).unlink(missing_ok=True)  # of one that was killed here
            every = self.history()
            kept = [label for label in every if not gone(label)]
            if len(kept) < len(every):
                put(self._log, b"".join(map(_line, kept)))
        return len(every) - len(kept)

    def _read(self) -> Iterator[Label]:
        try:
            lines = self._log.read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for number, line in enumerate(lines[:-1], 1):
            checksum, _, text = line.partition(b" ")
            if checksum != _checksum(text):
                raise Tampered(
                    f"Line {number} of the labels ({FOLDER}/{self._log.name}) is not as it was written.",
                    remedy="Restore the file from a backup, or take that line out.",
                    field="labels",
                )
            request_id, row, value, time, *whose = orjson.loads(text)
            yield Label(request_id, row, value, datetime.fromisoformat(time), *whose)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with lock(self._folder / "lock"):
            yield


def _line(label: Label) -> bytes:
    try:
        text = orjson.dumps([*label[:3], label.time.astimezone(UTC), label.endpoint, label.by])
    except TypeError as error:  # a lone surrogate, or a number beyond 64 bits
        raise InvalidInput(
            f"label: {str(label.value)[:60]!a} of {label.request_id[:60]!a} cannot be kept ({error}).",
            remedy="Give text, a number, or true or false.",
            field="label",
        ) from error
    return _checksum(text) + b" " + text + b"\n"


def _checksum(text: bytes) -> bytes:
    return b"%08x" % crc32(text)


def _whole(size: int, path: Path) -> int:
    """Bytes of the lines that have their end."""
    step = 4096
    with path.open("rb") as file:
        while size:
            start = max(0, size - step)
            file.seek(start)
            at = file.read(size - start).rfind(b"\n")
            if at >= 0:
                return start + at + 1
            size = start
    return 0
