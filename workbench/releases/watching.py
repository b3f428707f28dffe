"""How long a stage was watched: a duration that no change of the wall clock can shorten.

``min_minutes`` asks for time over which requests came in. A wall clock that jumps would make an hour of a
second, in the journal as in the captured traffic, so neither is believed. What counts is the monotonic clock
of the machine, from the first look that found requests in a stage to the last that found new ones. A look is
a mark on that clock, and is written into the journal with what it found, so that another process goes on from
it, also one that cron starts for a single look. The clock begins anew when the machine does: what passed
between a mark and a look under another boot, or on another machine, counts for nothing. The error is always
towards waiting.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from workbench.core.records import Record

#: A look is written down when this part of ``min_minutes`` has gone by since the last that was.
_WORTH = 0.1

_BOOT = Path("/proc/sys/kernel/random/boot_id")


class Watched(Record):
    """What a look at a stage found, and when."""

    seconds: float = 0.0
    """Over which requests came in, up to this look."""
    exposure: int = 0
    """What was counted in the stage by then."""
    at: float = 0.0
    """The monotonic clock, in seconds since ``boot``."""
    boot: str = ""
    """The run of the machine that the clock belongs to."""


NOT_YET = Watched()


def look(last: Watched, exposure: int, *, now: float, boot: str) -> Watched:
    """Return what a look finds.

    Args:
        last: what the one before found.
        exposure: what is counted in the stage now.
        now: the monotonic clock, in seconds.
        boot: the run of the machine.
    """
    if exposure <= last.exposure:
        return last
    passed = max(now - last.at, 0.0) if boot == last.boot else 0.0
    return Watched(seconds=last.seconds + passed, exposure=exposure, at=now, boot=boot)


def worth_writing(new: Watched, told: Watched, min_minutes: float) -> bool:
    """Return True when a good part of ``min_minutes`` would be lost if the look were not written."""
    if min_minutes == 0 or new == told:
        return False
    return new.boot != told.boot or new.seconds - told.seconds >= _WORTH * 60 * min_minutes


@cache
def this_boot() -> str:
    """Return the name of this run of the machine; where the system has none, of this process."""
    with suppress(OSError):
        return _BOOT.read_text("ascii").strip()
    return str(uuid.uuid4())
