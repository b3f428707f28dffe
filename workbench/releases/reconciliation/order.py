"""Two accounts of the same events, and which of one has no place in the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

S = TypeVar("S")
T = TypeVar("T")

EVER, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

#: What the clocks of two machines may differ by.
CLOCKS = timedelta(seconds=5)
#: How long after the journal has moved on a table may still be taken: its bytes are checked meanwhile.
LATE = timedelta(seconds=60)


@dataclass(frozen=True)
class Told(Generic[T]):
    """What holds by one entry of the journal, until the next that says something else."""

    what: T
    kind: str
    since: datetime
    """Time of the entry."""
    until: datetime = NEVER
    earliest: datetime = EVER
    """From when on traffic may show it. Going back and stopping move the traffic first and are recorded
    later, but not before there was something to go back from."""
    stage: str = ""
    """The release that is under way and its stage, in words."""

    def may_hold(self, since: datetime, until: datetime) -> bool:
        """Whether traffic may show it at any time between the two."""
        return self.earliest <= later(until, CLOCKS) and earlier(since, LATE) <= self.until


def lasting(told: Iterable[Told[T]]) -> list[Told[T]]:
    """Return each entry until the next that says something else."""
    kept: list[Told[T]] = []
    for now in told:
        if kept and kept[-1].what == now.what:
            continue
        if kept:
            kept[-1] = replace(kept[-1], until=now.since)
        kept.append(now)
    return kept


def unexplained(
    happened: Iterable[tuple[datetime, S]], told: Sequence[Told[T]], agree: Callable[[S, T], bool]
) -> Iterator[int]:
    """Yield the places of what happened and does not fit into what is told, both in their order.

    Each takes the first place that it fits, which leaves the most for those after it.
    """
    at = 0
    for place, (time, state) in enumerate(happened):
        places = range(at, len(told))
        fits = (i for i in places if told[i].may_hold(time, time) and agree(state, told[i].what))
        first = next(fits, None)
        if first is None:
            yield place
        else:
            at = first


def later(time: datetime, by: timedelta) -> datetime:
    """Return a time so much later, as far as there is one."""
    return time + by if time < NEVER - by else NEVER


def earlier(time: datetime, by: timedelta) -> datetime:
    """Return a time so much earlier, as far as there is one."""
    return time - by if time > EVER + by else EVER
