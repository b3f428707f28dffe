"""How many exchanges there should be, and how many there are. Pure.

The gateway's record tells how many it wrote, and is linked line to line. What was erased for a person, or
dropped because it was old, stands in the journal with its counts. What is missing beyond that was taken away
without a word. More than was recorded is no contradiction: a process that was killed could not tell.
"""

from __future__ import annotations

from collections.abc import Iterator

from workbench.releases.reconciliation import sentences
from workbench.releases.reconciliation.records import Seen


def problems(seen: Seen) -> Iterator[str]:
    """Say what is gone. Nothing is said while segments cannot be read, or a removal is under way."""
    if seen.damaged or seen.removing:
        return
    there = sum(some.n for some in seen.decided)
    if there + seen.removed < seen.captured:
        yield sentences.gone(seen.endpoint, seen.captured, there, seen.removed)


def pending(seen: Seen) -> Iterator[str]:
    """Say that a removal is under way."""
    if seen.removing:
        yield sentences.removing(seen.endpoint)
