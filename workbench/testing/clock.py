"""A clock that stands still until it is moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

#: Where it starts: a day like any other.
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class ManualClock:
    """Time for tests: deadlines are reached by saying so, and the wall clock may jump.

    Example:
        >>> clock = ManualClock()
        >>> clock.advance(minutes=5)
        >>> clock.now() - START
        datetime.timedelta(seconds=300)
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> datetime:
        """Current time, aware, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return self._monotonic

    def advance(self, *, seconds: float = 0.0, minutes: float = 0.0) -> None:
        """Let time pass."""
        passed = timedelta(seconds=seconds, minutes=minutes)
        self._now += passed
        self._monotonic += passed.total_seconds()

    def jump(self, to: datetime) -> None:
        """Set the wall clock by hand; durations do not notice."""
        self._now = to
