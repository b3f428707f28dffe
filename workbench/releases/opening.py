"""What must hold for a release to open, and its first facts."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from workbench.core.digests import short
from workbench.core.errors import Conflict, InvalidInput, Refused, Tampered, nearest
from workbench.core.values import Outcome
from workbench.gates.policy import Policy
from workbench.gates.records import Verdict
from workbench.journal import Event
from workbench.models.records import ModelVersion
from workbench.releases import routes, sentences
from workbench.releases.observe import answered_by, version_number
from workbench.releases.plan import Plan
from workbench.releases.records import Release, Status
from workbench.releases.state import OPENED, PROMOTED, SUPERSEDED, State
from workbench.releases.targets.base import TargetStatus
from workbench.releases.yardsticks import Yardsticks, groups, thresholds

if TYPE_CHECKING:
    import pandas as pd


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
    spent = attempts(version, earlier)
    alpha = plan.alpha / 2**spent
    again = sentences.further_attempt(spent + 1, alpha) if spent else ""
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


def attempts(version: ModelVersion, earlier: Sequence[Release]) -> int:
    """Count the releases that have spent error budget on these bytes; each halves what is left."""
    return sum(_spent(release, version) for release in earlier)


def yardsticks(
    plan: Plan, version: ModelVersion, earlier: Sequence[Release], traffic: Callable[[], pd.DataFrame]
) -> dict[str, object]:
    """What the release will be measured with, as its first event keeps it.

    Args:
        plan: names the columns and the objective.
        version: the candidate, whose columns name groups.
        earlier: releases of the endpoint, for its champion.
        traffic: reads what was captured lately; asked where latency is watched.

    Raises:
        InvalidInput: the plan guards groups of a column that names none.
    """
    metrics, reigned, frozen = plan.metrics, routes.champions(earlier), Yardsticks()
    if metrics.guardrails is not None:
        frozen = Yardsticks(groups=groups(metrics.guardrails, version.columns))
    if metrics.latency is not None and reigned:
        answered = answered_by(traffic(), version_number(reigned[-1]))
        limits = thresholds(answered, metrics.latency.objective_ms)
        frozen = frozen.model_copy(
            update={"latency_ms": limits, "latency_requests": len(answered) if limits else 0}
        )
    return frozen.model_dump(mode="json")


def superseded(active: Release, successor: str, version: ModelVersion, by: str) -> Event:
    """The last event of a release in whose place another one begins."""
    reason = f"Superseded by {successor} of {version.ref}, which {by} opened."
    payload = {"reason": reason, "successor": successor, "by": by}
    return Event(kind=SUPERSEDED, payload=payload, subjects=(active.candidate_digest, version.digest))


def first_champion(version: ModelVersion) -> Event:
    """The promotion that follows at once where there is nobody to compare with."""
    reason = "No champion to compare with: it takes the endpoint at once, on the word of the gate alone."
    return Event(kind=PROMOTED, payload={"reason": reason}, subjects=(version.digest,))


def require_permission(version: ModelVersion, verdict: Verdict) -> None:
    """Refuse what the gate does not let through, and say what is missing."""
    by = f"--policy {shlex.quote(verdict.policy)}"
    if verdict.model_digest != version.digest:
        raise Refused(
            f"The verdict is about other bytes than {version}: "
            f"{verdict.model} ({short(verdict.model_digest)}).",
            remedy=f"Run: workbench gate {version.ref} {by}",
            field="verdict",
        )
    if verdict.releasable:
        return
    missing = ", ".join(f"{n} by {role}" for role, n in verdict.missing_approvals.items())
    if verdict.outcome is Outcome.PASS:
        raise Refused(
            f"{version.ref} passes {verdict.policy} and lacks approvals: {missing}.",
            remedy=f'Somebody who has the role runs: workbench approve {version.ref} {by} --note "…"',
            field="verdict",
        )
    raise Refused(
        f"{version.ref} is not released: {verdict.policy} says {verdict.outcome}. {verdict.reason}",
        remedy=f"Look at the rules: workbench gate {version.ref} {by}",
        field="verdict",
    )


def unheld(plan: Plan, roles: Collection[str]) -> list[tuple[str, str]]:
    """Return each stage, with the role it asks approval of, that none of ``roles`` is."""
    return [(stage.name, role) for stage in plan.stages for role in stage.approvals if role not in roles]


def require_roles(plan: Plan, roles: Collection[str]) -> None:
    """Refuse a plan that waits for somebody who cannot be: the release would end at its deadline.

    Args:
        plan: asks for roles.
        roles: those that somebody can have.

    Raises:
        InvalidInput: a stage asks for another one.
    """
    give = "to a person under [people], or to a group under [roles], in workbench.toml."
    for stage, role in unheld(plan, roles):
        raise InvalidInput(
            f"approvals: the stage {stage!r} asks approval of the role {role!r}, and nobody has it.",
            remedy=f"{nearest(role, sorted(roles))} Or give it {give}" if roles else f"Give it {give}",
            field="approvals",
        )


def require_columns(version: ModelVersion, plan: Plan) -> None:
    """Refuse a plan that names a column which no request to the version holds.

    Raises:
        InvalidInput: ``sticky`` or ``metrics.guardrails.column`` is none of its input columns.
    """
    guardrails = plan.metrics.guardrails
    named = {"sticky": plan.sticky, "metrics.guardrails.column": guardrails.column if guardrails else ""}
    known = [column.name for column in version.columns]
    for field, column in named.items():
        if not column or column in known:
            continue
        unread = column in version.sensitive
        why = "does not read it, so that no request holds it" if unread else "has no such column"
        raise InvalidInput(
            f"{field}: plan {plan.name} names the column {column!r}, and {version.ref} {why}.",
            remedy=f"Name one of its columns. {nearest(column, known)}",
            field=field,
        )


def require_aborted(release: Release, version: ModelVersion) -> None:
    """Refuse another attempt at what was not aborted, or with other bytes.

    Raises:
        Conflict: it is under way, or ended in another way.
        Tampered: the version has other bytes now.
    """
    if release.status is not Status.ABORTED:
        raise Conflict(
            f"{release.id} is {str(release.status).replace('_', ' ')}: only what was aborted is tried again.",
            remedy=f"To release it anew: workbench release {release.candidate}",
            field="release",
        )
    if release.candidate_digest != version.digest:
        raise Tampered(
            f"{release.id} was of {short(release.candidate_digest)}, and {version.ref} is "
            f"{short(version.digest)}.",
            remedy="Register the changed model as a new version.",
            field="release",
        )


def require_other(active: Release, version: ModelVersion) -> None:
    """Refuse to put a candidate in its own place: what was shown of it would be forgotten.

    Raises:
        Conflict: it is the one under way.
    """
    if active.candidate_digest == version.digest:
        raise Conflict(
            f"{version.ref} is under way already, in {active.id}.",
            remedy=_go_on(active),
            field="model",
        )


def require_as_begun(state: State, plan: Plan | None, policy: Policy | None) -> None:
    """Refuse to go on with a release by another plan or policy than it began with.

    Args:
        state: of the release.
        plan: the one asked for; None: whichever it has.
        policy: likewise.

    Raises:
        Conflict: it has another one.
    """
    release, allowed = state.release, state.allowed
    asked = [
        ("plan", plan, release.plan, release.plan_digest),
        ("policy", policy, allowed.policy, allowed.policy_digest),
    ]
    for option, given, name, digest in asked:
        if given is None or given.digest == digest:
            continue
        other = "as it was when it opened" if given.name == name else f"not {given.name}"
        comma = "" if given.name == name else ","
        raise Conflict(
            f"{release.id} of {release.candidate} is under way by the {option} {name}{comma} {other}.",
            remedy=f"Leave out --{option} to go on with it. To begin anew: {_abort(release)}",
            field=option,
        )


def _go_on(active: Release) -> str:
    """What whoever wants to begin again with the candidate under way can do."""
    on = f'It goes on with: bench.watch("{active.id}"), or: workbench release {active.candidate}.'
    return f"{on} To begin anew: {_abort(active)}"


def _abort(release: Release) -> str:
    return f'workbench release abort {release.id} --reason "…"'


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
            remedy=_go_on(now)
            if now.candidate == version.ref
            else "Let it end, open this one in its place (supersede), or take it out: "
            f'workbench rollback {endpoint} --reason "…"',
            field="endpoint",
        )
    if routes.champions(earlier)[-1:] == [version.ref]:
        raise Conflict(
            f"{version.ref} is the champion of {endpoint} already.",
            remedy="Release another version.",
            field="model",
        )


def _spent(earlier: Release, version: ModelVersion) -> bool:
    """True when a release has spent error budget on these bytes, and ended before they were champion.

    One that a person ended counts like one that was aborted: else whoever sees harm coming could begin anew.
    """
    on_the_way = earlier.status.final and earlier.stage < len(earlier.stages) - 1
    return on_the_way and earlier.candidate_digest == version.digest
