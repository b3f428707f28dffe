"""Time as an argument, so that tests can move it and durations survive a changed wall clock."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from typing import Any, Protocol

from workbench.core.errors import InvalidInput


class Clock(Protocol):
    """``now`` for people and records, ``monotonic`` for durations."""

    def now(self) -> datetime:
        """Current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Current time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards."""
        return time.monotonic()


def last_day(until: Any, now: datetime) -> date:
    """Return the last day, in UTC, on which something that somebody answers for holds.

    Args:
        until: a date, a time, or text such as ``2027-01-31``.
        now: the present.

    Raises:
        InvalidInput: it is no day, or it has passed.
    """
    try:
        day = until if isinstance(until, date) else date.fromisoformat(until)
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"until: {str(until)[:40]!r} is no day.", remedy="Write 2027-01-31.", field="until"
        ) from error
    day = day.astimezone(UTC).date() if isinstance(day, datetime) else day
    if day < now.astimezone(UTC).date():
        raise InvalidInput(f"until: {day} has passed.", remedy="Give a day to come.", field="until")
    return day
