"""What is counted in each step of a release. Counts of one step add up, in whatever portions they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import TypeVar, cast


@dataclass(frozen=True)
class ShadowTally:
    """One shadow step: the champion answers, the candidate gets a copy."""

    requests: int = 0
    champion_bad: int = 0
    """Requests the champion failed."""
    pairs: int = 0
    """Requests the champion answered and the candidate was given too."""
    candidate_bad: int = 0
    """Pairs the candidate failed."""
    differ: int = 0
    """Pairs both answered, differently."""

    @property
    def exposure(self) -> int:
        """Pairs."""
        return self.pairs

    @property
    def compared(self) -> int:
        """Pairs both answered."""
        return self.pairs - self.candidate_bad


@dataclass(frozen=True)
class Arms:
    """Units of the two arms, and those with an event: requests, or in a sticky plan entities."""

    candidate_n: int = 0
    candidate_bad: int = 0
    champion_n: int = 0
    champion_bad: int = 0

    @property
    def n(self) -> int:
        """Units of both."""
        return self.candidate_n + self.champion_n


@dataclass(frozen=True)
class CanaryTally(Arms):
    """One step in which the candidate answers some or all, by the arm the coin chose. Bad: the arm failed."""

    slow: tuple[Arms, ...] = ()
    """For each threshold of latency, how often it was exceeded; empty where none was frozen."""
    groups: Mapping[str, Arms] = field(default_factory=dict)
    """The same counts within each group of the guardrails."""

    @property
    def exposure(self) -> int:
        """Units given to the candidate."""
        return self.candidate_n


Tally = ShadowTally | CanaryTally
Counts = TypeVar("Counts", bound=Tally)
_Flat = TypeVar("_Flat", ShadowTally, Arms)


def plus(one: Counts, other: Counts) -> Counts:
    """Add the counts of two tallies of the same kind."""
    if isinstance(one, CanaryTally) and isinstance(other, CanaryTally):
        return cast("Counts", _of_two_arms(one, other))
    return cast("Counts", _flat(cast("ShadowTally", one), cast("ShadowTally", other)))


def _of_two_arms(one: CanaryTally, other: CanaryTally) -> CanaryTally:
    longer = max(len(one.slow), len(other.slow))
    slow = (_flat(a, b) for a, b in zip(_padded(one.slow, longer), _padded(other.slow, longer), strict=True))
    names = sorted({*one.groups, *other.groups})
    return CanaryTally(
        one.candidate_n + other.candidate_n,
        one.candidate_bad + other.candidate_bad,
        one.champion_n + other.champion_n,
        one.champion_bad + other.champion_bad,
        slow=tuple(slow),
        groups={name: _flat(one.groups.get(name, Arms()), other.groups.get(name, Arms())) for name in names},
    )


def _flat(one: _Flat, other: _Flat) -> _Flat:
    return type(one)(*(a + b for a, b in zip(astuple(one), astuple(other), strict=True)))


def _padded(arms: tuple[Arms, ...], length: int) -> tuple[Arms, ...]:
    return arms + (Arms(),) * (length - len(arms))
