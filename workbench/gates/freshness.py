"""Freshness: what each thing said of a version rests on, whether that still holds, and how to renew it.

It reads traces and not the evidence itself, so that a panel can ask for every version at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from workbench.audits.records import Trace
from workbench.core.digests import short
from workbench.core.records import Record, Shown
from workbench.gates.docket import too_old
from workbench.gates.policy import Policy
from workbench.gates.records import Approval, Verdict
from workbench.gates.standing import Standing
from workbench.models.records import ModelVersion


class Basis(Record):
    """One thing that was said of a version."""

    kind: Literal["evidence", "verdict", "approval"]
    name: str
    """The audit, the policy, or ``grace as model-risk``."""
    id: str = ""
    """Of an approval or a rejection: what takes it back."""
    rests_on: dict[str, str] = {}
    """Digests by what they are of: model, data, reference, champion, policy."""
    since: datetime | None = None
    """When it was said; None when it never was."""
    until: datetime | None = None
    """When it ends by its age; None when nothing limits it."""
    stale: bool = False
    why: str = ""
    """Why it does not hold, as a sentence; empty when it does."""
    renew: str = ""
    """The command that renews this and nothing else."""


class Freshness(Shown):
    """Everything said of a version under a policy, and whether it still holds."""

    view: ClassVar[str] = "freshness"

    model: str
    policy: str
    bases: tuple[Basis, ...]
    time: datetime

    @property
    def stale(self) -> tuple[Basis, ...]:
        """What does not hold any longer."""
        return tuple(basis for basis in self.bases if basis.stale)


def freshness(
    version: ModelVersion,
    policy: Policy,
    traces: Sequence[Trace],
    *,
    verdict: Verdict | None,
    standing: Standing,
    champion: ModelVersion | None,
    now: datetime,
) -> Freshness:
    """Look at everything that was said of a version.

    Args:
        version: the version.
        policy: as it reads now.
        traces: of all evidence about it.
        verdict: the newest on these bytes under a policy of that name; None when there is none.
        standing: what people have said.
        champion: the version in production; None where there is none.
        now: the time.
    """
    look = _Look(version, policy, newest_traces(version, traces), champion, now)
    evidence = [look.of_evidence(audit) for audit in sorted({*look.traces, *policy.asked_audits})]
    people = look.of_people(standing)
    bases = (*evidence, look.of_verdict(verdict, evidence), *people)
    return Freshness(model=version.ref, policy=policy.name, bases=bases, time=now)


def newest_traces(version: ModelVersion, traces: Sequence[Trace]) -> dict[str, Trace]:
    """Return of each audit the newest trace on the version's bytes."""
    ordered = sorted(traces, key=lambda trace: trace.at)
    return {trace.audit: trace for trace in ordered if trace.model == version.digest}


class _Look:
    """One look at one version."""

    def __init__(
        self,
        version: ModelVersion,
        policy: Policy,
        traces: Mapping[str, Trace],
        champion: ModelVersion | None,
        now: datetime,
    ) -> None:
        self.traces = traces
        self._version = version
        self._policy = policy
        self._champion = champion
        self._now = now

    def of_evidence(self, audit: str) -> Basis:
        trace, ref = self.traces.get(audit), self._version.ref
        renew = f"workbench audit {ref} --on DATA --suite {audit}"
        if trace is None:
            why = f"{ref} has no evidence of the audit {audit}, which {self._policy.name} asks for."
            return Basis(kind="evidence", name=audit, stale=True, why=why, renew=renew)
        days = self._policy.oldest(audit)
        why = too_old(audit, trace.at, self._policy, self._now) or self._other_champion(trace)
        return Basis(
            kind="evidence",
            name=audit,
            rests_on=_digests(
                model=trace.model, data=trace.data, reference=trace.reference, champion=trace.champion
            ),
            since=trace.at,
            until=None if days is None else trace.at + timedelta(days=days),
            stale=bool(why),
            why=f"{why[0].upper()}{why[1:]}." if why else "",
            renew=renew,
        )

    def of_verdict(self, verdict: Verdict | None, evidence: Sequence[Basis]) -> Basis:
        policy, ref = self._policy, self._version.ref
        renew = f"workbench gate {ref} --policy {policy.name}"
        if verdict is None:
            why = f"{ref} was never judged by {policy.name}."
            return Basis(kind="verdict", name=policy.name, stale=True, why=why, renew=renew)
        why = self._verdict_flaw(verdict, evidence)
        return Basis(
            kind="verdict",
            name=policy.name,
            rests_on=_digests(
                model=verdict.model_digest, policy=verdict.policy_digest, data=", ".join(verdict.data)
            ),
            since=verdict.time,
            stale=bool(why),
            why=why,
            renew=renew,
        )

    def of_people(self, standing: Standing) -> Iterator[Basis]:
        """What counts, then the newest word of each person that does not."""
        counted = [*standing.given, *standing.rejected]
        for one in counted:
            yield self._of_person(one, "")
        people = {(one.by, one.role) for one in counted}
        lapsed = {(lapse.approval.by, lapse.approval.role): lapse for lapse in standing.lapsed}
        for who, lapse in lapsed.items():
            if who not in people:
                said = "approval" if lapse.approval.decision == "approve" else "rejection"
                yield self._of_person(lapse.approval, f"The {said} by {lapse.approval.by} {lapse.why}.")

    def _other_champion(self, trace: Trace) -> str:
        """Say that evidence compares with a version that is champion no more."""
        champion = self._champion
        known = ("", champion.digest) if champion else ("",)
        if trace.champion in known or champion is None or champion.digest == self._version.digest:
            return ""
        compared, now = short(trace.champion), short(champion.digest)
        return f"it compares with {compared}, and the champion is {champion.ref} ({now}) now"

    def _verdict_flaw(self, verdict: Verdict, evidence: Sequence[Basis]) -> str:
        policy, asked = self._policy, self._policy.asked_audits
        if verdict.policy_digest != policy.digest:
            was, now = short(verdict.policy_digest), short(policy.digest)
            return f"It was given under another text of {policy.name} ({was}; now {now})."
        old = [basis.name for basis in evidence if basis.stale and basis.name in asked]
        if old:
            return f"It rests on evidence that does not hold: {', '.join(old)}. Renew that first."
        if set(verdict.evidence) != {t.digest for audit, t in self.traces.items() if audit in asked}:
            return f"{self._version.ref} was audited again after it was judged."
        return ""

    def _of_person(self, one: Approval, why: str) -> Basis:
        approves = one.decision == "approve"
        said = "approve" if approves else "reject"
        renew = (
            f'workbench {said} {self._version.ref} --policy {self._policy.name} --role {one.role} --note "…"'
        )
        return Basis(
            kind="approval",
            name=f"{one.by} as {one.role}{'' if approves else ' (rejects it)'}",
            id=one.id,
            rests_on=_digests(model=one.model_digest, policy=one.policy_digest, data=", ".join(one.data)),
            since=one.time,
            until=one.until,
            stale=bool(why),
            why=why,
            renew=renew,
        )


def _digests(**named: str) -> dict[str, str]:
    return {name: digest for name, digest in named.items() if digest}
