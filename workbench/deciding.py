"""Deciding: the bench's gates, approvals and findings, wired to the registry and the kept evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from workbench.core.clock import Clock
from workbench.core.errors import NotFound, Refused
from workbench.core.project import document, documents
from workbench.core.settings import Settings
from workbench.gates import (
    Approval,
    ApprovalRequest,
    Approvals,
    Finding,
    Findings,
    Policy,
    PolicyBook,
    Revocation,
    Rival,
    Verdict,
    judge,
    judged_data,
    load_policy,
    verdict_event,
)
from workbench.gates.difference import Difference, difference
from workbench.gates.findings import still_open
from workbench.gates.freshness import Freshness
from workbench.gates.policy_diff import PolicyDiff, policy_diff
from workbench.gates.requests import request, requests_of
from workbench.gates.streams import Look, Streams
from workbench.journal import Journal, Signer
from workbench.models.records import ModelVersion
from workbench.models.waivers import holding
from workbench.releases.effects import retried
from workbench.releases.permission import resting_on

if TYPE_CHECKING:
    from workbench.audits.records import Evidence
    from workbench.models.registry import Registry

EvidenceOf = Callable[[ModelVersion], "list[Evidence]"]


class Decisions:
    """What a project's gates and people say of its versions.

    Args:
        settings: who acts, and who has which role and key.
        journal: where it is kept.
        registry: the versions.
        clock: the time.
        signer: holds the key of whoever acts.
        evidence: reads what was measured on a version.
        vouched: roles of whoever acts that the settings do not give, by who vouches for them.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        registry: Registry,
        clock: Clock,
        *,
        signer: Signer,
        evidence: EvidenceOf,
        vouched: Callable[[], Mapping[str, str]],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._registry = registry
        self._clock = clock
        self._signer = signer
        self._evidence = evidence
        self._vouched = vouched
        self.findings = Findings(journal, clock)
        self.policies = PolicyBook(journal)

    @cached_property
    def approvals(self) -> Approvals:
        """What people have said."""
        settings = self._settings
        return Approvals(self._journal, people=settings.people, listed=settings.keys, clock=self._clock)

    # Policies

    def policy(self, given: str | Path | Policy) -> Policy:
        """Read a policy: a file, a name in ``policies/`` or a built-in one, or ``name@digest`` of a used one.

        Raises:
            InvalidInput: it cannot be read.
            NotFound: no such file or text.
        """
        if isinstance(given, str) and "@" in given and not (self._settings.root / given).is_file():
            name, _, digest = given.rpartition("@")
            return self.policies.text(name, digest)
        if isinstance(given, str | Path):
            root = self._settings.root
            return load_policy(document(root, "policies", given), among=documents(root, "policies"))
        return given

    def policy_diff(self, old: str | Path | Policy, new: str | Path | Policy) -> PolicyDiff:
        """Judge the newest evidence of every version by both texts."""
        before, after = self.policy(old), self.policy(new)
        versions = [v for name in self._registry.names() for v in self._registry.versions(name)]
        return policy_diff(before, after, [(self.judge(v, before), self.judge(v, after)) for v in versions])

    # Judge

    def judge(self, version: ModelVersion, policy: Policy) -> Verdict:
        """Judge a version, and write nothing."""
        evidence, now = self._evidence(version), self._clock.now()
        data = judged_data(policy, version, evidence, now)
        return judge(
            policy,
            version,
            evidence,
            self.approvals.standing(version, policy, data),
            now,
            rival=self._rival(version) if policy.compares else None,
            findings=self.findings.of(version.name),
        )

    def gate(self, version: ModelVersion, policy: Policy) -> Verdict:
        """Judge a version, and keep the verdict and the policy's text.

        Evidence, findings and approvals that come in meanwhile are judged, too: a kept verdict is one on all
        that stands before it.
        """
        self.policies.use(policy)
        return retried(partial(self._gate, version, policy))

    def _gate(self, version: ModelVersion, policy: Policy) -> Verdict:
        unmoved = resting_on(self._journal, version.ref)
        verdict = self.judge(version, policy)
        self._journal.append_many([(f"gate/{version.ref}", verdict_event(verdict), None)], unmoved=unmoved)
        return verdict

    def judge_again(self, verdict: Verdict) -> Verdict:
        """Judge what a verdict was about once more, under the very text of the policy that it names."""
        version = self._registry.version(verdict.model)
        return self.judge(version, self.policies.text(verdict.policy, verdict.policy_digest))

    def freshness(self, version: ModelVersion, policy: Policy) -> Freshness:
        """Return what everything said of a version rests on, and whether that still holds."""
        look = Look.of(self._settings, self._clock.now())
        streams = Streams(self._journal.read, look)
        return streams.freshness(version, policy, streams.standing(version, policy))

    # People

    def request(self, version: ModelVersion, policy: Policy, note: str) -> ApprovalRequest:
        """Ask for approval. Whoever has approved cannot ask: their own word would count no longer."""
        verdict, actor = self.gate(version, policy), self._settings.actor
        if any(actor in people for people in verdict.given_approvals.values()):
            raise Refused(
                f"{actor} approved {version.ref}, and whoever asks for approval cannot give it.",
                remedy="Let somebody else ask, or take the approval back first: workbench revoke ID",
                field="by",
            )
        return request(
            self._journal,
            version,
            policy,
            verdict=verdict,
            difference=self.difference(version),
            by=actor,
            note=note,
            clock=self._clock,
        )

    def requests(self, version: ModelVersion) -> list[ApprovalRequest]:
        """Return the requests about a version, oldest first."""
        return requests_of(self._journal.read(f"approval/{version.ref}"))

    def difference(self, version: ModelVersion) -> Difference:
        """Put a version beside the champion."""
        now = self._clock.now()
        waiver = holding(self._journal, version.name, now)
        return difference(
            version,
            self._evidence(version),
            self._rival(version),
            findings=still_open(self.findings.of(version.name), version, now),
            waivers=[waiver] if waiver else [],
        )

    def say(
        self,
        version: ModelVersion,
        policy: Policy,
        decision: Literal["approve", "reject"],
        *,
        note: str,
        role: str | None,
    ) -> Approval:
        """Take the word of whoever acts, on the evidence as it is now."""
        data = judged_data(policy, version, self._evidence(version), self._clock.now())
        said = self.approvals.say(
            version,
            policy,
            decision=decision,
            by=self._settings.actor,
            note=note,
            signer=self._signer,
            data=data,
            role=role,
            vouched=self._vouched(),
        )
        self.policies.use(policy)
        return said

    def revoke(self, approval: str, note: str) -> Revocation:
        """Take an approval or a rejection back, by its id."""
        ref = approval.removeprefix("approval/").rpartition("#")[0]
        if not ref:
            raise NotFound(
                f"{approval!r} is no id of an approval.",
                remedy="It reads approval/NAME/VERSION#NUMBER: workbench freshness MODEL lists them.",
                field="approval",
            )
        version = self._registry.version(ref)
        return self.approvals.revoke(
            version,
            approval,
            by=self._settings.actor,
            note=note,
            signer=self._signer,
            vouched=self._vouched(),
        )

    # Findings

    def open_finding(self, version: ModelVersion, title: str, severity: Any) -> Finding:
        """Write down what whoever acts has found."""
        return self.findings.open(version, title, severity=severity, by=self._settings.actor)

    def accept_finding(self, finding: str, *, reason: str, until: Any) -> Finding:
        """Let whoever acts answer for a finding until a day."""
        author = self._registry.version(self.findings.get(finding).version).author
        return self.findings.accept(
            finding, reason=reason, until=until, by=self._settings.actor, author=author
        )

    def fix_finding(self, finding: str, version: ModelVersion, note: str) -> Finding:
        """Write down from which version on a finding is gone."""
        return self.findings.fix(finding, version, note=note, by=self._settings.actor)

    def _rival(self, version: ModelVersion) -> Rival | None:
        """The version in production; None where there is none."""
        champion = self._registry.aliases(version.name).get("champion")
        if champion is None:
            return None
        other = self._registry.version(f"{version.name}/{champion}")
        return Rival(other, self._evidence(other))
