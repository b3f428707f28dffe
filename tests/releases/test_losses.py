"""What the gateway could not keep: a stage of which too much is missing does not pass."""

from __future__ import annotations

import os

import pytest

from workbench.gateway.status import Status as Gateway
from workbench.gateway.status import write_status
from workbench.releases import Status
from workbench.releases.controller import step
from workbench.releases.losses import NOTHING_LOST, Losses, look, too_many, worth_writing
from workbench.testing.clock import START
from workbench.testing.releases import opened, quiet_shadow, seen


def test_what_was_lost_before_the_first_look_is_not_known_and_left_out():
    first = look(NOTHING_LOST, counted=70, process="a")
    assert (first.lost, look(first, counted=75, process="a").lost) == (0, 5)


def test_another_process_counts_from_nothing_and_none_at_all_says_nothing():
    known = Losses(lost=5, counted=75, process="a")
    assert look(known, counted=0, process="") == known
    assert look(known, counted=3, process="b") == Losses(lost=8, counted=3, process="b")
    assert look(known, counted=74, process="a").lost == 5


def test_more_than_one_in_a_hundred_is_too_many():
    assert not too_many(0, 0)
    assert not too_many(1, 99)
    assert too_many(2, 98)


def test_losses_are_written_down_when_they_grew_by_a_twentieth():
    assert not worth_writing(Losses(counted=7, process="b"), Losses(process="a"))
    assert worth_writing(Losses(lost=1), NOTHING_LOST)
    assert not worth_writing(Losses(lost=104), Losses(lost=100))
    assert worth_writing(Losses(lost=106), Losses(lost=100))


MISSING = {"exchanges": 200, "losses": Losses(lost=50, counted=50, process="a")}


def test_a_stage_of_which_too_much_is_missing_waits_and_says_what_to_do():
    found = step(opened(), seen(quiet_shadow(), **MISSING), START).state
    assert (found.release.stage, found.waits_for) == (0, ("captures",))
    assert found.release.reason == (
        "shadow: 50 of 250 exchanges (20 %) could not be kept: make room (the gateway's log says why), and let "
        "requests come until it is 1 %."
    )
    assert found.losses.lost == 50
    later = step(found, seen(quiet_shadow(), exchanges=5000, losses=found.losses), START).state
    assert later.release.stage == 1
    assert later.losses == Losses(lost=0, counted=50, process="a")


def test_harm_ends_a_release_however_much_is_missing():
    found = step(opened(), seen(quiet_shadow(200, differ=90), **MISSING), START).state
    assert found.release.status is Status.ABORTED


@pytest.fixture
def gateway(project):
    """Says of itself what a gateway would say that has lost so many exchanges."""

    def says(lost: int) -> None:
        known = {"endpoint": "tiny", "pid": os.getpid(), "url": "", "ready": True}
        write_status(project.settings.state, Gateway(**known, started=START, table_version=10**6, lost=lost))

    return says


def test_what_the_gateway_lost_is_remembered_by_a_controller_that_comes_new(project, gateway):
    project.open(1)
    gateway(1000)  # before the release
    release = project.open(2)
    project.send(10)
    assert project.another().tick(release.id).stage == 0
    gateway(1040)
    project.send(400, seed=1)
    release = project.another().tick(release.id)
    assert release.stage == 0
    assert "40 of 450 exchanges (8.9 %) could not be kept" in release.reason
    release = project.another().tick(release.id)
    assert release.stage == 0
