"""How long a stage was watched: a duration that no change of the wall clock can shorten.

``min_minutes`` asks for time in which requests came and somebody looked. A wall clock that jumps would make
an hour of a second, in the journal as in the captured traffic, so neither is believed. A process measures, by
its monotonic clock, from its first look that found requests in a stage to its last that found new ones. What
it measured is written with its looks, and the next process goes on from there. What was not written is lost,
and time in which nobody looked counts for nothing: the error is always towards waiting.
"""

from __future__ import annotations

#: A look is written down when this part of ``min_minutes`` has gone by since the last that was.
_WORTH = 0.1


class Stopwatch:
    """One process's measure of the stages of one release."""

    def __init__(self) -> None:
        self._stage = -1
        self._before = 0.0
        self._exposure = 0
        self._first = self._last = 0.0

    def look(self, stage: int, exposure: int, *, told: float, now: float) -> float:
        """Return the seconds in which a stage was watched.

        Args:
            stage: index of the current stage.
            exposure: what was counted in it so far.
            told: seconds, as the journal has them.
            now: a monotonic clock, in seconds.
        """
        if stage != self._stage:
            self._stage, self._before, self._exposure = stage, told, 0
            self._first = self._last = now
        if exposure > self._exposure:
            self._first = now if self._exposure == 0 else self._first
            self._exposure, self._last = exposure, now
        return max(told, self._before + self._last - self._first)


def worth_writing(watched: float, told: float, min_minutes: float) -> bool:
    """Return True when a process that ended now would lose a good part of what the stage asks for."""
    return min_minutes > 0 and watched - told >= _WORTH * 60 * min_minutes
