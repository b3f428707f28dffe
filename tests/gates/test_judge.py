from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.values import Outcome
from workbench.gates import Approval, Verdict, judge, verdict_event
from workbench.gates.judge import evidence_digest

ROC = {"audit": "performance", "metric": "roc_auc_score", "bound": "lower", "at_least": 0.65}
ODDS = {"audit": "fairness", "metric": "equalized_odds_difference", "slice": "race", "at_most": 0.1}


def only(verdict: Verdict):
    assert len(verdict.rules) == 1
    assert verdict.outcome is verdict.rules[0].outcome
    return verdict.rules[0]


def one(make, rule: dict, *evidence) -> object:
    return only(judge(make.policy(rule), make.version(), evidence, [], make.now))


def test_a_rule_that_holds_passes_and_says_the_numbers(make):
    found = make.evidence("performance", make.measurement("roc_auc_score", 0.716, 0.701, 0.731))
    verdict = judge(make.policy(ROC), make.version(), [found], [], make.now)
    rule = only(verdict)
    assert rule.outcome is Outcome.PASS
    assert rule.rule == "performance: lower bound of roc_auc_score ≥ 0.65"
    assert rule.reason == (
        "roc_auc_score: lower bound 0.701 meets the minimum 0.650 (estimate 0.716, 0.701 to 0.731, n 6,150)."
    )
    assert (rule.value, rule.limit, rule.estimate, rule.low, rule.high) == (0.701, 0.65, 0.716, 0.701, 0.731)
    assert verdict.reason == "All that policy strict asks holds (1 checked)."
    assert verdict.releasable


def test_a_rule_that_breaks_fails_and_says_the_numbers(make):
    found = make.measurement("equalized_odds_difference", 0.287, 0.262, 0.312, slice="race")
    verdict = judge(make.policy(ODDS), make.version(), [make.evidence("fairness", found)], [], make.now)
    assert only(verdict).outcome is Outcome.FAIL
    assert only(verdict).reason == (
        "equalized_odds_difference for race: upper bound 0.312 is above the limit 0.100 "
        "(estimate 0.287, 0.262 to 0.312, n 6,150)."
    )
    assert verdict.reason.startswith("1 of 1 checks fails: equalized_odds_difference for race: upper bound")


def test_a_limit_inside_the_interval_is_inconclusive_and_says_what_would_settle_it(make):
    found = make.measurement("equalized_odds_difference", 0.08, 0.04, 0.12, slice="race", n=1000)
    rule = one(make, ODDS, make.evidence("fairness", found))
    assert rule.outcome is Outcome.INCONCLUSIVE
    assert rule.reason == (
        "equalized_odds_difference for race: the limit 0.100 lies inside the interval "
        "(estimate 0.080, 0.040 to 0.120, n 1,000). About 4,000 rows would settle it."
    )
    on_it = make.measurement("equalized_odds_difference", 0.1, 0.04, 0.16, slice="race")
    assert "more rows are unlikely to settle it" in one(make, ODDS, make.evidence("fairness", on_it)).reason


@pytest.mark.parametrize(
    ("bound", "outcome"), [("estimate", "pass"), ("lower", "pass"), ("upper", "inconclusive")]
)
def test_the_policy_says_which_end_of_the_interval_is_compared(make, bound: str, outcome: str):
    found = make.measurement("equalized_odds_difference", 0.08, 0.04, 0.12, slice="race")
    assert str(one(make, ODDS | {"bound": bound}, make.evidence("fairness", found)).outcome) == outcome


def test_digits_are_added_until_the_reader_can_see_the_difference(make):
    found = make.measurement("equalized_odds_difference", 0.08, 0.02, 0.09999, slice="race")
    assert (
        "upper bound 0.09999 is within the limit 0.10000"
        in one(make, ODDS, make.evidence("fairness", found)).reason
    )
    tiny = make.measurement("roc_auc_score", 0.00002, 0.00001, 0.00003)
    rule = one(make, ROC | {"at_least": 0.0}, make.evidence("performance", tiny))
    assert "lower bound 0.00001 meets the minimum 0.00000" in rule.reason


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([], "recidivism/3 has no evidence of the audit performance: run it."),
        (["other"], "did not measure roc_auc_score. Did you mean 'roc_auc'?"),
        (["slice"], "performance has no roc_auc_score. There is: 'race=A'."),
        (["none"], "roc_auc_score could not be computed (one class)."),
        (["nan"], "roc_auc_score could not be computed."),
        (["point"], "has no interval, and the policy asks for its lower bound"),
    ],
)
def test_what_was_not_measured_is_inconclusive_never_a_pass(make, found: list, sentence: str):
    measurements = {
        "other": make.measurement("roc_auc", 0.9, 0.9, 0.9),
        "slice": make.measurement("roc_auc_score", 0.9, 0.9, 0.9, slice="race=A"),
        "none": make.measurement("roc_auc_score", None, note="one class"),
        "nan": make.measurement("roc_auc_score", math.nan, 0.9, 0.9),
        "point": make.measurement("roc_auc_score", 0.9),
    }
    rule = one(make, ROC, *[make.evidence("performance", measurements[key]) for key in found])
    assert rule.outcome is Outcome.INCONCLUSIVE
    assert sentence in rule.reason


def test_an_audit_that_raised_is_an_error_of_the_verdict(make):
    broken = make.evidence("performance", outcome=Outcome.ERROR, error="ValueError: no rows")
    verdict = judge(make.policy(ROC, ODDS), make.version(), [broken], [], make.now)
    assert verdict.outcome is Outcome.ERROR
    assert [r.outcome for r in verdict.rules] == [Outcome.ERROR, Outcome.INCONCLUSIVE]
    assert verdict.reason == (
        "1 of 2 checks could not be judged for an error: "
        "The audit performance raised an error: ValueError: no rows."
    )


def test_evidence_on_other_bytes_is_stale_and_the_reason_says_so(make):
    good = make.measurement("roc_auc_score", 0.9, 0.9, 0.9)
    rule = one(make, ROC, make.evidence("performance", good, model_digest=make.other_digest))
    assert rule.outcome is Outcome.INCONCLUSIVE
    assert rule.reason == (
        "The evidence of performance is stale: it was measured on 22222222, and recidivism/3 is 11111111. "
        "Audit it again."
    )
    unregistered = one(make, ROC, make.evidence("performance", good, model_digest=""))
    assert "a model that is not registered" in unregistered.reason


def test_of_several_pieces_of_evidence_the_newest_counts(make):
    good = make.evidence("performance", make.measurement("roc_auc_score", 0.9, 0.9, 0.9), minutes=1)
    bad = make.evidence("performance", make.measurement("roc_auc_score", 0.5, 0.5, 0.5), minutes=2)
    newer_elsewhere = good.model_copy(
        update={"model_digest": make.other_digest, "started": make.now + timedelta(days=1)}
    )
    verdict = judge(make.policy(ROC), make.version(), [newer_elsewhere, bad, good], [], make.now)
    assert only(verdict).outcome is Outcome.FAIL
    assert verdict.evidence == (evidence_digest(bad),)


def test_every_slice_a_pattern_covers_must_hold_and_is_a_result_of_its_own(make):
    odds = [
        make.measurement("equalized_odds_difference", 0.05, 0.01, 0.09, slice="sex"),
        make.measurement("equalized_odds_difference", 0.3, 0.2, 0.4, slice="race"),
        make.measurement("equalized_odds_difference", None, slice="age", note="too few rows"),
    ]
    verdict = judge(
        make.policy(ODDS | {"slice": "*"}), make.version(), [make.evidence("fairness", *odds)], [], make.now
    )
    assert {r.slice: str(r.outcome) for r in verdict.rules} == {
        "sex": "pass",
        "race": "fail",
        "age": "inconclusive",
    }
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.startswith("1 of 3 checks fails: equalized_odds_difference for race")


@pytest.mark.parametrize(
    ("own", "outcome"),
    [("pass", "pass"), ("fail", "fail"), ("inconclusive", "inconclusive"), ("measured", "inconclusive")],
)
def test_a_rule_may_ask_for_the_audits_own_outcome(make, own: str, outcome: str):
    found = make.evidence("drift", outcome=Outcome(own), notes=("age moved by 0.4.",))
    rule = one(make, {"audit": "drift", "outcome": "pass"}, found)
    assert str(rule.outcome) == outcome
    assert rule.limit is None
    assert rule.rule == "drift: outcome pass"


@pytest.mark.parametrize(
    ("own", "outcome"),
    [
        ("measured", "pass"),
        ("fail", "pass"),
        ("error", "error"),
        ("inconclusive", "inconclusive"),
        ("", "inconclusive"),
    ],
)
def test_a_required_audit_must_have_been_done(make, own: str, outcome: str):
    done = [make.evidence("robustness", outcome=Outcome(own))] if own else []
    good = make.evidence("performance", make.measurement("roc_auc_score", 0.9, 0.9, 0.9))
    policy = make.policy(ROC, required_audits=["performance", "robustness"])
    verdict = judge(policy, make.version(), [good, *done], [], make.now)
    assert [r.audit for r in verdict.rules] == ["performance", "robustness"]
    assert str(verdict.outcome) == outcome


def test_an_empty_policy_passes_nothing(make):
    verdict = judge(make.policy(), make.version(), [], [], make.now)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason == "Policy strict has no rules, and an empty policy passes nothing."
    assert not verdict.releasable
    asked = make.policy(required_audits=["performance"])
    done = make.evidence("performance")
    assert judge(asked, make.version(), [done], [], make.now).outcome is Outcome.INCONCLUSIVE


def test_the_reason_of_a_rule_travels_with_it(make):
    rule = one(make, ODDS | {"because": "The board asked."}, make.evidence("fairness"))
    assert rule.because == "The board asked."


def test_only_approvals_of_these_bytes_by_others_than_the_author_count(make):
    policy = make.policy(ROC, approvals={"model-risk": 2})
    yes = Approval(
        model="recidivism/3",
        model_digest=make.digest,
        policy_digest=policy.digest,
        role="model-risk",
        by="grace",
        note="Fine.",
        time=make.now,
    )
    approvals = [
        yes,
        yes,
        yes.model_copy(update={"by": "ada"}),
        yes.model_copy(update={"by": "joan", "model_digest": make.other_digest}),
        yes.model_copy(update={"by": "joan", "policy_digest": make.other_digest}),
        yes.model_copy(update={"by": "joan", "role": "legal"}),
    ]
    good = make.evidence("performance", make.measurement("roc_auc_score", 0.9, 0.9, 0.9))
    verdict = judge(policy, make.version(), [good], approvals, make.now)
    assert verdict.given_approvals == {"model-risk": ("grace",)}
    assert verdict.missing_approvals == {"model-risk": 1}
    assert verdict.outcome is Outcome.PASS
    assert not verdict.releasable
    joan = yes.model_copy(update={"by": "joan"})
    assert judge(policy, make.version(), [good], [*approvals, joan], make.now).releasable


def test_a_verdict_goes_into_the_journal_and_comes_back(make, journal):
    found = make.evidence("performance", make.measurement("roc_auc_score", 0.9, math.nan, 0.95))
    verdict = judge(make.policy(ROC), make.version(), [found], [], make.now)
    entry = journal.append("gate/recidivism/3", verdict_event(verdict))
    assert entry.kind == "gate.judged"
    assert entry.subjects == (verdict.model_digest, verdict.policy_digest, *verdict.evidence)
    kept = Verdict.model_validate(entry.payload)
    assert kept.to_json() == verdict.to_json()
    assert json.loads(kept.to_json())["outcome"] == "inconclusive"


numbers = st.floats(-2, 2, allow_nan=False).map(lambda x: round(x, 6))


@given(ends=st.tuples(numbers, numbers, numbers).map(sorted), limit=numbers, data=st.data())
def test_a_cautious_rule_passes_only_where_the_whole_interval_is_on_the_good_side(make, ends, limit, data):
    low, estimate, high = ends
    at = data.draw(st.sampled_from(["at_least", "at_most"]))
    bound = data.draw(st.sampled_from(["estimate", "lower", "upper", None]))
    found = make.evidence("performance", make.measurement("roc_auc_score", estimate, low, high))
    rule = {"audit": "performance", "metric": "roc_auc_score", at: limit, "bound": bound}
    outcome = one(make, rule, found).outcome
    good = [(end >= limit if at == "at_least" else end <= limit) for end in ends]
    cautious = bound in (None, "lower" if at == "at_least" else "upper")
    if cautious:
        expected = Outcome.PASS if all(good) else Outcome.INCONCLUSIVE if any(good) else Outcome.FAIL
    else:
        compared = {"lower": 0, "estimate": 1, "upper": 2}[bound]
        expected = Outcome.PASS if good[compared] else Outcome.FAIL
    assert outcome is expected
