"""Approvals: a person's yes to the bytes of a model under the bytes of a policy. Never the author's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, Refused, unknown
from workbench.gates.policy import Policy
from workbench.gates.records import Approval
from workbench.journal import Entry, Event, Journal

if TYPE_CHECKING:
    from workbench.models.records import ModelVersion

#: The journal's word for an approval.
KIND = "approval.given"

People = Mapping[str, Sequence[str]]
"""Roles by person."""


def approve(
    journal: Journal,
    *,
    version: ModelVersion,
    policy: Policy,
    by: str,
    note: str,
    people: People,
    clock: Clock,
    role: str | None = None,
) -> Approval:
    """Write one person's approval into the journal.

    Args:
        journal: where it is kept, on the stream ``approval/<name>/<version>``.
        version: what is approved.
        policy: under which policy; one that asks for no approval takes none.
        by: who approves.
        note: why. Kept for ever.
        people: roles by person, from the settings.
        clock: says when.
        role: the role acted in. Default: the one role that the person has and the policy asks for.

    Raises:
        Refused: the author, somebody without the role, or somebody who has approved these bytes already.
        InvalidInput: no note, a role the policy does not ask for, or one of several roles must be chosen.
        Conflict: somebody else approved in the same moment.
    """
    if not note.strip():
        raise InvalidInput("note: an approval needs a reason.", remedy="Say why in a sentence.", field="note")
    _refuse_author(version, policy, by, people)
    role = _role_of(by, role, policy, people, version.author)
    given = journal.read(_stream(version))
    for earlier in _valid(given, version, policy):
        if (earlier.by.casefold(), earlier.role) == (by.casefold(), role):
            raise Refused(
                f"{by} approved {version.ref} as {role} already, on {earlier.time:%Y-%m-%d}.",
                remedy=f"A second yes must be another's. {_who_may(role, people, version.author, by)}",
                field="by",
            )
    approval = Approval(
        model=version.ref,
        model_digest=version.digest,
        policy_digest=policy.digest,
        role=role,
        by=by,
        note=note.strip(),
        time=clock.now(),
    )
    journal.append(_stream(version), _fact(approval), expected=len(given))
    return approval


def approvals_of(journal: Journal, version: ModelVersion, policy: Policy) -> list[Approval]:
    """Return the approvals of these bytes of the model under these bytes of the policy, oldest first."""
    return _valid(journal.read(_stream(version)), version, policy)


def _valid(entries: Sequence[Entry], version: ModelVersion, policy: Policy) -> list[Approval]:
    given = [Approval.model_validate(entry.payload) for entry in entries if entry.kind == KIND]
    bound_to = (version.digest, policy.digest)
    return [approval for approval in given if (approval.model_digest, approval.policy_digest) == bound_to]


def _stream(version: ModelVersion) -> str:
    return f"approval/{version.ref}"


def _fact(approval: Approval) -> Event:
    return Event(
        kind=KIND,
        payload=json.loads(approval.to_json()),
        subjects=(approval.model_digest, approval.policy_digest),
    )


def _refuse_author(version: ModelVersion, policy: Policy, by: str, people: People) -> None:
    if by.casefold() == version.author.casefold():
        raise Refused(
            f"{by} registered {version.ref} and cannot approve it.",
            remedy=" ".join(_who_may(role, people, version.author) for role in policy.approvals),
            field="by",
        )


def _role_of(by: str, role: str | None, policy: Policy, people: People, author: str) -> str:
    """Return the role acted in, or refuse and say who has it."""
    if not policy.approvals:
        raise Refused(
            f"Policy {policy.name} asks for no approval.",
            remedy="Add one to it, for example: approvals: {model-risk: 1}",
            field="policy",
        )
    if role is not None and role not in policy.approvals:
        raise unknown("role", "role", role, policy.approvals)
    asked = list(policy.approvals) if role is None else [role]
    held = [one for one in asked if one in people.get(by, ())]
    if not held:
        what = " or ".join(asked)
        able = " ".join(_who_may(one, people, author) for one in asked)
        raise Refused(
            f"{by} does not have the role {what}, which policy {policy.name} asks for.",
            remedy=f"{able} {_line(by, asked[0], people)}",
            field="role",
        )
    if len(held) > 1:
        raise InvalidInput(
            f"role: {by} has several that policy {policy.name} asks for: {', '.join(held)}.",
            remedy=f"Say which: role={held[0]!r}.",
            field="role",
        )
    return held[0]


def _who_may(role: str, people: People, *but: str) -> str:
    out = {name.casefold() for name in but}
    able = sorted(name for name, roles in people.items() if role in roles and name.casefold() not in out)
    return f"As {role} may: {', '.join(able)}." if able else f"Nobody else has the role {role} yet."


def _line(by: str, role: str, people: People) -> str:
    """Return the line of ``workbench.toml`` that would give the role."""
    roles = ", ".join(json.dumps(one) for one in [*people.get(by, ()), role])
    return f"To give it, write under [people] in workbench.toml: {_key(by)} = [{roles}]"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name)
