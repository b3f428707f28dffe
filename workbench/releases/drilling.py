"""Who drills: whoever can drive the endpoint now, else the controller that does, which is asked for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Protocol

from workbench.core.clock import Clock
from workbench.core.errors import Conflict, Unavailable, WorkbenchError
from workbench.models.references import require_name
from workbench.releases.drills import Drills
from workbench.releases.drills_asked import Standing, Wish, Wishes, new_wish
from workbench.releases.drills_records import Drill
from workbench.releases.lease import Lease, holder
from workbench.releases.records import Release

#: Seconds in which a controller is to have done what it was asked for, and between two looks at that.
PATIENCE, _POLL = 120.0, 0.2
#: Seconds to wait for a controller that takes one step; one that goes on driving is asked.
_STEP = 0.5
#: What fails with these fields is no fault of the controller: it goes on, and whoever asked is told.
_OF_THE_ASKER = frozenset({"endpoint", "url"})

Progress = Callable[[str], None]
"""Gets a line while the controller is waited for."""


class Driving(Protocol):
    """Makes this process the one controller of an endpoint for a while."""

    def __call__(self, endpoint: str, *, patience: float) -> AbstractContextManager[Lease]:
        """As ``Releases.driving``."""


class Drilling:
    """Drills endpoints, here or by the controller that drives them.

    Args:
        drills: does it.
        state: folder of the project's stores.
        actor: who asks.
        clock: when.
        driving: makes this process the controller.
        settle: makes good, as the controller, what was left undone.
        active: the release under way.
    """

    def __init__(
        self,
        drills: Drills,
        *,
        state: Path,
        actor: str,
        clock: Clock,
        driving: Driving,
        settle: Callable[[Lease], None],
        active: Callable[[str], Release | None],
    ) -> None:
        self._drills = drills
        self._state, self._actor, self._clock = state, actor, clock
        self._driving, self._settle, self._active = driving, settle, active

    def drill(self, endpoint: str, progress: Progress) -> Drill:
        """Drill as the controller; while another one drives, ask it and wait.

        Raises:
            Conflict, Refused, Unavailable: it cannot be drilled now, or the controller did not do it.
        """
        require_name(endpoint, field="endpoint")
        end = time.monotonic() + PATIENCE
        while True:
            with ExitStack() as held:
                lease = self._lease(endpoint, held)
                if lease is not None:
                    return self._run(lease)
            found = self._ask(endpoint, end, progress)
            if found is not None:
                return found

    def drill_if_due(self, endpoint: str) -> Drill | None:
        """Drill, as the controller, where ``drill_hours`` have passed, and where that is possible now."""
        if self._active(endpoint) or not self._drills.due(endpoint):
            return None
        with self._driving(endpoint, patience=_STEP) as lease:
            return self._run(lease)

    def asked(self, endpoint: str) -> bool:
        """Whether somebody has asked for a drill."""
        return Wishes(self._state, endpoint).waiting()

    def drill_asked(self, endpoint: str) -> None:
        """Do, as the controller, what others ask for, each wish once; they are told why one is not done.

        Raises:
            WorkbenchError: what is wrong is not the drill: the lease, the journal, the target.
        """
        wishes = Wishes(self._state, endpoint)
        with self._driving(endpoint, patience=_STEP) as lease:
            for wish in wishes.take():
                try:
                    self._run(lease, wish)
                except Exception as error:
                    wishes.decline(wish, _as_asked(error))
                    if getattr(error, "field", "") not in _OF_THE_ASKER:
                        raise
                else:
                    wishes.done(wish)

    def _lease(self, endpoint: str, held: ExitStack) -> Lease | None:
        """Become the controller; None while another one goes on driving."""
        try:
            return held.enter_context(self._driving(endpoint, patience=_STEP))
        except Conflict as error:
            if error.field != "lease":
                raise
            return None

    def _run(self, lease: Lease, wish: Wish | None = None) -> Drill:
        self._settle(lease)
        self._require_idle(lease.endpoint)
        return self._drills.run(lease, wish)

    def _require_idle(self, endpoint: str) -> None:
        now = self._active(endpoint)
        if now is not None:
            raise Conflict(
                f"{endpoint} has an active release: {now.id} of {now.candidate}.",
                remedy="Drill when it is over.",
                field="endpoint",
            )

    def _ask(self, endpoint: str, end: float, progress: Progress) -> Drill | None:
        """Ask the controller and wait; None when it has ended without taking the wish."""
        self._require_idle(endpoint)
        self._drills.require_possible(endpoint)
        wishes, wish = Wishes(self._state, endpoint), new_wish(self._actor, self._clock.now())
        who = _name(self._state, endpoint)
        try:
            wishes.write(wish)
            progress(f"asked {who}, for it; it has {PATIENCE:.0f} s, and Ctrl-C takes the wish back")
            return self._wait(endpoint, wishes, wish, who, end)
        except KeyboardInterrupt as error:
            raise _given_up(wishes, wish, who) from error
        finally:
            wishes.withdraw(wish)

    def _wait(self, endpoint: str, wishes: Wishes, wish: Wish, who: str, end: float) -> Drill | None:
        while time.monotonic() < end:
            driven = holder(self._state, endpoint) is not None  # first: who lets go has ended its drill
            standing = wishes.standing(wish)
            done = self._drills.done(endpoint, wish.id)
            if done is not None:
                return done
            if standing is Standing.DECLINED:
                raise wishes.declined(wish)
            if not driven and wishes.withdraw(wish):
                return None
            if standing is Standing.GONE or not driven:
                raise _ended(who)
            time.sleep(_POLL)
        raise _given_up(wishes, wish, who)


def _given_up(wishes: Wishes, wish: Wish, who: str) -> Unavailable:
    """Take the wish back, and say that nobody waits for it any more."""
    if wishes.withdraw(wish):
        return Unavailable(
            f"{_capital(who)}, has not begun the drill. The wish was taken back.",
            remedy="See what it says where it runs. To drill from here, end it first.",
            field="lease",
        )
    return Unavailable(
        f"{_capital(who)}, is in the middle of the drill and goes on with it.",
        remedy="workbench status tells how it went.",
        field="lease",
    )


def _ended(who: str) -> Unavailable:
    return Unavailable(
        f"{_capital(who)}, ended before the drill did. The champion answers, or does with the next one.",
        remedy="Look at workbench status, then drill again.",
        field="lease",
    )


def _capital(who: str) -> str:
    return f"{who[0].upper()}{who[1:]}"


def _name(state: Path, endpoint: str) -> str:
    """The controller, as far as it says who it is."""
    found = holder(state, endpoint)
    return f"the controller, process {found.pid}" if found else "the controller"


def _as_asked(error: Exception) -> Exception:
    """Say of what a gateway does not let in whose key or certificates are meant."""
    if isinstance(error, WorkbenchError) and error.field == "url":
        first, rest = error.remedy[:1].lower(), error.remedy[1:]
        remedy = f"In the environment of the controller, process {os.getpid()}: {first}{rest}"
        return type(error)(error.message, remedy=remedy, field="url")
    return error
