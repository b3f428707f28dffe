"""The loop: drives every active release, keeps every endpoint as the journal says, drills when it is time.

It holds the lease of each endpoint for as long as it runs. What goes wrong with one endpoint (the journal is
down or locked, the disk is full, MLflow does not answer, another controller drives) is said once, tried again
later and later, and stops no other endpoint. Traffic stays where it is meanwhile: serving needs none of this.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from workbench.core.errors import Conflict, WorkbenchError
from workbench.releases.driver import Releases
from workbench.releases.news import standing

#: Seconds between looks at an endpoint where nothing is under way: for what was done by hand, and the alias.
KEEP_EVERY = 30.0
#: Seconds until the second try after a failure, doubled with each one that follows, and the most.
_FIRST, _MOST = 1.0, 60.0
#: More doublings than this change nothing, and thousands are no float.
_DOUBLINGS = 10
#: Seconds to wait for a controller that takes one step; one that goes on driving is asked again in a second.
_PATIENCE = 0.1
_PROJECT, _NEWS = "the project", "news"

log = logging.getLogger(__name__)

Say = Callable[[str], None]


@dataclass
class _Turn:
    """When something is tried again, and what was said of it."""

    at: float = 0.0
    failures: int = 0
    """In a row."""
    said: str = ""
    """What kind of failure was told of last; empty when it has gone on since."""
    shown: str = ""
    """How its release stood, as it was said."""
    kept: float | None = None
    """When an idle endpoint was last looked after."""


class Loop:
    """Drives the releases of a project.

    Args:
        open: opens the project; called again after the journal has failed, so that it is found again.
        say: gets one line for each thing that happens.
        endpoints: drive these alone. Default: all that something was released to.
        stop: set it to end the loop after the step that is under way.
    """

    def __init__(
        self,
        open: Callable[[], Releases],
        say: Say,
        *,
        endpoints: Sequence[str] = (),
        stop: threading.Event | None = None,
    ) -> None:
        self._open = open
        self._say = say
        self._endpoints = tuple(endpoints)
        self._stop = stop or threading.Event()
        self._releases: Releases | None = None
        self._leases: dict[str, ExitStack] = {}
        self._turns: dict[str, _Turn] = {}
        self._told: int | None = None
        """The newest entry of the journal that was told of."""

    def run(self, *, every: float = 1.0) -> None:
        """Take rounds until stopped.

        Args:
            every: seconds between two rounds.
        """
        try:
            while not self._stop.is_set():
                self._round()
                self._stop.wait(every)
        finally:
            self._let_go()

    def once(self) -> bool:
        """Take one round, for a timer; True when nothing went wrong."""
        try:
            self._round()
        finally:
            self._let_go()
        return not any(turn.said for turn in self._turns.values())

    def _round(self) -> None:
        """Look once at each endpoint whose turn it is."""
        known: list[str] = []
        self._try(_PROJECT, lambda: known.extend(self._endpoints or self._opened().endpoints()))
        self._tell()
        for endpoint in known:
            if not self._stop.is_set():
                self._try(endpoint, partial(self._drive, endpoint))
                self._tell()

    def _opened(self) -> Releases:
        if self._releases is None:
            self._releases = self._open()
        if self._told is None:
            self._told = self._releases.latest()
        return self._releases

    def _drive(self, endpoint: str) -> None:
        releases = self._opened()
        if endpoint not in self._leases:
            with ExitStack() as lease:
                lease.enter_context(releases.driving(endpoint, patience=_PATIENCE))
                self._leases[endpoint] = lease.pop_all()
        if releases.asked(endpoint):
            self._turns[endpoint].kept = None  # what a drill leaves is made good in this round
            releases.drill_asked(endpoint)
        active = releases.active(endpoint)
        if active is None:
            self._keep(releases, endpoint)
            return
        turn = self._turns[endpoint]
        turn.kept = None
        if not turn.shown:  # whatever changes from here on is news
            self._show(endpoint, standing(active))
        releases.tick(active.id)

    def _keep(self, releases: Releases, endpoint: str) -> None:
        turn = self._turns[endpoint]
        if turn.kept is None or time.monotonic() - turn.kept >= KEEP_EVERY:
            releases.keep(endpoint)
            self._try(f"drill of {endpoint}", partial(self._drill, releases, endpoint))
            turn.kept = time.monotonic()

    @staticmethod
    def _drill(releases: Releases, endpoint: str) -> None:
        """Drill when it is time. It has a turn of its own: what fails here keeps no release waiting."""
        releases.drill_if_due(endpoint)

    def _tell(self) -> None:
        """Tell what has happened since the last look, whoever did it. Its failure stops no drive."""
        if self._releases is not None and self._told is not None:
            self._try(_NEWS, partial(self._follow, self._releases, self._told))

    def _follow(self, releases: Releases, after: int) -> None:
        found, self._told = releases.news(after)
        for one in found:
            if self._endpoints and one.endpoint not in self._endpoints:
                continue
            if one.stands:
                self._show(one.endpoint, one.line)
            else:
                self._say(one.line)

    def _show(self, endpoint: str, line: str) -> None:
        turn = self._turns.setdefault(endpoint, _Turn())
        if line != turn.shown:
            turn.shown = line
            self._say(line)

    def _try(self, what: str, action: Callable[[], None]) -> None:
        """Do something whose turn it is; when it fails, say so once and try again later."""
        turn = self._turns.setdefault(what, _Turn())
        if time.monotonic() < turn.at:
            return
        try:
            action()
        except Exception as error:  # noqa: BLE001 - the controller outlives whatever a round meets
            self._failed(what, turn, error)
            return
        if turn.said:
            self._say(f"{what}: goes on")
        turn.failures, turn.said = 0, ""

    def _failed(self, what: str, turn: _Turn, error: Exception) -> None:
        known = isinstance(error, WorkbenchError)
        sentence = error.message if isinstance(error, WorkbenchError) else f"{type(error).__name__}: {error}"
        kind = f"{type(error).__name__} {getattr(error, 'field', '')}"
        if kind != turn.said:  # one outage has many sentences: closed, refused, no answer in time
            turn.said = kind
            self._say(f"{what}: {sentence} It is tried again; who answers requests stays.")
            if not known:
                log.error("%s could not be driven", what, exc_info=error)
        turn.at = time.monotonic() + min(_MOST, _FIRST * 2.0 ** min(turn.failures, _DOUBLINGS))
        if isinstance(error, Conflict):  # another controller: go on as soon as it ends, without its lease
            self._leases.pop(what, ExitStack()).close()
            return
        turn.failures += 1
        if not known or what == _PROJECT or getattr(error, "field", "") == "journal":
            self._let_go()

    def _let_go(self) -> None:
        """Give every lease back, and open the project anew at the next round."""
        for lease in self._leases.values():
            lease.close()
        self._leases.clear()
        self._releases = None
