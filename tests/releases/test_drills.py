"""Going to the standby and back while requests come, measured; and drills that are cut short."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager

import pytest

from workbench.core.clock import SystemClock
from workbench.core.errors import Conflict, Refused, Unavailable
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.gateway.routing import kill, read_table
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.releases import Releases
from workbench.releases.drills import Drills
from workbench.releases.drills_records import Mark, mark_of, set_mark, swapped
from workbench.releases.reconciliation import look
from workbench.testing.clock import START
from workbench.testing.gateway import running_gateway
from workbench.testing.killing import child
from workbench.testing.releases import plan, verdict_on
from workbench.testing.traffic import send
from workbench.traffic import TrafficStore

NAME = "tiny"
ROWS = [{"x1": x1} for x1 in (-2.0, -1.0, 1.0, 2.0)]


@pytest.fixture
def settings(root):
    return Settings(root=root, actor="ada", gateway_deadline_seconds=0.5, drill_hours=1.0)


def opened(settings, by="ada") -> Releases:
    clock = SystemClock()
    journal = Journal.open(settings.state / "journal.db", actor=by, clock=clock)
    registry = Registry(settings, journal, clock)
    traffic = TrafficStore(settings.state / "traffic")
    return Releases(settings, journal, registry, traffic, clock, permission=lambda state: state.allowed)


@pytest.fixture
def releases(settings, root):
    """``tiny/2`` is champion, ``tiny/1`` stands by."""
    found = opened(settings)
    release(found, 1)
    release(found, 2)
    yield found
    found._journal.close()


def release(releases, number: int) -> None:
    """Make a version champion: the release of the second is promoted as if its stages had passed."""
    version = releases._registry.version(f"{NAME}/{number}")
    now = releases.open(version, plan(), endpoint=NAME, verdict=verdict_on(version))
    if not now.status.final:
        from workbench.journal import Event

        page = releases._book.page(now.id)
        releases._book.append(page, [Event(kind="release.promoted", payload={"reason": "told to"})])
        releases.settle(NAME)


@pytest.fixture
def url(settings, releases):
    with running_gateway(settings.root, NAME, settings={"gateway_deadline_seconds": 0.5}) as url:
        send(url, NAME, ROWS * 15, rate=300)
        time.sleep(1.5)  # until they are captured
        yield url


@contextmanager
def requests(url):
    stop, results = threading.Event(), []

    def run() -> None:
        while not stop.is_set():
            results.append(send(url, NAME, ROWS * 10, rate=150))

    sender = threading.Thread(target=run)
    sender.start()
    try:
        yield results
    finally:
        stop.set()
        sender.join()


def serving(settings) -> tuple:
    now = read_table(settings.state, NAME)
    return now.champion.version, now.standby and now.standby.version


def test_a_drill_under_load_loses_no_request_and_ends_with_the_champion(settings, releases, url):
    with requests(url) as results:
        drill = releases.drill(NAME)
    assert drill.outcome is Outcome.PASS, drill.reason
    assert (drill.champion, drill.standby) == ("tiny/2", "tiny/1")
    assert (drill.failed, sum(sent.failed for sent in results)) == (0, 0)
    assert drill.requests > 100
    assert drill.compared > 0
    assert 0 < drill.first_seconds < 2.0
    assert drill.last_seconds < 2.0
    assert drill.back_seconds < 2.0
    assert {1, 2} == {version for sent in results for version in sent.versions}
    assert serving(settings) == (2, 1)
    assert mark_of(settings.state, NAME) is None
    entries = releases._journal.read(f"drill/{NAME}")
    assert [entry.kind for entry in entries] == ["endpoint.drill_began", "endpoint.drilled"]
    assert entries[-1].payload["first_seconds"] == drill.first_seconds
    assert look(settings, SystemClock()).problems == ()  # the gateway's record is explained by the journal


def test_it_is_due_once_an_interval(settings, releases, url):
    assert releases.drill_if_due(NAME) is not None
    assert releases.drill_if_due(NAME) is None


def test_a_standby_that_cannot_answer_is_found_before_traffic_moves(settings, releases, url, monkeypatch):
    before = read_table(settings.state, NAME)
    honest = Drills._by_version

    def by_version(self, pair, one, bodies):
        answers = honest(self, pair, one, bodies)
        broken = one is pair.standby
        return [answer._replace(status=500) for answer in answers] if broken else answers

    monkeypatch.setattr(Drills, "_by_version", by_version)
    drill = releases.drill(NAME)
    assert drill.outcome is Outcome.FAIL
    assert "tiny/1 gives no valid answer" in drill.reason
    assert read_table(settings.state, NAME) == before


def test_a_drill_killed_half_way_is_ended_by_the_next_tick(settings, releases, url):
    def work(writer: int) -> None:
        opened(settings, "grace").drill(NAME)

    pid, reader = child(work)
    until = time.monotonic() + 30
    while serving(settings) != (1, 2) and time.monotonic() < until:
        time.sleep(0.02)
    import os

    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reader)
    assert serving(settings) == (1, 2)
    releases.keep(NAME)
    assert serving(settings) == (2, 1)
    assert mark_of(settings.state, NAME) is None
    kinds = [(e.kind, e.payload["outcome"]) for e in releases._journal.read(f"drill/{NAME}")]
    assert kinds == [("endpoint.drill_began", "pass"), ("endpoint.drilled", "error")]


def test_going_back_during_a_drill_takes_the_champion_out_and_not_the_standby(settings, releases):
    now = releases._target.status(NAME)
    set_mark(settings.state, NAME, Mark(champion="tiny/2", standby="tiny/1", by="ada", time=START))
    releases._target.route(swapped(now.routing), expected=now.version)
    assert releases.rollback(NAME, "INC-1").candidate == "tiny/2"
    assert serving(settings) == (1, None)


def test_without_gateway_standby_or_requests_a_drill_says_what_is_missing(settings, root):
    releases = opened(settings)
    release(releases, 1)
    with pytest.raises(Refused, match="has no standby"):
        releases.drill(NAME)
    release(releases, 2)
    with pytest.raises(Unavailable, match="No gateway serves tiny"):
        releases.drill(NAME)
    with running_gateway(root, NAME), pytest.raises(Refused, match="none to replay"):
        releases.drill(NAME)
    version = releases._registry.version(f"{NAME}/3")
    releases.open(version, plan(), endpoint=NAME, verdict=verdict_on(version))
    with pytest.raises(Conflict, match="active release: tiny-3"):
        releases.drill(NAME)
    releases.abort("tiny-3", "no")
    kill(settings.state, NAME, "legal hold")
    with pytest.raises(Conflict, match="is killed: legal hold"):
        releases.drill(NAME)
    releases._journal.close()
