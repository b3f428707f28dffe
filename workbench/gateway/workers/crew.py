"""The workers of one version: who is asked, what happens to one that fails, and how many there are."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from functools import partial
from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.gateway.answers import Answer, DeadlineExceeded
from workbench.gateway.problems import overloaded
from workbench.gateway.workers import calls as waiting
from workbench.gateway.workers import wire
from workbench.gateway.workers.calls import Call, Waiting
from workbench.gateway.workers.growth import FIRST_PATIENCE, Growth
from workbench.gateway.workers.limits import Limits
from workbench.gateway.workers.nursery import Nursery, said
from workbench.gateway.workers.program import Order
from workbench.gateway.workers.worker import Worker

#: Seconds between two looks at the memory of the workers.
LOOK_EVERY = 0.5
#: Seconds until another try when the last ended without an answer; doubled each time, up to the longest.
_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
#: More doublings than this change nothing, and thousands are no float.
_DOUBLINGS = 10

log = logging.getLogger(__name__)


class Crew:
    """Workers of one version. All of it happens on the event loop.

    Args:
        order: what each worker opens.
        limits: how many there are, and what they may use.
        nursery: makes them.
    """

    def __init__(self, order: Order, limits: Limits, nursery: Nursery) -> None:
        self._order = order
        self._nursery = nursery
        self._limits = limits
        self._waiting = Waiting(limits.join_seconds)
        self._pending: set[asyncio.Future[Answer]] = set()
        self._workers: list[Worker] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._fruitless = 0
        """Workers in a row that ended without an answer."""
        self._closing = False
        self._told = False
        """That the version needs more memory than the settings say."""
        self.replaced = 0
        """Workers that took the place of one that died, was killed or had grown too large."""

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes."""
        return tuple(worker.pid for worker in self._workers)

    @property
    def compiled(self) -> str:
        """Whether a compiled copy answers, and why."""
        return self._workers[0].compiled if self._workers else ""

    async def start(self) -> None:
        """Start every worker.

        Raises:
            Unavailable: the version cannot be opened.
        """
        first = await self._open()  # says whether it can be done at all
        if first.note:
            log.warning("%s could not answer its own input example: %s", self._order.model.ref, first.note)
        self._add(first)
        # Those that open are taken at once: where one cannot, or nobody waits any more, all have an owner.
        others = (self._open_one_more() for _ in range(self._limits.workers - 1))
        for failed in filter(None, await asyncio.gather(*others, return_exceptions=True)):
            raise failed
        self._do(self._watch_memory())

    async def ask(
        self, cells: dict[str, list[Any]], n: int, *, scores: bool, deadline: float, shadow: bool = False
    ) -> Answer:
        """Answer ``n`` rows within ``deadline`` seconds; as ``Loaded.ask``."""
        most = self._limits.shadow_waiting if shadow else self._limits.waiting
        if self._closing or self._waiting.length(shadow=shadow) >= most:
            raise overloaded()
        loop = asyncio.get_running_loop()
        call = Call(cells, n, scores, loop.create_future(), loop.time() + deadline, shadow)
        timer = loop.call_later(deadline, self._late, call, deadline)
        self._waiting.add(call)
        self._pending.add(call.answer)
        self._dispatch()
        try:
            return await call.answer
        finally:
            timer.cancel()
            self._pending.discard(call.answer)

    async def close(self) -> None:
        """Let calls under way be answered, as long as one may take, and end every worker."""
        self._closing = True
        if self._pending:
            await asyncio.wait(self._pending, timeout=self._limits.seconds)
        workers, self._workers = self._workers, []
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in workers))
        await asyncio.gather(*self._tasks)  # whoever was at a call is being told

    def _dispatch(self) -> None:
        """Give what waits to who is idle."""
        for worker in self._workers:
            if worker.idle and not worker.retiring:
                calls = self._waiting.next()
                if not calls:
                    return
                self._give(worker, calls)

    def _give(self, worker: Worker, calls: Sequence[Call]) -> None:
        loop = asyncio.get_running_loop()
        for call in calls:
            call.started = True
        now = loop.time()
        # What was joined has half of the time there is, so that it can still be asked one by one.
        seconds = self._limits.seconds if len(calls) == 1 else max(0.0, calls[0].deadline - now) / 2
        done = partial(self._done, worker, calls, now)
        worker.ask(wire.encode(waiting.question(calls)), done, seconds)

    def _done(self, worker: Worker, calls: Sequence[Call], since: float, message: Any) -> None:
        """A worker has answered, or has ended at the calls."""
        if message is None:
            self._do(self._tell(worker, calls))
        elif "error" in message:
            self._failed(calls, str(message["error"]))
        else:
            self._fruitless = 0
            self._answered(worker, calls, message)
            rows = sum(call.n for call in calls)
            self._waiting.took(rows, asyncio.get_running_loop().time() - since)
        if worker.retiring and worker.idle:
            worker.leave()
        self._dispatch()

    def _answered(self, worker: Worker, calls: Sequence[Call], message: Any) -> None:
        try:
            waiting.settle(calls, message)
        except ValueError as error:
            waiting.fail(calls, f"its process gave {error}")
            worker.kill()

    def _failed(self, calls: Sequence[Call], why: str) -> None:
        """One row that a model cannot answer must not fail the calls it was joined with."""
        if len(calls) > 1:
            self._waiting.again(calls)
        else:
            waiting.fail(calls, why)

    def _gone(self, worker: Worker) -> None:
        """A process has ended: another takes its place, unless it was let go."""
        if worker in self._workers and not self._closing:
            self._workers.remove(worker)
            self._do(self._replace())

    async def _tell(self, worker: Worker, calls: Sequence[Call]) -> None:
        """A process ended at these calls. Neither is to blame where it was killed from outside."""
        code = await worker.ending()
        log.warning("a worker of %s: its process ended (%s)", self._order.model.ref, said(code))
        killed = code == -signal.SIGKILL and not self._closing
        if killed and len(calls) == 1 and not calls[0].again:
            calls[0].again = True
            self._waiting.again(calls)
        else:
            self._failed(calls, f"its process ended ({said(code)})")
        self._dispatch()

    async def _open(self, growth: Growth | None = None) -> Worker:
        """Have a worker open the version.

        Raises:
            Unavailable: it cannot.
        """
        worker = await Worker.start(self._order, self._nursery)
        size = worker.memory
        growth = growth or Growth(self._limits.memory)
        worker.growth = growth.begun(size, asyncio.get_running_loop().time())
        if size > self._limits.memory:
            self._tell_size(size)
        return worker

    async def _open_one_more(self) -> None:
        self._add(await self._open())

    async def _replace(self) -> None:
        """Start a worker in the place of one that has gone."""
        while self._vacant:
            if self._fruitless:
                await asyncio.sleep(min(_PAUSE * 2 ** min(self._fruitless, _DOUBLINGS), _LONGEST_PAUSE))
            self._fruitless += 1
            try:
                worker = await self._open()
            except WorkbenchError as error:
                log.warning("%s", error)
            else:
                await self._join(worker)
                return

    @property
    def _vacant(self) -> bool:
        """Whether a place is free."""
        return not self._closing and len(self._workers) < self._limits.workers

    async def _join(self, worker: Worker) -> None:
        """Take a worker in. While it opened another may have taken the place: then it ends."""
        if not self._vacant:
            await worker.end()
            return
        self.replaced += 1
        self._add(worker)
        self._dispatch()

    def _add(self, worker: Worker) -> None:
        worker.gone = self._gone
        self._workers.append(worker)
        if worker.retiring:  # it ended between its hello and this
            self._gone(worker)

    async def _watch_memory(self) -> None:
        """Replace whoever has grown too large, one at a time: first the new one, then the old one goes."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            for worker in tuple(self._workers):
                if worker.growth.too_large(worker.memory, asyncio.get_running_loop().time()):
                    await self._recycle(worker)

    async def _recycle(self, worker: Worker) -> None:
        size, now = worker.memory, asyncio.get_running_loop().time()
        log.warning("a worker of %s has grown to %d MiB", self._order.model.ref, size >> 20)
        if worker.growth.patience > FIRST_PATIENCE and worker.growth.in_vain(now):
            self._tell_size(size)
        try:
            fresh = await self._open(worker.growth.next(now))
        except WorkbenchError as error:
            log.warning("%s", error)
            worker.growth = worker.growth.next(now).begun(worker.growth.opened, now)
            return
        if worker in self._workers:
            self._workers.remove(worker)
        worker.retiring = True
        if worker.idle:
            worker.leave()
        await self._join(fresh)

    def _tell_size(self, size: int) -> None:
        """Say, once, that there is less memory than the version needs as soon as it is open."""
        if not self._told:
            self._told = True
            log.warning(
                "%s needs %d MiB as soon as it is open: raise gateway_worker_memory_mb, which is %d",
                self._order.model.ref,
                size >> 20,
                self._limits.memory >> 20,
            )

    def _late(self, call: Call, deadline: float) -> None:
        """The caller waits no longer. A worker that is at the call has its own limit."""
        if not call.started:
            self._waiting.drop(call)
        call.fail(DeadlineExceeded(deadline, started=call.started))

    def _do(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
