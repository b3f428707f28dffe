"""The lease: one controller drives an endpoint at a time, and one that was displaced can do nothing more.

Whoever drives holds a lock of the kernel on a file. It goes with the process, however that ends: whoever
comes next goes on at once, and nothing is written down. Only from a holder that lives and shows no sign of
life (it was stopped, it hangs) is the lease taken, by an entry of the stream ``lease/<endpoint>``. The
number of entries there is the **token**. A release is appended to only while that number is unmoved, and a
routing table refuses a lesser one: who was displaced and wakes up neither appends nor routes.

Signs of life are compared by the clock of this machine. A clock that jumps may displace a healthy holder,
which is a nuisance and no danger.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Self

from pydantic import ValidationError

from workbench.core.errors import Conflict
from workbench.core.records import Record
from workbench.core.settings import Settings
from workbench.journal import Event, Journal
from workbench.models.references import require_name
from workbench.releases.permission import Unmoved

LEASE_TAKEN = "lease.taken"

#: Seconds between two tries to get a lease that somebody else holds.
_POLL = 0.02


class Holder(Record):
    """Who drives an endpoint."""

    by: str
    host: str
    pid: int
    since: datetime

    def __str__(self) -> str:
        return f"{self.by}, process {self.pid} on {self.host}, since {self.since:%Y-%m-%d %H:%M:%S} UTC"


class Lease:
    """The right to drive one endpoint, for as long as its file is locked and its token is the newest."""

    def __init__(self, journal: Journal, endpoint: str, token: int, file: IO[str], holder: Holder) -> None:
        self._journal = journal
        self._file = file
        self.endpoint = endpoint
        self.token = token
        file.seek(0)
        file.truncate()
        file.write(holder.to_json())
        file.flush()

    @property
    def unmoved(self) -> Unmoved:
        """What an append under this lease rests on."""
        return ((_stream(self.endpoint), self.token),)

    def renew(self) -> None:
        """Show a sign of life."""
        os.utime(self._file.fileno())

    def require(self) -> None:
        """Make sure that nobody has taken the lease.

        Raises:
            Conflict: somebody has.
        """
        taken = self._journal.read(_stream(self.endpoint), after=self.token - 1)
        if taken:
            raise Conflict(
                f"{taken[-1].actor} has taken over {self.endpoint} at {taken[-1].time:%H:%M:%S} UTC: "
                f"this controller had shown no sign of life.",
                remedy="It goes on as soon as the other one ends.",
                field="lease",
            )

    def close(self) -> None:
        """Let the next one drive."""
        self._file.close()


class Leases:
    """The leases of a project.

    Args:
        journal: where taking one over is written.
        folder: of the files, one a holder, under ``<folder>/<endpoint>``.
        by: who drives.
        seconds: without a sign of life, after which a holder is displaced.
    """

    def __init__(self, journal: Journal, folder: Path, *, by: str, seconds: float) -> None:
        self._journal = journal
        self._folder = folder
        self._by = by
        self._seconds = seconds
        self._held: dict[str, Lease] = {}

    @classmethod
    def of(cls, settings: Settings, journal: Journal) -> Self:
        """Return the leases of a project."""
        return cls(journal, folder_of(settings.state), by=settings.actor, seconds=settings.lease_seconds)

    @contextmanager
    def hold(self, endpoint: str, *, patience: float) -> Iterator[Lease]:
        """Drive an endpoint while the block runs. Within a block that does, another one changes nothing.

        Args:
            endpoint: which.
            patience: seconds to wait while somebody else drives.

        Raises:
            Conflict: somebody else goes on driving.
        """
        held = self._held.get(endpoint)
        if held is not None:
            held.renew()
            yield held
            return
        lease = self._held[endpoint] = self._wait(require_name(endpoint, field="endpoint"), patience)
        try:
            yield lease
        finally:
            del self._held[endpoint]
            lease.close()

    def _wait(self, endpoint: str, patience: float) -> Lease:
        until = time.monotonic() + patience
        while True:
            with suppress(Conflict):
                return self._try(endpoint)
            if time.monotonic() >= until:
                return self._try(endpoint)
            time.sleep(_POLL)

    def _try(self, endpoint: str) -> Lease:
        """Get the newest lease, if its holder is gone, or else a newer one."""
        token = self._journal.length(_stream(endpoint))
        file = self._lock(endpoint, token)
        if file is None:
            return self._displace(endpoint, token)
        if self._journal.length(_stream(endpoint)) != token:  # taken from the one that has just ended
            file.close()
            raise self._busy(endpoint, token)
        return Lease(self._journal, endpoint, token, file, self._holder())

    def _displace(self, endpoint: str, token: int) -> Lease:
        """Take the lease from a holder that shows no sign of life."""
        if _silent_for(_path(self._folder, endpoint, token)) < self._seconds:
            raise self._busy(endpoint, token)
        file = self._lock(endpoint, token + 1)  # before the entry: nobody finds the new lease unheld
        if file is None:
            raise self._busy(endpoint, token)
        holder, before = self._holder(), _read(_path(self._folder, endpoint, token))
        payload = {"holder": str(holder), "from": str(before or "")}
        try:
            self._journal.append(_stream(endpoint), Event(kind=LEASE_TAKEN, payload=payload), expected=token)
        except BaseException:
            file.close()
            raise
        _path(self._folder, endpoint, token).unlink(missing_ok=True)
        return Lease(self._journal, endpoint, token + 1, file, holder)

    def _lock(self, endpoint: str, token: int) -> IO[str] | None:
        path = _path(self._folder, endpoint, token)
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file

    def _holder(self) -> Holder:
        return Holder(by=self._by, host=socket.gethostname(), pid=os.getpid(), since=datetime.now(UTC))

    def _busy(self, endpoint: str, token: int) -> Conflict:
        holder = _read(_path(self._folder, endpoint, token))
        return Conflict(
            f"{endpoint} is driven by {holder or 'somebody else'}.",
            remedy=f"Let that one go on, or end it. After {self._seconds:g} s without a sign of life it is "
            "displaced.",
            field="lease",
        )


def holder(state: Path, endpoint: str) -> Holder | None:
    """Return who drives an endpoint on this machine now; None when nobody does. Needs no database."""
    for path in (folder_of(state) / endpoint).glob("lease-*.lock"):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return _read(path)
    return None


def folder_of(state: Path) -> Path:
    """The folder of what controllers keep outside of the journal."""
    return state / "releases"


def _stream(endpoint: str) -> str:
    return f"lease/{endpoint}"


def _path(folder: Path, endpoint: str, token: int) -> Path:
    return folder / endpoint / f"lease-{token}.lock"


def _read(path: Path) -> Holder | None:
    try:
        return Holder.from_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _silent_for(path: Path) -> float:
    """Seconds since the holder's last sign of life; 0 when it has just ended."""
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
