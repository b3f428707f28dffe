"""Effects: from what the journal says to what the traffic does, and records of what was done by hand.

Everything here may be done twice. The order that makes it safe with several processes: read which routing is
in place, look for intents, read the journal, and set the routing only over the one that was read.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from workbench.core.clock import Clock
from workbench.core.errors import Conflict, NotFound, Refused, Tampered
from workbench.journal import Event, Journal
from workbench.models.records import ModelVersion
from workbench.releases import refusals, routes
from workbench.releases.book import Book
from workbench.releases.intents import Intents, Rollback
from workbench.releases.lease import Lease
from workbench.releases.records import Release
from workbench.releases.state import KILLED, LEGAL, ROLLED_BACK
from workbench.releases.targets.base import Deployment, Target

if TYPE_CHECKING:
    from workbench.models.registry import Registry

T = TypeVar("T")

#: How often something is tried again because somebody else was first.
ATTEMPTS = 8

ENDPOINT_KILLED = "endpoint.killed"
ENDPOINT_REVIVED = "endpoint.revived"


class Effects:
    """Moves the traffic of endpoints, and records what was moved by hand."""

    def __init__(
        self, journal: Journal, *, registry: Registry, target: Target, intents: Intents, clock: Clock
    ) -> None:
        self._journal = journal
        self._book = Book(journal)
        self._registry = registry
        self._target = target
        self._intents = intents
        self._clock = clock
        self._deployed: dict[str, Deployment] = {}

    def deploy(self, version: ModelVersion) -> Deployment:
        """Make a version ready to be served, its bytes checked; bytes that are not let in are recorded.

        Raises:
            Tampered: they are not those that were registered, or their signature does not hold.
            Refused: there is no signature where there must be one, or no key to check it with.
        """
        folder = self._registry.artifact_path(version)
        try:
            deployment = self._target.deploy(version, folder)
        except (NotFound, Refused, Tampered) as error:
            refusals.refuse(self._journal, version, error.message)
            raise
        refusals.accept(self._journal, version)
        self._deployed[version.ref] = deployment
        return deployment

    def take(self, endpoint: str, lease: Lease | None = None) -> None:
        """Let traffic, and then the alias ``champion``, follow the journal.

        Args:
            endpoint: whose traffic.
            lease: under which a controller acts; None for a person, who needs none.

        Raises:
            Conflict: others kept changing the routing, or have taken the lease.
        """
        retried(partial(self._route, endpoint, lease))
        champions = routes.champions(self._book.of(endpoint))
        if lease is not None:
            lease.require()
        if champions:
            self._name_champion(champions[-1])

    def fence(self, lease: Lease) -> None:
        """Let no controller with an earlier lease route any more, before this one decides anything."""
        retried(partial(self._fence, lease))

    def settle(self, endpoint: str) -> Release | None:
        """Record what was done by hand.

        Returns:
            The release that the last of it was about; None when nothing waited.
        """
        release = None
        for path in self._intents.waiting(endpoint):
            intent = Rollback.from_json(path.read_bytes())
            release = retried(partial(self._record_rollback, intent))
            path.unlink(missing_ok=True)
        retried(partial(self._record_kill, endpoint))
        return release

    def _fence(self, lease: Lease) -> None:
        now = self._target.status(lease.endpoint)
        if now.routing is not None and now.token < lease.token:
            self._target.route(now.routing, expected=now.version, token=lease.token)

    def _route(self, endpoint: str, lease: Lease | None) -> None:
        status = self._target.status(endpoint)
        if self._intents.waiting(endpoint):
            return  # somebody goes back at this moment: what the journal says is not yet true
        who = routes.wanted(self._book.of(endpoint))
        if who is not None:
            wanted = routes.routing(endpoint, who, self._deployment)
            self._target.route(wanted, expected=status.version, token=lease.token if lease else None)

    def _deployment(self, ref: str) -> Deployment:
        return self._deployed.get(ref) or self.deploy(self._registry.version(ref))

    def _name_champion(self, ref: str) -> None:
        """Move the alias and read it back: aliases are last-write-wins."""
        version = self._registry.version(ref)
        if self._registry.aliases(version.name).get("champion") == version.version:
            return
        self._registry.set_alias(version.name, "champion", version.version)
        found = self._registry.aliases(version.name).get("champion")
        if found != version.version:
            raise Conflict(
                f"The alias champion of {version.name} was set to {version.version} and reads {found}.",
                remedy="Somebody moves it by hand; the next tick sets it again.",
                field="alias",
            )

    def _record_rollback(self, intent: Rollback) -> Release | None:
        releases = self._book.of(intent.endpoint)
        taken = [release for release in releases if release.candidate == intent.took_out]
        meant = routes.active(releases) or (taken[-1] if taken else None)
        if meant is None:
            return None
        page = self._book.page(meant.id)
        if page.release.status in LEGAL[ROLLED_BACK]:
            payload = {"reason": f"Rolled back by {intent.by}: {intent.reason}", "by": intent.by}
            fact = Event(kind=ROLLED_BACK, payload=payload, subjects=(meant.candidate_digest,))
            self._book.append(page, [fact])
        return self._book.page(meant.id).release

    def _record_kill(self, endpoint: str) -> None:
        reason, stream = self._target.status(endpoint).killed, f"endpoint/{endpoint}"
        facts = self._journal.read(stream)
        if reason is None or (facts and facts[-1].kind == ENDPOINT_KILLED):
            return
        killed = (stream, Event(kind=ENDPOINT_KILLED, payload={"reason": reason}), len(facts))
        active = routes.active(self._book.of(endpoint))
        if active is None:
            self._journal.append_many([killed])
            return
        payload = {"reason": f"Killed: {reason}"}
        fact = Event(kind=KILLED, payload=payload, subjects=(active.candidate_digest,))
        self._book.append(self._book.page(active.id), [fact], also=[killed])


def retried(action: Callable[[], T]) -> T:
    """Do something again, from its reading on, when somebody else was first.

    Raises:
        Conflict: somebody else was first every time.
    """
    for _ in range(ATTEMPTS - 1):
        with suppress(Conflict):
            return action()
    return action()
