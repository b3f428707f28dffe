"""Rules that compare with another: with the champion, or with the constant answer.

Where the audit has measured the difference on the same rows, that is taken: its interval knows that the rows
are pairs. Otherwise each side's own interval on the same data is, and the difference may be anything that
both allow (the ends are subtracted crosswise, which is cautious, never too narrow).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.core.digests import short
from workbench.core.errors import nearest
from workbench.core.values import Outcome
from workbench.gates.docket import Docket, Rival, newest
from workbench.gates.policy import Rule

if TYPE_CHECKING:
    from workbench.audits.records import Evidence, Measurement

Answer = tuple[Outcome, str]

_CONSTANT = "against=dummy"
_CHAMPION = "against=champion"


def comparisons(rule: Rule, evidence: Evidence, docket: Docket) -> list[Measurement] | Answer:
    """Return the differences that a rule is about, or what it says without any.

    Args:
        rule: has ``than`` and a limit.
        evidence: of the rule's audit.
        docket: knows the champion.
    """
    if rule.than == "baseline":
        found = _paired(rule, evidence, _CONSTANT)
        return found or _nothing(rule, evidence, "the constant answer")
    rival = docket.rival
    if rival is None:
        return _without_champion(rule, docket)
    if rival.version.digest == docket.version.digest:
        return Outcome.PASS, f"{docket.version.ref} is the champion itself."
    if evidence.champion_digest and evidence.champion_digest != rival.version.digest:
        return Outcome.INCONCLUSIVE, (
            f"The evidence of {rule.audit} is stale: it compares with {short(evidence.champion_digest)}, and "
            f"the champion is {rival.version.ref} ({short(rival.version.digest)}) now. Audit it again."
        )
    paired = _paired(rule, evidence, _CHAMPION) if evidence.champion_digest else []
    return paired or _crosswise(rule, evidence, rival)


def _without_champion(rule: Rule, docket: Docket) -> Answer:
    if rule.without_champion == "pass":
        return Outcome.PASS, f"{docket.version.name} has no champion yet: there is nothing to be worse than."
    return Outcome.INCONCLUSIVE, (
        f"{docket.version.name} has no champion to compare with. "
        "Write without_champion: pass if the first version need not be compared."
    )


def _paired(rule: Rule, evidence: Evidence, against: str) -> list[Measurement]:
    """Differences that the audit measured on the same rows; there are such over all rows only."""
    if rule.slice:
        return []
    metric = f"{rule.metric.removesuffix('_difference')}_difference"
    found = [m for m in evidence.measurements if (m.metric, m.slice) == (metric, against)]
    return [m.model_copy(update={"slice": ""}) for m in found]


def _crosswise(rule: Rule, evidence: Evidence, rival: Rival) -> list[Measurement] | Answer:
    theirs = newest(rival.evidence, rival.version.digest).get(rule.audit)
    if theirs is None:
        return (
            Outcome.INCONCLUSIVE,
            f"The champion {rival.version.ref} has no evidence of {rule.audit}: audit it.",
        )
    if theirs.data_digest != evidence.data_digest:
        return Outcome.INCONCLUSIVE, (
            f"{rule.audit} was measured on {short(evidence.data_digest)} here and on "
            f"{short(theirs.data_digest)} for the champion {rival.version.ref}. Audit both on the same data."
        )
    other = {m.slice: m for m in theirs.measurements if m.metric == rule.metric}
    ours = [m for m in evidence.measurements if m.metric == rule.metric and rule.covers(m.slice)]
    found = [_difference(m, other[m.slice]) for m in ours if m.slice in other]
    return found or _nothing(rule, evidence, f"the champion {rival.version.ref}")


def _difference(ours: Measurement, theirs: Measurement) -> Measurement:
    return ours.model_copy(
        update={
            "value": _less(ours.value, theirs.value),
            "low": _less(ours.low, theirs.high),
            "high": _less(ours.high, theirs.low),
            "n": min(ours.n, theirs.n),
        }
    )


def _less(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first - second


def _nothing(rule: Rule, evidence: Evidence, rival: str) -> Answer:
    known = sorted({m.metric for m in evidence.measurements})
    return Outcome.INCONCLUSIVE, (
        f"{rule.audit} has no {rule.metric} to compare with {rival}. {nearest(rule.metric, known)}"
    )
