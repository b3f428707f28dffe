"""May this candidate still become champion? Asked again at the door: weeks may lie since it was opened."""

from __future__ import annotations

from collections.abc import Callable

from workbench.gates.records import Verdict
from workbench.journal import Journal
from workbench.releases.state import State

Permission = Callable[[State], Verdict]
"""Asks the gate again, under the text of the policy that the release was opened with."""

Unmoved = tuple[tuple[str, int], ...]
"""Streams and how many entries each had."""


def resting_on(journal: Journal, ref: str) -> Unmoved:
    """Return what a permission for a version rests on, as it is now: to be read before the gate is asked.

    Whoever then appends says that none of it has moved, so that an approval taken back in between stops the
    promotion instead of coming after it.
    """
    name = ref.rpartition("/")[0]
    streams = (f"approval/{ref}", f"evidence/{ref}", f"finding/{name}")
    return tuple((stream, journal.length(stream)) for stream in streams)
