"""The bench and decisions: verdicts, approvals, findings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from workbench.bench.registering import Registering

if TYPE_CHECKING:
    from datetime import date

    from workbench.gates.freshness import Freshness
    from workbench.gates.policy_diff import PolicyDiff
    from workbench.gates.records import Approval, Finding, Revocation, Severity, Verdict
    from workbench.gates.requests import ApprovalRequest
    from workbench.models.records import ModelVersion


class Deciding(Registering):
    """Who lets a version go on, and on what grounds."""

    def gate(self, model: str | ModelVersion, policy: str | Path = "default") -> Verdict:
        """Judge the kept evidence of a version by a policy: pass, fail or inconclusive, with reasons.

        The text of the policy is kept with the first verdict under it, and can be read as ``name@digest``.
        """
        return self.decisions.gate(self.model(model), self.decisions.policy(policy))

    def request_approval(
        self, model: str | ModelVersion, *, note: str, policy: str | Path = "default"
    ) -> ApprovalRequest:
        """Ask for approval: the version is judged, and put beside the champion for whoever must decide.

        Whoever asks cannot approve.

        Args:
            model: the version.
            note: why it should be released.
            policy: under which policy.

        Raises:
            InvalidInput: no note.
            Refused: the policy asks for no approval.
        """
        return self.decisions.request(self.model(model), self.decisions.policy(policy), note)

    def requests(self, model: str | ModelVersion) -> list[ApprovalRequest]:
        """Every request for approval of a version, oldest first, as it was shown."""
        return self.decisions.requests(self.model(model))

    def approve(
        self,
        model: str | ModelVersion,
        *,
        note: str,
        policy: str | Path = "default",
        role: str | None = None,
    ) -> Approval:
        """Say yes to these bytes under this policy, on the evidence as it is now. Not for the author.

        It is signed with the actor's own key, and holds until the policy's ``approval_days`` are over, until
        it is taken back, or until model, policy or data are others.

        Args:
            model: the version.
            note: why; it is kept for ever.
            policy: the policy whose approval is given.
            role: the role acted in, when the actor has several that the policy asks for.

        Raises:
            Refused: the actor is the author or has requested it, has no role that the policy asks for, or
                signs with a key that is not theirs.
        """
        version, rules = self.model(model), self.decisions.policy(policy)
        return self.decisions.say(version, rules, "approve", note=note, role=role)

    def reject(
        self,
        model: str | ModelVersion,
        *,
        note: str,
        policy: str | Path = "default",
        role: str | None = None,
    ) -> Approval:
        """Say no to these bytes under this policy: nothing is released until it is taken back.

        Arguments and errors as ``approve``.
        """
        version, rules = self.model(model), self.decisions.policy(policy)
        return self.decisions.say(version, rules, "reject", note=note, role=role)

    def revoke(self, approval: str | Approval, *, note: str) -> Revocation:
        """Take an approval or a rejection back: for whoever gave it, and for others in that role.

        Args:
            approval: it, or its id.
            note: why.

        Raises:
            NotFound: there is none of that id.
            Refused: somebody else, the author among them.
        """
        return self.decisions.revoke(approval if isinstance(approval, str) else approval.id, note)

    def freshness(self, model: str | ModelVersion, policy: str | Path = "default") -> Freshness:
        """Evidence, verdict, approvals of a version: what each rests on, and how to renew what is stale."""
        return self.decisions.freshness(self.model(model), self.decisions.policy(policy))

    def policy_diff(self, old: str | Path, new: str | Path) -> PolicyDiff:
        """Say which versions a change of a policy would give another verdict, on the evidence there is.

        Args:
            old: a file, a name, or ``name@digest`` of a text that was used.
            new: the same.
        """
        return self.decisions.policy_diff(old, new)

    def open_finding(
        self, model: str | ModelVersion, title: str, *, severity: Severity = "medium"
    ) -> Finding:
        """Write down something about a version that somebody must fix or answer for.

        Args:
            model: the version in which it was found.
            title: what was found, in a sentence.
            severity: ``low``, ``medium``, ``high`` or ``critical``; a policy says how many may be open.
        """
        return self.decisions.open_finding(self.model(model), title, severity)

    def accept_finding(self, finding: str | Finding, *, reason: str, until: date | str) -> Finding:
        """Answer for a finding until a day, on which it is open again. Not for the author of the version.

        Args:
            finding: it, or its id.
            reason: why it may stay; kept for ever.
            until: the last day, as a date or ``"2027-01-31"``.
        """
        found = finding if isinstance(finding, str) else finding.id
        return self.decisions.accept_finding(found, reason=reason, until=until)

    def fix_finding(self, finding: str | Finding, *, version: str | ModelVersion, note: str) -> Finding:
        """Say that a finding is gone from a later version on, and how that was checked."""
        found = finding if isinstance(finding, str) else finding.id
        return self.decisions.fix_finding(found, self.model(version), note)

    def findings(self, model: str) -> list[Finding]:
        """Every finding about a model, oldest first."""
        return self.decisions.findings.of(model)
