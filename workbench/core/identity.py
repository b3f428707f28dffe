"""Who acts, and in which roles: as the settings say, as JupyterHub says, or as an OpenID Connect token says.

The name comes from whoever vouches for it, never from a request's body. Groups come with it, and the settings
say which role a person (``[people]``) or a group (``[roles]``) has.
"""

from __future__ import annotations

from typing import Literal

from workbench.core.errors import Refused
from workbench.core.records import Record
from workbench.core.settings import FILE, Settings

Source = Literal["settings", "jupyterhub", "oidc", "jupyter"]


class Person(Record):
    """Somebody who acts."""

    name: str
    groups: tuple[str, ...] = ()
    """The groups that the source puts them in."""
    source: Source = "settings"
    """Who says so: the settings, JupyterHub, an OpenID Connect provider, or a Jupyter server with users."""
    note: str = ""
    """Why no groups are known. Empty: they are."""


class Role(Record):
    """A role that somebody has."""

    name: str
    by: str
    """What gives it: ``workbench.toml``, or ``jupyterhub group risk-team``."""


class Identity(Person):
    """Somebody who acts, and the roles they have in this project."""

    roles: tuple[Role, ...] = ()


def whoami(settings: Settings) -> Person:
    """Return who acts in this process, proven as ``settings.identity`` asks. Only ``settings`` asks nobody.

    Raises:
        InvalidInput: a setting that is needed for it is missing.
        Refused: there is no proof, it does not hold, or somebody else was named as the actor.
        Unavailable: whoever should say so does not answer.
    """
    person = _vouched(settings)
    if "actor" in settings.model_fields_set and settings.actor != person.name:
        raise Refused(
            f"{person.name} acts, says {settings.identity}; {settings.actor} was given as the actor.",
            remedy="Leave that out (actor=, --as, WORKBENCH_ACTOR, the line in workbench.toml): the name "
            "comes with the proof.",
            field="actor",
        )
    return person


def roles_of(person: Person, settings: Settings) -> tuple[Role, ...]:
    """Return the roles somebody has, each with what gives it; twice where two things do."""
    own = [Role(name=role, by=FILE) for role in settings.people.get(person.name, ())]
    through_groups = [
        Role(name=role, by=f"{person.source} group {group}")
        for role, groups in settings.roles.items()
        for group in groups
        if group in person.groups
    ]
    return (*own, *through_groups)


def identified(person: Person, settings: Settings) -> Identity:
    """Return somebody with their roles."""
    return Identity(**person.model_dump(), roles=roles_of(person, settings))


def require_name(name: object, whose: str) -> str:
    """Return ``name`` if it can be a person's; ``whose`` begins the sentence that refuses it.

    Raises:
        Refused: it is missing, no text, or text that could pass for another name.
    """
    good = isinstance(name, str) and name == name.strip() and name.isprintable() and 0 < len(name) <= 255
    if not isinstance(name, str) or not good:
        raise Refused(
            f"{whose} has no name that can be used.",
            remedy="A name is a line of printable text, with no space around it.",
            field="identity",
        )
    return name


def _vouched(settings: Settings) -> Person:
    if settings.identity == "jupyterhub":
        from workbench.core import jupyterhub

        return jupyterhub.whoami()
    if settings.identity == "oidc":
        from workbench.core import oidc

        return oidc.whoami(settings)
    note = f'identity = "settings" in {FILE} knows no groups' if settings.roles else ""
    return Person(name=settings.actor, note=note)
