"""What must hold for a release to open, and its first facts."""

from __future__ import annotations

import json
from collections.abc import Sequence

from workbench.core.digests import short
from workbench.core.errors import Conflict, Refused
from workbench.core.values import Outcome
from workbench.gates.records import Verdict
from workbench.journal import Event
from workbench.models.records import ModelVersion
from workbench.releases import routes
from workbench.releases.plan import Plan
from workbench.releases.records import Release, Status
from workbench.releases.state import OPENED, PROMOTED
from workbench.releases.targets.base import TargetStatus


def opened(
    release_id: str,
    version: ModelVersion,
    plan: Plan,
    verdict: Verdict,
    earlier: Sequence[Release],
    **place: object,
) -> Event:
    """The first event: everything the release will ever need to know of how it began."""
    reigned = routes.champions(earlier)
    attempts = sum(r.candidate_digest == version.digest and r.status is Status.ABORTED for r in earlier)
    alpha = plan.alpha / 2**attempts
    again = f"Attempt {attempts + 1} with these bytes: the error budget is {alpha:g}." if attempts else ""
    return Event(
        kind=OPENED,
        payload={
            "id": release_id,
            "candidate": version.ref,
            "candidate_digest": version.digest,
            "champion": reigned[-1] if reigned else "",
            "plan": plan.model_dump(mode="json", exclude_none=True),
            "plan_digest": plan.digest,
            "alpha": alpha,
            "verdict": json.loads(verdict.to_json()),
            "reason": again,
            **place,
        },
        subjects=(version.digest, plan.digest, verdict.policy_digest),
    )


def first_champion(version: ModelVersion) -> Event:
    """The promotion that follows at once where there is nobody to compare with."""
    reason = "No champion to compare with: it takes the endpoint at once, on the word of the gate alone."
    return Event(kind=PROMOTED, payload={"reason": reason}, subjects=(version.digest,))


def require_permission(version: ModelVersion, verdict: Verdict) -> None:
    """Refuse what the gate does not let through, and say what is missing."""
    if verdict.model_digest != version.digest:
        raise Refused(
            f"The verdict is about other bytes than {version}: "
            f"{verdict.model} ({short(verdict.model_digest)}).",
            remedy=f"Run: workbench gate {version.ref}",
            field="verdict",
        )
    if verdict.releasable:
        return
    missing = ", ".join(f"{n} by {role}" for role, n in verdict.missing_approvals.items())
    if verdict.outcome is Outcome.PASS:
        raise Refused(
            f"{version.ref} passes {verdict.policy} and lacks approvals: {missing}.",
            remedy=f'Somebody who has the role runs: workbench approve {version.ref} --note "…"',
            field="verdict",
        )
    raise Refused(
        f"{version.ref} is not released: {verdict.policy} says {verdict.outcome}. {verdict.reason}",
        remedy=f"Look at the rules: workbench gate {version.ref}",
        field="verdict",
    )


def require_free(
    endpoint: str, version: ModelVersion, earlier: Sequence[Release], status: TargetStatus
) -> None:
    """Refuse a second active release, the champion itself, and a killed endpoint."""
    if status.killed is not None:
        raise Conflict(
            f"{endpoint} is killed: {status.killed}.",
            remedy=f'First: workbench revive {endpoint} --reason "…"',
            field="endpoint",
        )
    now = routes.active(earlier)
    if now is not None:
        raise Conflict(
            f"{endpoint} has an active release: {now.id} of {now.candidate}, in {now.current.name}.",
            remedy=f'Let it end, or take it out: workbench rollback {endpoint} --reason "…"',
            field="endpoint",
        )
    if routes.champions(earlier)[-1:] == [version.ref]:
        raise Conflict(
            f"{version.ref} is the champion of {endpoint} already.",
            remedy="Release another version.",
            field="model",
        )
