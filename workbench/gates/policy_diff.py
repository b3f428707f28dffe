"""What a change of a policy would do: the verdicts on the stored evidence, under the old text and the new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.core.digests import short
from workbench.core.records import Record
from workbench.core.values import Outcome
from workbench.gates.policy import Policy
from workbench.gates.records import Verdict
from workbench.gates.sentences import rule_words


class VerdictChange(Record):
    """One version under both texts."""

    model: str
    """``name/version``."""
    old: Outcome
    new: Outcome
    because: str
    """The new verdict's reason."""
    missing_approvals: dict[str, int] = {}
    """What the new text asks for and nobody has said."""


class PolicyDiff(Record):
    """Two texts of a policy, and what follows."""

    old: str
    """``name (first digits of the digest)``."""
    new: str
    removed: tuple[str, ...] = ()
    """What only the old text asks, in words."""
    added: tuple[str, ...] = ()
    """What only the new text asks."""
    changed: tuple[VerdictChange, ...] = ()
    """Versions whose verdict would be another."""
    judged: int = 0
    """Versions that were looked at."""

    @property
    def same(self) -> bool:
        """True when no verdict changes."""
        return not self.changed

    def __str__(self) -> str:
        lines = [f"{self.old} → {self.new}"]
        lines += [f"- {line}" for line in self.removed]
        lines += [f"+ {line}" for line in self.added]
        if self.removed == self.added == ():
            lines.append("They ask the same.")
        lines.append(f"{len(self.changed)} of {self.judged} versions would get another verdict.")
        for change in self.changed:
            lines.append(f"{change.model}: {change.old} → {change.new}. {change.because}")
        return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)


def policy_diff(old: Policy, new: Policy, judged: Iterable[tuple[Verdict, Verdict]]) -> PolicyDiff:
    """Compare two texts of a policy.

    Args:
        old: as it is.
        new: as it would be.
        judged: the verdicts of each version by both.
    """
    pairs = list(judged)
    before, after = list(_asks(old)), list(_asks(new))
    return PolicyDiff(
        old=f"{old.name} ({short(old.digest)})",
        new=f"{new.name} ({short(new.digest)})",
        removed=tuple(line for line in before if line not in after),
        added=tuple(line for line in after if line not in before),
        changed=tuple(
            VerdictChange(
                model=was.model,
                old=was.outcome,
                new=now.outcome,
                because=now.reason,
                missing_approvals=now.missing_approvals,
            )
            for was, now in pairs
            if was.outcome is not now.outcome
        ),
        judged=len(pairs),
    )


def _asks(policy: Policy) -> Iterator[str]:
    """Yield what a policy asks, a line each."""
    for number, rule in enumerate(policy.rules, start=1):
        if not rule.group:
            yield rule_words(rule)
        for leaf in rule.leaves() if rule.group else ():
            yield f"{'one' if rule.any else 'each'} of group {number}: {rule_words(leaf)}"
    yield from (f"{audit}: evidence is required" for audit in policy.required_audits)
    yield from _limits(policy)


def _limits(policy: Policy) -> Iterator[str]:
    named: dict[str, Mapping[Any, int]] = {
        "evidence of {} at most {} days old": policy.max_age_days,
        "at most {1} open findings of severity {0}": policy.max_open_findings,
        "{1} approved by {0}": policy.approvals,
    }
    for words, limits in named.items():
        yield from (words.format(name, limit) for name, limit in limits.items())
    yield f"an approval holds {policy.approval_days} days"
    if policy.same_person_may_fill_roles:
        yield "one person may fill several roles"
