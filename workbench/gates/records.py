"""What a gate says, and what a person says."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar, Literal

from workbench.core.records import Record, Shown
from workbench.core.values import Outcome

Severity = Literal["low", "medium", "high", "critical"]

#: Where roles are written down for everybody to read.
SETTINGS = "workbench.toml"


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
    depth: int = 0
    """1 and more for a member of the group that stands above it; the group's outcome counts, not its own."""


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
    data: tuple[str, ...] = ()
    """Digests of the data sets that they were measured on, sorted."""
    required_approvals: dict[str, int] = {}
    """How many people of each role must approve."""
    given_approvals: dict[str, tuple[str, ...]] = {}
    """Who did, by role."""
    rejected_by: tuple[str, ...] = ()
    """Whose rejection stands: nothing is released over it."""
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
        """Every rule passes, every approval is there, and nobody's rejection stands."""
        return self.outcome is Outcome.PASS and not self.missing_approvals and not self.rejected_by


class Approval(Record):
    """One person's yes or no, bound to the bytes of model, policy and data, and signed with their own key."""

    id: str = ""
    """``approval/<name>/<version>#<place in that stream>``."""
    decision: Literal["approve", "reject"] = "approve"
    model: str
    model_digest: str
    policy: str = ""
    policy_digest: str
    data: tuple[str, ...] = ()
    """Digests of the data sets that the evidence judged at that moment was measured on, sorted."""
    request: str = ""
    """Id of the request that it answers; empty where nobody asked."""
    role: str
    role_from: str = SETTINGS
    """What says that the person has the role: ``workbench.toml``, or a group of whoever vouched for it."""
    by: str
    note: str
    time: datetime
    until: datetime | None = None
    """When it lapses."""
    key: str = ""
    """Public half of the key that signed it: ``name+hash+base64``."""
    signature: str = ""
    """Ed25519, base64, over all of the above (``gates.signatures``)."""

    def __str__(self) -> str:
        said = "approved" if self.decision == "approve" else "rejected"
        until = f", until {self.until:%Y-%m-%d}" if self.until else ""
        return f"{self.id}: {self.by} {said} {self.model} as {self.role}{until}: {_in_a_line(self.note)}"


class Revocation(Record):
    """Somebody takes an approval or a rejection back."""

    approval: str
    """Id of what is taken back."""
    by: str
    role_from: str = SETTINGS
    """What says that the person has the role it was given in; of no matter to whoever gave it."""
    note: str
    time: datetime
    key: str = ""
    signature: str = ""

    def __str__(self) -> str:
        return f"{self.by} took {self.approval} back: {_in_a_line(self.note)}"


class StageApproval(Record):
    """One person's yes to a release going on, bound to the bytes and the plan, signed with their own key."""

    release: str
    """``<endpoint>-<number>``."""
    stage: int
    """Index of the step that may then be entered."""
    stage_name: str
    model: str
    model_digest: str
    plan_digest: str
    role: str
    role_from: str = SETTINGS
    """What says that the person has the role, as in an ``Approval``."""
    by: str
    note: str
    time: datetime
    key: str = ""
    signature: str = ""

    def __str__(self) -> str:
        what = f"{self.by} approved {self.stage_name} of {self.release} as {self.role}"
        return f"{what}: {_in_a_line(self.note)}"


class StageRevocation(Record):
    """Somebody takes back a yes to a release going on, before the step is entered."""

    release: str
    stage: int
    """Index of the step that it was about."""
    stage_name: str
    word: int
    """Which of the words said of this release is taken back: its place among them, from 0."""
    by: str
    role_from: str = SETTINGS
    """What says that the person has the role it was given in; of no matter to whoever gave it."""
    note: str
    time: datetime
    key: str = ""
    signature: str = ""

    def __str__(self) -> str:
        what = f"{self.by} took back the approval of {self.stage_name} of {self.release}"
        return f"{what}: {_in_a_line(self.note)}"


class Lapse(Record):
    """An approval or rejection that no longer counts, and why."""

    approval: Approval
    why: str
    """In words that follow ``the approval by grace``: ``has expired on 2026-11-20``."""


class Finding(Record):
    """Something about a model that somebody must fix or answer for."""

    id: str
    """``finding/<model>#<place in that stream>``."""
    model: str
    """Name of the model."""
    version: str = ""
    """``name/version`` in which it was found; empty for the model as a whole."""
    title: str
    severity: Severity
    status: Literal["open", "accepted", "fixed"]
    by: str
    """Who found it."""
    time: datetime
    accepted_by: str = ""
    accepted_until: date | None = None
    """Last day on which it counts as accepted, in UTC."""
    fixed_in: str = ""
    """``name/version`` from which on it is gone."""
    note: str = ""
    """Reason of the acceptance, or what the fix was."""

    def is_open(self, version: int, author: str, today: date) -> bool:
        """Return whether it stands against a version: not fixed by then, and not accepted on that day.

        What the version's own ``author`` accepted stands against it: nobody answers for their own work.
        """
        if self.status == "fixed" and version >= int(self.fixed_in.rpartition("/")[2]):
            return False
        own = self.accepted_by.casefold() == author.casefold()
        return self.accepted_until is None or own or today > self.accepted_until

    def __str__(self) -> str:
        more = {
            "open": "",
            "accepted": f", accepted until {self.accepted_until} by {self.accepted_by}: {self.note}",
            "fixed": f", fixed in {self.fixed_in}: {self.note}",
        }[self.status]
        where = f" in {self.version}" if self.version else ""
        return _in_a_line(f"{self.id} ({self.severity}, {self.status}){where}: {self.title}{more}")


def _in_a_line(text: str) -> str:
    """A line break in somebody's words must not pass for a line of ours."""
    return " ".join(text.split())
