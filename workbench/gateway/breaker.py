"""The circuit breaker: a version that keeps failing is left alone for a while, and then tried with one call.

Closed, calls go through and are counted. Open, none does. When the pause is over one call goes through
(half-open): it closes the breaker or begins another pause. A call that began before the last change of state
says nothing any more, so a late answer neither closes nor opens anything.

Time is monotonic: a wall clock that jumps neither shortens a pause nor prolongs it. That, the rate over a
window and the single trial are why this is no library: those that were looked at ask the wall clock.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal

State = Literal["closed", "open", "half-open"]

#: Failures one after the other that open it.
CONSECUTIVE = 5
#: It opens as well when this share of the calls in the window failed …
RATE = 0.5
#: … and these are at least so many.
LEAST = 20
#: Seconds, and most calls, that the window reaches back.
WINDOW, KEPT = 30.0, 200
#: Seconds before a call is let through.
PAUSE = 5.0


class Breaker:
    """Of one version.

    Args:
        changed: is told every new state.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        changed: Callable[[State], None] = lambda _: None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.state: State = "closed"
        self._changed = changed
        self._clock = clock
        self._epoch = 0
        self._until = 0.0
        self._in_a_row = 0
        self._seen: deque[tuple[float, bool]] = deque()
        self._failed = 0

    @property
    def lets_through(self) -> bool:
        """Whether a call that comes now is put through."""
        return self.state == "closed" or (self.state == "open" and self._clock() >= self._until)

    def enter(self) -> int | None:
        """Ask for leave to call. Returns a ticket for ``leave``; None: no call now."""
        if not self.lets_through:
            return None
        if self.state == "open":
            self._become("half-open")
        return self._epoch

    def leave(self, ticket: int, *, ok: bool | None) -> None:
        """Say what came of a call.

        Args:
            ticket: from ``enter``.
            ok: whether it answered; None when that says nothing of the version (too busy, caller gone).
        """
        if ticket != self._epoch:
            return
        if self.state == "half-open":
            if ok is False:
                self._until = self._clock() + PAUSE
            self._become("closed" if ok else "open")  # untold: open, and the next call is the trial
        elif ok is not None:
            self._count(ok=ok)

    def _count(self, *, ok: bool) -> None:
        now = self._clock()
        self._in_a_row = 0 if ok else self._in_a_row + 1
        self._seen.append((now, ok))
        self._failed += not ok
        while len(self._seen) > KEPT or self._seen[0][0] < now - WINDOW:
            self._failed -= not self._seen.popleft()[1]
        often = len(self._seen) >= LEAST and self._failed >= RATE * len(self._seen)
        if not ok and (self._in_a_row >= CONSECUTIVE or often):
            self._until = now + PAUSE
            self._become("open")

    def _become(self, state: State) -> None:
        self.state = state
        self._epoch += 1
        self._in_a_row = self._failed = 0
        self._seen.clear()
        self._changed(state)


class Breakers:
    """One for every version, made when it is first asked.

    Args:
        changed: is told the version and its new state.
        clock: seconds that only grow.
    """

    def __init__(
        self, changed: Callable[[int, State], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._changed = changed
        self._clock = clock
        self._all: dict[int, Breaker] = {}

    def of(self, version: int) -> Breaker:
        """The breaker of a version."""
        known = self._all.get(version)
        if known is None:
            known = Breaker(lambda state: self._changed(version, state), clock=self._clock)
            self._all[version] = known
        return known

    def keep(self, versions: Iterable[int]) -> None:
        """Forget all others: they have been let go, and come back as new."""
        for version in self._all.keys() - set(versions):
            if self._all.pop(version).state != "closed":
                self._changed(version, "closed")

    @property
    def tripped(self) -> dict[int, State]:
        """Those that are not closed, by version."""
        return {version: one.state for version, one in self._all.items() if one.state != "closed"}
