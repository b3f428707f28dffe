from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.audits.records import Trace
from workbench.core.values import Outcome
from workbench.gates import (
    Approval,
    Finding,
    Rival,
    Standing,
    Verdict,
    judge,
    judged_data,
    verdict_event,
)

ROC = {"audit": "performance", "metric": "roc_auc_score", "bound": "lower", "at_least": 0.65}
ODDS = {"audit": "fairness", "metric": "equalized_odds_difference", "slice": "race", "at_most": 0.1}


def only(verdict: Verdict):
    assert len(verdict.rules) == 1
    assert verdict.outcome is verdict.rules[0].outcome
    return verdict.rules[0]


def one(make, rule: dict, *evidence) -> object:
    return only(judge(make.policy(rule), make.version(), evidence, Standing(), make.now))


def test_a_rule_that_holds_passes_and_says_the_numbers(make):
    found = make.evidence("performance", make.measurement("roc_auc_score", 0.716, 0.701, 0.731))
    verdict = judge(make.policy(ROC), make.version(), [found], Standing(), make.now)
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
    verdict = judge(
        make.policy(ODDS), make.version(), [make.evidence("fairness", found)], Standing(), make.now
    )
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
    verdict = judge(make.policy(ROC, ODDS), make.version(), [broken], Standing(), make.now)
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
    verdict = judge(make.policy(ROC), make.version(), [newer_elsewhere, bad, good], Standing(), make.now)
    assert only(verdict).outcome is Outcome.FAIL
    assert verdict.evidence == (Trace.of(bad).digest,)


def test_every_slice_a_pattern_covers_must_hold_and_is_a_result_of_its_own(make):
    odds = [
        make.measurement("equalized_odds_difference", 0.05, 0.01, 0.09, slice="sex"),
        make.measurement("equalized_odds_difference", 0.3, 0.2, 0.4, slice="race"),
        make.measurement("equalized_odds_difference", None, slice="age", note="too few rows"),
    ]
    verdict = judge(
        make.policy(ODDS | {"slice": "*"}),
        make.version(),
        [make.evidence("fairness", *odds)],
        Standing(),
        make.now,
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
    verdict = judge(policy, make.version(), [good, *done], Standing(), make.now)
    assert [r.audit for r in verdict.rules] == ["performance", "robustness"]
    assert str(verdict.outcome) == outcome


def test_an_empty_policy_passes_nothing(make):
    verdict = judge(make.policy(), make.version(), [], Standing(), make.now)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason == "Policy strict has no rules, and an empty policy passes nothing."
    assert not verdict.releasable
    asked = make.policy(required_audits=["performance"])
    done = make.evidence("performance")
    assert judge(asked, make.version(), [done], Standing(), make.now).outcome is Outcome.INCONCLUSIVE


def test_the_reason_of_a_rule_travels_with_it(make):
    rule = one(make, ODDS | {"because": "The board asked."}, make.evidence("fairness"))
    assert rule.because == "The board asked."


def test_a_verdict_is_releasable_when_each_role_has_spoken_and_nobody_stands_against_it(make):
    policy = make.policy(ROC, approvals={"model-risk": 2})
    good = make.evidence("performance", make.measurement("roc_auc_score", 0.9, 0.9, 0.9))

    def verdict(*given: Approval, rejected: tuple[Approval, ...] = ()) -> Verdict:
        standing = Standing(given=given, rejected=rejected)
        return judge(policy, make.version(), [good], standing, make.now)

    grace, joan = make.approval(by="grace"), make.approval(by="joan")
    alone = verdict(grace)
    assert alone.given_approvals == {"model-risk": ("grace",)}
    assert alone.missing_approvals == {"model-risk": 1}
    assert alone.outcome is Outcome.PASS
    assert not alone.releasable
    assert verdict(grace, joan).releasable
    against = verdict(grace, joan, rejected=(make.approval(by="mary", decision="reject"),))
    assert against.rejected_by == ("mary",)
    assert not against.releasable


def test_a_verdict_names_the_data_its_evidence_was_measured_on(make):
    good = make.measurement("roc_auc_score", 0.9, 0.9, 0.9)
    found = [
        make.evidence("performance", good, data_digest="sha256:b"),
        make.evidence("fairness", data_digest="sha256:a"),
        make.evidence("privacy", data_digest="sha256:unread"),
    ]
    policy = make.policy(ROC, required_audits=["fairness"])
    assert judge(policy, make.version(), found, Standing(), make.now).data == ("sha256:a", "sha256:b")
    assert judged_data(policy, make.version(), found, make.now) == ("sha256:a", "sha256:b")


# Age


def test_evidence_older_than_the_policy_takes_is_stale_and_counts_for_nothing(make):
    good = make.measurement("roc_auc_score", 0.9, 0.9, 0.9)
    old = make.evidence("performance", good, started=make.now - timedelta(days=31))
    policy = make.policy(ROC, max_age_days={"performance": 30, "*": 90})
    verdict = judge(policy, make.version(), [old], Standing(), make.now)
    assert only(verdict).outcome is Outcome.INCONCLUSIVE
    assert only(verdict).reason == (
        "The evidence of performance is stale: it is from 2026-10-20, and policy strict takes none older than "
        "30 days. Audit it again."
    )
    assert (verdict.evidence, verdict.data) == ((), ())
    confirmed = old.model_copy(update={"recalled": make.now - timedelta(days=1)})
    assert judge(policy, make.version(), [confirmed], Standing(), make.now).outcome is Outcome.PASS
    lax = make.policy(ROC, max_age_days={"*": 31})
    assert judge(lax, make.version(), [old], Standing(), make.now).outcome is Outcome.PASS


# Groups


BREAKS = {"audit": "performance", "metric": "roc_auc_score", "at_least": 0.99}
OPEN = {"audit": "performance", "metric": "brier_score_loss", "at_most": 0.2}
RAISED = {"audit": "fairness", "outcome": "pass"}


@pytest.mark.parametrize(
    ("group", "outcome"),
    [
        ({"any": [ROC, BREAKS]}, "pass"),
        ({"any": [BREAKS, OPEN]}, "inconclusive"),
        ({"any": [BREAKS, RAISED]}, "error"),
        ({"any": [BREAKS, BREAKS]}, "fail"),
        ({"all": [ROC, BREAKS]}, "fail"),
        ({"all": [ROC, OPEN]}, "inconclusive"),
        ({"any": [BREAKS, {"all": [ROC, ROC]}]}, "pass"),
        ({"any": [BREAKS, {"all": [ROC, BREAKS]}]}, "fail"),
    ],
)
def test_of_a_group_one_or_each_must_hold(make, group, outcome):
    found = [
        make.evidence("performance", make.measurement("roc_auc_score", 0.9, 0.88, 0.92)),
        make.evidence("fairness", outcome=Outcome.ERROR, error="ValueError: no rows"),
    ]
    verdict = judge(make.policy(group), make.version(), found, Standing(), make.now)
    assert str(verdict.outcome) == outcome
    head, *members = verdict.rules
    assert head.depth == 0
    assert [member.depth > 0 for member in members] == [True] * len(members)
    assert head.rule == f"{next(iter(group))} of 2"
    assert verdict.reason.startswith("All that" if outcome == "pass" else "1 of 1 checks")


# Against another


LESS = {"audit": "performance", "metric": "roc_auc_score", "than": "champion", "at_least": -0.01}


def paired(make, low: float, high: float, **changes):
    """Evidence that the audit itself compared with the champion, on the same rows."""
    difference = make.measurement(
        "roc_auc_score_difference", (low + high) / 2, low, high, slice="against=champion"
    )
    own = make.measurement("roc_auc_score", 0.7, 0.68, 0.72)
    return make.evidence("performance", own, difference, champion_digest=make.other_digest, **changes)


def against(make, rule: dict, *evidence, rival: Rival | None):
    verdict = judge(make.policy(rule), make.version(), evidence, Standing(), make.now, rival=rival)
    return only(verdict)


@pytest.fixture
def champion(make):
    return Rival(make.version(version=2, digest=make.other_digest))


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [(-0.005, 0.02, "pass"), (-0.04, 0.02, "inconclusive"), (-0.08, -0.04, "fail")],
)
def test_no_worse_than_the_champion_is_proved_by_the_difference_on_the_same_rows(
    make, champion, low, high, outcome
):
    rule = against(make, LESS, paired(make, low, high), rival=champion)
    assert str(rule.outcome) == outcome
    assert rule.rule == "performance: lower bound of roc_auc_score less the champion's ≥ -0.01"
    assert rule.reason.startswith("roc_auc_score less the champion's: ")


def test_without_a_champion_a_rule_against_it_is_open_unless_the_policy_says_otherwise(make):
    found = paired(make, 0, 0.1)
    rule = against(make, LESS, found, rival=None)
    assert rule.outcome is Outcome.INCONCLUSIVE
    assert "Write without_champion: pass if the first version need not be compared." in rule.reason
    lax = against(make, LESS | {"without_champion": "pass"}, found, rival=None)
    assert lax.outcome is Outcome.PASS
    itself = Rival(make.version())
    assert against(make, LESS, found, rival=itself).reason == "recidivism/3 is the champion itself."


def test_a_comparison_with_a_version_that_is_champion_no_more_is_stale(make):
    newer = Rival(make.version(version=4, digest="sha256:" + "4" * 64))
    rule = against(make, LESS, paired(make, 0, 0.1), rival=newer)
    assert rule.outcome is Outcome.INCONCLUSIVE
    assert rule.reason == (
        "The evidence of performance is stale: it compares with 22222222, and the champion is recidivism/4 "
        "(44444444) now. Audit it again."
    )


def test_what_no_audit_compared_is_compared_crosswise_and_on_the_same_data_only(make):
    rule = {"audit": "fairness", "metric": "equalized_odds_difference", "slice": "*", "than": "champion"}
    rule |= {"at_most": 0.05}
    ours = make.evidence(
        "fairness", make.measurement("equalized_odds_difference", 0.1, 0.09, 0.11, slice="sex")
    )
    theirs = make.evidence(
        "fairness",
        make.measurement("equalized_odds_difference", 0.12, 0.10, 0.14, slice="sex"),
        model_digest=make.other_digest,
    )
    version = make.version(version=2, digest=make.other_digest)
    found = against(make, rule, ours, rival=Rival(version, [theirs]))
    assert found.outcome is Outcome.PASS
    assert (found.low, found.high) == (pytest.approx(-0.05), pytest.approx(0.01))
    elsewhere = theirs.model_copy(update={"data_digest": "sha256:e"})
    found = against(make, rule, ours, rival=Rival(version, [elsewhere]))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "Audit both on the same data." in found.reason
    found = against(make, rule, ours, rival=Rival(version))
    assert found.reason == "The champion recidivism/2 has no evidence of fairness: audit it."


def test_better_than_the_constant_answer_is_read_where_the_audit_compared_with_it(make):
    rule = {"audit": "performance", "metric": "accuracy_score", "than": "baseline", "at_least": 0.02}
    gain = make.measurement("accuracy_score_difference", 0.1, 0.05, 0.15, slice="against=dummy")
    found = against(make, rule, make.evidence("performance", gain), rival=None)
    assert found.outcome is Outcome.PASS
    assert found.rule == "performance: lower bound of accuracy_score less the constant answer's ≥ 0.02"
    nothing = against(make, rule, make.evidence("performance"), rival=None)
    assert nothing.outcome is Outcome.INCONCLUSIVE


# Findings


def test_open_findings_are_counted_by_severity_for_the_version_that_is_judged(make):
    policy = make.policy(ROC, max_open_findings={"critical": 0, "high": 1})
    good = make.evidence("performance", make.measurement("roc_auc_score", 0.9, 0.9, 0.9))

    def outcome(*findings: Finding) -> str:
        verdict = judge(policy, make.version(), [good], Standing(), make.now, findings=findings)
        return str(verdict.outcome)

    high = make.finding(severity="high")
    assert outcome() == outcome(high) == outcome(make.finding(severity="low")) == "pass"
    assert outcome(high, high) == "fail"
    assert outcome(make.finding(severity="critical")) == "fail"
    today = make.now.date()
    accepted = {"severity": "critical", "status": "accepted", "accepted_by": "grace"}
    assert outcome(make.finding(**accepted, accepted_until=today)) == "pass"
    assert outcome(make.finding(**accepted, accepted_until=today - timedelta(days=1))) == "fail"
    fixed = {"severity": "critical", "status": "fixed"}
    assert outcome(make.finding(**fixed, fixed_in="recidivism/3")) == "pass"
    assert outcome(make.finding(**fixed, fixed_in="recidivism/4")) == "fail"


def test_a_verdict_goes_into_the_journal_and_comes_back(make, journal):
    found = make.evidence("performance", make.measurement("roc_auc_score", 0.9, math.nan, 0.95))
    verdict = judge(make.policy(ROC), make.version(), [found], Standing(), make.now)
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
