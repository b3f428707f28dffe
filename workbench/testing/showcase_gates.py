"""The showcase's decisions: a policy, verdicts, a signed approval, a request, and what is stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from workbench.audits.records import Evidence, Trace
from workbench.core.clock import Clock
from workbench.core.values import Outcome
from workbench.gates.approvals import Approvals
from workbench.gates.difference import Difference, difference
from workbench.gates.docket import Rival
from workbench.gates.freshness import Freshness, freshness
from workbench.gates.policy import Policy, load_policy
from workbench.gates.records import Approval, Finding, RuleResult, Verdict
from workbench.gates.requests import ApprovalRequest
from workbench.gates.standing import Standing
from workbench.journal import Journal
from workbench.journal.signers import SeedSigner
from workbench.testing.showcase_base import HOSTILE, NOON, model

PEOPLE = {"grace": ["model-risk"]}


def policy() -> Policy:
    """What the verdicts are given under."""
    return load_policy(
        {
            "name": "default",
            "rules": [
                {"audit": "performance", "metric": "accuracy", "at_least": 0.6},
                {
                    "any": [
                        {"audit": "fairness", "metric": "equalized_odds_difference", "at_most": 0.1},
                        {"audit": "fairness", "metric": HOSTILE, "at_least": 0.8},
                    ],
                    "because": "Groups are mistaken about alike, or chosen alike.",
                },
            ],
            "max_age_days": {"fairness": 30},
            "approvals": {"model-risk": 2},
        }
    )


def verdict(version: int = 3, outcome: Outcome = Outcome.FAIL, evidence: Sequence[Evidence] = ()) -> Verdict:
    """What a gate says of a version."""
    fails = outcome is Outcome.FAIL
    asked = policy().asked_audits
    read = [Trace.of(found) for found in evidence if found.audit in asked]
    return Verdict(
        model=f"recidivism/{version}",
        model_digest=model(version).digest,
        policy="default",
        policy_digest=policy().digest,
        outcome=outcome,
        reason="Equalized odds differ by up to 25 pp; the limit is 10 pp." if fails else "Every rule passes.",
        rules=(
            RuleResult(
                rule="performance: lower bound of accuracy ≥ 0.60",
                audit="performance",
                metric="accuracy",
                bound="lower",
                value=0.655,
                limit=0.6,
                outcome=Outcome.PASS,
                reason="0.655 is at least 0.60.",
            ),
            RuleResult(
                rule="any of 2",
                audit="",
                metric="",
                bound="",
                outcome=outcome,
                reason=f"{0 if fails else 1} of 2 hold. One is enough.",
                because="Groups are mistaken about alike, or chosen alike.",
            ),
            RuleResult(
                rule="fairness: upper bound of equalized_odds_difference ≤ 0.10",
                audit="fairness",
                metric="equalized_odds_difference",
                bound="upper",
                value=0.25 if fails else 0.08,
                limit=0.1,
                outcome=outcome,
                reason="0.25 is above 0.10." if fails else "0.08 is at most 0.10.",
                depth=1,
            ),
            RuleResult(
                rule=f"fairness: lower bound of {HOSTILE} ≥ 0.80",
                audit="fairness",
                metric=HOSTILE,
                bound="lower",
                limit=0.8,
                outcome=outcome if fails else Outcome.INCONCLUSIVE,
                reason=f"The audit fairness did not measure {HOSTILE}.",
                depth=1,
            ),
        ),
        evidence=tuple(trace.digest for trace in read),
        data=tuple(sorted({trace.data for trace in read})),
        required_approvals={"model-risk": 2},
        given_approvals={"model-risk": ("grace",)},
        rejected_by=("joan",) if fails else (),
        time=NOON + timedelta(hours=6),
    )


def approve(journal: Journal, clock: Clock, evidence: Sequence[Evidence]) -> Approval:
    """Let grace approve the second version, with a key that is alike from run to run."""
    approvals = Approvals(journal, people=PEOPLE, listed={}, clock=clock)
    return approvals.say(
        model(2),
        policy(),
        decision="approve",
        by="grace",
        note="Reviewed with the court.",
        signer=SeedSigner("grace", bytes(range(32))),
        data=verdict(2, Outcome.PASS, evidence).data,
    )


def compared(ours: Sequence[Evidence], theirs: Sequence[Evidence]) -> Difference:
    """The third version beside the first, with a finding whose title is markup."""
    finding = Finding(
        id="finding/recidivism#0",
        model="recidivism",
        version="recidivism/3",
        title=f"Ages above 90 are years of birth. {HOSTILE}",
        severity="high",
        status="open",
        by="joan",
        time=NOON,
    )
    return difference(model(3), ours, Rival(model(1), theirs), findings=[finding])


def request(ours: Sequence[Evidence], theirs: Sequence[Evidence]) -> ApprovalRequest:
    """Ada asks for approval of the third version."""
    return ApprovalRequest(
        id="approval/recidivism/3#0",
        model="recidivism/3",
        model_digest=model(3).digest,
        policy="default",
        policy_digest=policy().digest,
        by="ada",
        note=f"Better on the old. {HOSTILE}",
        time=NOON + timedelta(hours=7),
        verdict=verdict(3, evidence=ours),
        difference=compared(ours, theirs),
    )


def stale(evidence: Sequence[Evidence]) -> Freshness:
    """The third version 31 days on: what it rests on, and what of it holds no longer."""
    return freshness(
        model(3),
        policy(),
        [Trace.of(found) for found in evidence],
        verdict=verdict(3, evidence=evidence),
        standing=Standing(),
        champion=model(1),
        now=NOON + timedelta(days=31),
    )
