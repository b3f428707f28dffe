"""The search behind a bisection: which of a row of candidates is the first bad one. Pure, knows no model.

Candidates are positions 0 … n-1. A position is tested at most once, because a test may score 100,000 rows.
Like ``git bisect skip``, a position that cannot be tested is passed over, and when nothing testable is left
between the last good and the first bad one, the answer is a range.

The binary search rests on a promise, that good ones come before bad ones. It is checked afterwards: on all
positions when there are few, else on some spread over those that were not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

Result = Literal["good", "bad", "untestable"]

#: With at most this many positions, all are tested.
SWEEP = 16
#: With more, this many that the search did not need.
PROBES = 8


@dataclass
class Search:
    """What has been tried, and what it says."""

    n: int
    results: dict[int, Result] = field(default_factory=dict)
    """By position, in the order tried."""
    searched: int = 0
    """How many tests the search itself took; the rest were checks."""

    @property
    def tested(self) -> list[tuple[int, Result]]:
        """Positions that could be tested, in their own order."""
        return sorted((at, result) for at, result in self.results.items() if result != "untestable")

    @property
    def introductions(self) -> list[tuple[int, int]]:
        """Every step from a good to a bad position: last good, first bad."""
        return [
            (a, b) for (a, before), (b, after) in pairwise(self.tested) if (before, after) == ("good", "bad")
        ]

    @property
    def monotone(self) -> bool:
        """False when a good position comes after a bad one."""
        return not any(
            (before, after) == ("bad", "good") for (_, before), (_, after) in pairwise(self.tested)
        )

    @property
    def complete(self) -> bool:
        """True when every position was tried."""
        return len(self.results) == self.n


def search(n: int, test: Callable[[int], Result]) -> Search:
    """Find the first bad of ``n`` positions.

    Takes 2 tests for the ends and at most ⌈log2(n - 1)⌉ between them when all can be tested and the promise
    holds; then checks the promise.

    Args:
        n: positions; 0 is expected good and n-1 bad. Ends that cannot be tested move inwards.
        test: called once for a position.
    """
    found = Search(n)

    def tried(at: int) -> Result:
        if at not in found.results:
            found.results[at] = test(at)
        return found.results[at]

    low = next((at for at in range(n) if tried(at) != "untestable"), n)
    high = next((at for at in range(n - 1, low, -1) if tried(at) != "untestable"), low)
    if low < high and (tried(low), tried(high)) == ("good", "bad"):
        _narrow(low, high, tried)
    found.searched = len(found.results)
    for at in _checks(found):
        tried(at)
    # A check may have met an earlier bad one: then the first of all lies before it.
    while found.introductions and _untried(found, *found.introductions[0]):
        _narrow(*found.introductions[0], tried)
    return found


def _narrow(low: int, high: int, tried: Callable[[int], Result]) -> None:
    """Halve the range between a good and a bad position until nothing testable is left in it."""
    skipped: set[int] = set()
    while between := [at for at in range(low + 1, high) if at not in skipped]:
        middle = min(between, key=lambda at: abs(2 * at - low - high))
        result = tried(middle)
        if result == "good":
            low = middle
        elif result == "bad":
            high = middle
        else:
            skipped.add(middle)


def _checks(found: Search) -> Iterator[int]:
    left = [at for at in range(found.n) if at not in found.results]
    if found.n <= SWEEP or len(left) <= PROBES:
        yield from left
        return
    yield from (left[round(i * (len(left) - 1) / (PROBES - 1))] for i in range(PROBES))


def _untried(found: Search, low: int, high: int) -> bool:
    return any(at not in found.results for at in range(low + 1, high))
