from __future__ import annotations

import math

import pandas as pd
import pytest

from workbench.core.values import Outcome
from workbench.models.records import Column
from workbench.releases.analysis import judge
from workbench.releases.controller import step
from workbench.releases.guardrails import group_counts
from workbench.releases.plan_metrics import Guardrails
from workbench.releases.records import Status
from workbench.releases.tallies import Arms, CanaryTally
from workbench.releases.yardsticks import OTHER, Yardsticks, groups
from workbench.stats.sequential import log_e_ratio
from workbench.testing.clock import START
from workbench.testing.releases import opened, plan, seen, verdict

GROUPS = Yardsticks(groups=("a", "b", "c", OTHER))
PLAN = plan(
    metrics={"errors": {}, "guardrails": {"column": "region", "min_requests": 100}},
    stages=[
        {"name": "half", "kind": "canary", "weight": 0.5, "min_requests": 50},
        {"name": "most", "kind": "canary", "weight": 0.8, "min_requests": 50},
        {"name": "champion", "kind": "champion"},
    ],
)


def split(**arms: Arms) -> CanaryTally:
    whole = [
        sum(getattr(a, name) for a in arms.values())
        for name in ("candidate_n", "candidate_bad", "champion_n", "champion_bad")
    ]
    return CanaryTally(*whole, groups=arms)


def judged(*tallies, before=()):
    found = judge(PLAN, 0.05, tallies, before, GROUPS)
    return {v.group: v for v in found if v.metric == "guardrail"}


def exchanges(*requests, error="", redacted=()):
    rows = [[{"region": value} for value in values] for values in requests]
    return pd.DataFrame({"inputs": rows, "error": error, "redacted": [redacted] * len(rows)})


def test_a_request_counts_for_a_group_when_all_its_rows_agree():
    candidate = exchanges(["a", "a"], ["b"], ["a", "b"])
    champion = exchanges(["a"], error="ValueError: no")
    found = group_counts(candidate, champion, "region", ("a", "b", OTHER))
    assert found == {"a": Arms(1, 0, 1, 1), "b": Arms(1, 0, 0, 0)}


def test_values_that_training_did_not_show_are_one_group_and_rows_not_kept_are_none():
    found = group_counts(exchanges(["x"], ["y"], [None]), exchanges(["a"]), "region", ("a", OTHER))
    assert found == {"a": Arms(0, 0, 1, 0), OTHER: Arms(3, 0, 0, 0)}
    bare = pd.DataFrame({"inputs": [[{}]], "error": "", "redacted": [()]})
    assert group_counts(bare, exchanges(["a"], redacted=("region",)), "region", ("a", OTHER)) == {}


@pytest.mark.parametrize(
    ("column", "named"),
    [
        (Column(name="g", type="string", categories=("f", "m")), ("f", "m")),
        (Column(name="g", type="boolean"), ("false", "true")),
        (Column(name="g", type="long", integer=True, low=0.0, high=2.0), ("0", "1", "2")),
    ],
)
def test_groups_are_what_training_showed_and_one_for_all_else(column, named):
    assert groups(Guardrails(column="g"), [column]) == (*named, OTHER)


def test_great_whole_numbers_are_groups_of_their_own():
    column = Column(name="g", type="long", integer=True, low=20240101.0, high=20240103.0)
    known = groups(Guardrails(column="g"), [column])
    assert known == ("20240101", "20240102", "20240103", OTHER)
    found = group_counts(exchanges([20240101]), exchanges([20240102.0], [20240103.5]), "region", known)
    assert found == {"20240101": Arms(1, 0), "20240102": Arms(0, 0, 1), OTHER: Arms(0, 0, 1)}


@pytest.mark.parametrize(
    "column",
    [
        Column(name="g", type="string"),
        Column(name="g", type="double", low=0.0, high=1.0),
        Column(name="g", type="long", integer=True, low=0.0, high=90.0),
    ],
)
def test_a_column_of_too_many_values_is_refused(column):
    with pytest.raises(ValueError, match="are no groups"):
        groups(Guardrails(column="g"), [column])


def test_harm_to_one_group_is_flagged_while_the_whole_looks_healthy():
    tally = split(a=Arms(4000, 40, 4000, 44), b=Arms(200, 18, 200, 2), c=Arms(100, 1, 100, 1))
    found = judged(tally)
    assert found["b"].outcome is Outcome.FAIL
    assert found["a"].outcome is found["c"].outcome is Outcome.INCONCLUSIVE
    assert found["b"].sentence.startswith(
        "Where region is b, the candidate failed 18 of 200 requests (9.0 %), the champion 2 of 200 requests "
        "(1.0 %): proved worse than the champion (evidence"
    )
    whole = judge(PLAN, 0.05, [tally], [], GROUPS)[0]
    assert (whole.metric, whole.outcome) == ("errors", Outcome.INCONCLUSIVE)


def test_counts_that_hold_those_of_earlier_stages_say_so():
    first, now = (
        split(b=Arms(60, 0, 60, 0), c=Arms(9, 0, 9, 0)),
        split(b=Arms(30, 0, 30, 0), a=Arms(9, 0, 9, 0)),
    )
    found = judged(first, now)
    assert found["b"].sentence == (
        "Where region is b, the candidate failed 0 of 90 requests (0 %), the champion 0 of 90 requests (0 %): "
        "no evidence of harm, with the stages before."
    )
    few = ": 100 requests are needed before anything is said of it."
    assert found["c"].sentence.endswith("(0 %), with the stages before" + few)
    assert found["a"].sentence.endswith("the champion 0 of 9 requests (0 %)" + few)


def test_each_group_needs_its_part_of_the_budget_whether_the_others_are_met_or_not():
    found = judged(split(b=Arms(200, 10, 200, 2)))
    assert set(found) == {"b"}
    assert found["b"].alpha == pytest.approx(0.05 / 2 / 4)  # two metrics, four groups


def test_below_the_least_number_of_requests_nothing_is_said_of_a_group():
    verdict = judged(split(c=Arms(30, 25, 30, 0)))["c"]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.sentence.endswith("100 requests are needed before anything is said of it.")
    assert judged(split(c=Arms(50, 25, 50, 0)))["c"].outcome is Outcome.FAIL


def test_the_evidence_of_a_group_carries_over_steps_with_their_shares():
    first, second = split(b=Arms(200, 6, 200, 3)), split(b=Arms(160, 6, 40, 1))
    found = judged(first, second)["b"]
    assert found.points[-1].log_e_worse == pytest.approx(log_e_ratio([6, 6], [3, 1], [0.5, 0.8]))
    assert (found.candidate_n, found.candidate_bad) == (360, 12)


def test_a_flag_is_never_cleared():
    bad = list(judged(split(b=Arms(200, 18, 200, 2))).values())
    later = judged(split(b=Arms(20_000, 40, 20_000, 90)), before=bad)["b"]
    assert later.outcome is Outcome.FAIL
    assert later.points[-1].log_e_worse < math.log(1 / later.alpha)


def test_a_flagged_group_ends_the_release():
    tally = split(a=Arms(4000, 40, 4000, 44), b=Arms(200, 18, 200, 2))
    ended = step(opened(PLAN, yardsticks=GROUPS), seen(tally, permission=verdict()), START).state.release
    assert ended.status is Status.ABORTED
    assert ended.reason.startswith("Where region is b")


def test_a_stage_that_passes_says_how_the_groups_stand_in_one_phrase():
    tally = split(a=Arms(400, 4, 400, 4), b=Arms(200, 2, 200, 2), c=Arms(100, 1, 100, 1))
    looked = seen(tally, permission=verdict(), table_version=4)
    release = step(opened(PLAN, yardsticks=GROUPS), looked, START).state.release
    assert release.stage == 1
    assert "3 guarded groups with" in release.reason
    assert len([v for v in release.verdicts if v.metric == "guardrail"]) == 3


def test_without_guardrails_in_the_plan_no_group_is_judged():
    of = plan(metrics={"errors": {}}, stages=PLAN.model_dump(mode="json", exclude_none=True)["stages"])
    assert {v.metric for v in judge(of, 0.05, [split(b=Arms(200, 18, 200, 2))], [], GROUPS)} == {"errors"}
