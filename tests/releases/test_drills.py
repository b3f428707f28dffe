"""Going to the standby and back while requests come, measured; and drills that are cut short."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

import workbench as wb
from workbench.core.clock import SystemClock
from workbench.core.errors import Conflict, Refused, Unavailable
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.gateway.routing import kill, read_table
from workbench.gateway.status import write_status
from workbench.gateway.watcher import new_status
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.releases import Releases, drilling
from workbench.releases.drills import Drills, Pair, _measured
from workbench.releases.drills_asked import STALE, Wishes, new_wish
from workbench.releases.drills_records import Drill, Mark, mark_of, set_mark, swapped
from workbench.releases.lease import holder
from workbench.releases.loop import Loop
from workbench.releases.reconciliation import look
from workbench.testing.clock import START
from workbench.testing.gateway import running_gateway
from workbench.testing.killing import child
from workbench.testing.releases import Traffic, plan, verdict_on
from workbench.testing.traffic import send
from workbench.traffic import CaptureWriter, TrafficStore
from workbench.traffic.sending import KEY, Answered

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
        captured(settings, url)
        yield url


def captured(settings, url) -> None:
    """Send requests, and wait until some of them lie where a drill finds them."""
    send(url, NAME, ROWS * 15, rate=300)
    traffic, until = TrafficStore(settings.state / "traffic"), time.monotonic() + 30
    while not (traffic.frame(NAME)["status"] == 200).any() and time.monotonic() < until:
        time.sleep(0.05)


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


def test_a_champion_that_does_not_answer_after_the_way_back_fails_the_drill(releases):
    now = releases._target.status(NAME)
    champion, standby = now.routing.champion, now.routing.standby
    drill = Drill(endpoint=NAME, champion="tiny/2", standby="tiny/1", outcome=Outcome.PASS, reason="")
    pair = Pair(now.routing, now.version, champion, standby, new_status(NAME, 1, ""))

    def measured(*by: tuple[float, int]) -> Drill:
        answers = [Answered(done, done, 200, version, "", b"") for done, version in by]
        return _measured(drill, answers, pair, there=1.0, back=2.0)

    stuck = measured((0.5, 2), (1.5, 1), (2.5, 1))
    assert stuck.outcome is Outcome.FAIL
    assert stuck.reason.endswith("tiny/2 did not answer again after the way back.")
    assert measured((0.5, 2), (1.5, 1), (2.1, 1), (2.5, 2)).outcome is Outcome.PASS


def test_a_first_switch_that_fails_once_the_pointer_has_moved_is_taken_back_at_once(
    settings, releases, url, monkeypatch
):
    """As on Ray: the table is written, and then the dashboard does not answer."""
    target, failing = releases._drills._target, [Unavailable("The cluster does not answer.")]
    route = target.route

    def written_and_not_told(routing, **given):
        version = route(routing, **given)
        if routing.champion.model.version == 1:
            raise failing.pop()
        return version

    monkeypatch.setattr(target, "route", written_and_not_told)
    with pytest.raises(Unavailable, match="does not answer"):
        releases.drill(NAME)
    assert serving(settings) == (2, 1)
    monkeypatch.undo()
    releases.keep(NAME)
    assert releases._journal.read(f"drill/{NAME}")[-1].payload["outcome"] == "error"


def test_somebody_who_goes_back_in_the_middle_of_a_drill_is_not_undone(settings, releases, url, monkeypatch):
    person, target = opened(settings, "grace"), releases._drills._target
    route = target.route

    def gone_back_meanwhile(routing, **given):
        version = route(routing, **given)
        if routing.champion.model.version == 1:
            monkeypatch.undo()
            person.rollback(NAME, "INC-1")
        return version

    monkeypatch.setattr(target, "route", gone_back_meanwhile)
    with pytest.raises(Conflict, match="moved the traffic of tiny"):
        releases.drill(NAME)
    person._journal.close()
    assert serving(settings) == (1, None)


def test_a_drill_killed_half_way_is_ended_by_the_next_tick(settings, releases, url):
    def work(writer: int) -> None:
        opened(settings, "grace").drill(NAME)

    pid, reader = child(work)
    until = time.monotonic() + 30
    while serving(settings) != (1, 2) and time.monotonic() < until:
        time.sleep(0.02)
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
    with running_gateway(root, NAME), pytest.raises(Refused, match=r"none to replay.*send tiny --data "):
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


@pytest.fixture
def person(settings):
    """Somebody else, in another process as far as the lease knows."""
    found = opened(settings.model_copy(update={"actor": "grace"}), "grace")
    yield found
    found._journal.close()


@pytest.fixture
def served(settings, releases) -> None:
    """As far as the disk says, a gateway answers and requests were captured; nobody listens there."""
    status = new_status(NAME, os.getpid(), "http://127.0.0.1:1")
    write_status(settings.state, status.model_copy(update={"ready": True, "loaded": ("tiny/1", "tiny/2")}))
    writer = CaptureWriter(settings.state / "traffic")
    for one in Traffic(0, champion=2, candidate=1).shadow(3, table=1, time=SystemClock().now()):
        writer.put(one)
    writer.close()


@contextmanager
def controller(settings):
    """The loop, as ``release run`` runs it, with no drills by itself; yields what it says."""
    settings, stop, said = settings.model_copy(update={"drill_hours": 0.0}), threading.Event(), []
    loop = Loop(lambda: opened(settings), said.append, stop=stop)
    runs = threading.Thread(target=lambda: loop.run(every=0.05))
    runs.start()
    until = time.monotonic() + 20
    while holder(settings.state, NAME) is None and time.monotonic() < until:
        time.sleep(0.02)
    try:
        yield said
    finally:
        stop.set()
        runs.join()


def drilled(releases) -> list[dict]:
    return [e.payload for e in releases._journal.read(f"drill/{NAME}") if e.kind == "endpoint.drilled"]


def files(settings) -> list[str]:
    return [path.name for path in (settings.state / "releases" / NAME).glob("drill-*")]


def test_a_controller_that_drives_the_endpoint_drills_for_whoever_asks(settings, releases, url, person):
    told = []
    with controller(settings) as said:
        drill = person.drill(NAME, told.append)
    assert drill.outcome is Outcome.PASS, drill.reason
    assert drill.asked_by == "grace"
    assert told == [
        f"asked the controller, process {os.getpid()}, for it; it has 120 s, and Ctrl-C takes the wish back"
    ]
    assert [payload["id"] for payload in drilled(releases)] == [drill.id]
    assert any("Asked for by grace." in line for line in said)
    assert files(settings) == []


def test_the_true_reason_comes_before_who_drives(settings, releases, person):
    with controller(settings), pytest.raises(Unavailable, match="No gateway serves tiny"):
        person.drill(NAME)
    kill(settings.state, NAME, "legal hold")
    with releases.driving(NAME), pytest.raises(Conflict, match="is killed: legal hold"):
        person.drill(NAME)


def test_what_the_controller_cannot_do_reaches_whoever_asked_with_whose_environment_it_is(
    settings, releases, served, person
):
    refused = r"gives no answer: .* In the environment of the controller, process \d+: start its gateway"
    with controller(settings) as said, pytest.raises(Unavailable, match=refused):
        person.drill(NAME)
    assert said == []
    assert files(settings) == []
    assert drilled(releases) == []


def test_what_breaks_in_the_controller_reaches_whoever_asked_as_well(settings, served, person, monkeypatch):
    monkeypatch.setattr(Drills, "run", _breaking)
    with controller(settings) as said, pytest.raises(Unavailable, match="RuntimeError: broken"):
        person.drill(NAME)
    assert [line for line in said if "RuntimeError: broken" in line]


def _breaking(*_):
    raise RuntimeError("broken")


def test_a_controller_that_does_not_look_is_waited_for_no_longer_than_was_said(
    settings, releases, served, person, monkeypatch
):
    monkeypatch.setattr(drilling, "PATIENCE", 1.0)
    with releases.driving(NAME), pytest.raises(Unavailable, match="has not begun the drill"):
        person.drill(NAME)
    assert files(settings) == []
    releases.drill_asked(NAME)
    assert drilled(releases) == []


def test_who_is_interrupted_takes_the_wish_back(settings, releases, served, person):
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with releases.driving(NAME), pytest.raises(Unavailable, match="The wish was taken back"):
        person.drill(NAME, interrupt)
    assert files(settings) == []


def test_when_the_controller_ends_before_it_took_the_wish_the_drill_is_done_here(
    settings, releases, url, person
):
    with ExitStack() as held:
        held.enter_context(releases.driving(NAME))
        drill = person.drill(NAME, lambda _: held.close())
    assert (drill.outcome, drill.asked_by) == (Outcome.PASS, "")
    assert len(drilled(releases)) == 1


def test_a_wish_that_nobody_waits_for_any_more_is_dropped(settings, releases):
    wishes, wish = Wishes(settings.state, NAME), new_wish("grace", START)
    wishes.write(wish)
    old = time.time() - STALE - 1
    os.utime(settings.state / "releases" / NAME / f"drill-{wish.id}.ask", (old, old))
    releases.drill_asked(NAME)
    assert (drilled(releases), files(settings)) == ([], [])


def test_a_wish_that_a_controller_died_over_is_not_drilled_again(settings, releases, served):
    wishes, wish = Wishes(settings.state, NAME), new_wish("grace", START)
    wishes.write(wish)
    assert list(wishes.take()) == [wish]
    releases.drill_asked(NAME)
    assert drilled(releases) == []
    assert "ended in the middle of the drill" in str(wishes.declined(wish))


def test_a_drill_cut_short_is_written_for_whoever_asked_for_it(settings, releases):
    mark = Mark(champion="tiny/2", standby="tiny/1", by="ada", time=START, asked_by="grace", id="one")
    set_mark(settings.state, NAME, mark)
    releases.keep(NAME)
    found = releases._drills.done(NAME, "one")
    assert (found.outcome, found.asked_by) == (Outcome.ERROR, "grace")


def test_without_a_key_nothing_is_replayed_or_written(settings, releases, root, monkeypatch):
    """Of the thirty wrong attempts a minute it uses one."""
    monkeypatch.delenv(KEY, raising=False)
    with running_gateway(root, NAME, settings={"gateway_auth": "keys"}) as url:
        bench = wb.open(root, actor="ada")
        key = bench.gateway_keys.add(NAME, name="drills")[1]
        bench.journal.close()
        with pytest.MonkeyPatch.context() as shown:
            shown.setenv(KEY, key)
            captured(settings, url)
        for _ in range(3):
            with pytest.raises(Unavailable, match=rf"A key .*{KEY}.*workbench gateway-key add tiny"):
                releases.drill(NAME)
        assert drilled(releases) == []
        monkeypatch.setenv(KEY, "wbk_wrong")
        with pytest.raises(Unavailable, match="The key is not valid here"):
            releases.drill(NAME)
        monkeypatch.setenv(KEY, key)
        assert releases.drill(NAME).outcome is Outcome.PASS


def test_a_key_with_too_small_a_quota_is_told_apart_from_a_standby_that_fails(
    settings, releases, url, monkeypatch
):
    monkeypatch.setattr(Drills, "_by_version", _too_often)
    with pytest.raises(Unavailable, match="may ask 10 times a minute"):
        releases.drill(NAME)
    assert drilled(releases) == []


def _too_often(self, pair, one, bodies):
    return [Answered(0.0, 0.0, 429, None, "", b'{"error": "drills may ask 10 times a minute."}')] * len(
        bodies
    )


def test_a_gateway_that_loads_is_no_gateway_that_is_missing(settings, releases):
    write_status(settings.state, new_status(NAME, os.getpid(), "http://127.0.0.1:1"))
    with pytest.raises(Unavailable, match=r"does not answer yet: it is loading.*workbench status"):
        releases.drill(NAME)


def test_a_scheduled_drill_that_fails_keeps_no_release_waiting(settings, releases, served):
    said = []
    loop = Loop(lambda: releases, said.append)
    assert not loop.once()
    assert [line for line in said if line.startswith("drill of tiny: ")] == said
    assert "gives no answer" in said[0]
    assert (
        loop._turns[NAME].at == 0.0
    )  # driven again at the next round, and not when the drill is tried again
