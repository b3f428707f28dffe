"""The watcher: looks at ``routes.json`` and ``KILL`` every 20 ms and moves the pointer.

Two calls of ``stat`` a look, no notification service to fail. A table whose versions are in memory takes
effect at the look that sees it, also while another table is still loading: a rollback never waits for a load.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from workbench.core.errors import WorkbenchError
from workbench.gateway.dataplane import DataPlane
from workbench.gateway.live import Live, Shelf
from workbench.gateway.record import Line, What
from workbench.gateway.recorder import Recorder
from workbench.gateway.routing import KILL, ROUTES, RoutingTable, folder_of, read_table
from workbench.gateway.status import Status, write_status

EVERY = 0.02
#: Seconds between looks at the counters of losses, which nobody waits for.
COUNTERS_EVERY = 1.0

#: Seconds between lines of the record that tell nothing but how many exchanges were written.
RECORD_EVERY = 600.0

log = logging.getLogger(__name__)


class Watcher:
    """Keeps ``plane`` at the newest table, and ``status.json`` at the truth.

    Args:
        state: ``.workbench``.
        plane: whose pointer moves.
        shelf: where versions are loaded.
        status: as the process starts.
        record: gets a line whenever what is in force changes.
        losses: returns the exchanges that could not be kept, and the requests the shadow was not shown.
    """

    def __init__(
        self,
        state: Path,
        plane: DataPlane,
        shelf: Shelf,
        status: Status,
        record: Recorder,
        *,
        losses: Callable[[], tuple[int, int]],
    ) -> None:
        self._state = state
        self._folder = folder_of(state, plane.endpoint)
        self._plane = plane
        self._shelf = shelf
        self._record = record
        self._losses = losses
        self._status = status
        self._written: Status | None = None
        self._counted = 0.0
        self._recorded = time.monotonic()
        self._seen: tuple[int, ...] | None = None
        self._loads: set[asyncio.Task[None]] = set()
        self._wanted: RoutingTable | None = None
        self._refused: tuple[int | None, str] = (None, "")
        self.settled = asyncio.Event()
        """The first table, if there is one, is in force or refused."""

    async def run(self) -> None:
        """Look for ever. What goes wrong in one look (a full disk) must not take the kill switch away."""
        fault = ""
        while True:
            try:
                self.look()
            except Exception as error:
                if repr(error) != fault:  # said once, not fifty times a second
                    fault = repr(error)
                    log.exception("The gateway could not do all of a look at its files")
            await asyncio.sleep(EVERY)

    def look(self) -> None:
        """One look: the kill switch first, the status last."""
        stopped = (self._folder / KILL).exists()
        if stopped != self._plane.stopped:
            self._plane.stopped = stopped
            self.note("killed" if stopped else "revived")
        try:
            self._look_at_table()
        except OSError as error:
            self._unreadable(error)
        self.publish()

    def _look_at_table(self) -> None:
        """Follow the file when it has changed. It counts as seen only when it was read."""
        seen = _mark(self._folder / ROUTES)
        if seen != self._seen:
            self._changed()
            self._seen = seen
        elif not self._loads:
            self.settled.set()

    def _unreadable(self, error: OSError) -> None:
        """Say so once, and read it at the next look whatever its mark is."""
        self._seen = ()
        sentence = f"{ROUTES} cannot be read: {error.strerror or error}."
        if self._refused != (None, sentence):
            self._refuse(None, sentence)
        if not self._loads:
            self.settled.set()

    def note(self, what: What, *, version: int | None = None, reason: str = "") -> None:
        """Put what is in force now into the record; the disk is another thread's business."""
        table = self._plane.live.table if self._plane.live else None
        killed = self._plane.killed
        self._record.put(Line.of(what, table, killed=killed, refused_version=version, reason=reason))

    def publish(self) -> None:
        """Write the status when something in it has changed."""
        live, now = self._plane.live, time.monotonic()
        champion = live.champion if live else None
        refused_version, refused = self._refused
        known: dict[str, object] = {
            "ready": self._plane.ready,
            "table_version": live.table.version if live else 0,
            "token": live.table.token if live else 0,
            "champion": champion.model.ref if champion else "",
            "loaded": self._shelf.refs,
            "workers": self._shelf.workers,
            "compiled": self._shelf.compiled,
            "breakers": self._plane.breakers,
            "killed": self._plane.killed,
            "refused_version": refused_version,
            "refused": refused,
        }
        if now - self._counted >= COUNTERS_EVERY:
            self._counted = now
            known["lost"], known["shadows_dropped"] = self._losses()
        if now - self._recorded >= RECORD_EVERY:
            self._recorded = now
            self.note("counted")
        self._status = self._status.model_copy(update=known)
        if self._status != self._written:
            self._written = None  # when writing fails, the next look tries again
            write_status(self._state, self._status)
            self._written = self._status

    def _changed(self) -> None:
        """The file is another one: take its table now, or when its versions are loaded.

        Raises:
            OSError: it cannot be read now.
        """
        try:
            table = read_table(self._state, self._plane.endpoint)
        except WorkbenchError as error:
            self._refuse(None, str(error))
            return
        if table is None:
            self._refused = (None, "")
            return  # removed: what is loaded goes on until the process ends
        in_force = self._plane.live.table if self._plane.live else None
        if reason := objection(table, in_force):
            self._refuse(table.version, reason)
            return
        self._wanted = table
        live = self._shelf.live(table)
        if live is not None:
            self._take(live)
        else:
            task = asyncio.get_running_loop().create_task(self._load(table))
            self._loads.add(task)
            task.add_done_callback(self._loads.discard)

    async def _load(self, table: RoutingTable) -> None:
        """Load off the event loop; then the pointer moves, unless a newer table has come meanwhile."""
        try:
            live = await self._shelf.load(table)
        except Exception as error:  # noqa: BLE001 - loading runs a user's code; serving goes on
            if self._wanted is table:
                self._refuse(table.version, str(error) or type(error).__name__)
        else:
            if self._wanted is table:
                self._take(live)

    def _take(self, live: Live) -> None:
        """Move the pointer. The table before stays in memory, so that undoing this takes no loading.

        A controller that takes over writes the same table with its own lease: then no table comes before.
        """
        self._refused = (None, "")
        before = self._plane.live
        if before is not None and _alike(live.table, before.table):
            self._plane.signed_again(live.table)
            return
        self._plane.live = live
        self._shelf.keep([live] if before is None else [before, live])
        self.note("table")

    def _refuse(self, version: int | None, sentence: str) -> None:
        """Keep what is in force, and say so."""
        log.warning("routing table %s of %s is refused: %s", version, self._plane.endpoint, sentence)
        self._refused = (version, sentence.splitlines()[0])
        self.note("refused", version=version, reason=self._refused[1])


def new_status(endpoint: str, pid: int, url: str, *, admin: str = "") -> Status:
    """The status of a gateway that has just started."""
    return Status(
        endpoint=endpoint,
        pid=pid,
        url=url,
        admin=admin,
        started=datetime.now(UTC),
        ready=False,
        table_version=0,
    )


def objection(table: RoutingTable, in_force: RoutingTable | None) -> str:
    """Return why a table must not be taken, in one sentence; empty when it may."""
    if table.sticky and table.sticky not in table.reads:
        return f"Its requests are split by the column {table.sticky!r}, and no version in it reads that."
    if in_force is None:
        return ""
    if table.token < in_force.token:
        return f"It was written with lease {table.token}; lease {in_force.token} wrote the one in force."
    if table.version <= in_force.version and not _alike(table, in_force):
        return f"Version {table.version} is not later than version {in_force.version}, which is in force."
    return ""


def _alike(table: RoutingTable, other: RoutingTable) -> bool:
    """Whether both say the same, whatever lease they were written with."""
    return table.model_copy(update={"token": other.token}) == other


def _mark(path: Path) -> tuple[int, ...] | None:
    """What changes when a file is replaced."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
