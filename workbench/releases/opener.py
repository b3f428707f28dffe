"""Opening releases: a new candidate, one in the place of another, one more attempt with the same bytes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from workbench.core.clock import Clock
from workbench.core.errors import Conflict
from workbench.gates.records import Verdict
from workbench.journal import Event, Journal
from workbench.models.records import ModelVersion
from workbench.models.references import require_name
from workbench.releases import opening, permission, routes
from workbench.releases.book import Book, Page
from workbench.releases.effects import Effects, retried
from workbench.releases.observe import last_day
from workbench.releases.permission import Permission, Unmoved
from workbench.releases.plan import Plan
from workbench.releases.records import Release
from workbench.releases.targets.base import Target

if TYPE_CHECKING:
    from workbench.models.registry import Registry
    from workbench.traffic import TrafficStore


class Candidacy(NamedTuple):
    """Who is to be released, where, by which plan and on whose word."""

    version: ModelVersion
    plan: Plan
    endpoint: str
    verdict: Verdict
    """The gate's, on these bytes."""
    unmoved: Unmoved = ()
    """What the verdict rests on."""


class Opener:
    """Opens releases, and puts their first stage into effect.

    Args:
        journal: where they are written.
        registry: the versions.
        traffic: what was captured before a release began does not count for it.
        target: where traffic is moved.
        effects: moves it.
        permission: asks the gate again, for another attempt.
        roles: those that somebody can have; a plan that asks for another is refused.
        clock: what the champion answered in the day before is what a candidate is measured by.
        actor: who opens them.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        registry: Registry,
        traffic: TrafficStore,
        target: Target,
        effects: Effects,
        permission: Permission,
        roles: Collection[str],
        clock: Clock,
        actor: str,
    ) -> None:
        self._journal = journal
        self._book = Book(journal)
        self._registry = registry
        self._traffic = traffic
        self._target = target
        self._effects = effects
        self._permission = permission
        self._roles = roles
        self._clock = clock
        self._actor = actor

    def open(self, what: Candidacy) -> str:
        """Open a release where none is under way and return its id; errors as ``Releases.open``."""
        earlier = self._ready(what)
        try:
            return self._begin(what, earlier)
        except Conflict:
            self._require_free(what, self._book.of(what.endpoint))  # of two at once, tell who was first
            raise

    def supersede(self, what: Candidacy) -> str:
        """End what is under way and open a release, in one transaction; errors as ``Releases.supersede``."""
        return retried(partial(self._supersede, what))

    def retry(self, release_id: str) -> str:
        """Open one more release of the same bytes by the same plan; errors as ``Releases.retry``."""
        state = self._book.page(release_id).state
        version = self._registry.version(state.release.candidate)
        opening.require_aborted(state.release, version)
        self._registry.require_waiver(version)
        unmoved = permission.resting_on(self._journal, version.ref)
        verdict = self._permission(state)
        return self.open(Candidacy(version, state.plan, state.release.endpoint, verdict, unmoved))

    def _supersede(self, what: Candidacy) -> str:
        earlier = self._ready(what)
        active = routes.active(earlier)
        if active is None:
            return self._begin(what, earlier)
        opening.require_other(active, what.version)
        return self._begin(what, earlier, instead_of=self._book.page(active.id))

    def _ready(self, what: Candidacy) -> list[Release]:
        """Check what needs no traffic, make good what was left undone, and return the releases so far."""
        require_name(what.endpoint, field="endpoint")
        opening.require_permission(what.version, what.verdict)
        opening.require_columns(what.version, what.plan)
        opening.require_roles(what.plan, self._roles)
        self._effects.settle(what.endpoint)
        self._effects.take(what.endpoint)
        return self._book.of(what.endpoint)

    def _begin(self, what: Candidacy, earlier: Sequence[Release], instead_of: Page | None = None) -> str:
        """Write the first facts, and let traffic follow. Of two who saw the same, one gets to write."""
        status = self._target.status(what.endpoint)
        others = [release for release in earlier if not instead_of or release.id != instead_of.release.id]
        opening.require_free(what.endpoint, what.version, others, status)
        yardsticks = self._yardsticks(what, earlier)
        self._effects.deploy(what.version)
        release_id = f"{what.endpoint}-{len(earlier) + 1}"
        place = {
            "since_table": status.version,
            "cursor": self._traffic.end(what.endpoint),
            "yardsticks": yardsticks,
        }
        events = [
            opening.opened(
                release_id,
                what.version,
                what.plan,
                what.verdict,
                earlier,
                endpoint=what.endpoint,
                **place,
            )
        ]
        if not routes.champions(earlier):
            events.append(opening.first_champion(what.version))
        self._book.open(
            release_id, events, ending=self._ending(instead_of, what, release_id), unmoved=what.unmoved
        )
        self._effects.take(what.endpoint)
        return release_id

    def _yardsticks(self, what: Candidacy, earlier: Sequence[Release]) -> dict[str, object]:
        lately = partial(last_day, self._traffic, what.endpoint, self._clock.now())
        return opening.yardsticks(what.plan, what.version, earlier, lately)

    def _ending(self, page: Page | None, what: Candidacy, release_id: str) -> tuple[Page, Event] | None:
        if page is None:
            return None
        return page, opening.superseded(page.release, release_id, what.version, self._actor)

    def _require_free(self, what: Candidacy, earlier: Sequence[Release]) -> None:
        opening.require_free(what.endpoint, what.version, earlier, self._target.status(what.endpoint))
