from __future__ import annotations

from datetime import timedelta

import pytest

from workbench.core.errors import Conflict, InvalidInput, NotFound, Refused, Tampered, Unavailable
from workbench.core.values import Outcome
from workbench.gateway.routing import is_killed, kill
from workbench.journal import Event
from workbench.releases import Status
from workbench.releases.permission import resting_on
from workbench.testing.releases import BYTES, plan, verdict_on

NAME = "tiny"


def answering(project) -> tuple:
    """Versions that are champion, candidate, shadow and standby, and the candidate's share."""
    now = project.table()
    roles = [now.champion, now.candidate, now.shadow, now.standby]
    return (*(role and role.version for role in roles), now.share)


# Opening


def test_the_first_release_of_an_endpoint_is_champion_at_once_and_says_why(project):
    release = project.open(1)
    assert release.id == "tiny-1"
    assert release.status is Status.PROMOTED
    assert release.reason.startswith("No champion to compare with")
    assert release.champion == ""
    assert answering(project) == (1, None, None, None, 0.0)
    assert project.registry.aliases(NAME)["champion"] == 1


def test_a_second_release_begins_in_shadow(project):
    project.open(1)
    release = project.open(2)
    assert (release.status, release.champion, release.current.kind) == (Status.RUNNING, "tiny/1", "shadow")
    assert answering(project) == (1, None, 2, None, 0.0)
    assert project.releases.active(NAME) == release
    assert project.releases.get("tiny-2") == release
    assert [r.id for r in project.releases.all()] == ["tiny-1", "tiny-2"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outcome": Outcome.INCONCLUSIVE}, "strict says inconclusive"),
        ({"outcome": Outcome.FAIL}, "strict says fail"),
        (
            {"required_approvals": {"model-risk": 2}, "given_approvals": {"model-risk": ("grace",)}},
            "approvals: 1 by model-risk",
        ),
        ({"digest": BYTES}, "other bytes"),
    ],
)
def test_what_the_gate_does_not_let_through_is_refused_and_leaves_nothing(project, changes, words):
    version, before = project.version(1), len(project.journal.entries())
    verdict = verdict_on(version)
    changes = dict(changes)
    if "digest" in changes:
        verdict = verdict.model_copy(update={"model_digest": changes.pop("digest")})
    with pytest.raises(Refused, match=words):
        project.open(1, verdict=verdict.model_copy(update=changes))
    assert len(project.journal.entries()) == before
    assert not (project.settings.state / "gateway").exists()


def test_one_release_an_endpoint_and_the_refusal_names_it_and_the_remedy(project):
    project.open(1)
    project.open(2)
    with pytest.raises(Conflict, match=r"active release: tiny-2 of tiny/2.*workbench rollback tiny"):
        project.open(3)


def test_the_champion_is_not_released_again(project):
    project.open(1)
    with pytest.raises(Conflict, match="champion of tiny already"):
        project.open(1)


def test_a_plan_is_checked_before_anything_happens(project):
    project.open(1)
    before = len(project.journal.entries())
    with pytest.raises(InvalidInput):
        project.open(2, plan={"stages": []})
    assert len(project.journal.entries()) == before


def test_an_artifact_that_was_changed_is_not_released(project):
    version = project.version(1)
    (project.registry.artifact_path(version) / "added").write_text("x", "utf-8")
    before = len(project.journal.entries())
    with pytest.raises(Tampered):
        project.open(1)
    [said] = project.journal.entries()[before:]  # that it was tried, and nothing else
    assert (said.stream, said.kind, said.payload["model"]) == ("artifact/tiny", "artifact.refused", "tiny/1")


def test_endpoints_whose_names_begin_alike_do_not_mix(project):
    project.open(1, endpoint="a")
    project.open(2, endpoint="a-2")
    project.open(2, endpoint="a")
    assert [(r.id, r.endpoint) for r in project.releases.all()] == [
        ("a-1", "a"),
        ("a-2-1", "a-2"),
        ("a-2", "a"),
    ]
    assert project.releases.active("a-2") is None


def test_an_unknown_release_names_the_nearest(project):
    project.open(1)
    with pytest.raises(NotFound, match="tiny-1"):
        project.releases.get("tiny-11")


# Walking


def test_a_good_candidate_walks_from_shadow_to_champion(project):
    project.open(1)
    release = project.walk(project.open(2))
    assert release.status is Status.PROMOTED
    assert {(v.stage, v.metric) for v in release.verdicts} == {
        ("shadow", "errors"),
        ("shadow", "disagreement"),
        ("canary 10 %", "errors"),
        ("canary 50 %", "errors"),
    }
    assert answering(project) == (2, None, None, 1, 0.0)
    assert project.registry.aliases(NAME)["champion"] == 2
    assert project.journal.verify().ok


def test_the_routing_follows_the_stages(project):
    project.open(1)
    release = project.open(2)
    walked = [answering(project)]
    while not release.status.final:
        project.send(600)
        release = project.releases.tick(release.id)
        if answering(project) != walked[-1]:
            walked.append(answering(project))
    assert walked == [
        (1, None, 2, None, 0.0),
        (1, 2, None, None, 0.1),
        (1, 2, None, None, 0.5),
        (2, None, None, 1, 0.0),
    ]


def test_a_candidate_that_fails_more_is_aborted_and_the_champion_keeps_the_traffic(project):
    project.open(1)
    release = project.walk(project.open(2), bad=0.2)
    assert release.status is Status.ABORTED
    assert "proved worse than the champion" in release.reason
    assert answering(project) == (1, None, None, None, 0.0)
    assert project.registry.aliases(NAME)["champion"] == 1


def test_no_traffic_waits_until_the_deadline_and_then_aborts(project):
    project.open(1)
    release = project.open(2)
    assert project.releases.tick(release.id).status is Status.RUNNING
    project.clock.advance(minutes=61)
    assert project.releases.tick(release.id).status is Status.ABORTED


def test_a_clock_set_back_promotes_nobody_and_set_forward_at_worst_aborts(project):
    project.open(1)
    release = project.open(2)
    project.clock.jump(project.clock.now() - timedelta(days=3))
    assert project.releases.tick(release.id).stage == 0
    project.clock.jump(project.clock.now() + timedelta(days=9))
    assert project.releases.tick(release.id).status is Status.ABORTED


def test_traffic_of_another_table_or_from_before_is_not_counted(project):
    project.open(1)
    release = project.open(2)
    project.send(300, table=project.table().version - 1)
    assert project.releases.tick(release.id).stage == 0
    project.send(300)
    assert project.releases.tick(release.id).stage == 1


def test_a_request_counts_only_once_it_is_older_than_the_gateways_deadline(project):
    project.open(1)
    release = project.open(2)
    project.send(300, time=project.clock.now() + timedelta(seconds=10))
    assert project.releases.tick(release.id).stage == 0
    project.clock.advance(seconds=project.settings.gateway_deadline_seconds + 2)
    assert project.releases.tick(release.id).stage == 1


def test_a_tick_with_nothing_new_writes_nothing(project):
    project.open(1)
    release = project.open(2)
    project.send(60)
    first = project.releases.tick(release.id)
    entries, table = len(project.journal.entries()), project.table()
    assert project.releases.tick(release.id) == first
    assert project.another().tick(release.id) == first
    assert (len(project.journal.entries()), project.table()) == (entries, table)


def test_a_retry_of_the_same_bytes_spends_half_the_budget(project):
    project.open(1)
    project.walk(project.open(2), bad=0.3)
    again = project.open(2)
    assert again.reason == "Attempt 2 with these bytes: the error budget is 0.025."
    project.send(60)
    assert {v.alpha for v in project.releases.tick(again.id).verdicts} == {0.0125}


def test_a_pause_holds_the_stage_and_resume_goes_on(project):
    project.open(1)
    release = project.open(2)
    assert project.releases.pause(release.id, "holiday").reason == "Paused by ada: holiday"
    project.send(400)
    assert project.releases.tick(release.id).stage == 0
    project.releases.resume(release.id, "back")
    assert project.releases.tick(release.id).stage == 1
    with pytest.raises(Conflict, match="it cannot be resumed"):
        project.releases.resume(release.id, "again")


def test_a_person_may_abort(project):
    project.open(1)
    release = project.releases.abort(project.open(2).id, "changed our mind")
    assert (release.status, release.reason) == (Status.ABORTED, "Aborted by ada: changed our mind")
    assert answering(project) == (1, None, None, None, 0.0)


# At the door


def test_the_gate_is_asked_again_before_promotion(project):
    project.open(1)
    version, asked = project.version(2), []

    def permission(state):
        asked.append(state.release.current.name)
        return verdict_on(version, Outcome.FAIL if len(asked) > 1 else Outcome.INCONCLUSIVE)

    release = project.walk(project.open(2), releases=project.another(permission=permission))
    assert asked == ["canary 50 %", "canary 50 %"]
    assert release.status is Status.ABORTED
    assert "no longer lets it through" in release.reason
    assert answering(project)[0] == 1


@pytest.mark.parametrize("stream", ["approval/tiny/2", "evidence/tiny/2", "finding/tiny"])
def test_what_the_permission_rests_on_may_not_move_before_the_promotion_is_written(project, stream):
    """An approval taken back while the gate is asked: asked again, it says no."""
    project.open(1)
    version, asked = project.version(2), []

    def permission(state):
        asked.append(state.release.current.name)
        if len(asked) == 1:
            project.journal.append(stream, Event(kind="approval.revoked"))
            return verdict_on(version)
        return verdict_on(version, Outcome.INCONCLUSIVE)

    releases = project.another(permission=permission)
    release = project.open(2)
    for round in range(6):
        project.send(300, seed=round)
        release = releases.tick(release.id)
    assert len(asked) > 1
    assert release.status is Status.RUNNING
    assert answering(project)[0] == 1


def test_a_release_does_not_open_over_what_moved_since_it_was_judged(project):
    unmoved = resting_on(project.journal, "tiny/1")
    project.journal.append("approval/tiny/1", Event(kind="approval.revoked"))
    with pytest.raises(Conflict, match="approval/tiny/1"):
        project.open(1, unmoved=unmoved)
    assert project.releases.all() == []


# Going back


def test_rollback_of_a_running_release_takes_the_candidate_out(project):
    project.open(1)
    project.open(2)
    project.send(300)
    project.releases.tick("tiny-2")
    assert answering(project)[1] == 2
    release = project.releases.rollback(NAME, "INC-1")
    assert (release.id, release.status, release.reason) == (
        "tiny-2",
        Status.ROLLED_BACK,
        "Rolled back by ada: INC-1",
    )
    assert answering(project) == (1, None, None, None, 0.0)
    assert project.releases.active(NAME) is None


def test_rollback_of_a_champion_brings_back_the_one_before_and_again_the_one_before_that(project):
    project.open(1)
    project.promote(2)
    project.promote(3)
    assert answering(project) == (3, None, None, 2, 0.0)
    assert project.releases.rollback(NAME, "INC-1").candidate == "tiny/3"
    assert answering(project) == (2, None, None, 1, 0.0)
    assert project.registry.aliases(NAME)["champion"] == 2
    assert project.releases.rollback(NAME, "INC-1").candidate == "tiny/2"
    assert answering(project) == (1, None, None, None, 0.0)
    assert project.registry.aliases(NAME)["champion"] == 1
    with pytest.raises(Refused, match=r"nothing to go back to.*workbench kill tiny"):
        project.releases.rollback(NAME, "INC-1")


def test_after_a_rollback_the_next_release_is_compared_with_who_came_back(project):
    project.open(1)
    project.promote(2)
    project.releases.rollback(NAME, "INC-1")
    assert project.open(3).champion == "tiny/1"


def test_rollback_moves_the_traffic_with_the_journal_gone_and_the_next_command_records_it(project):
    project.open(1)
    project.promote(2)
    project.journal.close()
    with pytest.raises(Unavailable, match="has gone back; the journal has no record of it yet"):
        project.releases.rollback(NAME, "INC-1")
    assert answering(project)[0] == 1
    revived = type(project.journal).open(project.journal.path, actor="grace", clock=project.clock)
    project.journal = project.registry._journal = revived
    release = project.another().tick("tiny-2")
    assert (release.status, release.reason) == (Status.ROLLED_BACK, "Rolled back by ada: INC-1")
    assert answering(project)[0] == 1
    assert project.registry.aliases(NAME)["champion"] == 1
    revived.close()


def test_rolling_back_an_endpoint_that_never_was_names_the_nearest(project):
    project.open(1)
    with pytest.raises(NotFound, match=r"Nothing was ever released to 'tiyn'.*Did you mean 'tiny'\?"):
        project.releases.rollback("tiyn", "why not")


# Stopping


def test_kill_ends_the_active_release_and_stops_every_answer(project):
    project.open(1)
    project.open(2)
    project.releases.kill(NAME, "legal hold")
    assert is_killed(project.settings.state, NAME)
    release = project.releases.get("tiny-2")
    assert (release.status, release.reason) == (Status.KILLED, "Killed: legal hold")
    assert [e.kind for e in project.journal.read(f"endpoint/{NAME}")] == ["endpoint.killed"]
    assert answering(project) == (1, None, None, None, 0.0)
    with pytest.raises(Conflict, match="workbench revive tiny"):
        project.open(3)


def test_a_kill_by_hand_is_recorded_by_the_next_tick_once(project):
    project.open(1)
    project.open(2)
    kill(project.settings.state, NAME, "")
    assert project.releases.tick("tiny-2").reason == "Killed: by hand"
    project.releases.tick("tiny-2")
    assert len(project.journal.read(f"endpoint/{NAME}")) == 1


def test_kill_works_with_the_journal_gone(project):
    project.open(1)
    project.journal.close()
    with pytest.raises(Unavailable, match="answers no more"):
        project.releases.kill(NAME, "legal hold")
    assert is_killed(project.settings.state, NAME)


def test_revive_lets_the_champion_answer_again(project):
    project.open(1)
    project.open(2)
    project.releases.kill(NAME, "legal hold")
    project.releases.revive(NAME, "hold lifted")
    assert not is_killed(project.settings.state, NAME)
    assert [e.kind for e in project.journal.read(f"endpoint/{NAME}")] == [
        "endpoint.killed",
        "endpoint.revived",
    ]
    assert project.open(3).status is Status.RUNNING
    with pytest.raises(Conflict, match="not killed"):
        project.releases.revive(NAME, "again")


def test_plans_are_taken_by_name_or_as_read(project):
    project.open(1, plan="canary")
    assert project.open(2, plan=plan()).plan == "steps"
