from __future__ import annotations

import re
from datetime import timedelta

import pytest

from workbench.core.values import Outcome
from workbench.journal import Event
from workbench.releases.controller import at_the_door, step
from workbench.releases.records import Status
from workbench.releases.state import PAUSED, RESUMED
from workbench.releases.tallies import CanaryTally, ShadowTally
from workbench.testing.clock import START
from workbench.testing.releases import after, opened, plan, quiet_canary, quiet_shadow, seen, verdict

REQUIRED = [dict(stage) for stage in plan().model_dump(exclude_none=True)["stages"]]
REQUIRED[2]["require"] = ["errors"]

SHADOW, TENTH, HALF = quiet_shadow(), quiet_canary(0.1, candidate_bad=1, champion_bad=8), quiet_canary(0.5)


def stepped(state, observations, *, minutes=1.0):
    return step(state, observations, START + timedelta(minutes=minutes)).state


def in_canary(of=None):
    return stepped(opened(of), seen(SHADOW, table_version=2))


def in_last(of=None):
    return stepped(in_canary(of), seen(SHADOW, TENTH, table_version=3))


def kinds(events):
    return [event.kind.removeprefix("release.") for event in events]


def test_a_shadow_stage_passes_when_disagreement_is_proved_small():
    state = in_canary()
    assert (state.release.stage, state.release.weight) == (1, 0.1)
    assert (
        "shadow passed after 200 pairs: disagreement proved below the limit of 20 %" in state.release.reason
    )


def test_a_canary_stage_passes_on_exposure_and_says_what_is_not_proved():
    state = in_last()
    assert state.release.stage == 2
    assert state.release.reason == (
        "canary 10 % passed after 100 requests to the candidate: errors with no evidence of harm in 100 requests, "
        "not proved no worse than 2 times the champion's risk."
    )


def test_a_stage_that_counts_entities_says_so_while_it_waits_and_when_it_passes():
    state = in_canary(plan(sticky="customer"))
    assert "shadow passed after 200 entities:" in state.release.reason
    waiting = stepped(state, seen(SHADOW, quiet_canary(0.1, 50)))
    assert "entities to the candidate" in waiting.release.reason
    passed = stepped(state, seen(SHADOW, TENTH, table_version=3))
    assert "passed after 100 entities to the candidate" in passed.release.reason
    assert "in 100 entities, not proved" in passed.release.reason


def test_a_stage_that_requires_proof_waits_for_it():
    state = in_last(plan(stages=REQUIRED))
    waiting = stepped(state, seen(SHADOW, TENTH, quiet_canary(0.5, 1000, candidate_bad=5, champion_bad=5)))
    assert waiting.release.status is Status.RUNNING
    assert waiting.waits_for == ("errors",)
    assert re.search(
        r"errors not yet proved no worse than 2 .* \(about [\d,]+ more would settle it\)",
        waiting.release.reason,
    )
    proved = seen(
        SHADOW, TENTH, quiet_canary(0.5, 20_000, candidate_bad=99, champion_bad=99), permission=verdict()
    )
    assert stepped(waiting, proved).release.status is Status.PROMOTED


def test_without_traffic_nothing_is_promoted_and_the_deadline_aborts():
    state = opened()
    for minutes in (1, 30, 59):
        state = stepped(state, seen(ShadowTally()), minutes=minutes)
        assert (state.release.status, state.release.stage) == (Status.RUNNING, 0)
    assert "no pairs yet, 100 are needed" in state.release.reason
    ended = stepped(state, seen(ShadowTally()), minutes=60)
    assert ended.release.status is Status.ABORTED
    assert ended.release.reason.startswith("Deadline: shadow did not pass within 60 minutes")


def test_when_no_gateway_serves_the_release_says_so():
    state = stepped(opened(), seen(ShadowTally(), serving=False))
    assert "no gateway serves tiny" in state.release.reason


def test_harm_aborts_at_once_in_shadow_and_in_canary():
    assert stepped(opened(), seen(quiet_shadow(100, differ=60))).release.status is Status.ABORTED
    harmful = stepped(in_canary(), seen(SHADOW, CanaryTally(40, 10, 360, 1)))
    assert harmful.release.status is Status.ABORTED
    assert "The candidate failed 10 of 40 requests (25 %)" in harmful.release.reason
    assert harmful.release.weight == 0.0


def test_harm_that_shows_late_in_an_earlier_stage_still_aborts():
    state = in_last()
    late = seen(SHADOW, CanaryTally(100, 30, 900, 8), CanaryTally(1, 0, 1, 0))
    assert stepped(state, late).release.status is Status.ABORTED


def test_a_biased_coin_ends_the_release_before_anything_else_is_believed():
    state = stepped(in_canary(), seen(SHADOW, CanaryTally(300, 0, 700, 0)))
    assert state.release.status is Status.ABORTED
    assert "Sample-ratio mismatch" in state.release.reason


def test_a_candidate_that_the_gateway_cannot_load_is_aborted():
    state = stepped(opened(), seen(ShadowTally(), refused="tiny/2 was changed."))
    assert state.release.status is Status.ABORTED
    assert "could not take the candidate: tiny/2 was changed." in state.release.reason


def test_only_the_gates_answer_stands_before_the_championship():
    state, ready = in_last(), seen(SHADOW, TENTH, HALF)
    assert at_the_door(state, ready)
    assert not at_the_door(in_canary(), seen(SHADOW, TENTH))
    assert not at_the_door(state, seen(SHADOW, TENTH, CanaryTally(3, 0, 3, 0)))
    promoted = stepped(state, seen(SHADOW, TENTH, HALF, permission=verdict())).release
    assert (promoted.status, promoted.weight, promoted.stage) == (Status.PROMOTED, 1.0, 3)


@pytest.mark.parametrize(
    ("permission", "status", "words"),
    [
        (None, Status.RUNNING, "has not been asked again"),
        (verdict(Outcome.INCONCLUSIVE), Status.RUNNING, "no longer lets it through"),
        (verdict(required_approvals={"model-risk": 1}), Status.RUNNING, "approvals again: 1 by model-risk"),
        (verdict(digest="sha256:" + "9" * 64), Status.RUNNING, "other bytes"),
        (verdict(Outcome.FAIL), Status.ABORTED, "no longer lets it through: 1 rule: fail."),
    ],
)
def test_without_a_releasable_verdict_on_these_bytes_nobody_becomes_champion(permission, status, words):
    state = stepped(in_last(), seen(SHADOW, TENTH, HALF, permission=permission))
    assert state.release.status is status
    assert words in state.release.reason


def test_waiting_at_the_door_ends_at_the_deadline():
    state = stepped(in_last(), seen(SHADOW, TENTH, HALF), minutes=90)
    assert state.release.status is Status.ABORTED
    assert "has not been asked" in state.release.reason


def test_what_a_paused_stage_lacked_is_not_told_once_it_has_it():
    short = stepped(opened(), seen(quiet_shadow(56)))
    assert "56 of 100 pairs" in short.release.reason
    paused = after(short, [Event(kind=PAUSED, payload={"reason": "holiday"})])
    assert (
        stepped(paused, seen(quiet_shadow(138))).release.reason
        == "shadow: nothing is lacking, and it is paused."
    )


def test_a_paused_release_does_not_move_on_but_harm_still_ends_it():
    paused = after(opened(), [Event(kind=PAUSED, payload={"reason": "holiday"})])
    still = stepped(paused, seen(SHADOW), minutes=500)
    assert (still.release.status, still.release.stage) == (Status.PAUSED, 0)
    assert stepped(paused, seen(quiet_shadow(100, differ=60))).release.status is Status.ABORTED
    resumed = after(still, [Event(kind=RESUMED, payload={"reason": "back"})], minutes=500)
    assert stepped(resumed, seen(SHADOW), minutes=501).release.stage == 1


def test_the_kill_switch_ends_the_release_whatever_was_seen():
    state = stepped(opened(), seen(SHADOW, killed="legal hold"))
    assert (state.release.status, state.release.reason) == (Status.KILLED, "Killed: legal hold.")


def test_what_is_over_stays_over():
    for ended in (
        stepped(opened(), seen(SHADOW, killed="x")),
        stepped(opened(), seen(quiet_shadow(100, differ=60))),
    ):
        assert step(ended, seen(SHADOW, killed="y"), START + timedelta(days=9)).actions == ()


def test_nothing_new_writes_nothing():
    state, look = opened(), seen(quiet_shadow(40, differ=1))
    first = step(state, look, START).events
    assert kinds(first) == ["judged"]
    assert step(after(state, first), look, START).events == []
    assert step(after(state, first), seen(quiet_shadow(41, differ=1)), START).events == []
    assert kinds(step(after(state, first), seen(quiet_shadow(60, differ=1)), START).events) == ["judged"]


def test_a_step_is_one_look_and_one_transition_at_most():
    assert kinds(step(opened(), seen(SHADOW), START).events) == ["judged", "stage_entered"]
    [_, entered] = step(opened(), seen(SHADOW, table_version=5), START).events
    assert entered.payload["since_table"] == 5
    assert entered.subjects == (opened().release.candidate_digest,)


def test_a_stage_that_passes_although_harm_is_suspected_says_how_strongly():
    suspected = quiet_canary(0.1, 2000, candidate_bad=4, champion_bad=9)
    state = stepped(in_canary(), seen(SHADOW, suspected))
    assert state.release.stage == 2
    assert "errors with some evidence of harm (4.5:1, 40:1 needed to abort)" in state.release.reason
