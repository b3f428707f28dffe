"""Run many sequential searches side by side and answer their questions in one call.

A decision-based attack asks the model thousands of times about one row before it turns to the next, and a
pipeline spends milliseconds on a call however few rows it holds. Here every search waits in a thread of its
own; the questions of all that wait go to the model together. Only one thread runs at any moment, always in
the same order, so that draws from NumPy's global generator come out the same on every run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Ask = Callable[[Array], Array]
"""What a search calls: questions of shape (k, d) in, k answers out."""
Answer = Callable[[list[tuple[int, Array]]], list[Array]]
"""Gets ``(number of the search, questions)`` of all that wait, in order, and returns their answers."""


class Stopped(BaseException):
    """Thrown into a search whose answers nobody needs any more. No ``Exception``: nothing may catch it."""


def gather(searches: Sequence[Callable[[Ask], None]], answer: Answer) -> int:
    """Run every search to its end.

    Args:
        searches: functions that ask until they are satisfied.
        answer: asked once a round.

    Returns:
        How many times ``answer`` was called.

    Raises:
        Whatever a search or ``answer`` raises; the other searches are stopped first.
    """
    lanes = [_Lane(search) for search in searches]
    waiting: list[int] = []
    rounds = 0
    try:
        for i, lane in enumerate(lanes):
            lane.start()
            waiting += [i] if lane.advance() else []
        while waiting:
            rounds += 1
            answers = answer([(i, lanes[i].question) for i in waiting])
            waiting = [i for i, a in zip(waiting, answers, strict=True) if lanes[i].resume(a)]
    finally:
        for lane in lanes:
            lane.stop()
    return rounds


class _Lane:
    """One search in its thread. It runs only between ``resume`` and its next question."""

    def __init__(self, search: Callable[[Ask], None]) -> None:
        self._search = search
        self._answers: SimpleQueue[Array | None] = SimpleQueue()
        self._news: SimpleQueue[Array | BaseException | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True, name="workbench-search")
        self.question: Array = np.empty(0)

    def start(self) -> None:
        self._thread.start()

    def resume(self, answers: Array) -> bool:
        """Hand the answers over and wait for the next question. False: the search has ended."""
        self._answers.put(answers)
        return self.advance()

    def advance(self) -> bool:
        news = self._news.get()
        if isinstance(news, BaseException):
            raise news
        if news is None:
            return False
        self.question = news
        return True

    def stop(self) -> None:
        if self._thread.is_alive():
            self._answers.put(None)
            self._thread.join()

    def _ask(self, questions: Array) -> Array:
        self._news.put(questions)
        answers = self._answers.get()
        if answers is None:
            raise Stopped
        return answers

    def _run(self) -> None:
        try:
            self._search(self._ask)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits for it
            self._news.put(error)
        else:
            self._news.put(None)
