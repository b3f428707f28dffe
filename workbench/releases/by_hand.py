"""By hand: stop and go back with every database down. First the traffic moves, then it is recorded.

Nothing here opens the journal or the registry. Whoever calls says how to record (``Releases.settle``); when
that fails the traffic has moved all the same, and the error says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

from workbench.core import plugins
from workbench.core.clock import Clock
from workbench.core.errors import NotFound, Refused, Unavailable, WorkbenchError, nearest
from workbench.core.settings import Settings
from workbench.gateway import routed
from workbench.models.references import require_name
from workbench.releases import routes
from workbench.releases.drills_records import as_released, mark_of
from workbench.releases.effects import retried
from workbench.releases.intents import Intents, Rollback
from workbench.releases.records import Release
from workbench.releases.targets.base import Routing, Target, TargetStatus

Settle = Callable[[], Release | None]
"""Writes into the journal what was done, and returns the release it was about."""

Record = Callable[[str], Release | None]
"""As ``Settle``, told whom somebody took out: another process may have written it already."""


class ByHand:
    """Moves the traffic of endpoints at once.

    Args:
        state: folder of the project's stores, where a drill that is under way leaves its mark.
        target: where the traffic is.
        intents: keeps what was done until the journal has it.
        clock: when it was done.
    """

    def __init__(self, state: Path, target: Target, intents: Intents, clock: Clock) -> None:
        self._state = state
        self._target = target
        self._intents = intents
        self._clock = clock

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Self:
        """Move the traffic of a project where its settings say it is."""
        target = plugins.load("targets", settings.target)(settings)
        return cls(settings.state, target, Intents.of(settings), clock)

    def kill(self, endpoint: str, reason: str, record: Settle) -> None:
        """Stop every model answer: the file first, then the record.

        Raises:
            Unavailable: answers have stopped, and the journal does not take the record. The next tick writes
                it.
        """
        require_name(endpoint, field="endpoint")
        self._target.kill(endpoint, reason)
        with _moved_already(f"{endpoint} answers no more"):
            record()

    def rollback(self, endpoint: str, reason: str, by: str, record: Record) -> Release:
        """Take the candidate out, or put the previous champion back: the pointer first, then the record.

        Returns:
            The release that was rolled back.

        Raises:
            NotFound: nothing was ever released to it, with the nearest name.
            Refused: there is no candidate and no previous champion, or somebody else went back just now.
            Unavailable: traffic has moved, and the journal does not take the record. The next tick writes it.
        """
        require_name(endpoint, field="endpoint")
        took_out = self._go_back(endpoint, reason, by)
        with _moved_already(f"The traffic of {endpoint} has gone back"):
            release = record(took_out)
        if release is None:
            raise NotFound(
                f"The traffic of {endpoint} has gone back, and the journal knows no release of it.",
                remedy="Run: workbench verify",
                field="endpoint",
            )
        return release

    def _go_back(self, endpoint: str, reason: str, by: str) -> str:
        """Move the traffic one step back, and return whom that took out."""
        now = self._released(endpoint, self._target.status(endpoint))
        if now is None:
            raise NotFound(
                f"Nothing was ever released to {endpoint!r}: there is nothing to go back to.",
                remedy=nearest(endpoint, routed(self._state)),
                field="endpoint",
            )
        if routes.without_newest(now) is None:
            raise Refused(
                f"{endpoint} has no candidate and no champion before this one: nothing to go back to.",
                remedy=f'To stop every answer: workbench kill {endpoint} --reason "…"',
                field="endpoint",
            )
        took_out, time = routes.newest(now), self._clock.now()
        intent = Rollback(endpoint=endpoint, took_out=took_out, reason=reason, by=by, time=time)
        retried(partial(self._move_back, endpoint, took_out, self._intents.write(intent)))
        return took_out

    def _move_back(self, endpoint: str, took_out: str, intent: Path) -> None:
        status = self._target.status(endpoint)
        now = self._released(endpoint, status)
        back = routes.without_newest(now) if now else None
        if now is None or back is None or routes.newest(now) != took_out:
            if not intent.exists():
                return  # a controller has recorded it, and traffic has followed
            raise Refused(
                f"{endpoint}: somebody else has just taken {took_out} out.",
                remedy="Look at what answers now, then decide again.",
                field="endpoint",
            )
        self._target.route(back, expected=status.version)

    def _released(self, endpoint: str, status: TargetStatus) -> Routing | None:
        """The routing in place, as it is but for a drill: who stands by for a moment is not the champion."""
        return as_released(status.routing, mark_of(self._state, endpoint)) if status.routing else None


@contextmanager
def _moved_already(what: str) -> Iterator[None]:
    """Say with a failed record that the traffic has moved all the same."""
    try:
        yield
    except WorkbenchError as error:
        raise Unavailable(
            f"{what}; the journal has no record of it yet: {error.message}",
            remedy="Nothing is lost: the next tick or command writes the record.",
            field="journal",
        ) from error
