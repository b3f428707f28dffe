from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from workbench.core.errors import InvalidInput
from workbench.incidents.windows import bounds

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "length"),
    [
        ("last 30 minutes", timedelta(minutes=30)),
        ("Last hour", timedelta(hours=1)),
        ("the last 2 days", timedelta(days=2)),
        ("last 90 seconds", timedelta(seconds=90)),
        ("last week", timedelta(weeks=1)),
        (timedelta(minutes=5), timedelta(minutes=5)),
    ],
)
def test_a_length_ends_now(window, length):
    assert bounds(window, NOW) == (NOW - length, NOW)


def test_times_without_a_zone_are_utc_and_others_keep_theirs():
    since, until = bounds(
        ("2026-03-01T10:00", datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=3)))), NOW
    )
    assert since == datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
    assert until == datetime(2026, 3, 1, 11, 0, tzinfo=UTC)
    assert bounds(["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.5Z"], NOW)[0] == since


@pytest.mark.parametrize(
    "window",
    [
        "yesterday",
        "last thirty minutes",
        "last 99999999 weeks",
        "",
        (),
        ("2026-03-01",),
        ("2026-03-01T11:00", "2026-03-01T10:00"),
        ("2026-03-01T11:00", "2026-03-01T11:00"),
        ("noon", "2026-03-01T11:00"),
        (None, NOW),
        (1, 2),
        5,
        timedelta(0),
    ],
)
def test_anything_else_is_refused_with_the_forms_there_are(window):
    with pytest.raises(InvalidInput, match="last 30 minutes") as error:
        bounds(window, NOW)
    assert error.value.field == "window"
