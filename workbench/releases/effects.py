"""Effects: from what the journal says to what the traffic does, and records of what was done by hand.

Everything here may be done twice. The order that makes it safe with several processes: read which routing is
in place, look for intents, read the journal, and set the routing only over the one that was read.

Versions that the routing in place names are not made ready again: their bytes were checked when they came
into it, and the gateway checks what it loads. So taking a candidate out waits for nobody's files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from workbench.core.clock import Clock
from workbench.core.errors import Conflict, NotFound, Refused, Tampered, Unavailable
from workbench.journal import Event, Journal
from workbench.models.records import ModelVersion
from workbench.releases import refusals, routes
from workbench.releases.book import Book
from workbench.releases.intents import Intents, Rollback
from workbench.releases.lease import Lease
from workbench.releases.records import Release
from workbench.releases.state import ABORTED, KILLED, ROLLED_BACK
from workbench.releases.targets.base import Deployment, Routing, Target

if TYPE_CHECKING:
    from workbench.models.registry import Registry

T = TypeVar("T")

#: How often something is tried again because somebody else was first.
ATTEMPTS = 8
#: Seconds until a standby that could not be made ready is tried again.
_AGAIN = 60.0

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
        self._unseen: set[str] = set()
        """Versions whose files could not be fetched when this process was to look at them."""
        self._inspected: set[str] = set()
        self._left_out: dict[str, float] = {}
        """When a standby that could not be made ready is tried again."""

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
            self._deployed.pop(version.ref, None)
            refusals.refuse(self._journal, version, error.message)
            raise
        refusals.accept(self._journal, version)
        self._deployed[version.ref] = deployment
        return deployment

    def damage(self, ref: str) -> str:
        """Return why a version's bytes must not be served, when this process has not made them ready yet.

        Empty when they are right, and when they cannot be fetched: that is tried once, since MLflow may take
        minutes to say so, and the gateway checks whatever it loads.
        """
        if ref in self._deployed or ref in self._unseen:
            return ""
        try:
            self._ready(ref)
        except Unavailable:
            self._unseen.add(ref)
        except (NotFound, Refused, Tampered) as error:
            return error.message
        return ""

    def inspect(self, endpoint: str) -> None:
        """Look, once in a process, at the bytes of champion and standby; what is wrong is recorded.

        They go on answering: what is in memory was right. The next start of the gateway would refuse them.
        """
        who = routes.wanted(self._book.of(endpoint))
        for ref in (who.champion, who.standby) if who else ():
            if ref and ref not in self._inspected:
                self._inspected.add(ref)
                self.damage(ref)

    def take(self, endpoint: str, lease: Lease | None = None) -> None:
        """Let traffic, and then the alias ``champion``, follow the journal.

        Args:
            endpoint: whose traffic.
            lease: under which a controller acts; None for a person, who needs none.

        Raises:
            Conflict: others kept changing the routing, or have taken the lease.
            NotFound, Refused, Tampered, Unavailable: a version that is new to the routing cannot be served.
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
            The release that the last of it was about; None when nothing waited, or others were faster.
        """
        release = None
        for path in self._intents.waiting(endpoint):
            try:
                intent = Rollback.from_json(path.read_bytes())
            except FileNotFoundError:
                continue  # recorded by another process meanwhile
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
        releases = self._book.of(endpoint)
        who = routes.wanted(releases)
        if who is not None:
            place = self._places(releases, status.routing)
            standby = self._standby(who.standby, place, refused=bool(status.refused))
            wanted = routes.routing(endpoint, who, place, standby=standby)
            self._target.route(wanted, expected=status.version, token=lease.token if lease else None)

    def _places(self, releases: Sequence[Release], now: Routing | None) -> Callable[[str], Deployment]:
        """Where versions are: as made ready by this process, as the routing has them, else made ready now."""
        digests = {release.candidate: release.candidate_digest for release in releases}
        there = {(one.model.ref, one.model.digest): one for one in routes.deployed(now)}

        def place(ref: str) -> Deployment:
            return self._deployed.get(ref) or there.get((ref, digests[ref])) or self._ready(ref)

        return place

    def _standby(self, ref: str, place: Callable[[str], Deployment], *, refused: bool) -> Deployment | None:
        """Who stands by; nobody, rather than no routing, while that version cannot be served.

        A gateway that refuses the routing may do so because of the standby: its bytes are looked at again.
        """
        now = self._clock.monotonic()
        if not ref or now < self._left_out.get(ref, now):
            return None
        try:
            if refused:
                with suppress(Unavailable):
                    return self._ready(ref)
            return place(ref)
        except (NotFound, Refused, Tampered, Unavailable):
            self._left_out[ref] = now + _AGAIN
            return None

    def _ready(self, ref: str) -> Deployment:
        return self.deploy(self._registry.version(ref))

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
        ends = routes.taken_out(releases, intent.took_out)
        if not ends:
            return routes.newest_of(releases, intent.took_out)
        meant, *others = ends
        for other in others:  # first: what is cut short here is done again as long as the intent waits
            why = f"Its champion {intent.took_out} was rolled back by {intent.by}: {intent.reason}"
            self._end(other, ABORTED, {"reason": why})
        why = f"Rolled back by {intent.by}: {intent.reason}"
        self._end(meant, ROLLED_BACK, {"reason": why, "by": intent.by})
        return self._book.page(meant.id).release

    def _end(self, release: Release, kind: str, payload: dict[str, str]) -> None:
        fact = Event(kind=kind, payload=payload, subjects=(release.candidate_digest,))
        self._book.append(self._book.page(release.id), [fact])

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
