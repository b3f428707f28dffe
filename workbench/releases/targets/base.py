"""The contract of a target: bytes are made ready, and a routing is set that says who answers what.

A routing is set whole, never changed in parts, and setting the one that is there does nothing: so the
controller may set it again after a crash without asking how far it came.
``workbench.testing.targets.TargetContract`` checks an implementation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from workbench.core.records import Record
from workbench.models.records import ModelVersion


class Deployment(Record):
    """A version that a target can serve."""

    model: ModelVersion
    place: str
    """Where the target finds its bytes: a folder, a URI."""


class Routing(Record):
    """Who answers the requests of one endpoint."""

    endpoint: str
    champion: Deployment
    """Answers whatever no other does."""
    candidate: Deployment | None = None
    share: float = 0.0
    """Probability that a request is the candidate's, 0 to 1."""
    shadow: Deployment | None = None
    """Gets a copy of every request; its answers are captured, never sent."""
    standby: Deployment | None = None
    """Kept loaded, so that going back is a pointer."""
    sticky: str = ""
    """Column that names the entity: all its requests go to the same arm. Empty: a coin for every request."""
    salt: str = ""
    """Mixed into the coin of an entity, so that two releases split it independently."""
    arms: tuple[str, str] | None = None
    """What champion and candidate are called in an A/B test."""


class TargetStatus(Record):
    """What a target does for one endpoint now."""

    routing: Routing | None = None
    """As last set; None when there never was one."""
    version: int = 0
    """Grows whenever the routing changes; captured exchanges carry it."""
    token: int = 0
    """Of the lease with which the routing was last set."""
    alive: bool = False
    """True when something serves the endpoint."""
    in_force: int = 0
    """Version of the routing that the serving process follows."""
    refused: str = ""
    """Why the serving process does not follow the newest routing; empty when it does, or has not tried."""
    killed: str | None = None
    """Why the kill switch was thrown; None when it is off."""
    process: str = ""
    """Which process serves, told from those before it; empty when none does."""
    lost: int = 0
    """Exchanges that this process could not keep since it began."""


class Target(Protocol):
    """Somewhere models are served."""

    def deploy(self, version: ModelVersion, folder: Path) -> Deployment:
        """Make the files of a version ready to be served. Doing it twice is doing it once.

        Raises:
            Tampered: the files are not those that were registered.
        """
        ...

    def route(self, routing: Routing, *, expected: int, token: int | None = None) -> int:
        """Set who answers, and wait a little for the serving process to follow.

        Args:
            routing: what is wanted. When it is in place already, its version stays; a later token is kept.
            expected: the version of the routing that the caller has seen, 0 for none.
            token: of the caller's lease. None for who acts by hand, without one: the token there stays.

        Returns:
            The version of the routing in place.

        Raises:
            Conflict: somebody has set another one since, or one with a later lease.
        """
        ...

    def status(self, endpoint: str) -> TargetStatus:
        """Return what is set and what is in force. Needs no database."""
        ...

    def kill(self, endpoint: str, reason: str) -> None:
        """Stop every model answer at once. Needs no database."""
        ...

    def revive(self, endpoint: str) -> None:
        """Let models answer again."""
        ...

    def remove(self, endpoint: str) -> None:
        """Take the endpoint down for good. Nothing happens when it is not there."""
        ...

    def render(self, routing: Routing) -> str:
        """Return what would be written to set a routing, for people and for review."""
        ...
