"""A driver that dies at any boundary of any effect, and another that goes on from what was written."""

from __future__ import annotations

import threading

import pytest

from workbench.core.errors import Conflict
from workbench.gateway.routing import is_killed, revive
from workbench.releases import Status
from workbench.releases.targets.local import Local
from workbench.testing.releases import PLAN, plan, verdict_on

NAME = "tiny"
SHORT = plan(stages=[PLAN["stages"][0], PLAN["stages"][2], PLAN["stages"][3]])


class Crash(BaseException):
    """The process dies here: nothing catches it."""


class Wire:
    """Counts the boundaries of effects and dies at one of them."""

    def __init__(self, at: int) -> None:
        self.left = at

    def touch(self) -> None:
        if self.left == 0:
            raise Crash
        self.left -= 1


class Tripping:
    """Something whose effects have a wire before and after them."""

    def __init__(self, inner, wire: Wire, *effects: str) -> None:
        self._inner, self._wire, self._effects = inner, wire, effects

    def __getattr__(self, name: str):
        attribute = getattr(self._inner, name)
        if name not in self._effects:
            return attribute

        def with_wires(*args, **kwargs):
            self._wire.touch()
            result = attribute(*args, **kwargs)
            self._wire.touch()
            return result

        return with_wires


def mortal(project, at: int):
    """Releases that die at the ``at``-th boundary."""
    wire = Wire(at)
    parts = (
        project.settings,
        Tripping(project.journal, wire, "append", "append_many"),
        Tripping(project.registry, wire, "set_alias"),
        project.traffic,
        project.clock,
    )
    target = Tripping(Local(project.settings), wire, "route", "kill", "revive")
    releases = type(project.releases)(*parts, target=target, permission=lambda state: state.allowed)
    releases._by_hand._intents = Tripping(releases._by_hand._intents, wire, "write")
    return releases, wire


def dies(project, at: int, act) -> bool:
    """Let ``act`` run until it dies at that boundary; False when it got through."""
    releases, _ = mortal(project, at)
    try:
        act(releases)
    except Crash:
        return True
    return False


def open_second(project, releases):
    version = project.version(2)
    return releases.open(version, SHORT, endpoint=NAME, verdict=verdict_on(version))


def kinds(project, release_id: str) -> list[str]:
    entries = project.journal.read(f"release/{release_id}")
    return [e.kind.removeprefix("release.") for e in entries if e.kind != "release.judged"]


def serving(project) -> tuple:
    now = project.table()
    roles = [now.champion, now.candidate, now.shadow, now.standby]
    return tuple(role and role.version for role in roles)


@pytest.mark.parametrize("at", range(4))
def test_opening_happens_wholly_or_not_at_all(project, at):
    project.open(1)
    assert dies(project, at, lambda releases: open_second(project, releases))
    again = project.another()
    release = again.active(NAME)
    if release is None:
        release = open_second(project, again)
    again.tick(release.id)
    assert kinds(project, "tiny-2") == ["opened"]
    assert serving(project) == (1, None, 2, None)


@pytest.mark.parametrize("at", range(4))
def test_superseding_happens_wholly_or_not_at_all(project, at):
    """There is never a moment with two releases under way, nor one with none."""
    project.open(1)
    open_second(project, project.releases)
    version = project.version(3)
    assert dies(
        project,
        at,
        lambda releases: releases.supersede(version, SHORT, endpoint=NAME, verdict=verdict_on(version)),
    )
    again = project.another()
    [active] = [release for release in again.all() if not release.status.final]
    again.tick(active.id)
    assert kinds(project, "tiny-2") == ["opened"] + ["superseded"] * (active.id == "tiny-3")
    assert serving(project) == (1, None, int(active.id[-1]), None)


def test_a_walk_that_dies_at_every_boundary_in_turn_still_enters_each_stage_once(project):
    project.open(1)
    release = open_second(project, project.releases)
    deaths = 0
    for _ in range(60):
        if project.releases.get(release.id).status.final and serving(project)[0] == 2:
            break
        if project.table().candidate or project.table().shadow:
            project.send(300, seed=deaths)
        at = 0
        while dies(project, at, lambda releases: releases.tick(release.id)):
            deaths, at = deaths + 1, at + 1
    assert deaths >= 8
    assert kinds(project, "tiny-2") == ["opened", "stage_entered", "promoted"]
    assert serving(project) == (2, None, None, 1)
    assert project.registry.aliases(NAME)["champion"] == 2
    assert project.journal.verify().ok


@pytest.mark.parametrize("at", range(10))
def test_a_promotion_cut_short_is_made_good_by_the_next_tick(project, at):
    project.open(1)
    release = open_second(project, project.releases)
    for seed in range(9):
        project.send(400, seed=seed)
        if release.stage == 1:
            break
        release = project.releases.tick(release.id)
    died = dies(project, at, lambda releases: releases.tick(release.id))
    assert died == (at < 8)
    assert project.another().tick(release.id).status is Status.PROMOTED
    assert kinds(project, "tiny-2") == ["opened", "stage_entered", "promoted"]
    assert serving(project) == (2, None, None, 1)
    assert project.registry.aliases(NAME)["champion"] == 2


@pytest.mark.parametrize("at", range(9))
def test_going_back_that_is_cut_short_is_finished_and_never_undone(project, at):
    project.open(1)
    project.promote(2)
    open_third = project.open(3)
    died = dies(project, at, lambda releases: releases.rollback(NAME, "INC-1"))
    went_back = not died or at > 0  # from there on the intent is on disk
    project.another().tick(open_third.id)
    release = project.releases.get("tiny-3")
    assert (release.status is Status.ROLLED_BACK) == went_back
    assert kinds(project, "tiny-3").count("rolled_back") == went_back
    assert kinds(project, "tiny-2") == ["opened", "stage_entered", "stage_entered", "promoted"]
    assert serving(project) == (2, None, None if went_back else 3, 1)


@pytest.mark.parametrize("at", range(11))
def test_taking_a_champion_out_is_finished_by_the_next_command(project, at):
    project.open(1)
    project.promote(2)
    died = dies(project, at, lambda releases: releases.rollback(NAME, "INC-1"))
    went_back = not died or at > 0
    project.another().tick("tiny-2")
    assert (project.releases.get("tiny-2").status is Status.ROLLED_BACK) == went_back
    assert serving(project) == ((1, None, None, None) if went_back else (2, None, None, 1))
    assert project.registry.aliases(NAME)["champion"] == (1 if went_back else 2)


@pytest.mark.parametrize("at", range(7))
def test_a_kill_cut_short_is_recorded_once(project, at):
    project.open(1)
    project.open(2)
    died = dies(project, at, lambda releases: releases.kill(NAME, "legal hold"))
    killed = not died or at > 0
    project.another().tick("tiny-2")
    assert is_killed(project.settings.state, NAME) == killed
    assert (project.releases.get("tiny-2").status is Status.KILLED) == killed
    assert len(project.journal.read(f"endpoint/{NAME}")) == killed


def test_while_somebody_goes_back_a_controller_does_not_route(project):
    """The pointer has moved, the record is not written: a tick in between must not send the candidate traffic."""
    project.open(1)
    project.open(2)
    releases, _ = mortal(project, 4)  # intent, routing; dies before the record
    with pytest.raises(Crash):
        releases.rollback(NAME, "INC-1")
    assert serving(project)[2] is None
    other = project.another()
    other._effects._route(NAME, None)
    assert serving(project)[2] is None
    assert other.tick("tiny-2").status is Status.ROLLED_BACK


def test_a_controller_stopped_between_deciding_and_routing_does_not_undo_what_came_after(project):
    project.open(1)
    release = project.open(2)
    project.send(400)
    slow = project.another()
    held = slow._target.route

    def stopped(routing, *, expected, token):
        slow._target.route = held
        project.releases.rollback(NAME, "INC-1")  # meanwhile, elsewhere
        return held(routing, expected=expected, token=token)

    slow._target.route = stopped
    slow.tick(release.id)
    assert project.releases.get(release.id).status is Status.ROLLED_BACK
    assert serving(project) == (1, None, None, None)


def test_of_two_drivers_that_tick_at_once_each_stage_is_entered_once(project):
    project.open(1)
    release = project.open(2)
    for seed in range(8):
        if project.table().candidate or project.table().shadow:
            project.send(300, seed=seed)
        drivers = [project.another() for _ in range(3)]
        threads = [threading.Thread(target=driver.tick, args=(release.id,)) for driver in drivers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert kinds(project, "tiny-2") == ["opened", "stage_entered", "stage_entered", "promoted"]
    assert serving(project) == (2, None, None, 1)


def test_of_two_who_open_at_once_one_is_told_of_the_other(project):
    project.open(1)
    results = []

    def attempt(number: int) -> None:
        version = project.version(number)
        try:
            results.append(
                project.another().open(version, SHORT, endpoint=NAME, verdict=verdict_on(version)).candidate
            )
        except Conflict as error:
            results.append(error)

    threads = [threading.Thread(target=attempt, args=(number,)) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [opened] = [r for r in results if isinstance(r, str)]
    [refused] = [r for r in results if isinstance(r, Conflict)]
    assert opened in str(refused)
    assert len(project.releases.all()) == 2


def test_a_kill_file_removed_by_hand_is_no_ones_fault(project):
    project.open(1)
    project.releases.kill(NAME, "legal hold")
    revive(project.settings.state, NAME)
    assert project.open(2).status is Status.RUNNING
