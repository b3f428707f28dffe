"""Any looks in any order, over every kind of plan: what the pure step promises of each state it leads to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.values import Outcome
from workbench.journal import Event
from workbench.releases.controller import MoveTraffic, step
from workbench.releases.records import Status
from workbench.releases.state import (
    ABORTED,
    KILLED,
    PAUSED,
    RESUMED,
    ROLLED_BACK,
    SUPERSEDED,
    State,
    follow,
)
from workbench.releases.tallies import CanaryTally, ShadowTally
from workbench.releases.watching import Watched
from workbench.testing.clock import START
from workbench.testing.releases import PLAN, opened, plan, seen, verdict

SHADOW, TENTH, HALF, CHAMPION = PLAN["stages"]
ALL = {"errors": {}, "disagreement": {"at_most": 0.2}, "objective": {"at_most": 0.2}}
OWNER = {"approvals": {"owner": 1}}
PLANS = [
    plan(),
    plan(stages=[SHADOW, HALF | OWNER, CHAMPION | OWNER]),
    plan(stages=[TENTH | {"min_minutes": 5.0}, CHAMPION]),
    plan(
        stages=[
            SHADOW,
            {"name": "ramp", "kind": "progressive", "weights": [0.1, 0.5], "min_requests": 20} | OWNER,
            CHAMPION,
        ]
    ),
    plan(
        metrics=ALL,
        stages=[
            SHADOW,
            {"name": "green", "kind": "blue_green", "min_requests": 20, "require": ["objective"]},
            CHAMPION,
        ],
    ),
    plan(
        sticky="x1",
        stages=[
            SHADOW,
            {"name": "split", "kind": "ab", "weight": 0.5, "arms": ["old", "new"], "min_requests": 20},
            CHAMPION,
        ],
    ),
]
ENDINGS = (ABORTED, KILLED, ROLLED_BACK, SUPERSEDED)


@st.composite
def looks(draw):
    """What one look may find besides the counts, and whether somebody pauses or resumes before it."""
    return {
        "requests": draw(st.sampled_from([0, 10, 400, 400])),
        "bad": draw(st.sampled_from([0.0, 0.0, 0.0, 0.5])),
        "approved": draw(st.sampled_from([{}, {"owner": ("grace",)}])),
        "watched": Watched(seconds=draw(st.sampled_from([0.0, 299.0, 300.0]))),
        "permission": draw(st.sampled_from([None, verdict(), verdict(), verdict(Outcome.INCONCLUSIVE)])),
        "minutes": draw(st.sampled_from([0, 1, 1, 70])),
        "pause": draw(st.sampled_from([False, False, False, True])),
    }


def counted(state: State, requests: int, bad: float) -> ShadowTally | CanaryTally:
    share = state.plan.steps[state.release.stage].share
    if state.release.current.kind == "shadow":
        return ShadowTally(requests, 0, requests, round(bad * requests), 0)
    candidate = round(share * requests)
    return CanaryTally(candidate, round(bad * candidate), requests - candidate, 0)


def entered(state: State) -> list:
    return [
        ShadowTally() if s.kind == "shadow" else CanaryTally()
        for s in state.plan.steps[: state.release.stage + 1]
    ]


@given(st.sampled_from(PLANS), st.lists(looks(), min_size=1, max_size=12))
def test_whatever_is_seen_no_step_breaks_a_promise(of, several):
    state, now = opened(of), START
    for look in several:
        before = state = paused_or_resumed(state, now) if look["pause"] else state
        if state.release.status.final:
            break
        now += timedelta(minutes=look["minutes"])
        given = {name: look[name] for name in ("approved", "watched", "permission")}
        tallies = [*entered(state)[:-1], counted(state, look["requests"], look["bad"])]
        found = step(state, seen(*tallies, **given), now)
        state = found.state
        check(before, found, look, tallies[-1])


def paused_or_resumed(state: State, now):
    kind = RESUMED if state.release.status is Status.PAUSED else PAUSED
    return state if state.release.status.final else follow(state, Event(kind=kind), time=now, actor="ada")


def check(before: State, found, look, tally) -> None:
    state, release = found.state, found.state.release
    folded = before
    for event in found.events:
        folded = follow(folded, event, time=release.closed or release.stage_since, actor="")
    assert folded.release.status is release.status
    assert 0.0 <= release.weight <= 1.0
    assert len(found.events) <= 2
    moved = (release.stage, release.status) != (before.release.stage, before.release.status)
    assert found.moves == moved
    assert [a.weight for a in found.actions if isinstance(a, MoveTraffic)] == [release.weight] * moved
    if release.stage > before.release.stage:
        assert before.release.status is Status.RUNNING
        assert tally.exposure >= before.release.current.min_requests
        assert look["watched"].seconds >= 60 * before.release.current.min_minutes
        assert not release.stages[before.release.stage + 1].approvals or look["approved"]
        assert release.stage == before.release.stage + 1
    if release.status is Status.PROMOTED:
        assert look["permission"].releasable
    if not release.status.final:
        legal_ends(state)


def legal_ends(state: State) -> None:
    for kind in ENDINGS:
        ended = follow(state, Event(kind=kind, payload={"reason": "so"}), time=START, actor="ada")
        assert ended.release.status.final
        assert ended.release.weight == 0.0


@pytest.mark.parametrize("of", PLANS, ids=lambda of: of.steps[-2].kind)
def test_with_all_that_is_asked_every_kind_of_plan_comes_to_its_end(of):
    state, now = opened(of), START
    while not state.release.status.final:
        tallies = [*entered(state)[:-1], counted(state, 1000, 0.0)]
        everything = {
            "approved": {"owner": ("grace",)},
            "watched": Watched(seconds=300.0),
            "permission": verdict(),
        }
        after = step(state, seen(*tallies, **everything), now).state
        assert after.release.stage > state.release.stage
        state = after
    assert state.release.status is Status.PROMOTED
