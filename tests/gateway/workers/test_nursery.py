"""The nursery: workers are forked in a moment, and none outlives the gateway."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import suppress

import psutil
import pytest

from workbench.core.errors import Unavailable
from workbench.gateway.workers.worker import Worker


def test_when_the_nursery_dies_another_is_started_and_calls_are_answered(moody, serving, until, run):
    async def story():
        async with serving(moody, gateway_workers=2) as ask:
            pids = ask.served.crew.pids
            os.kill(psutil.Process(pids[0]).ppid(), signal.SIGKILL)
            await until(lambda: not any(map(psutil.pid_exists, pids)))
            assert await ask(1) == [1.0]

    run(story())


def test_a_call_whose_worker_is_killed_from_outside_is_answered_by_another(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=2) as ask:
            calls = [asyncio.create_task(ask(105)) for _ in range(2)]
            await asyncio.sleep(0.05)
            os.kill(ask.served.crew.pids[0], signal.SIGKILL)
            assert await asyncio.gather(*calls) == [[1.0], [1.0]]

    run(story())


def test_a_killed_worker_is_replaced(moody, serving, capsys, run, until):
    async def story():
        async with serving(moody, gateway_workers=1, gateway_deadline_seconds=20) as ask:
            (before,) = ask.served.crew.pids
            begun = time.perf_counter()
            os.kill(before, signal.SIGKILL)
            await until(lambda: ask.served.crew.pids not in ((before,), ()))
            assert await ask(1) == [1.0]
            with capsys.disabled():
                sys.stdout.write(
                    f"\n  a worker in the place of one that was killed: {time.perf_counter() - begun:.2f} s\n"
                )
            assert ask.served.crew.replaced == 1

    run(story())


def test_when_the_gateway_is_killed_no_worker_is_left_not_even_one_that_hangs(gateways, routes, wait_until):
    gateway = gateways(champion=routes.hanging)
    pids = [pid for found in gateway.status.workers.values() for pid in found]
    assert len(pids) == 2

    def hang():
        with suppress(OSError):  # the gateway goes meanwhile
            gateway.ask(100.0)

    asking = threading.Thread(target=hang)
    asking.start()
    time.sleep(0.3)
    gateway.stop(signal.SIGKILL)
    asking.join()
    wait_until(lambda: not any(map(psutil.pid_exists, pids)))


def large(order):
    """An order that is far larger than what a channel holds."""
    example = order.model.input_example * 50_000
    return order.model_copy(update={"model": order.model.model_copy(update={"input_example": example})})


def test_while_the_nursery_is_at_an_import_the_event_loop_goes_on(moody, serving, run):
    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            crew = ask.served.crew
            order = large(crew._order)
            busy = psutil.Process(crew.pids[0]).parent()
            busy.suspend()
            waking = threading.Timer(1.0, busy.resume)
            waking.start()
            opening = asyncio.create_task(Worker.start(order, crew._nursery))
            begun = time.perf_counter()
            await asyncio.sleep(0.01)
            assert await ask(1) == [1.0]
            assert time.perf_counter() - begun < 0.9
            worker = await opening
            assert worker.pid
            await worker.end()
            waking.join()

    run(story())


def test_who_waits_for_a_nursery_that_dies_is_told(moody, serving, until, run, nursery):
    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            (pid,) = ask.served.crew.pids
            busy = psutil.Process(pid).parent()
            busy.suspend()
            opening = asyncio.create_task(Worker.start(large(ask.served.crew._order), nursery))
            await asyncio.sleep(0.1)
            busy.kill()
            with pytest.raises(Unavailable, match="its process ended"):
                await asyncio.wait_for(opening, 10)
            await until(lambda: pid not in ask.served.crew.pids)
            assert await ask(1) == [1.0]

    run(story())
