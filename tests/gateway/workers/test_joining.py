"""Calls joined under load: callers wait less, and nobody longer than the bound beyond what they would alone."""

from __future__ import annotations

import asyncio
import sys
import time

import cloudpickle
import pytest

from workbench.testing import models
from workbench.testing.gateway import make_route

cloudpickle.register_pickle_by_value(sys.modules[__name__])

BOUND_MS = 20
CALLERS, CALLS = 16, 30


def _costly_to_begin(frame):
    """Take 4 ms to begin, and 0.1 ms a row, as models that make a frame of their input do."""
    import time

    end = time.perf_counter() + 0.004 + 0.0001 * len(frame)
    while time.perf_counter() < end:
        pass
    return [1.0] * len(frame)


@pytest.fixture(scope="module")
def costly(root):
    train = models.tiny_frame()[["x1", "x2"]]
    return make_route(root, _costly_to_begin, train, target="x2", name="costly")


def percentile_99(run, serving, route, join_ms):
    """Milliseconds within which 99 of 100 calls are answered, with callers that each ask one after the other."""
    latencies = []

    async def caller(ask):
        for _ in range(CALLS):
            begun = time.perf_counter()
            await ask(1)
            latencies.append((time.perf_counter() - begun) * 1000)

    async def story():
        async with serving(route, gateway_workers=1, gateway_join_ms=join_ms) as ask:
            await ask(1)
            latencies.clear()
            await asyncio.gather(*(caller(ask) for _ in range(CALLERS)))

    run(story())
    return sorted(latencies)[int(0.99 * len(latencies))]


def test_joining_never_raises_the_99th_percentile_beyond_its_bound(run, serving, costly, capsys):
    alone = percentile_99(run, serving, costly, 0)
    joined = percentile_99(run, serving, costly, BOUND_MS)
    with capsys.disabled():
        sys.stdout.write(
            f"\n  99th percentile, {CALLERS} callers: {alone:.0f} ms alone, {joined:.0f} ms joined\n"
        )
    assert joined <= alone + BOUND_MS
