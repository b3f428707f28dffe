"""min_minutes: time in which traffic came and somebody looked, which no wall clock can shorten."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.releases import Status
from workbench.releases.watching import NOT_YET, look, worth_writing
from workbench.testing.releases import PLAN, plan

SHADOW, _, HALF, CHAMPION = PLAN["stages"]
TEN = plan(stages=[SHADOW | {"min_minutes": 10.0, "deadline_minutes": 600.0}, HALF, CHAMPION])


@pytest.fixture
def watched(project):
    """A release whose shadow stage must be watched for ten minutes, with its exposure there at once."""
    project.open(1)
    release = project.open(2, plan=TEN)
    project.send(300)
    assert project.releases.tick(release.id).stage == 0
    return release


def looked(project, release, *, minutes: int, times: int = 1, releases=None):
    """Send a little and look, so many times, with so many minutes between."""
    for round in range(times):
        project.clock.advance(minutes=minutes)
        project.send(5, seed=round)
        release = (releases or project.releases).tick(release.id)
    return release


def test_a_stage_waits_for_its_minutes_and_says_how_far_they_are(project, watched):
    assert "watched for 0 of 10 minutes" in project.releases.get(watched.id).reason
    assert looked(project, watched, minutes=2, times=4).stage == 0
    assert looked(project, watched, minutes=2).stage == 1


def test_a_wall_clock_that_jumps_forward_promotes_nobody(project, watched):
    project.clock.jump(project.clock.now() + timedelta(hours=3))
    project.send(300, seed=1)
    release = project.releases.tick(watched.id)
    assert (release.status, release.stage) == (Status.RUNNING, 0)
    assert looked(project, watched, minutes=2, times=5).stage == 1


def test_a_wall_clock_that_jumps_back_only_makes_it_wait(project, watched):
    looked(project, watched, minutes=6)
    project.clock.jump(project.clock.now() - timedelta(hours=3))
    assert project.releases.tick(watched.id).stage == 0
    assert looked(project, watched, minutes=6).stage == 1


def test_time_without_traffic_does_not_count(project, watched):
    project.clock.advance(minutes=30)
    assert project.releases.tick(watched.id).stage == 0
    assert looked(project, watched, minutes=0).stage == 1  # the traffic that came last was half an hour later


def test_looks_of_processes_that_end_at_once_add_up_as_those_of_one(project, watched):
    """As cron starts them."""
    for _ in range(4):
        release = looked(project, watched, minutes=2, releases=project.another())
        assert release.stage == 0
    assert looked(project, watched, minutes=2, releases=project.another()).stage == 1


def test_what_passed_under_another_boot_of_the_machine_counts_for_nothing(project, watched, monkeypatch):
    looked(project, watched, minutes=3, times=2)
    monkeypatch.setattr("workbench.releases.watching.this_boot", lambda: "another")
    assert looked(project, watched, minutes=60, releases=project.another()).stage == 0
    assert "watched for 6.33 of 10 minutes" in project.releases.get(watched.id).reason
    assert looked(project, watched, minutes=4).stage == 1


def test_each_stage_is_watched_for_itself(project):
    both = plan(
        stages=[
            SHADOW | {"min_minutes": 10.0},
            HALF | {"min_minutes": 10.0, "min_requests": 10},
            CHAMPION,
        ]
    )
    project.open(1)
    release = project.open(2, plan=both)
    project.send(300)
    assert looked(project, release, minutes=6, times=3).stage == 1
    project.send(300, seed=9)
    assert project.releases.tick(release.id).stage == 1
    assert looked(project, release, minutes=6).stage == 1
    assert looked(project, release, minutes=6).status is Status.PROMOTED


def test_looks_that_only_let_time_pass_are_written_ten_times_at_the_most(project, watched):
    before = len(project.journal.read(f"release/{watched.id}"))
    looks = 0
    while project.releases.tick(watched.id).stage == 0:
        project.send(1, seed=looks)  # ten seconds
        looks += 1
    assert looks == 60
    assert len(project.journal.read(f"release/{watched.id}")) - before <= 15


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.integers(0, 3), st.booleans(), st.sampled_from("ab")), max_size=40
    )
)
def test_what_was_watched_never_exceeds_what_has_passed_whoever_looks(looks):
    """Two processes look in any order, under two boots, and what is worth it is written."""
    mine = [NOT_YET, NOT_YET]
    now, exposure, told = 0.0, 0, NOT_YET
    for passed, came, who, boot in looks:
        now, exposure = now + passed, exposure + came
        last = max(mine[who], told, key=lambda one: (one.seconds, one.exposure))
        found = mine[who] = look(last, exposure, now=now, boot=boot)
        assert last.seconds <= found.seconds <= now + 1e-6
        if worth_writing(found, told, min_minutes=1.0):
            told = found
