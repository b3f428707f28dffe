"""How many workers a crew has, and when one is replaced: whatever ends while another opens, none too many stay."""

from __future__ import annotations

import asyncio
import os
import resource
import signal

import psutil
import pytest

from workbench.core.errors import Unavailable
from workbench.gateway.workers import crew


def test_a_worker_that_dies_while_its_successor_opens_is_replaced_once(slow_to_open, serving, until, run):
    async def story():
        async with serving(slow_to_open, gateway_workers=1) as ask:
            group = ask.served.crew
            (grown,) = group._workers
            recycling = asyncio.create_task(group._recycle(grown))
            await asyncio.sleep(0.1)
            os.kill(grown.pid, signal.SIGKILL)
            await recycling
            await until(lambda: len(group._tasks) == 1)  # the look at the memory: nobody is being made
            assert len(group.pids) == 1
            assert group.pids != (grown.pid,)
            assert await ask(1) == [1.0]

    run(story())


def test_when_one_of_several_cannot_open_none_of_the_others_is_left(last_fails, serving, until, run, nursery):
    async def story():
        with pytest.raises(Unavailable, match="the last one fails"):
            async with serving(last_fails, gateway_workers=3):
                pass
        await until(lambda: not psutil.Process(nursery._process.pid).children(), seconds=5)

    run(story())


def test_a_model_that_opens_above_the_watermark_is_left_alone_and_told_of_once(
    moody, serving, run, monkeypatch, caplog
):
    monkeypatch.setattr(crew, "LOOK_EVERY", 0.05)

    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            size = ask.served.crew._workers[0].memory >> 20
        async with serving(moody, gateway_workers=2, gateway_worker_memory_mb=size * 3 // 4) as ask:
            pids = ask.served.crew.pids
            await asyncio.sleep(0.5)
            assert ask.served.crew.pids == pids
            assert ask.served.crew.replaced == 0

    run(story())
    (told,) = [
        line.getMessage() for line in caplog.records if "gateway_worker_memory_mb" in line.getMessage()
    ]
    assert told.startswith("moody/1 ")


def test_where_no_file_can_be_opened_a_worker_is_replaced_as_soon_as_one_can(
    moody, serving, until, run, monkeypatch
):
    monkeypatch.setattr(crew, "LOOK_EVERY", 0.01)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def story():
        async with serving(moody, gateway_workers=1) as ask:
            group = ask.served.crew
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
            try:
                os.kill(group.pids[0], signal.SIGKILL)
                await until(lambda: group._fruitless)
                await asyncio.sleep(0.1)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert await ask(1) == [1.0]
            assert len(group._tasks) == 1  # the look at the memory goes on, too

    run(story())


def test_how_a_worker_ended_is_forgotten_where_nobody_asks(moody, serving, until, run, nursery, monkeypatch):
    monkeypatch.setattr("workbench.gateway.workers.nursery._KEPT", 0.05, raising=False)

    async def story():
        async with serving(moody, gateway_workers=2) as ask:
            pids = ask.served.crew.pids
        await until(lambda: not any(map(psutil.pid_exists, pids)))
        await asyncio.sleep(0.2)
        assert not nursery._codes.keys() & set(pids)

    run(story())
