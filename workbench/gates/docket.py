"""The docket: which evidence counts for a verdict, and why other evidence does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from workbench.core.digests import short
from workbench.core.errors import nearest
from workbench.gates.policy import Policy

if TYPE_CHECKING:
    from workbench.audits.records import Evidence
    from workbench.models.records import ModelVersion


@dataclass(frozen=True)
class Rival:
    """The version in production, and what was measured on it."""

    version: ModelVersion
    evidence: Sequence[Evidence] = ()


def said_at(evidence: Evidence) -> datetime:
    """Return when evidence was last confirmed: measured, or recalled because nothing under it had changed."""
    return evidence.recalled or evidence.started


def newest(evidence: Sequence[Evidence], digest: str) -> dict[str, Evidence]:
    """Return of each audit the newest evidence on these bytes."""
    ordered = sorted(evidence, key=said_at)
    return {found.audit: found for found in ordered if found.model_digest == digest}


class Docket:
    """The evidence of one verdict.

    Args:
        version: the version judged.
        evidence: all there is, of this version or of others.
        policy: says how old evidence may be.
        now: when the verdict is given.
        rival: the champion; None where there is none, or where the version is it.
    """

    def __init__(
        self,
        version: ModelVersion,
        evidence: Sequence[Evidence],
        policy: Policy,
        now: datetime,
        rival: Rival | None = None,
    ) -> None:
        self.version = version
        self.rival = rival
        found = newest(evidence, version.digest)
        self._too_old = {
            audit: why for audit, one in found.items() if (why := too_old(audit, said_at(one), policy, now))
        }
        self._elsewhere = {one.audit: one for one in sorted(evidence, key=said_at)}
        self.newest = {audit: one for audit, one in found.items() if audit not in self._too_old}

    def why_missing(self, audit: str) -> str:
        """Say why there is no evidence of this audit."""
        if audit in self._too_old:
            return f"The evidence of {audit} is stale: {self._too_old[audit]}. Audit it again."
        stale = self._elsewhere.get(audit)
        if stale is None:
            others = sorted(self.newest)
            hint = f" {nearest(audit, others)}" if others else ""
            return f"{self.version.ref} has no evidence of the audit {audit}: run it.{hint}"
        measured_on = short(stale.model_digest) if stale.model_digest else "a model that is not registered"
        return (
            f"The evidence of {audit} is stale: it was measured on {measured_on}, and {self.version.ref} is "
            f"{short(self.version.digest)}. Audit it again."
        )

    def read_by(self, policy: Policy) -> list[Evidence]:
        """Return the evidence that the policy reads."""
        asked = policy.asked_audits
        return [found for audit, found in self.newest.items() if audit in asked]


def too_old(audit: str, at: datetime, policy: Policy, now: datetime) -> str:
    """Say that evidence is older than the policy takes; empty when it is not."""
    most = policy.oldest(audit)
    if most is None or now - at <= timedelta(days=most):
        return ""
    return f"it is from {at:%Y-%m-%d}, and policy {policy.name} takes none older than {most} days"
