"""What a gate says, and what a person says."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from workbench.core.records import Record, Shown
from workbench.core.values import Outcome


class RuleResult(Record):
    """One rule of the policy, judged."""

    rule: str
    """The rule in words: ``fairness: upper bound of equalized_odds_difference ≤ 0.10``."""
    audit: str
    metric: str
    """Empty when the rule asks for the audit's own outcome, or only for its evidence."""
    slice: str = ""
    bound: str
    """``estimate``, ``lower`` or ``upper``: which end of the interval was compared. Empty: none was."""
    direction: Literal["at_least", "at_most", ""] = ""
    value: float | None = None
    """The number compared."""
    limit: float | None = None
    """None when the rule asks for an outcome or for evidence, not for a number."""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    outcome: Outcome
    reason: str
    """One sentence with the numbers."""
    because: str = ""
    """Why the policy asks this, in its own words."""


class Verdict(Shown):
    """What the policy says of one model's evidence, and which approvals it still asks for."""

    view: ClassVar[str] = "verdict"

    model: str
    """``name/version``."""
    model_digest: str
    policy: str
    policy_digest: str
    outcome: Outcome
    reason: str
    """One sentence: why this outcome."""
    rules: tuple[RuleResult, ...] = ()
    evidence: tuple[str, ...] = ()
    """Digests of the evidence records that were read."""
    required_approvals: dict[str, int] = {}
    """How many people of each role must approve."""
    given_approvals: dict[str, tuple[str, ...]] = {}
    """Who did, by role."""
    time: datetime

    @property
    def missing_approvals(self) -> dict[str, int]:
        """Roles and counts still to come."""
        left = {
            role: need - len(self.given_approvals.get(role, ()))
            for role, need in self.required_approvals.items()
        }
        return {role: count for role, count in left.items() if count > 0}

    @property
    def releasable(self) -> bool:
        """Every rule passes and every approval is there."""
        return self.outcome is Outcome.PASS and not self.missing_approvals


class Approval(Record):
    """One person's yes, bound to the bytes of the model and of the policy."""

    model: str
    model_digest: str
    policy_digest: str
    role: str
    by: str
    note: str
    time: datetime
