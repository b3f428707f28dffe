"""Whose end a hand rollback is, and that a controller which settles it first is no failure of it."""

from __future__ import annotations

import pytest

from workbench.core.errors import Refused
from workbench.journal import Event
from workbench.releases import Status
from workbench.releases.intents import Rollback
from workbench.testing.releases import plan, verdict_on

NAME = "tiny"


def serving(project) -> tuple:
    now = project.table()
    return tuple(role and role.version for role in (now.champion, now.candidate or now.shadow, now.standby))


def statuses(project) -> dict[str, str]:
    return {release.id: str(release.status) for release in project.releases.all()}


def open_and_die(project, number: int, *, instead: bool = False) -> None:
    """Open a release in a process that dies between its entry and its traffic."""
    other, version = project.another(), project.version(number)
    take, taken = other._effects.take, []

    def dies(*given) -> None:
        taken.append(given)
        if len(taken) > 1:
            raise KeyboardInterrupt
        take(*given)

    other._effects.take = dies
    begin = other.supersede if instead else other.open
    with pytest.raises(KeyboardInterrupt):
        begin(version, plan(), endpoint=NAME, verdict=verdict_on(version))


@pytest.fixture
def two(project):
    """``tiny/2`` is champion, ``tiny/1`` stands by."""
    project.open(1)
    project.promote(2)
    return project


def test_a_champion_that_was_taken_out_stays_out_whatever_else_was_opened(two):
    open_and_die(two, 3)
    assert serving(two) == (2, None, 1)
    release = two.another().rollback(NAME, "2 is bad")
    assert (release.id, release.status) == ("tiny-2", Status.ROLLED_BACK)
    assert statuses(two) == {"tiny-1": "promoted", "tiny-2": "rolled_back", "tiny-3": "aborted"}
    assert two.releases.get("tiny-3").reason == "Its champion tiny/2 was rolled back by ada: 2 is bad"
    assert serving(two) == (1, None, None)
    assert two.registry.aliases(NAME)["champion"] == 1
    assert two.another().tick("tiny-3").status is Status.ABORTED
    assert serving(two) == (1, None, None)


def test_a_candidate_that_was_superseded_in_the_journal_alone_takes_its_successor_with_it(two):
    two.open(3)
    open_and_die(two, 4, instead=True)
    assert serving(two) == (2, 3, 1)
    release = two.another().rollback(NAME, "no candidate now")
    assert (release.id, release.status) == ("tiny-4", Status.ROLLED_BACK)
    assert statuses(two)["tiny-2"] == "promoted"
    assert serving(two) == (2, None, 1)


def test_an_old_champion_that_was_tried_again_and_taken_out_may_still_stand_by(two):
    """What was taken out had been aborted already: its first release, long promoted, is not meant."""
    two.open(1)
    book = two.releases._book
    book.append(book.page("tiny-3"), [Event(kind="release.aborted", payload={"reason": "harm"})])
    release = two.another().rollback(NAME, "INC-1")
    assert (release.id, release.status) == ("tiny-3", Status.ABORTED)
    assert statuses(two) == {"tiny-1": "promoted", "tiny-2": "promoted", "tiny-3": "aborted"}
    assert serving(two) == (2, None, 1)


def test_an_intent_that_is_recorded_twice_ends_nothing_else(two):
    """A slow process records what another one has, and a new release was opened meanwhile."""
    two.open(3)
    two.releases.rollback(NAME, "INC-1")
    two.open(4)
    again = Rollback(endpoint=NAME, took_out="tiny/3", reason="INC-1", by="ada", time=two.clock.now())
    two.releases._effects._intents.write(again)
    two.another().settle(NAME)
    assert statuses(two)["tiny-4"] == "running"
    assert serving(two) == (2, 4, 1)


@pytest.mark.parametrize("with_candidate", [True, False], ids=["candidate", "champion"])
def test_a_controller_that_settles_before_the_pointer_is_moved_does_the_persons_work(two, with_candidate):
    drives = two.open(3).id if with_candidate else "tiny-2"
    controller, person = two.another(), two.another()
    move_back = person._by_hand._move_back

    def later(*given) -> None:
        controller.tick(drives)
        move_back(*given)

    person._by_hand._move_back = later
    release = person.rollback(NAME, "INC-1")
    assert (release.id, release.status) == (drives, Status.ROLLED_BACK)
    assert serving(two) == ((2, None, 1) if with_candidate else (1, None, None))


def test_a_controller_that_settles_before_the_record_has_written_it(two):
    drives = two.open(3).id
    controller, person = two.another(), two.another()
    settle = person.settle

    def later(*given):
        controller.tick(drives)
        return settle(*given)

    person.settle = later
    release = person.rollback(NAME, "INC-1")
    assert (release.id, release.status) == (drives, Status.ROLLED_BACK)


def test_an_intent_that_another_process_removes_while_it_is_read_is_recorded(two):
    drives = two.open(3).id
    controller, person = two.another(), two.another()
    intents = person._effects._intents

    class Slow:
        def waiting(self, endpoint):
            found = intents.waiting(endpoint)
            if found:
                controller.settle(endpoint)
            return found

    person._effects._intents = Slow()
    release = person.rollback(NAME, "INC-1")
    assert (release.id, release.status) == (drives, Status.ROLLED_BACK)
    assert serving(two) == (2, None, 1)


def test_of_two_people_who_go_back_at_once_the_second_is_told(two):
    """Nobody recorded it: here somebody else has really taken it out."""
    first, second = two.another(), two.another()
    move_back = second._by_hand._move_back

    def later(*given) -> None:
        second._by_hand._move_back = move_back
        first._by_hand._go_back(NAME, "INC-1", "ada")
        move_back(*given)

    second._by_hand._move_back = later
    with pytest.raises(Refused, match="somebody else has just taken tiny/2 out"):
        second.rollback(NAME, "INC-2")
    two.releases.settle(NAME)
    assert serving(two) == (1, None, None)
