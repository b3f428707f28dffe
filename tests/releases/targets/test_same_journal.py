"""One plan, released on the gateway of this machine and on Ray: the journal tells the same of both."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager

import pytest

from workbench.core.clock import SystemClock
from workbench.core.settings import load
from workbench.gateway.status import read_status
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.releases import Releases, Status, load_plan
from workbench.releases.state import JUDGED
from workbench.testing.gateway import running_gateway
from workbench.testing.releases import PLAN, verdict_on
from workbench.testing.traffic import send
from workbench.traffic import TrafficStore

NAME = "tiny"
QUICK = PLAN | {
    "stages": [
        PLAN["stages"][0] | {"min_requests": 60, "deadline_minutes": 3},
        PLAN["stages"][2] | {"min_requests": 60, "deadline_minutes": 3},
        PLAN["stages"][3],
    ]
}
#: Answered alike by the first two versions.
ROWS = [{"x1": x1} for x1 in (-2.0, -1.0, 1.0, 2.0)]


@contextmanager
def requests(url):
    """Keep requests coming while the block runs; the number that failed is in the list afterwards."""
    stop, failed = threading.Event(), []

    def run() -> None:
        while not stop.is_set():
            failed.append(send(url, NAME, ROWS * 10, rate=40).failed)

    sender = threading.Thread(target=run)
    sender.start()
    try:
        yield failed
    finally:
        stop.set()
        sender.join()


def released(settings, plan, front_door):
    """Release version 1, then version 2 by the plan behind real requests; return what the journal tells."""
    clock = SystemClock()
    with Journal.open(settings.state / "journal.db", actor="ada", clock=clock) as journal:
        registry = Registry(settings, journal, clock)
        traffic = TrafficStore(settings.state / "traffic")
        parts = (settings, journal, registry, traffic, clock)
        releases = Releases(*parts, permission=lambda state: state.allowed)

        def opened(number):
            version = registry.version(f"{NAME}/{number}")
            return releases.open(version, load_plan(plan), endpoint=NAME, verdict=verdict_on(version))

        opened(1)
        with front_door() as url, requests(url) as failed:
            release, end = opened(2), time.monotonic() + 150
            while not release.status.final and time.monotonic() < end:
                release = releases.tick(release.id)
                time.sleep(0.1)
        assert release.status is Status.PROMOTED, release.reason
        assert sum(failed) == 0
        return [
            (entry.kind, entry.payload.get("stage"), entry.payload.get("weight"))
            for entry in journal.read(f"release/{release.id}")
            if entry.kind != JUDGED  # how often it was looked at differs; what followed must not
        ]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_same_plan_on_the_gateway_and_on_ray_leaves_the_same_journal_of_transitions(
    settings, ray_cluster, tmp_path
):
    plan = tmp_path / "quick.yaml"
    plan.write_text(json.dumps(QUICK), "utf-8")
    on_ray = ray_cluster.settings

    @contextmanager
    def at_the_gateway():
        with running_gateway(settings.root, NAME, settings={"gateway_deadline_seconds": 1.0}) as url:
            yield url

    @contextmanager
    def at_ray():
        yield read_status(on_ray.state, NAME).url

    local = released(load(settings.root, actor="ada", gateway_deadline_seconds=1.0), plan, at_the_gateway)
    try:
        assert released(on_ray, plan, at_ray) == local
    finally:
        ray_cluster.target.remove(NAME)
    assert [kind for kind, *_ in local][-1] == "release.promoted"
