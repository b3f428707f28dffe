"""The kinds of stages: what each asks for, what it is refused for, and how it is walked."""

from __future__ import annotations

import math
from typing import Any

import pytest

from workbench.core.errors import InvalidInput
from workbench.releases.plan import Plan, load_plan
from workbench.stats.sequential import log_e_objective

CHAMPION = {"name": "champion", "kind": "champion"}
RAMP = {"name": "ramp", "kind": "progressive", "weights": [0.05, 0.25, 0.5], "min_requests": 50}
SPLIT = {"name": "split", "kind": "ab", "weight": 0.5, "arms": ["control", "treatment"], "min_requests": 50}
SWITCH = {"name": "switch", "kind": "blue_green", "min_requests": 50}
CANARY = {"name": "canary", "kind": "canary", "weight": 0.1, "min_requests": 50}
ALL = {
    "errors": {},
    "disagreement": {"at_most": 0.1},
    "latency": {"objective_ms": 200.0},
    "objective": {"at_most": 0.02},
    "guardrails": {"column": "region"},
}


def of(*stages: dict[str, Any], **changes: Any) -> Plan:
    return load_plan({"name": "p", "metrics": {"errors": {}}, "stages": [*stages, CHAMPION]} | changes)


def test_a_progressive_stage_is_walked_as_canary_steps():
    plan = of(RAMP | {"min_minutes": 5.0, "require": ["errors"]})
    assert [stage.name for stage in plan.stages] == ["ramp", "champion"]
    assert [(s.name, s.kind, s.share) for s in plan.steps] == [
        ("ramp 5 %", "canary", 0.05),
        ("ramp 25 %", "canary", 0.25),
        ("ramp 50 %", "canary", 0.5),
        ("champion", "champion", 1.0),
    ]
    assert {(s.min_requests, s.min_minutes) for s in plan.steps[:3]} == {(50, 5.0)}
    assert [plan.required(i) for i in range(4)] == [("errors",)] * 3 + [()]


def test_people_are_asked_once_before_a_ramp_not_before_each_of_its_steps():
    shadow = {"name": "shadow", "kind": "shadow", "min_requests": 10}
    plan = of(shadow, RAMP | {"approvals": {"owner": 2}})
    assert [step.approvals for step in plan.steps] == [{}, {"owner": 2}, {}, {}, {}]


def test_what_was_written_is_what_is_walked_where_nothing_is_progressive():
    plan = load_plan("canary")
    assert plan.steps == plan.stages


def test_the_digest_is_over_what_is_written():
    one = of(RAMP)
    assert one.digest == of(RAMP | {"deadline_minutes": 60.0, "approvals": {}}).digest
    spelled = [step.model_dump(exclude_defaults=True) for step in one.steps[:3]]
    assert of(*spelled).digest != one.digest
    assert of(*spelled).steps == one.steps


def test_a_plan_with_every_kind_survives_json():
    plan = of(CANARY, SPLIT, SWITCH, metrics=ALL, sticky="customer")
    again = Plan.from_json(plan.to_json())
    assert (again, again.digest, again.steps) == (plan, plan.digest, plan.steps)
    assert [step.share for step in plan.steps] == [0.1, 0.5, 1.0, 1.0]


def test_a_step_as_a_release_shows_it_carries_what_was_asked():
    stage = of(CANARY, SPLIT | {"approvals": {"owner": 1}, "min_minutes": 30.0}, sticky="id").steps[1].stage()
    assert (stage.kind, stage.weight, stage.arms) == ("ab", 0.5, ("control", "treatment"))
    assert (stage.min_minutes, stage.approvals) == (30.0, {"owner": 1})


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (RAMP | {"weights": []}, "needs two or more weights that grow"),
        (RAMP | {"weights": [0.1]}, "needs two or more weights that grow"),
        (RAMP | {"weights": [0.5, 0.1]}, "weights that grow"),
        (RAMP | {"weights": [0.1, 0.1]}, "weights that grow"),
        (RAMP | {"weights": [0.1, 1.0]}, "above 0 and below 1"),
        (RAMP | {"weight": 0.1}, "takes no weight"),
        (CANARY | {"weights": [0.1, 0.2]}, "they make a progressive stage"),
        (SPLIT | {"weight": 1.0}, "a stage of kind ab needs a weight above 0 and below 1"),
        (SPLIT | {"arms": ["a", "a"]}, "arms: [control, treatment]"),
        ({k: v for k, v in SPLIT.items() if k != "arms"}, "arms: [control, treatment]"),
        (CANARY | {"arms": ["a", "b"]}, "they make an ab stage"),
        (SWITCH | {"weight": 0.5}, "a stage of kind blue_green takes no weight"),
        (SWITCH | {"require": ["errors"]}, "errors cannot be proved in a blue_green stage: require it in a"),
        (CANARY | {"require": ["latency"]}, "latency cannot be proved in a canary stage: it can only abort"),
        (CANARY | {"min_minutes": 60.0}, "deadline_minutes must exceed min_minutes"),
        (CHAMPION | {"min_minutes": 5.0}, "asks nothing"),
        (CANARY | {"approvals": {"owner": 0}}, "greater than or equal to 1"),
        (CANARY | {"min_minutes": float("nan")}, "finite"),
    ],
)
def test_a_stage_that_cannot_be_is_refused_in_words(stage, words):
    with pytest.raises(InvalidInput) as refused:
        of(stage, sticky="id", metrics=ALL)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("stages", "changes", "words"),
    [
        ([SPLIT], {}, "splits entities: name their column in sticky"),
        (
            [SWITCH],
            {},
            "in a blue_green stage nobody is beside the candidate to compare with: add metrics.objective",
        ),
        ([RAMP], {"metrics": {"objective": {"at_most": 0.1}}}, "judged by errors: add metrics.errors"),
        ([CANARY | {"approvals": {"owner": 1}}], {}, "stage 'canary' is the first: the gate lets it begin"),
        ([SPLIT, CANARY], {"sticky": "id"}, "must not lower the weight"),
        ([RAMP, CANARY | {"name": "ramp 5 %", "weight": 0.6}], {}, "two stages are called 'ramp 5 %'"),
        ([CANARY | {"require": ["objective"]}], {}, "requires objective, which metrics does not set"),
    ],
)
def test_a_plan_that_cannot_be_walked_is_refused_in_words(stages, changes, words):
    with pytest.raises(InvalidInput) as refused:
        of(*stages, **changes)
    assert words in str(refused.value)


SHADOW = {"name": "shadow", "kind": "shadow", "min_requests": 10}


@pytest.mark.parametrize(
    ("stages", "changes", "words"),
    [
        ([CANARY, CANARY | {"name": "again"}], {}, "'canary' and 'again' route requests alike"),
        ([SHADOW, SHADOW | {"name": "again"}, CANARY], {}, "'shadow' and 'again' route requests alike"),
        ([SWITCH, SWITCH | {"name": "again"}], {"metrics": ALL}, "'switch' and 'again' route"),
        ([SPLIT, SPLIT | {"name": "again"}], {"sticky": "id"}, "'split' and 'again' route"),
        ([RAMP, CANARY | {"weight": 0.5}], {}, "'ramp 50 %' and 'canary' route requests alike"),
    ],
)
def test_two_stages_in_a_row_whose_requests_nothing_tells_apart_are_refused(stages, changes, words):
    with pytest.raises(InvalidInput) as refused:
        of(*stages, **changes)
    assert words in str(refused.value)
    assert "make one stage of them" in str(refused.value)


def test_a_split_may_follow_a_canary_of_its_weight_and_another_split_with_other_names():
    plan = of(
        CANARY | {"weight": 0.5},
        SPLIT,
        SPLIT | {"name": "again", "arms": ["a", "b"]},
        sticky="id",
    )
    assert [step.share for step in plan.steps] == [0.5, 0.5, 0.5, 1.0]


@pytest.mark.parametrize("metric", [{"objective": {"at_most": 0.1}}, {"latency": {}}])
@pytest.mark.parametrize("stages", [[SHADOW], [SHADOW, SWITCH]])
def test_a_shadow_stage_that_nothing_could_stop_is_refused(stages, metric):
    with pytest.raises(InvalidInput) as refused:
        of(*stages, metrics={"objective": {"at_most": 0.1}, **metric} if SWITCH in stages else metric)
    assert "a shadow stage is judged by errors or disagreement: add metrics.errors" in str(refused.value)


@pytest.mark.parametrize("metric", [{"errors": {}}, {"disagreement": {"at_most": 0.1}}])
def test_a_shadow_stage_needs_one_of_what_can_be_seen_in_it(metric):
    assert of(SHADOW, metrics=metric).metrics.names == tuple(metric)


def test_a_plan_of_an_old_journal_that_would_be_refused_now_is_still_read():
    wrote = {"name": "p", "metrics": {"latency": {}}, "stages": [SHADOW, SHADOW | {"name": "s"}, CHAMPION]}
    with pytest.raises(InvalidInput):
        load_plan(wrote)
    assert [step.name for step in Plan.model_validate(wrote).steps] == ["shadow", "s", "champion"]


def test_the_error_budget_is_split_by_weight_and_wholly_spent():
    metrics = ALL | {"errors": {"alpha_share": 2.0}, "guardrails": {"column": "region", "alpha_share": 3.0}}
    plan = of(CANARY, metrics=metrics)
    assert plan.alpha_of("errors", 0.04) == pytest.approx(0.01)
    assert plan.alpha_of("guardrails", 0.04) == pytest.approx(0.015)
    names = [*plan.metrics.names, "guardrails"]
    assert sum(plan.alpha_of(name, 0.04) for name in names) == pytest.approx(0.04)
    assert of(CANARY).alpha_of("errors", 0.05) == 0.05


@pytest.mark.parametrize("share", [0.0, -1.0, float("inf"), float("nan")])
def test_a_metric_that_may_spend_nothing_is_refused(share):
    with pytest.raises(InvalidInput, match="alpha_share"):
        of(CANARY, metrics={"errors": {"alpha_share": share}})


def test_groups_are_not_watched_unless_the_plan_asks():
    assert load_plan("canary").metrics.guardrails is None
    assert "guardrails" not in of(CANARY, metrics=ALL).metrics.names


def test_the_plans_that_come_with_the_package_have_the_kinds_they_are_named_for():
    kinds = {name: {s.kind for s in load_plan(name).stages} for name in ("progressive", "blue_green", "ab")}
    assert all(name in found for name, found in kinds.items())
    assert {stage.kind for stage in load_plan("shadow").stages} == {"shadow", "champion"}


def test_what_the_blue_green_plan_says_of_the_requests_it_takes_is_so():
    plan = load_plan("blue_green")
    part, limit = plan.alpha_of("objective", plan.alpha), plan.metrics.objective.at_most

    def proved(n: int) -> bool:
        return log_e_objective(0, n, limit, -1) >= math.log(1 / part)

    assert proved(320)
    assert not proved(310)
