"""The routing table: who answers for an endpoint. A file that is replaced whole, and a file that says stop.

The controller writes ``routes.json``; the gateway reads it. Neither needs the other, a database or a network
to go on: when the controller dies, traffic stays where it was, and ``KILL`` works whatever else is down.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, ValidationError, model_validator

from workbench.core.errors import Conflict, InvalidInput, Unavailable
from workbench.core.records import Record
from workbench.models.records import ModelVersion
from workbench.models.references import require_name

#: Seconds to wait for another writer, who needs milliseconds.
_WRITERS_PATIENCE = 5.0

ROUTES, KILL, STATUS, LOCK = "routes.json", "KILL", "status.json", "gateway.lock"


class Route(Record):
    """One version and where its files are: all that serving it needs, so that no database is asked."""

    model: ModelVersion
    path: str
    """The artifact folder, relative to the project folder."""

    @property
    def version(self) -> int:
        """The model's version number."""
        return self.model.version

    @property
    def digest(self) -> str:
        """What the loaded bytes must hash to."""
        return self.model.digest


class RoutingTable(Record):
    """Who answers, who is tried, who only listens, and who waits loaded."""

    endpoint: str
    version: int = Field(ge=1)
    """Grows with every change; an older table never replaces a newer one."""
    champion: Route | None = None
    candidate: Route | None = None
    share: float = Field(default=0.0, ge=0.0, le=1.0)
    """Probability with which a request goes to the candidate."""
    shadow: Route | None = None
    """Gets a copy of what the champion answered; its answers go nowhere but into the captured exchange."""
    standby: Route | None = None
    """Kept loaded, so that going back to it takes no loading."""
    token: int = Field(default=0, ge=0)
    """Of the controller's lease when it wrote this: an earlier one never replaces a later one."""
    sticky: str = ""
    """Column that names the entity: all its requests go to the same arm. Empty: a coin for every request."""
    salt: str = ""
    """Mixed into the coin of an entity, so that two releases split it independently."""
    arms: tuple[str, str] | None = None
    """What champion and candidate are called in an A/B test."""
    killed: bool = False
    """True: no model answers, as with the ``KILL`` file."""
    fallback: bool | int | float | str | None = None
    """What is answered for every row when killed, or when no version can; None: 503."""

    @property
    def routes(self) -> tuple[Route, ...]:
        """Every version that must be loaded."""
        return tuple(r for r in (self.champion, self.candidate, self.shadow, self.standby) if r is not None)

    @property
    def reads(self) -> frozenset[str]:
        """Columns that a request may carry."""
        asked = (self.champion, self.candidate, self.shadow)
        return frozenset(
            column.name for route in asked if route is not None for column in route.model.columns
        )

    @model_validator(mode="after")
    def _coherent(self) -> RoutingTable:
        if self.champion is None and self.routes:
            raise ValueError("without a champion nobody else can be routed to")
        if self.candidate is None and self.share > 0:
            raise ValueError("a share needs a candidate")
        if self.arms is not None and (not all(self.arms) or self.arms[0] == self.arms[1]):
            raise ValueError("the arms of a test need two names")
        digests = {route.version: route.digest for route in self.routes}
        if any(digests[route.version] != route.digest for route in self.routes):
            raise ValueError("one version cannot have two digests")
        return self


def folder_of(state: Path, endpoint: str) -> Path:
    """The endpoint's folder under ``state`` (``.workbench``).

    Raises:
        InvalidInput: the name could mean something in a path.
    """
    return state / "gateway" / require_name(endpoint, field="endpoint")


def read_table(state: Path, endpoint: str) -> RoutingTable | None:
    """Return the present table, None when none was written.

    Raises:
        InvalidInput: the file is not a routing table.
    """
    path = folder_of(state, endpoint) / ROUTES
    try:
        body = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return RoutingTable.from_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInput(
            f"{ROUTES} of {endpoint} is not a routing table: {first['msg']}.",
            remedy=f"Move it out of {path.parent.name}/, restart the gateway, then release or roll back.",
            field=".".join(map(str, first["loc"])),
        ) from error


def routed(state: Path) -> list[str]:
    """Return the endpoints that something was released to, sorted: those with a table, whatever it says."""
    return sorted(path.parent.name for path in (state / "gateway").glob(f"*/{ROUTES}"))


def write_table(state: Path, table: RoutingTable) -> None:
    """Replace the table. It is on disk when this returns; a gateway takes it within a tenth of a second.

    Raises:
        Conflict: a table of this version or a later one is there, or one written with a later lease.
    """
    folder = folder_of(state, table.endpoint)
    folder.mkdir(parents=True, exist_ok=True)
    with _one_writer(folder):
        before = read_table(state, table.endpoint)
        _require_lease(before, table.token)
        if before is not None and before.version >= table.version:
            raise Conflict(
                f"The routing table of {table.endpoint} is at version {before.version} already; "
                f"{table.version} is not later.",
                remedy="Read it again and decide anew.",
                field="version",
            )
        replace(folder / ROUTES, table.to_json(indent=1).encode(), durable=True)


def fence(state: Path, endpoint: str, token: int) -> None:
    """Let nobody with an earlier lease write the table any more. What it says, and its version, stay.

    Raises:
        Conflict: it was written with a later lease.
    """
    folder = folder_of(state, endpoint)
    folder.mkdir(parents=True, exist_ok=True)
    with _one_writer(folder):
        before = read_table(state, endpoint)
        _require_lease(before, token)
        if before is not None and before.token < token:
            now = before.model_copy(update={"token": token})
            replace(folder / ROUTES, now.to_json(indent=1).encode(), durable=True)


def _require_lease(before: RoutingTable | None, token: int) -> None:
    """Refuse whoever holds an earlier lease than the table was written with."""
    if before is not None and before.token > token:
        raise Conflict(
            f"The routing table of {before.endpoint} was written with lease {before.token}; "
            f"{token} is an earlier one.",
            remedy="Another controller has taken over. This one must stop.",
            field="token",
        )


def kill(state: Path, endpoint: str, reason: str = "") -> None:
    """Stop every model answer of the endpoint. Needs nothing but this file system."""
    folder = folder_of(state, endpoint)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / KILL, reason.encode(), durable=True)


def revive(state: Path, endpoint: str) -> None:
    """Let the endpoint answer again as its table says."""
    (folder_of(state, endpoint) / KILL).unlink(missing_ok=True)


def is_killed(state: Path, endpoint: str) -> bool:
    """Whether the ``KILL`` file is there."""
    return (folder_of(state, endpoint) / KILL).exists()


def replace(path: Path, body: bytes, *, durable: bool = False) -> None:
    """Put ``body`` in place of ``path`` at once: a reader meets the old file or the new one.

    Args:
        path: the file.
        body: its new content.
        durable: wait until it would survive a power cut.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        if durable:
            os.fsync(file.fileno())
    part.replace(path)
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder would survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _one_writer(folder: Path) -> Iterator[None]:
    """Hold the writers' lock, so that between comparing and replacing nobody else replaces.

    Raises:
        Unavailable: a writer was stopped while it held the lock, and still is.
    """
    until = time.monotonic() + _WRITERS_PATIENCE
    with (folder / ".routes.lock").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise Unavailable(
                        f"A stopped process holds the routing table of {folder.name}.",
                        remedy=f"End it (fuser {folder / '.routes.lock'} names it). "
                        f"workbench kill {folder.name} works meanwhile.",
                        field="endpoint",
                    ) from error
                time.sleep(0.005)
        yield
