"""May this candidate still become champion? Asked again at the door: weeks may lie since it was opened."""

from __future__ import annotations

from workbench.gates.records import Approval, Verdict
from workbench.journal import Journal
from workbench.releases.state import State


def recorded(journal: Journal, state: State) -> Verdict:
    """Return the gate's newest verdict under the policy the release was opened with, as the journal has it.

    For a controller that resumed a release in a new process, where nobody can judge the evidence anew: the
    newest recorded verdict counts, with the approvals that stand now.
    """
    opening, ref = state.allowed, state.release.candidate
    later = [
        Verdict.model_validate(e.payload) for e in journal.read(f"gate/{ref}") if e.kind == "gate.judged"
    ]
    same_policy = [v for v in later if v.policy_digest == opening.policy_digest and v.time >= opening.time]
    verdict = same_policy[-1] if same_policy else opening
    bound_to = (verdict.model_digest, verdict.policy_digest)
    given: dict[str, set[str]] = {}
    for entry in journal.read(f"approval/{ref}"):
        if entry.kind == "approval.given":
            approval = Approval.model_validate(entry.payload)
            if (approval.model_digest, approval.policy_digest) == bound_to:
                given.setdefault(approval.role, set()).add(approval.by)
    standing = {role: tuple(sorted(given.get(role, ()))) for role in verdict.required_approvals}
    return verdict.model_copy(update={"given_approvals": standing})
