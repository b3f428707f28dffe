"""A candidate in the place of another, one more attempt, and plans that name columns."""

from __future__ import annotations

import pytest

from workbench.core.errors import Conflict, InvalidInput, Refused, Tampered
from workbench.core.values import Outcome
from workbench.gateway.routing import is_killed
from workbench.releases import Releases, Status
from workbench.releases.opening import require_aborted
from workbench.releases.reconciliation.told import releases_tell
from workbench.testing.releases import PLAN, plan, verdict_on

NAME = "tiny"
SHADOW, TENTH, HALF, CHAMPION = PLAN["stages"]


def supersede(project, number: int, **changes):
    version = project.version(number)
    given = {"endpoint": NAME, "verdict": verdict_on(version)} | changes
    return project.releases.supersede(version, given.pop("plan", plan()), **given)


def answering(project) -> tuple:
    now = project.table()
    roles = [now.champion, now.candidate, now.shadow, now.standby]
    return (*(role and role.version for role in roles), now.share)


# In the place of another


def test_a_new_candidate_ends_the_one_under_way_in_words_and_in_the_same_transaction(project):
    project.open(1)
    project.open(2)
    before = len(project.journal.entries())
    release = supersede(project, 3)
    assert (release.id, release.status) == ("tiny-3", Status.RUNNING)
    ended = project.releases.get("tiny-2")
    assert ended.status is Status.SUPERSEDED
    assert ended.reason == "Superseded by tiny-3 of tiny/3, which ada opened."
    assert ended.weight == 0.0
    said = [(e.stream, e.kind) for e in project.journal.entries()[before:]]
    assert said == [("release/tiny-2", "release.superseded"), ("release/tiny-3", "release.opened")]
    assert answering(project) == (1, None, 3, None, 0.0)


def test_what_was_superseded_is_no_gap_in_the_account_of_the_journal(project):
    project.open(1)
    project.open(2)
    supersede(project, 3)
    entries = [e for e in project.journal.entries() if e.stream.startswith("release/")]
    tale = releases_tell(entries)
    assert tale.flaws == []
    assert tale.told[-1].what.shadow.ref == "tiny/3"


def test_a_candidate_with_traffic_loses_it_to_the_shadow_of_the_next(project):
    project.open(1)
    project.open(2)
    project.send(300)
    assert project.releases.tick("tiny-2").stage == 1
    supersede(project, 3)
    assert answering(project) == (1, None, 3, None, 0.0)


def test_where_nothing_is_under_way_it_is_a_release_like_any_other(project):
    assert supersede(project, 1).status is Status.PROMOTED
    assert supersede(project, 2).status is Status.RUNNING


def test_a_candidate_does_not_supersede_itself_nor_without_permission(project):
    project.open(1)
    project.open(2)
    with pytest.raises(Conflict, match="tiny/2 is under way already, in tiny-2"):
        supersede(project, 2)
    with pytest.raises(Refused, match="strict says fail"):
        supersede(project, 3, verdict=verdict_on(project.version(3), Outcome.FAIL))
    with pytest.raises(Conflict, match="champion of tiny already"):
        supersede(project, 1)
    assert project.releases.active(NAME).id == "tiny-2"


def test_a_paused_release_is_superseded_and_a_killed_endpoint_is_not_opened(project):
    project.open(1)
    project.releases.pause(project.open(2).id, "holiday")
    assert supersede(project, 3).status is Status.RUNNING
    project.releases.kill(NAME, "legal hold")
    assert is_killed(project.settings.state, NAME)
    with pytest.raises(Conflict, match="is killed"):
        supersede(project, 4)


def test_of_two_who_supersede_at_once_one_supersedes_the_other(project):
    """The second has read the journal before the first has written."""
    project.open(1)
    project.open(2)
    slow = project.another()
    book, read = slow._opener._book, slow._opener._book.page

    def late(release_id):
        found = read(release_id)
        book.page = read
        supersede(project, 3)
        return found

    book.page = late
    version = project.version(4)
    release = slow.supersede(version, plan(), endpoint=NAME, verdict=verdict_on(version))
    assert release.id == "tiny-4"
    ends = [(r.id, r.status) for r in project.releases.all()[1:]]
    assert ends == [
        ("tiny-2", Status.SUPERSEDED),
        ("tiny-3", Status.SUPERSEDED),
        ("tiny-4", Status.RUNNING),
    ]


# Once more


def test_an_aborted_candidate_is_tried_again_by_the_same_plan_with_half_the_budget(project):
    project.open(1)
    project.walk(project.open(2), bad=0.3)
    again = project.releases.retry("tiny-2")
    assert (again.id, again.candidate, again.plan_digest) == ("tiny-3", "tiny/2", plan().digest)
    assert again.reason == "Attempt 2 with these bytes: the error budget is 0.025."
    project.releases.abort(again.id, "no")
    assert project.releases.retry("tiny-3").reason.endswith("budget is 0.0125.")


def test_another_attempt_asks_the_gate_again(project):
    project.open(1)
    project.releases.abort(project.open(2).id, "no")
    version = project.version(2)
    strict = project.another(permission=lambda state: verdict_on(version, Outcome.INCONCLUSIVE))
    with pytest.raises(Refused, match="strict says inconclusive"):
        strict.retry("tiny-2")
    assert project.releases.active(NAME) is None


def test_only_what_was_aborted_is_tried_again(project):
    project.open(1)
    project.open(2)
    with pytest.raises(Conflict, match="tiny-2 is running: only what was aborted"):
        project.releases.retry("tiny-2")
    project.releases.rollback(NAME, "INC-1")
    with pytest.raises(Conflict, match="tiny-2 is rolled back: only what was aborted"):
        project.releases.retry("tiny-2")
    other = project.version(2).model_copy(update={"digest": "sha256:" + "9" * 64})
    aborted = project.releases.get("tiny-2").model_copy(update={"status": Status.ABORTED})
    with pytest.raises(Tampered, match="Register the changed model as a new version"):
        require_aborted(aborted, other)


def test_whoever_sees_harm_coming_does_not_get_a_new_budget_by_ending_it_another_way(project):
    project.open(1)
    project.open(2)
    supersede(project, 3)
    assert supersede(project, 2).reason.startswith("Attempt 2 with these bytes")
    project.releases.rollback(NAME, "INC-1")
    assert project.open(2).reason.startswith("Attempt 3 with these bytes")


def test_whoever_opens_the_one_under_way_again_is_told_how_to_go_on_with_it(project):
    project.open(1)
    project.open(2)
    for begin in (project.open, lambda number: supersede(project, number)):
        with pytest.raises(Conflict) as refused:
            begin(2)
        assert 'bench.watch("tiny-2"), or: workbench release tiny/2' in refused.value.remedy
        assert "workbench release abort tiny-2" in refused.value.remedy


def test_a_refusal_of_the_gate_points_at_the_policy_that_said_so(project):
    version = project.version(1)
    with pytest.raises(Refused, match=r"Look at the rules: workbench gate tiny/1 --policy strict$"):
        project.open(1, verdict=verdict_on(version, Outcome.FAIL))
    asking = verdict_on(version, required_approvals={"owner": 1}, policy="two words")
    with pytest.raises(Refused, match="workbench approve tiny/1 --policy 'two words' --note"):
        project.open(1, verdict=asking)


# Roles


def with_people(project, people, roles):
    """The releases of a project whose settings give these roles."""
    settings = project.settings.model_copy(update={"people": people, "roles": roles})
    parts = [settings, project.journal, project.registry, project.traffic, project.clock]
    return Releases(*parts, permission=lambda state: state.allowed)


@pytest.mark.parametrize(
    ("people", "roles"),
    [({}, {}), ({"ada": ["model-risk"]}, {}), ({}, {"model-rsk": [], "model-risk": ["g"]})],
)
def test_a_plan_that_asks_a_role_that_nobody_can_have_is_refused_before_anything(project, people, roles):
    project.open(1)
    before, version = len(project.journal.entries()), project.version(2)
    asking = plan(stages=[SHADOW, HALF | {"approvals": {"model-rsk": 1}}, CHAMPION])
    with pytest.raises(InvalidInput, match="'canary 50 %' asks approval of the role 'model-rsk'") as refused:
        with_people(project, people, roles).open(version, asking, endpoint=NAME, verdict=verdict_on(version))
    assert refused.value.field == "approvals"
    assert ("Did you mean 'model-risk'?" in refused.value.remedy) == bool(people or roles)
    assert "[people]" in refused.value.remedy
    assert len(project.journal.entries()) == before


def test_a_role_that_a_group_gives_may_be_asked_whoever_is_in_it(project):
    project.open(1)
    version = project.version(2)
    asking = plan(stages=[SHADOW, HALF | {"approvals": {"model-risk": 1}}, CHAMPION])
    opened = with_people(project, {}, {"model-risk": ["risk-team"]}).open(
        version, asking, endpoint=NAME, verdict=verdict_on(version)
    )
    assert opened.status is Status.RUNNING


# Columns


def test_a_plan_that_names_a_column_that_requests_do_not_have_is_refused_before_anything(project):
    project.open(1)
    before = len(project.journal.entries())
    with pytest.raises(InvalidInput, match=r"names the column 'custmer', and tiny/2 has no such column"):
        project.open(2, plan=plan(sticky="custmer"))
    guarded = {"errors": {}, "guardrails": {"column": "group"}}
    with pytest.raises(InvalidInput, match=r"metrics\.guardrails\.column"):
        project.open(2, plan=plan(metrics=guarded, stages=[TENTH, CHAMPION]))
    assert len(project.journal.entries()) == before


# What the routing says


def test_a_sticky_plan_routes_entities_by_the_release_and_only_where_there_is_a_coin(project):
    split = {"kind": "ab", "name": "split", "weight": 0.5, "arms": ["old", "new"], "min_requests": 10}
    project.open(1)
    project.open(2, plan=plan(sticky="x1", stages=[SHADOW, split, CHAMPION]))
    assert (project.table().sticky, project.table().salt, project.table().arms) == ("", "", None)
    project.send(300)
    project.releases.tick("tiny-2")
    now = project.table()
    assert (now.sticky, now.salt, now.arms, now.share) == ("x1", "tiny-2", ("old", "new"), 0.5)
    project.releases.rollback(NAME, "INC-1")
    version = project.table().version
    project.releases.settle(NAME)
    assert (project.table().sticky, project.table().arms) == ("", None)
    assert project.table().version == version


def test_in_blue_green_the_candidate_has_everything_and_the_champion_stays(project):
    green = {"kind": "blue_green", "name": "green", "min_requests": 10, "require": ["objective"]}
    watching = {"errors": {}, "disagreement": {"at_most": 0.2}, "objective": {"at_most": 0.05}}
    project.open(1)
    release = project.open(2, plan=plan(metrics=watching, stages=[SHADOW, green, CHAMPION]))
    project.send(300)
    project.releases.tick(release.id)
    assert answering(project) == (1, 2, None, None, 1.0)
    project.send(60)
    waiting = project.releases.tick(release.id)
    assert "objective not yet proved" in waiting.reason
    assert project.walk(release).status is Status.PROMOTED
    assert answering(project) == (2, None, None, 1, 0.0)


def test_in_blue_green_a_candidate_beyond_its_objective_is_aborted(project):
    green = {"kind": "blue_green", "name": "green", "min_requests": 1000}
    project.open(1)
    release = project.open(
        2,
        plan=plan(
            metrics={"errors": {}, "objective": {"at_most": 0.05}},
            stages=[SHADOW | {"min_requests": 10, "require": []}, green, CHAMPION],
        ),
    )
    project.send(20)
    assert project.releases.tick(release.id).stage == 1
    project.send(200, bad=0.3)
    ended = project.releases.tick(release.id)
    assert ended.status is Status.ABORTED
    assert answering(project) == (1, None, None, None, 0.0)


def test_a_ramp_is_walked_weight_by_weight(project):
    ramp = {"name": "ramp", "kind": "progressive", "weights": [0.1, 0.3, 0.5], "min_requests": 20}
    project.open(1)
    release = project.open(2, plan=plan(stages=[SHADOW, ramp, CHAMPION]))
    walked = [project.table().share]
    while not release.status.final:
        project.send(400)
        release = project.releases.tick(release.id)
        walked.append(project.table().share)
    assert walked == [0.0, 0.1, 0.3, 0.5, 0.0]
    assert release.status is Status.PROMOTED
    assert [s.name for s in release.stages] == ["shadow", "ramp 10 %", "ramp 30 %", "ramp 50 %", "champion"]
