"""The gate: a policy on one side, a version's evidence and approvals on the other, a verdict out. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from workbench.core.digests import of_json, short
from workbench.core.errors import nearest
from workbench.core.values import Outcome, worst
from workbench.gates import sentences
from workbench.gates.policy import Policy, Rule
from workbench.gates.records import Approval, RuleResult, Verdict
from workbench.journal.records import Event

if TYPE_CHECKING:
    from workbench.audits.records import Evidence, Measurement
    from workbench.models.records import ModelVersion


def judge(
    policy: Policy,
    version: ModelVersion,
    evidence: Sequence[Evidence],
    approvals: Iterable[Approval],
    now: datetime,
) -> Verdict:
    """Judge a version by a policy.

    Only evidence measured on these very bytes counts, and of each audit only the newest. Missing evidence, a
    missing measurement, a missing interval and a limit inside the interval are inconclusive; an audit that
    raised is an error. The outcome is the worst of the rules: error, fail, inconclusive, pass. Approvals do
    not change it; ``Verdict.releasable`` asks for both.

    Args:
        policy: what is asked.
        version: the version judged.
        evidence: all evidence there is, of this version or of others.
        approvals: all approvals there are; those of other bytes, another policy or the author do not count.
        now: when the verdict is given.
    """
    docket = _Docket(version, evidence)
    results = [result for rule in policy.rules for result in _judge_rule(rule, docket)]
    ruled = {rule.audit for rule in policy.rules}
    results += [_presence(audit, docket) for audit in policy.required_audits if audit not in ruled]
    outcome = worst([result.outcome for result in results] + [Outcome.INCONCLUSIVE] * (not policy.rules))
    asked = ruled | set(policy.required_audits)
    return Verdict(
        model=version.ref,
        model_digest=version.digest,
        policy=policy.name,
        policy_digest=policy.digest,
        outcome=outcome,
        reason=_summary(policy, results, outcome),
        rules=tuple(results),
        evidence=tuple(evidence_digest(found) for audit, found in docket.newest.items() if audit in asked),
        required_approvals=dict(policy.approvals),
        given_approvals=_given(policy, version, approvals),
        time=now,
    )


def evidence_digest(evidence: Evidence) -> str:
    """Digest of one piece of evidence as JSON (where NaN is null)."""
    return of_json(json.loads(evidence.to_json()))


def verdict_event(verdict: Verdict) -> Event:
    """Return the fact that a gate judged, for the journal."""
    return Event(
        kind="gate.judged",
        payload=json.loads(verdict.to_json()),
        subjects=(verdict.model_digest, verdict.policy_digest, *verdict.evidence),
    )


class _Docket:
    """The evidence that counts, and why other evidence does not."""

    def __init__(self, version: ModelVersion, evidence: Sequence[Evidence]) -> None:
        self.version = version
        self.newest: dict[str, Evidence] = {}
        self._stale: dict[str, Evidence] = {}
        for found in sorted(evidence, key=lambda e: e.recalled or e.started):
            counts = found.model_digest == version.digest
            (self.newest if counts else self._stale)[found.audit] = found

    def why_missing(self, audit: str) -> str:
        """Say why there is no evidence of this audit."""
        stale = self._stale.get(audit)
        if stale is None:
            others = sorted(self.newest)
            hint = f" {nearest(audit, others)}" if others else ""
            return f"{self.version.ref} has no evidence of the audit {audit}: run it.{hint}"
        measured_on = short(stale.model_digest) if stale.model_digest else "a model that is not registered"
        return (
            f"The evidence of {audit} is stale: it was measured on {measured_on}, and {self.version.ref} is "
            f"{short(self.version.digest)}. Audit it again."
        )


def _judge_rule(rule: Rule, docket: _Docket) -> list[RuleResult]:
    """Judge one rule on each slice it covers; a rule that covers none is one inconclusive result."""
    evidence = docket.newest.get(rule.audit)
    if evidence is None:
        return [_result(rule, Outcome.INCONCLUSIVE, docket.why_missing(rule.audit))]
    if evidence.outcome is Outcome.ERROR:
        return [_result(rule, Outcome.ERROR, _raised(evidence))]
    if rule.limit is None:
        return [_result(rule, *_own_outcome(evidence))]
    of_metric = [m for m in evidence.measurements if m.metric == rule.metric]
    covered = [m for m in of_metric if rule.covers(m.slice)]
    if not covered:
        return [_result(rule, Outcome.INCONCLUSIVE, _not_measured(rule, evidence, of_metric))]
    return [_compare(rule, measurement, rule.limit) for measurement in covered]


def _compare(rule: Rule, found: Measurement, limit: float) -> RuleResult:
    """Compare one measurement with the limit.

    On the cautious end the limit may lie inside the interval: then the data proves neither side.
    """
    what = sentences.named(rule.metric, found.slice)
    if not _is_number(found.value):
        why = f" ({found.note})" if found.note else ""
        return _result(rule, Outcome.INCONCLUSIVE, f"{what} could not be computed{why}.", found)
    value = {"estimate": found.value, "lower": found.low, "upper": found.high}[rule.end]
    if not _is_number(value):
        reason = (
            f"{what} has no interval, and the policy asks for its {rule.end} bound "
            f"(estimate {found.value:,.3f}, n {found.n:,}). Write bound: estimate if that is enough."
        )
        return _result(rule, Outcome.INCONCLUSIVE, reason, found)
    holds = _good(rule, value, limit)
    if not holds and rule.end == rule.cautious and _is_number(found.low) and _is_number(found.high):
        far_end = found.high if rule.end == "lower" else found.low
        if _good(rule, far_end, limit):
            reason = sentences.undecided(rule, found, (found.low, found.value, found.high), limit)
            return _result(rule, Outcome.INCONCLUSIVE, reason, found, value)
    reason = sentences.comparison(rule, found, value, limit, holds=holds)
    return _result(rule, Outcome.PASS if holds else Outcome.FAIL, reason, found, value)


def _good(rule: Rule, value: float, limit: float) -> bool:
    return value >= limit if rule.direction == "at_least" else value <= limit


def _is_number(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _own_outcome(evidence: Evidence) -> tuple[Outcome, str]:
    note = f" {evidence.notes[0]}" if evidence.notes else ""
    match evidence.outcome:
        case Outcome.PASS:
            return Outcome.PASS, f"The audit {evidence.audit} passes."
        case Outcome.FAIL:
            return Outcome.FAIL, f"The audit {evidence.audit} fails.{note}"
        case Outcome.MEASURED:
            return (
                Outcome.INCONCLUSIVE,
                f"The audit {evidence.audit} measures and does not judge: put a limit on one of its metrics.",
            )
        case _:
            return Outcome.INCONCLUSIVE, f"The audit {evidence.audit} is inconclusive.{note}"


def _presence(audit: str, docket: _Docket) -> RuleResult:
    """Judge that a required audit, which no rule reads, was done."""
    evidence = docket.newest.get(audit)
    if evidence is None:
        outcome, reason = Outcome.INCONCLUSIVE, docket.why_missing(audit)
    elif evidence.outcome is Outcome.ERROR:
        outcome, reason = Outcome.ERROR, _raised(evidence)
    elif evidence.outcome is Outcome.INCONCLUSIVE:
        outcome, reason = _own_outcome(evidence)
    else:
        outcome, reason = Outcome.PASS, f"The evidence of {audit} is there."
    rule = f"{audit}: evidence is required"
    return RuleResult(rule=rule, audit=audit, metric="", bound="", outcome=outcome, reason=reason)


def _raised(evidence: Evidence) -> str:
    return f"The audit {evidence.audit} raised an error: {evidence.error or 'no message'}."


def _not_measured(rule: Rule, evidence: Evidence, of_metric: list[Measurement]) -> str:
    if of_metric:
        hint = nearest(rule.slice, sorted({m.slice or "overall" for m in of_metric}))
        return f"{rule.audit} has no {sentences.named(rule.metric, rule.slice)}. {hint}"
    hint = nearest(rule.metric, sorted({m.metric for m in evidence.measurements}))
    why = f" ({evidence.notes[0]})" if evidence.notes and not evidence.measurements else ""
    return f"The audit {rule.audit} did not measure {rule.metric}{why}. {hint}"


def _result(
    rule: Rule, outcome: Outcome, reason: str, found: Measurement | None = None, value: float | None = None
) -> RuleResult:
    measured: dict[str, Any] = {}
    if found is not None:
        measured = {"estimate": found.value, "low": found.low, "high": found.high, "n": found.n}
    slice = rule.slice if found is None else found.slice
    return RuleResult(
        rule=sentences.rule_words(rule, slice),
        audit=rule.audit,
        metric=rule.metric,
        slice=slice,
        bound="" if rule.limit is None else rule.end,
        direction="" if rule.limit is None else rule.direction,
        value=value,
        limit=rule.limit,
        outcome=outcome,
        reason=reason,
        because=rule.because,
        **measured,
    )


def _summary(policy: Policy, results: list[RuleResult], outcome: Outcome) -> str:
    if not policy.rules:
        return f"Policy {policy.name} has no rules, and an empty policy passes nothing."
    if outcome is Outcome.PASS:
        return f"All that policy {policy.name} asks holds ({len(results)} checked)."
    decisive = [result for result in results if result.outcome is outcome]
    one, many = {
        Outcome.ERROR: ("could not be judged for an error", "could not be judged for errors"),
        Outcome.FAIL: ("fails", "fail"),
    }.get(outcome, ("is not settled", "are not settled"))
    verb, first = (one, "") if len(decisive) == 1 else (many, "first ")
    return f"{len(decisive)} of {len(results)} checks {verb}: {first}{decisive[0].reason}"


def _given(
    policy: Policy, version: ModelVersion, approvals: Iterable[Approval]
) -> dict[str, tuple[str, ...]]:
    bound_to = (version.digest, policy.digest)
    people: dict[str, list[str]] = {}
    for approval in approvals:
        counts = (approval.model_digest, approval.policy_digest) == bound_to and approval.by != version.author
        if counts and approval.role in policy.approvals and approval.by not in people.get(approval.role, []):
            people.setdefault(approval.role, []).append(approval.by)
    return {role: tuple(names) for role, names in people.items()}
