"""Calls that wait for a worker, and how some of them are joined into one.

Most of what a small call costs is not its rows: a data frame made, a model's checks. So where calls wait
anyway, several are put to the model as one batch. Nobody is made to wait for others to come, and a batch is
made no longer than it should take by the calls before it: a call that joins waits at most that bound longer
than alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workbench.gateway.answers import Answer, Failed

#: Rows put to a model at once, at most.
MOST_ROWS = 1024
#: Weight of the newest call in what a row is thought to cost.
_NEWEST = 0.2


@dataclass(eq=False)
class Call:
    """One call."""

    cells: dict[str, list[Any]]
    n: int
    scores: bool
    answer: asyncio.Future[Answer]
    deadline: float
    """On the loop's clock."""
    shadow: bool = False
    started: bool = False
    """A worker was given it."""
    alone: bool = False
    """It is not joined: what it was joined into failed, and whose fault that was is to be seen."""

    again: bool = False
    """It was given to a second worker, because the first was killed from outside."""

    def fail(self, error: Exception) -> None:
        """Tell the caller, if there is still one."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Waiting:
    """Calls in the order in which they are answered: those that are sent, then those of the shadow."""

    def __init__(self, bound: float) -> None:
        self._sent: deque[Call] = deque()
        self._shadow: deque[Call] = deque()
        self._bound = bound
        self._row_seconds = 0.0
        """What a row is thought to cost; 0 while nothing was seen."""

    def add(self, call: Call) -> None:
        """Put a call at the end of its line."""
        (self._shadow if call.shadow else self._sent).append(call)

    def again(self, calls: Sequence[Call]) -> None:
        """Put calls back at the front, to be asked one by one."""
        for call in reversed(calls):
            if call.answer.done():
                continue
            call.alone = True
            (self._shadow if call.shadow else self._sent).appendleft(call)

    def drop(self, call: Call) -> None:
        """Forget a call whose caller waits no longer."""
        line = self._shadow if call.shadow else self._sent
        if call in line:
            line.remove(call)

    def length(self, *, shadow: bool) -> int:
        """Calls that wait in one line."""
        return len(self._shadow if shadow else self._sent)

    def next(self) -> list[Call]:
        """Take what is put to a worker now: one call, or several that are joined; empty when none waits."""
        line = self._sent or self._shadow
        if not line:
            return []
        calls = [line.popleft()]
        room = self._room() - calls[0].n
        while line and not calls[0].alone and not line[0].alone and line[0].n <= room:
            calls.append(line.popleft())
            room -= calls[-1].n
        return calls

    def took(self, rows: int, seconds: float) -> None:
        """Learn what a row costs."""
        weight = _NEWEST if self._row_seconds else 1.0
        self._row_seconds += weight * (seconds / rows - self._row_seconds)

    def _room(self) -> float:
        """Rows that should take no longer than the bound; none before it is known what one costs."""
        return min(MOST_ROWS, self._bound / self._row_seconds) if self._row_seconds else 0.0


def question(calls: Sequence[Call]) -> dict[str, Any]:
    """Return what a worker is asked for some calls."""
    first = calls[0]
    if len(calls) == 1:
        return {"cells": first.cells, "n": first.n, "scores": first.scores}
    joined = {name: [cell for call in calls for cell in call.cells[name]] for name in first.cells}
    return {"cells": joined, "n": sum(c.n for c in calls), "scores": any(c.scores for c in calls)}


def settle(calls: Sequence[Call], message: Any) -> None:
    """Give each caller its part of a worker's answer. The worker is not believed what it cannot show.

    Raises:
        ValueError: the message is no answer to these calls.
    """
    predictions, scores = message.get("predictions"), message.get("scores")
    rows = sum(call.n for call in calls)
    for values in (predictions, scores):
        if values is not None and (not isinstance(values, list) or len(values) != rows):
            raise ValueError("no answer for these rows")
    if predictions is None:
        raise ValueError("no answer")
    start = 0
    for call in calls:
        part = slice(start, start + call.n)
        start += call.n
        if not call.answer.done():
            told = scores[part] if scores is not None and call.scores else None
            call.answer.set_result(Answer(predictions[part], told))


def fail(calls: Sequence[Call], why: str) -> None:
    """Tell every caller why there is no answer."""
    for call in calls:
        call.fail(Failed(why))
