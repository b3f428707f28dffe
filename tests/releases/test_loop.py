"""The loop drives what is active, keeps the rest, and outlives whatever a round meets."""

from __future__ import annotations

import threading
import time

import pytest

from workbench.core.errors import Unavailable
from workbench.journal import Journal
from workbench.releases import Status
from workbench.releases import loop as module
from workbench.releases.loop import Loop

NAME = "tiny"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Tries again at once, and looks after idle endpoints every round."""
    monkeypatch.setattr(module, "_FIRST", 0.0)
    monkeypatch.setattr(module, "KEEP_EVERY", 0.0)


@pytest.fixture
def said():
    return []


@pytest.fixture
def loop(project, said):
    made = Loop(project.another, said.append)
    yield made
    made._let_go()


def test_it_drives_a_release_to_its_end_and_tells_of_each_change_once(project, loop, said):
    project.open(1)
    release = project.open(2)
    for seed in range(12):
        loop._round()
        loop._round()
        if project.releases.get(release.id).status.final:
            break
        project.send(300, seed=seed)
    assert project.releases.get(release.id).status is Status.PROMOTED
    assert len(said) == len(set(said))
    assert any("canary 10 %, 10% of requests" in line for line in said)
    assert said[-1].startswith("tiny-2: promoted")
    assert project.registry.aliases(NAME)["champion"] == 2


def test_it_drives_every_endpoint_or_those_that_were_named(project, said):
    for endpoint in ("a", "b"):
        project.open(1, endpoint=endpoint)
        project.open(2, endpoint=endpoint)
    project.clock.advance(minutes=61)
    assert Loop(project.another, said.append, endpoints=["a"]).once()
    statuses = [project.releases.get(f"{endpoint}-2").status for endpoint in ("a", "b")]
    assert statuses == [Status.ABORTED, Status.RUNNING]
    assert Loop(project.another, said.append).once()
    assert project.releases.get("b-2").status is Status.ABORTED


def test_while_the_journal_is_down_it_says_so_once_and_goes_on_when_it_is_back(project, loop, said):
    project.open(1)
    project.open(2)
    loop._round()
    before = len(said)
    project.journal.close()
    for _ in range(3):
        loop._round()
    assert [line for line in said[before:] if "The journal is closed" in line] == [said[before]]
    revived = Journal.open(project.journal.path, actor="ada", clock=project.clock)
    project.journal = project.registry._journal = revived
    loop._round()
    assert "goes on" in said[before + 1]
    project.clock.advance(minutes=61)
    loop._round()
    assert project.another().get("tiny-2").status is Status.ABORTED
    revived.close()


def test_another_controller_is_named_once_and_followed_when_it_ends(project, loop, said):
    project.open(1)
    project.open(2)
    with project.another().driving(NAME):
        loop._round()
        loop._round()
        assert len(said) == 1
        assert "is driven by ada, process" in said[0]
    loop._round()
    assert "tiny: goes on" in said


def test_it_keeps_the_lease_between_rounds_and_gives_it_back(project, loop):
    project.open(1)
    loop._round()
    with pytest.raises(Exception, match="is driven by"), project.another().driving(NAME, patience=0.0):
        pass
    loop._let_go()
    with project.another().driving(NAME, patience=0.0):
        pass


def test_an_alias_that_mlflow_does_not_take_is_set_when_it_does(project, loop, said, monkeypatch):
    project.open(1)
    release = project.walk(project.open(2), releases=_deaf(project, monkeypatch))
    assert release.status is Status.PROMOTED
    assert project.table().champion.version == 2
    loop._round()
    assert project.registry.aliases(NAME)["champion"] == 1
    assert [line for line in said if "MLflow does not answer" in line] == said
    monkeypatch.undo()
    loop._turns[NAME].at = 0.0
    loop._round()
    assert project.registry.aliases(NAME)["champion"] == 2


def _deaf(project, monkeypatch):
    """Releases whose every step ends in a failure of MLflow once the alias is to be moved."""

    def set_alias(*_):
        raise Unavailable("MLflow does not answer.", field="tracking_uri")

    monkeypatch.setattr(project.registry, "set_alias", set_alias)
    inner = project.another()

    class Patient:
        def tick(self, release_id):
            try:
                return inner.tick(release_id)
            except Unavailable:
                return inner.get(release_id)

    return Patient()


def test_a_gate_that_cannot_be_asked_holds_the_promotion_and_says_why(project):
    project.open(1)
    asked = []

    def permission(state):
        asked.append(1)
        if len(asked) < 3:
            raise Unavailable("MLflow does not answer.", field="tracking_uri")
        return state.allowed

    releases, release = project.another(permission=permission), project.open(2)
    waits = ""
    for seed in range(20):
        project.send(300, seed=seed)
        release = releases.tick(release.id)
        waits = waits or (release.reason if asked else "")
        if release.status.final:
            break
    assert "it cannot be asked now. MLflow does not answer." in waits
    assert release.status is Status.PROMOTED


def test_while_mlflow_does_not_take_the_alias_harm_still_ends_a_release(project, monkeypatch):
    project.open(1)
    project.promote(2)
    release = project.open(3)
    project.registry.set_alias(NAME, "champion", 1)  # somebody, by hand
    releases = _deaf(project, monkeypatch)
    project.send(600, bad=0.9)
    releases.tick(release.id)
    assert project.releases.get(release.id).status is Status.ABORTED
    assert project.table().shadow is None


def test_what_nobody_expected_stops_neither_the_loop_nor_another_endpoint(project, said):
    project.open(1, endpoint="a")
    project.open(1, endpoint="b")
    project.open(2, endpoint="b")
    project.clock.advance(minutes=61)

    def open():
        releases = project.another()
        honest = releases.keep
        releases.keep = lambda endpoint: 1 / 0 if endpoint == "a" else honest(endpoint)
        return releases

    assert not Loop(open, said.append).once()
    assert "ZeroDivisionError" in said[0]
    assert project.releases.get("b-2").status is Status.ABORTED


def test_stopping_ends_it_after_the_step(project, said):
    project.open(1)
    stop = threading.Event()
    loop = Loop(project.another, said.append, stop=stop)
    thread = threading.Thread(target=loop.run, kwargs={"every": 60.0})
    thread.start()
    time.sleep(0.5)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_failure_that_never_ends_is_tried_again_for_ever_a_minute_apart(said, monkeypatch):
    monkeypatch.setattr(module, "_FIRST", 1.0)

    def open():
        raise Unavailable("The journal is down.", field="journal")

    loop = Loop(open, said.append)
    loop._turns["the project"] = module._Turn(failures=5000)
    assert not loop.once()
    assert 0 < loop._turns["the project"].at - time.monotonic() <= 60


def test_what_people_do_is_told_whoever_did_it(project, loop, said):
    """One line for each thing, in its order, also when the loop did not look in between."""
    project.open(1)
    loop._round()
    release = project.open(2)
    project.releases.pause(release.id, "holiday")
    project.releases.abort(release.id, "changed our mind")
    loop._round()
    assert said == [
        "tiny-2: opened by ada: tiny/2 by plan steps",
        f"tiny-2: paused, {release.current.name}, {release.weight:.0%} of requests. Paused by ada: holiday",
        f"tiny-2: aborted, {release.current.name}, 0% of requests. Aborted by ada: changed our mind",
    ]


def test_a_kill_a_revival_and_a_rollback_are_told(project, loop, said):
    project.open(1)
    project.promote(2)
    loop._round()
    project.releases.kill(NAME, "legal hold")
    project.releases.revive(NAME, "lifted")
    project.releases.rollback(NAME, "INC-1")
    loop._round()
    assert said[:2] == ["tiny: killed by ada: legal hold", "tiny: revived by ada: lifted"]
    assert said[2].startswith("tiny-2: rolled back, ")
    assert said[2].endswith("Rolled back by ada: INC-1")
    assert len(said) == 3


def test_what_happens_to_endpoints_it_does_not_drive_is_not_told(project, said):
    project.open(1, endpoint="a")
    project.open(1, endpoint="b")
    loop = Loop(project.another, said.append, endpoints=["a"])
    loop._round()
    project.releases.kill("b", "legal hold")
    project.releases.kill("a", "legal hold")
    loop._round()
    loop._let_go()
    assert said == ["a: killed by ada: legal hold"]
