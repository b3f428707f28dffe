"""The ways to say which stretch of traffic is meant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from workbench.core.errors import InvalidInput

_LAST = re.compile(r"(?:the )?last (?:(\d{1,9}) ?)?(second|minute|hour|day|week)s?", re.IGNORECASE)
_FORMS = 'Give (since, until), "last 30 minutes", or a timedelta.'


def bounds(window: Any, now: datetime) -> tuple[datetime, datetime]:
    """Return the window's ends, both aware.

    Args:
        window: ``(since, until)`` as datetimes or ISO 8601 text, where a time without a zone is read as UTC;
            ``"last 30 minutes"`` (seconds to weeks) or a ``timedelta``, both ending now.
        now: aware.

    Raises:
        InvalidInput: another form, or a window that ends before it begins.
    """
    if isinstance(window, timedelta | str):
        since, until = _before(now, window), now
    elif isinstance(window, tuple | list) and len(window) == 2:
        since, until = (_time(end) for end in window)
    else:
        _refuse(f"{window!r} is no window")
    if since >= until:
        _refuse(f"it ends at {until.isoformat()}, not after it begins at {since.isoformat()}")
    return since, until


def _before(now: datetime, length: timedelta | str) -> datetime:
    try:
        return now - (length if isinstance(length, timedelta) else _duration(length))
    except OverflowError:
        _refuse(f"{length} is longer than there has been time")


def _duration(text: str) -> timedelta:
    match = _LAST.fullmatch(text.strip())
    if match is None:
        _refuse(f"{text!r} is no window")
    count, unit = match.groups()
    return timedelta(**{f"{unit.lower()}s": int(count or 1)})


def _time(end: Any) -> datetime:
    if isinstance(end, str):
        try:
            end = datetime.fromisoformat(end.strip())
        except ValueError:
            _refuse(f"{end!r} is no time in ISO 8601")
    if not isinstance(end, datetime):
        _refuse(f"{end!r} is no time")
    return end.replace(tzinfo=UTC) if end.tzinfo is None else end


def _refuse(what: str) -> NoReturn:
    raise InvalidInput(f"window: {what}.", remedy=_FORMS, field="window") from None
