from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from workbench.core.errors import Conflict, NotFound
from workbench.gates.records import StageApproval, StageRevocation
from workbench.journal import Event, Journal
from workbench.releases.controller import step
from workbench.releases.records import EvidencePoint, Status
from workbench.releases.state import (
    ABORTED,
    APPROVAL_REVOKED,
    APPROVED,
    JUDGED,
    KILLED,
    LEGAL,
    MOST_POINTS,
    OPENED,
    PAUSED,
    PROMOTED,
    RESUMED,
    ROLLED_BACK,
    STAGE_ENTERED,
    SUPERSEDED,
    fold,
    fold_state,
    follow,
    thinned,
)
from workbench.releases.watching import NOT_YET
from workbench.testing.clock import START
from workbench.testing.releases import BYTES, PLAN, after, opened, plan, quiet_shadow, seen


def event(kind: str, **payload) -> Event:
    return Event(kind=kind, payload={"reason": "because"} | payload)


ENTER = event(STAGE_ENTERED, stage=1, since_table=2)
LOOK = event(JUDGED, stage=0, verdicts=[], waits_for=[])
YES = Event(
    kind=APPROVED,
    payload=StageApproval(
        release="tiny-2",
        stage=1,
        stage_name="canary 10 %",
        model="tiny/2",
        model_digest=BYTES,
        plan_digest=plan().digest,
        role="owner",
        by="grace",
        note="looks right",
        time=START,
    ).model_dump(mode="json"),
)
BACK = Event(
    kind=APPROVAL_REVOKED,
    payload=StageRevocation(
        release="tiny-2", stage=1, stage_name="canary 10 %", word=0, by="grace", note="too soon", time=START
    ).model_dump(mode="json"),
)


def test_a_release_opens_in_its_first_stage():
    release = opened().release
    assert (release.status, release.stage, release.weight) == (Status.RUNNING, 0, 0.0)
    assert (release.opened, release.opened_by, release.closed) == (START, "ada", None)
    assert [stage.weight for stage in release.stages] == [0.0, 0.1, 0.5, 1.0]


def test_a_stage_entered_carries_its_weight_and_a_new_deadline():
    state = after(opened(), [ENTER], minutes=10)
    assert (state.release.stage, state.release.weight) == (1, 0.1)
    assert state.deadline == START + timedelta(minutes=70)
    assert state.since_table == (1, 2)


@pytest.mark.parametrize(
    ("kind", "status", "weight"),
    [
        (PROMOTED, "promoted", 1.0),
        (ABORTED, "aborted", 0.0),
        (ROLLED_BACK, "rolled_back", 0.0),
        (KILLED, "killed", 0.0),
        (SUPERSEDED, "superseded", 0.0),
    ],
)
def test_an_ending_says_when_why_and_what_the_candidate_has_left(kind, status, weight):
    release = after(opened(), [event(kind)], minutes=5).release
    assert (release.status, release.weight, release.reason) == (status, weight, "because")
    assert release.closed == START + timedelta(minutes=5)
    assert release.status.final


def test_a_pause_stops_the_clock_of_the_stage():
    paused = after(opened(), [event(PAUSED)], minutes=20)
    assert paused.release.status is Status.PAUSED
    resumed = after(paused, [event(RESUMED)], minutes=50)
    assert resumed.release.status is Status.RUNNING
    assert resumed.deadline == START + timedelta(minutes=90)
    assert after(resumed, [ENTER], minutes=55).deadline == START + timedelta(minutes=115)


def test_a_clock_set_back_during_a_pause_takes_nothing_from_the_stage():
    paused = after(opened(), [event(PAUSED)], minutes=20)
    assert after(paused, [event(RESUMED)], minutes=-50).deadline == START + timedelta(minutes=60)


HOW = {
    Status.RUNNING: [],
    Status.PAUSED: [event(PAUSED)],
    Status.PROMOTED: [event(PROMOTED)],
    Status.ABORTED: [event(ABORTED)],
    Status.ROLLED_BACK: [event(ROLLED_BACK)],
    Status.KILLED: [event(KILLED)],
    Status.SUPERSEDED: [event(SUPERSEDED)],
}


@pytest.mark.parametrize(("kind", "status"), list(itertools.product(LEGAL, Status)))
def test_what_the_table_does_not_allow_is_a_conflict(kind, status):
    state = after(opened(), HOW[status])
    whole = {STAGE_ENTERED: ENTER, JUDGED: LOOK, APPROVED: YES, APPROVAL_REVOKED: BACK}
    what = whole.get(kind, event(kind))
    if status in LEGAL[kind]:
        after(state, [what])
    else:
        with pytest.raises(Conflict, match="it cannot be"):
            after(state, [what])


def test_pause_abort_kill_and_supersede_are_legal_from_every_state_that_is_not_final():
    alive = {status for status in Status if not status.final}
    for kind in (ABORTED, KILLED, ROLLED_BACK, SUPERSEDED):
        assert alive <= LEGAL[kind]
    assert LEGAL[PAUSED] == {Status.RUNNING}


def test_stages_follow_one_by_one():
    with pytest.raises(Conflict, match="one by one"):
        after(opened(), [event(STAGE_ENTERED, stage=2, since_table=2)])


def test_a_release_begins_by_being_opened_and_only_once():
    with pytest.raises(Conflict):
        follow(None, event(PROMOTED), time=START, actor="ada")
    with pytest.raises(Conflict):
        after(opened(), [event(OPENED)])
    with pytest.raises(NotFound):
        fold([])


def test_the_fold_of_a_stream_is_what_the_journal_remembers(tmp_path, clock):
    state = opened()
    with Journal.open(tmp_path / "journal.db", actor="ada", clock=clock) as journal:
        payload = {
            "id": "tiny-2",
            "endpoint": "tiny",
            "candidate": "tiny/2",
            "candidate_digest": state.release.candidate_digest,
            "champion": "tiny/1",
            "plan": plan().model_dump(mode="json"),
            "plan_digest": plan().digest,
            "alpha": 0.05,
            "verdict": state.allowed.model_dump(mode="json"),
            "since_table": 1,
            "cursor": "",
        }
        journal.append("release/tiny-2", Event(kind=OPENED, payload=payload))
        for one in step(state, seen(quiet_shadow(), table_version=7), START).events:
            journal.append("release/tiny-2", one)
        entries = journal.read("release/tiny-2")
    assert fold_state(entries[:1]) == state
    found = fold_state(entries)
    assert fold(entries) == found.release
    assert (found.release.stage, found.since_table) == (1, (1, 7))
    assert {v.metric for v in found.release.verdicts} == {"errors", "disagreement"}


def test_a_journal_from_before_there_were_other_kinds_of_plan_still_folds():
    state = opened()
    old = {
        "id": "tiny-2",
        "endpoint": "tiny",
        "candidate": "tiny/2",
        "candidate_digest": BYTES,
        "champion": "tiny/1",
        "plan": PLAN,
        "plan_digest": plan().digest,
        "alpha": 0.05,
        "verdict": state.allowed.model_dump(mode="json"),
        "since_table": 1,
        "cursor": "",
    }
    point = {"n": 10, "log_e_worse": 0.5, "log_e_no_worse": 0.1}
    verdict = {
        "stage": "shadow",
        "metric": "errors",
        "outcome": "inconclusive",
        "sentence": "Not settled.",
        "alpha": 0.025,
        "margin": 2.0,
        "candidate_n": 10,
        "candidate_bad": 1,
        "points": [point],
    }
    found = follow(None, Event(kind=OPENED, payload=old), time=START, actor="ada")
    assert found == state
    looked = after(found, [event(JUDGED, stage=0, verdicts=[verdict], waits_for=["exposure"])])
    assert looked.verdict("errors", "shadow").candidate_n == 10
    assert (looked.watched, looked.waits_for) == (NOT_YET, ("exposure",))


def test_looks_are_thinned_evenly_and_keep_the_first_and_the_newest():
    points: tuple[EvidencePoint, ...] = ()
    for n in range(5000):
        points = thinned((*points, EvidencePoint(n=n, log_e_worse=0.0, log_e_no_worse=0.0)))
    assert MOST_POINTS / 2 <= len(points) <= MOST_POINTS
    assert (points[0].n, points[-1].n) == (0, 4999)
    assert [p.n for p in points] == sorted(p.n for p in points)
