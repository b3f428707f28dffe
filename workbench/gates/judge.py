"""The gate: a policy on one side, evidence, findings and approvals on the other, a verdict out. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeGuard

from workbench.audits.records import Trace
from workbench.core.errors import nearest
from workbench.core.values import Outcome, best, worst
from workbench.gates import sentences
from workbench.gates.comparison import comparisons
from workbench.gates.docket import Docket, Rival
from workbench.gates.policy import Policy, Rule
from workbench.gates.records import Approval, Finding, RuleResult, Verdict
from workbench.gates.standing import Standing
from workbench.journal.records import Event

if TYPE_CHECKING:
    from workbench.audits.records import Evidence, Measurement
    from workbench.models.records import ModelVersion


def judge(
    policy: Policy,
    version: ModelVersion,
    evidence: Sequence[Evidence],
    standing: Standing,
    now: datetime,
    *,
    rival: Rival | None = None,
    findings: Sequence[Finding] = (),
) -> Verdict:
    """Judge a version by a policy.

    Only evidence measured on these very bytes counts, and of each audit only the newest. Missing or old
    evidence, a missing measurement, a missing interval and a limit inside the interval are inconclusive; an
    audit that raised is an error. The outcome is the worst of the rules: error, fail, inconclusive, pass.
    Approvals do not change it; ``Verdict.releasable`` asks for both.

    Args:
        policy: what is asked.
        version: the version judged.
        evidence: all evidence there is, of this version or of others.
        standing: what people have said, as far as it counts.
        now: when the verdict is given.
        rival: the champion, for rules that compare with it; None where there is none, or this version is it.
        findings: all findings about the model.
    """
    docket = Docket(version, evidence, policy, now, rival)
    results = [result for rule in policy.rules for result in _judge_rule(rule, docket)]
    ruled = {leaf.audit for rule in policy.rules for leaf in rule.leaves()}
    results += [_presence(audit, docket) for audit in policy.required_audits if audit not in ruled]
    results += _of_findings(policy, version, findings, now)
    outcome = worst(
        [result.outcome for result in results if result.depth == 0]
        + [Outcome.INCONCLUSIVE] * (not policy.rules)
    )
    read = docket.read_by(policy)
    return Verdict(
        model=version.ref,
        model_digest=version.digest,
        policy=policy.name,
        policy_digest=policy.digest,
        outcome=outcome,
        reason=_summary(policy, [result for result in results if result.depth == 0], outcome),
        rules=tuple(results),
        evidence=tuple(Trace.of(found).digest for found in read),
        data=_data_of(read),
        required_approvals=dict(policy.approvals),
        time=now,
    ).model_copy(update=spoken(standing))


def spoken(standing: Standing) -> dict[str, Any]:
    """Return the fields of a verdict that say what people have said."""
    return {
        "given_approvals": _by_role(standing.given),
        "rejected_by": tuple(dict.fromkeys(one.by for one in standing.rejected)),
    }


def judged_data(
    policy: Policy, version: ModelVersion, evidence: Sequence[Evidence], now: datetime
) -> tuple[str, ...]:
    """Return the digests of the data that the evidence which ``judge`` would read was measured on, sorted."""
    return _data_of(Docket(version, evidence, policy, now).read_by(policy))


def verdict_event(verdict: Verdict) -> Event:
    """Return the fact that a gate judged, for the journal."""
    return Event(
        kind="gate.judged",
        payload=json.loads(verdict.to_json()),
        subjects=(verdict.model_digest, verdict.policy_digest, *verdict.evidence),
    )


def _judge_rule(rule: Rule, docket: Docket, depth: int = 0) -> list[RuleResult]:
    """Judge one rule on each slice it covers; a group is a result of its own, its members below it."""
    if rule.group:
        return _judge_group(rule, docket, depth)
    found = _judge_leaf(rule, docket)
    return [result.model_copy(update={"depth": depth}) for result in found]


def _judge_group(rule: Rule, docket: Docket, depth: int) -> list[RuleResult]:
    members = [_judge_rule(member, docket, depth + 1) for member in rule.group]
    outcomes = [worst([one.outcome for one in found if one.depth == depth + 1]) for found in members]
    outcome = best(outcomes) if rule.any else worst(outcomes)
    hold = sum(one is Outcome.PASS for one in outcomes)
    needed = "One is enough" if rule.any else "Each is needed"
    head = RuleResult(
        rule=sentences.group_words(rule),
        audit="",
        metric="",
        bound="",
        outcome=outcome,
        reason=f"{hold} of {len(outcomes)} hold. {needed}.",
        because=rule.because,
        depth=depth,
    )
    return [head, *(result for found in members for result in found)]


def _judge_leaf(rule: Rule, docket: Docket) -> list[RuleResult]:
    """Judge a rule on one audit; one that covers nothing is one inconclusive result."""
    evidence = docket.newest.get(rule.audit)
    if evidence is None:
        return [_result(rule, Outcome.INCONCLUSIVE, docket.why_missing(rule.audit))]
    if evidence.outcome is Outcome.ERROR:
        return [_result(rule, Outcome.ERROR, _raised(evidence))]
    if rule.limit is None:
        return [_result(rule, *_own_outcome(evidence))]
    covered = comparisons(rule, evidence, docket) if rule.than else _covered(rule, evidence)
    if isinstance(covered, tuple):
        return [_result(rule, *covered)]
    return [_compare(rule, measurement, rule.limit) for measurement in covered]


def _covered(rule: Rule, evidence: Evidence) -> list[Measurement] | tuple[Outcome, str]:
    """Return the measurements that a rule is about, or what it says without any."""
    of_metric = [m for m in evidence.measurements if m.metric == rule.metric]
    covered = [m for m in of_metric if rule.covers(m.slice)]
    return covered or (Outcome.INCONCLUSIVE, _not_measured(rule, evidence, of_metric))


def _compare(rule: Rule, found: Measurement, limit: float) -> RuleResult:
    """Compare one measurement with the limit.

    On the cautious end the limit may lie inside the interval: then the data proves neither side.
    """
    what = sentences.measured(rule, found.slice)
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


def _presence(audit: str, docket: Docket) -> RuleResult:
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


def _of_findings(
    policy: Policy, version: ModelVersion, findings: Sequence[Finding], now: datetime
) -> list[RuleResult]:
    """Judge how many findings of each severity stand open against the version."""
    today, results = now.astimezone(UTC).date(), []
    for severity, most in policy.max_open_findings.items():
        standing = (f for f in findings if f.is_open(version.version, version.author, today))
        open_ = [finding for finding in standing if finding.severity == severity]
        outcome = Outcome.PASS if len(open_) <= most else Outcome.FAIL
        first = f": {open_[0].id}, {open_[0].title.rstrip('.')}" if open_ else ""
        results.append(
            RuleResult(
                rule=f"findings: at most {most} open of severity {severity}",
                audit="",
                metric="open_findings",
                slice=f"severity={severity}",
                bound="estimate",
                direction="at_most",
                value=len(open_),
                limit=most,
                estimate=len(open_),
                n=len(findings),
                outcome=outcome,
                reason=f"{len(open_)} open of severity {severity}, at most {most}{first}.",
            )
        )
    return results


def _data_of(evidence: Sequence[Evidence]) -> tuple[str, ...]:
    return tuple(sorted({found.data_digest for found in evidence}))


def _by_role(approvals: Sequence[Approval]) -> dict[str, tuple[str, ...]]:
    people: dict[str, list[str]] = {}
    for approval in approvals:
        people.setdefault(approval.role, []).append(approval.by)
    return {role: tuple(dict.fromkeys(names)) for role, names in people.items()}
