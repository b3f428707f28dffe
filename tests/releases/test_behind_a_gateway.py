"""Releases with a gateway in its own process and requests over HTTP."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager

import pytest

from workbench.core.clock import SystemClock
from workbench.core.settings import Settings
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.releases import Releases, Status
from workbench.releases.reconciliation import Reconciliation, look
from workbench.testing.gateway import running_gateway
from workbench.testing.releases import PLAN, plan, verdict_on
from workbench.testing.traffic import send
from workbench.traffic import TrafficStore

NAME = "tiny"
QUICK = plan(
    stages=[
        PLAN["stages"][0] | {"min_requests": 60, "deadline_minutes": 2},
        PLAN["stages"][2] | {"min_requests": 60, "deadline_minutes": 2},
        PLAN["stages"][3],
    ]
)
#: Each entity with one version throughout.
SPLIT = plan(
    sticky="x1",
    stages=[
        QUICK.stages[0],
        {
            "name": "split",
            "kind": "ab",
            "weight": 0.5,
            "arms": ["old", "new"],
            "min_requests": 60,
            "deadline_minutes": 2,
        },
        PLAN["stages"][3],
    ],
)
#: Everything at once, with the champion beside it.
SWITCH = plan(
    metrics={"objective": {"at_most": 0.05}},
    stages=[
        {
            "name": "green",
            "kind": "blue_green",
            "min_requests": 60,
            "deadline_minutes": 2,
            "require": ["objective"],
        },
        PLAN["stages"][3],
    ],
)
ENTITIES = [{"x1": 1.0 + number / 1000} for number in range(400)]
#: Answered alike by every threshold; the last one only the fifth version cannot answer.
ROWS = [{"x1": x1} for x1 in (-2.0, -1.0, 1.0, 2.0, 99.0)]


@pytest.fixture
def settings(root):
    return Settings(root=root, actor="ada", gateway_deadline_seconds=0.5)


@pytest.fixture
def releases(settings):
    clock = SystemClock()
    with Journal.open(settings.state / "journal.db", actor="ada", clock=clock) as journal:
        registry = Registry(settings, journal, clock)
        traffic = TrafficStore(settings.state / "traffic")
        yield Releases(settings, journal, registry, traffic, clock, permission=lambda state: state.allowed)


@contextmanager
def requests(url, rows=ROWS * 10):
    """Keep requests coming while the block runs; what came back is in the list afterwards."""
    stop, results = threading.Event(), []

    def run() -> None:
        while not stop.is_set():
            results.append(send(url, NAME, rows, rate=150))

    sender = threading.Thread(target=run)
    sender.start()
    try:
        yield results
    finally:
        stop.set()
        sender.join()


def open_release(releases, number, by=QUICK):
    version = releases._effects._registry.version(f"{NAME}/{number}")
    return releases.open(version, by, endpoint=NAME, verdict=verdict_on(version))


def watch(releases, release, *, seconds=60.0):
    end = time.monotonic() + seconds
    while not release.status.final and time.monotonic() < end:
        release = releases.tick(release.id)
        time.sleep(0.1)
    return release


def test_a_release_under_load_loses_no_request_whether_it_is_promoted_aborted_or_rolled_back(
    settings, releases
):
    open_release(releases, 1)
    with running_gateway(settings.root, NAME, settings={"gateway_deadline_seconds": 0.5}) as url:
        with requests(url) as results:
            good = watch(releases, open_release(releases, 2))
            bad = watch(releases, open_release(releases, 5))
            decided = time.time()
            releases.rollback(NAME, "INC-1")
            time.sleep(0.5)
        last = send(url, NAME, ROWS, rate=50)
    assert good.status is Status.PROMOTED, good.reason
    assert bad.status is Status.ABORTED, bad.reason
    assert "proved worse than the champion" in bad.reason
    assert sum(sent.failed for sent in results) == 0, results
    assert last.versions[-1] == 1
    by_second = [answer.done - decided for sent in results for answer in sent.answers if answer.version == 2]
    assert max(by_second) < 1.0  # seconds after the decision; on a quiet machine far less
    assert releases._target.status(NAME).in_force == 0  # the gateway has ended
    assert look(settings, SystemClock()) == Reconciliation(ok=True, endpoints=(NAME,))


def test_in_an_ab_stage_every_entity_has_one_version_and_counts_once(settings, releases):
    open_release(releases, 1)
    with (
        running_gateway(settings.root, NAME, settings={"gateway_deadline_seconds": 0.5}) as url,
        requests(url, ENTITIES) as results,
    ):
        release = watch(releases, open_release(releases, 2, SPLIT))
    assert release.status is Status.PROMOTED, release.reason
    assert sum(sent.failed for sent in results) == 0, results
    thrown = TrafficStore(settings.state / "traffic").frame(NAME).query("unit != ''")
    assert set(thrown["arm_name"]) == {"old", "new"}
    assert thrown.groupby("unit")["arm"].nunique().max() == 1
    [verdict] = [v for v in release.verdicts if v.stage == "split"]
    assert verdict.candidate_n + verdict.champion_n <= thrown["unit"].nunique() <= len(ENTITIES)


def test_in_blue_green_the_candidate_answers_all_and_the_champion_what_it_cannot(settings, releases):
    open_release(releases, 1)
    with (
        running_gateway(settings.root, NAME, settings={"gateway_deadline_seconds": 0.5}) as url,
        requests(url) as results,
    ):
        good = watch(releases, open_release(releases, 2, SWITCH))
        bad = watch(releases, open_release(releases, 5, SWITCH))
    assert good.status is Status.PROMOTED, good.reason
    assert bad.status is Status.ABORTED, bad.reason
    assert "proved above the objective of 5 %" in bad.reason
    assert sum(sent.failed for sent in results) == 0, results
    everything = TrafficStore(settings.state / "traffic").frame(NAME).query("share == 1.0")
    arms = everything["arm"]
    assert set(arms) <= {"candidate", "none"}  # none: it was taken out during the call
    assert (arms == "candidate").mean() > 0.9
