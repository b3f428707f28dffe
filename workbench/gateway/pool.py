"""A version's own threads: a call ends by its deadline, and a hung model holds up itself alone.

A thread cannot be killed. A call that never returns keeps its thread, and when all threads of a version hang,
its later calls end at their deadline too; other versions have other threads. To kill what hangs takes a
process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from workbench.gateway.problems import overloaded

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """The call did not answer in time. ``started`` is False when it still waited for a thread."""

    def __init__(self, seconds: float, *, started: bool) -> None:
        super().__init__(f"no answer within {seconds:g} s")
        self.started = started


class Pool:
    """Threads for the calls of one version.

    Args:
        name: of the threads.
        threads: calls that run at once.
        waiting: calls that may be under way or wait; one more is turned away.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = threads + waiting
        self._calls: set[Future[Any]] = set()

    async def call(self, function: Callable[[], T], *, deadline: float | None) -> T:
        """Run ``function`` in a thread and return what it returns. To be called on the event loop.

        Raises:
            Problem: 503, too many calls wait.
            DeadlineExceeded: no answer within ``deadline`` seconds (None: wait for ever).
            Exception: whatever ``function`` raises.
        """
        if self.busy >= self._most:
            raise overloaded()
        call = self._executor.submit(function)
        self._calls.add(call)
        answer = asyncio.wrap_future(call)
        try:
            async with asyncio.timeout(deadline):
                return await answer
        except TimeoutError:
            if deadline is None or not answer.cancelled():  # the model itself raised it
                raise
            raise DeadlineExceeded(deadline, started=not call.cancel()) from None

    @property
    def busy(self) -> int:
        """Calls that run or wait, those included whose caller has gone."""
        self._calls = {call for call in self._calls if not call.done()}
        return len(self._calls)

    def close(self) -> None:
        """Start no further call; those under way go on."""
        self._executor.shutdown(wait=False, cancel_futures=True)
