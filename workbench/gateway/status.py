"""What a running gateway says of itself: its acknowledgement of a table, its port, its losses."""

from __future__ import annotations

import fcntl
import os
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from workbench.core.errors import Conflict
from workbench.core.records import Record
from workbench.gateway.breaker import State
from workbench.gateway.routing import LOCK, STATUS, folder_of, replace


class Status(Record):
    """Written to ``status.json`` whenever one of its values has changed; gone when the gateway has ended."""

    endpoint: str
    pid: int
    url: str
    """``http://127.0.0.1:8765``."""
    admin: str = ""
    """Where administration listens; empty: nowhere."""
    started: datetime
    ready: bool
    """The table is taken, the champion is loaded and has answered once, and it is not shutting down."""
    table_version: int
    """The table in force: traffic goes as it says. 0 before the first."""
    token: int = 0
    """Of the lease with which it was written: a table with an earlier one is refused."""
    champion: str = ""
    """``name/version``."""
    loaded: tuple[str, ...] = ()
    """``name/version`` of everything in memory."""
    workers: dict[str, tuple[int, ...]] = {}
    """The processes in which each of them answers."""
    breakers: dict[str, State] = {}
    """Versions that are left alone because they keep failing, with the state of their circuit breaker."""
    compiled: dict[str, str] = {}
    """Whether a compiled copy of each answers, and why, in one sentence."""
    killed: bool = False
    refused_version: int | None = None
    """The newest table, when it could not be taken: the one in force stays."""
    refused: str = ""
    """Why, in one sentence."""
    lost: int = 0
    """Exchanges that could not be kept."""
    shadows_dropped: int = 0
    """Requests the shadow was not shown, because it was busy."""


def read_status(state: Path, endpoint: str) -> Status | None:
    """Return what the endpoint's gateway says; None when none is running, or its file is damaged.

    A gateway that runs writes a damaged file anew as soon as one of its values changes.
    """
    try:
        status = Status.from_json((folder_of(state, endpoint) / STATUS).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    try:
        os.kill(status.pid, 0)  # sends nothing; fails when there is no such process
    except ProcessLookupError:
        return None
    except PermissionError:  # it runs, and belongs to somebody else
        return status
    return status


def running(state: Path) -> tuple[Status, ...]:
    """Return what every gateway of a project says that runs on this machine, by the name of its endpoint."""
    folders = sorted((state / "gateway").glob(f"*/{STATUS}"))
    found = (read_status(state, folder.parent.name) for folder in folders)
    return tuple(status for status in found if status is not None)


def write_status(state: Path, status: Status) -> None:
    """Replace ``status.json``."""
    replace(folder_of(state, status.endpoint) / STATUS, status.to_json(indent=1).encode())


def remove_status(state: Path, endpoint: str) -> None:
    """Take ``status.json`` away: nobody serves."""
    (folder_of(state, endpoint) / STATUS).unlink(missing_ok=True)


def only_gateway(state: Path, endpoint: str) -> IO[bytes]:
    """Become the endpoint's only gateway, for as long as the returned file is open.

    The lock belongs to the process: the kernel lets it go when the process ends, in whatever way.

    Raises:
        Conflict: another process serves the endpoint.
    """
    folder = folder_of(state, endpoint)
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        other = read_status(state, endpoint)
        who = f"process {other.pid} at {other.url}" if other else "another process"
        raise Conflict(
            f"{endpoint} is served by {who} already.",
            remedy="End that one first, or send requests to it.",
            field="endpoint",
        ) from error
    return file
