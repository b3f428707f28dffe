"""Roles: who may say yes, and what to do for whoever may not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from workbench.core.errors import InvalidInput, Refused, unknown
from workbench.gates.policy import Policy
from workbench.gates.records import SETTINGS

if TYPE_CHECKING:
    from workbench.models.records import ModelVersion

People = Mapping[str, Sequence[str]]
"""Roles by person."""


def refuse_author(version: ModelVersion, policy: Policy, by: str, people: People) -> None:
    """Refuse whoever registered the version, in whatever spelling.

    Raises:
        Refused: it is the author; the remedy says who may.
    """
    if by.casefold() == version.author.casefold():
        raise Refused(
            f"{by} registered {version.ref} and cannot approve it.",
            remedy=" ".join(who_may(role, people, version.author) for role in policy.approvals),
            field="by",
        )


def held(by: str, people: People, vouched: Mapping[str, str]) -> dict[str, str]:
    """Return the roles of a person, each with what says that they have it.

    Args:
        by: the person.
        people: roles by person, from the settings, which count before whoever else vouches.
        vouched: further roles, and who vouches for each.
    """
    return {**vouched, **dict.fromkeys(people.get(by, ()), SETTINGS)}


def role_of(
    by: str, role: str | None, policy: Policy, held: Mapping[str, str], *, people: People, author: str
) -> str:
    """Return the role that somebody acts in.

    Args:
        by: who acts.
        role: the one they name; None: the one that they have and the policy asks for.
        policy: asks for roles.
        held: the roles that they have.
        people: named to whoever does not have the role.
        author: not named among them.

    Raises:
        Refused: they do not have it, or the policy asks for none.
        InvalidInput: no such role in the policy, or they must choose.
    """
    if not policy.approvals:
        raise Refused(
            f"Policy {policy.name} asks for no approval.",
            remedy="Add one to it, for example: approvals: {model-risk: 1}",
            field="policy",
        )
    if role is not None and role not in policy.approvals:
        raise unknown("role", "role", role, policy.approvals)
    asked = list(policy.approvals) if role is None else [role]
    fitting = [one for one in asked if one in held]
    if not fitting:
        able = " ".join(who_may(one, people, author) for one in asked)
        raise Refused(
            f"{by} does not have the role {' or '.join(asked)}, which policy {policy.name} asks for.",
            remedy=f"{able} {_line(by, asked[0], people)}",
            field="role",
        )
    if len(fitting) > 1:
        raise InvalidInput(
            f"role: {by} has several that policy {policy.name} asks for: {', '.join(fitting)}.",
            remedy=f"Say which: role={fitting[0]!r}.",
            field="role",
        )
    return fitting[0]


def known(people: People, groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the roles that somebody can have.

    Args:
        people: roles by person, from the settings.
        groups: groups by role, from the settings; who is in them is known elsewhere.
    """
    through_groups = {role for role, some in groups.items() if some}
    return through_groups.union(*people.values())


def who_may(role: str, people: People, *but: str) -> str:
    """Return a sentence that names those who have a role, some left out."""
    out = {name.casefold() for name in but}
    able = sorted(name for name, held in people.items() if role in held and name.casefold() not in out)
    return f"As {role} may: {', '.join(able)}." if able else f"Nobody else has the role {role} yet."


def _line(by: str, role: str, people: People) -> str:
    """Return the line of ``workbench.toml`` that would give the role."""
    held = ", ".join(json.dumps(one) for one in [*people.get(by, ()), role])
    return f"To give it, write under [people] in workbench.toml: {_key(by)} = [{held}]"


def _key(name: str) -> str:
    bare = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if bare else json.dumps(name)
