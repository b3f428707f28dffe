"""Versions with every fault a model can have, and crews of real processes that answer from them."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager

import cloudpickle
import pytest

from workbench.core.settings import Settings
from workbench.gateway.batch import Schema
from workbench.gateway.workers import Nursery, serve_version
from workbench.testing import models
from workbench.testing.gateway import make_route

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # a worker has no tests to import


def _moody(frame):
    """Answer the number of rows asked about at once, less for some values: 101 hangs, 102 crashes, 103 raises."""
    import os
    import signal
    import time

    held = globals().setdefault("_held", [])
    for x1 in frame["x1"]:
        if x1 == 101:
            time.sleep(600)
        if x1 == 102:
            os.kill(os.getpid(), signal.SIGSEGV)
        if x1 == 103:
            raise ValueError("103 is\nno number")
        if x1 == 104:
            held.append(bytearray(40 << 20))
        if x1 == 105:
            time.sleep(0.2)
        if x1 == 106:
            bytearray(4 << 30)
    return [float(len(frame))] * len(frame)


class _Slow:
    """Answers; in a process that reads it from a file, reading takes so many seconds."""

    def __init__(self, seconds):
        import os

        self.made_by, self.seconds = os.getpid(), seconds

    def __call__(self, frame):
        return [1.0] * len(frame)

    def __setstate__(self, state):
        import os
        import time

        if os.getpid() != state["made_by"]:
            time.sleep(state["seconds"])
        self.__dict__.update(state)


class _LastFails:
    """Answers; of the processes that read it the third cannot, when the second has long opened it."""

    def __init__(self, turns):
        import os

        self.made_by, self.turns = os.getpid(), turns

    def __call__(self, frame):
        return [1.0] * len(frame)

    def __setstate__(self, state):
        import os
        import time
        from pathlib import Path

        self.__dict__.update(state)
        if os.getpid() == state["made_by"]:
            return
        with Path(state["turns"]).open("a+") as file:
            file.write(f"{os.getpid()}\n")
            file.seek(0)
            turns = list(dict.fromkeys(file.read().split()))
        if turns.index(str(os.getpid())) == 2:
            time.sleep(1)
            raise ValueError("the last one fails")


@pytest.fixture(scope="session")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="session")
def moody(root):
    """A regressor that is told by its input what to do."""
    train = models.tiny_frame()[["x1", "x2"]]
    return make_route(root, _moody, train, target="x2", name="moody")


@pytest.fixture(scope="session")
def sleeping(root):
    train = models.tiny_frame()[["x1", "x2"]]
    return make_route(root, _Slow(600), train, target="x2", name="sleeping")


@pytest.fixture(scope="session")
def slow_to_open(root):
    train = models.tiny_frame()[["x1", "x2"]]
    return make_route(root, _Slow(0.5), train, target="x2", name="slow")


@pytest.fixture
def last_fails(root, tmp_path):
    train = models.tiny_frame()[["x1", "x2"]]
    turns = tmp_path / "turns"
    route = make_route(root, _LastFails(str(turns)), train, target="x2", name="last")
    turns.unlink(missing_ok=True)  # saving may have read it, too
    return route


@pytest.fixture(scope="session")
def run():
    """Run a coroutine; all of them on one loop, so that one nursery serves every test."""
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture(scope="session")
def nursery(run):
    async def made():
        return Nursery()

    nursery = run(made())
    yield nursery
    run(nursery.close())


@pytest.fixture
def serving(root, nursery):
    """``async with serving(route, gateway_workers=1) as ask``: ask for rows of ``x1``."""

    @asynccontextmanager
    async def start(route, **settings):
        served = await serve_version(route, Settings(root=root, **settings), nursery)
        schema = Schema(route.model.columns)

        async def ask(*x1, deadline=60.0, shadow=False):
            batch = schema.batch_of_records([{"x1": float(value)} for value in x1])
            return (await served.ask(batch, scores=False, deadline=deadline, shadow=shadow)).predictions

        ask.served = served
        try:
            yield ask
        finally:
            await served.close()

    return start


async def _until(true, seconds=60.0):
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - processes send no events
            await asyncio.sleep(0.01)


@pytest.fixture(scope="session")
def until():
    """Wait on the event loop for something to become true."""
    return _until
