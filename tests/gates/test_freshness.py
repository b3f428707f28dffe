from __future__ import annotations

from datetime import timedelta

import pytest

from workbench.audits.records import Trace
from workbench.gates import Lapse, Standing, judge
from workbench.gates.freshness import freshness

ROC = {"audit": "performance", "metric": "roc_auc_score", "at_least": 0.65}


@pytest.fixture
def policy(make):
    return make.policy(
        ROC, required_audits=["fairness"], max_age_days={"fairness": 30}, approvals={"model-risk": 1}
    )


@pytest.fixture
def evidence(make):
    return [
        make.evidence("performance", make.measurement("roc_auc_score", 0.9, 0.9, 0.9)),
        make.evidence("fairness"),
    ]


@pytest.fixture
def look(make, policy, evidence):
    def look(later: timedelta = timedelta(), **changes):
        verdict = judge(policy, make.version(), evidence, Standing(), make.now)
        given = {
            "traces": [Trace.of(one) for one in evidence],
            "verdict": verdict,
            "standing": Standing(given=(make.approval(),)),
            "champion": None,
            "now": make.now + later,
            "policy": policy,
        } | changes
        return freshness(make.version(), given.pop("policy"), given.pop("traces"), **given)

    return look


def stale(found) -> dict[str, str]:
    return {basis.name: basis.why for basis in found.stale}


def test_each_thing_says_what_it_rests_on_and_how_long_it_holds(look, make, policy):
    found = look()
    assert found.stale == ()
    fairness, performance, verdict, approval = found.bases
    assert fairness.rests_on == {"model": make.digest, "data": "sha256:d"}
    assert fairness.until == fairness.since + timedelta(days=30)
    assert performance.until is None
    assert verdict.rests_on == {"model": make.digest, "policy": policy.digest, "data": "sha256:d"}
    assert (approval.name, approval.kind) == ("grace as model-risk", "approval")


def test_evidence_that_grew_old_takes_the_verdict_with_it_and_each_names_its_own_remedy(look):
    found = look(timedelta(days=40))
    assert stale(found) == {
        "fairness": "It is from 2026-11-19, and policy strict takes none older than 30 days.",
        "strict": "It rests on evidence that does not hold: fairness. Renew that first.",
    }
    assert [basis.renew for basis in found.stale] == [
        "workbench audit recidivism/3 --on DATA --suite fairness",
        "workbench gate recidivism/3 --policy strict",
    ]


def test_another_text_of_the_policy_makes_the_verdict_stale_and_not_the_evidence(look, make):
    other = make.policy(ROC | {"at_least": 0.7}, required_audits=["fairness"])
    found = look(policy=other)
    (why,) = stale(found).values()
    assert why.startswith("It was given under another text of strict (")


def test_a_new_audit_makes_the_verdict_stale_and_nothing_else(look, evidence, make):
    again = make.evidence("fairness", minutes=5)
    found = look(traces=[Trace.of(one) for one in (*evidence, again)])
    assert stale(found) == {"strict": "recidivism/3 was audited again after it was judged."}


def test_an_audit_that_the_policy_does_not_read_makes_nothing_stale(look, evidence, make):
    unread = make.evidence("privacy", minutes=5)
    assert look(traces=[Trace.of(one) for one in (*evidence, unread)]).stale == ()


def test_what_was_never_done_is_named(look, evidence):
    found = look(traces=[Trace.of(evidence[0])], verdict=None)
    assert stale(found) == {
        "fairness": "recidivism/3 has no evidence of the audit fairness, which strict asks for.",
        "strict": "recidivism/3 was never judged by strict.",
    }


def test_a_comparison_with_a_version_that_is_champion_no_more_is_stale(look, evidence, make):
    compared = evidence[0].model_copy(update={"champion_digest": make.other_digest})
    traces = [Trace.of(compared), Trace.of(evidence[1])]
    champion = make.version(version=4, digest="sha256:" + "4" * 64)
    assert stale(look(traces=traces, champion=champion))["performance"] == (
        "It compares with 22222222, and the champion is recidivism/4 (44444444) now."
    )
    same = make.version(version=2, digest=make.other_digest)
    assert "performance" not in stale(look(traces=traces, champion=same))


def test_an_approval_that_no_longer_counts_says_why_unless_its_person_has_spoken_again(look, make):
    old = make.approval(id="approval/recidivism/3#0")
    lapsed = (Lapse(approval=old, why="ended on 2026-11-20"),)
    found = look(standing=Standing(lapsed=lapsed))
    assert stale(found) == {"grace as model-risk": "The approval by grace ended on 2026-11-20."}
    assert found.stale[0].renew == (
        'workbench approve recidivism/3 --policy strict --role model-risk --note "…"'
    )
    assert look(standing=Standing(given=(make.approval(),), lapsed=lapsed)).stale == ()
