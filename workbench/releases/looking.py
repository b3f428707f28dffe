"""What is to be seen of releases: how each stands, what is new, what one would take. Nothing here writes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.clock import Clock
from workbench.core.settings import Settings
from workbench.gates import roles
from workbench.journal import Journal
from workbench.models.records import ModelVersion
from workbench.models.references import require_name
from workbench.releases import routes
from workbench.releases.book import Book
from workbench.releases.forecast import dry_run
from workbench.releases.forecast_records import Forecast
from workbench.releases.news import News, news
from workbench.releases.plan import Plan, load_plan
from workbench.releases.records import Release

if TYPE_CHECKING:
    from workbench.traffic import TrafficStore


class Looking:
    """Looks at the releases of a project; arguments as ``Releases``."""

    def __init__(self, settings: Settings, journal: Journal, traffic: TrafficStore, clock: Clock) -> None:
        self._journal = journal
        self._book = Book(journal)
        self._traffic = traffic
        self._clock = clock
        self._roles = roles.known(settings.people, settings.roles)

    def get(self, release_id: str) -> Release:
        """Return a release as it stands.

        Raises:
            NotFound: there is none of that id.
        """
        return self._book.page(release_id).release

    def active(self, endpoint: str) -> Release | None:
        """Return the release of an endpoint that is not over, if there is one."""
        return routes.active(self._book.of(endpoint))

    def all(self) -> list[Release]:
        """Return every release, in the order they were opened."""
        return self._book.all()

    def endpoints(self) -> list[str]:
        """Return the names of the endpoints that something was released to, in their order."""
        return list(dict.fromkeys(release.endpoint for release in self.all()))

    def latest(self) -> int:
        """Return the newest entry of the journal: what comes after it is news."""
        return self._journal.size() - 1

    def news(self, after: int) -> tuple[list[News], int]:
        """Return what happened since entry ``after``, whoever did it, and the newest entry."""
        return news(self._journal, after)

    def forecast(
        self,
        version: ModelVersion,
        plan: Plan | str | Path | Mapping[str, Any],
        endpoint: str,
        *,
        rate: float | None = None,
    ) -> Forecast:
        """Return what a release would take on the traffic of the last day. Opens nothing.

        Args:
            version: the candidate.
            plan: checked whole.
            endpoint: whose traffic.
            rate: units a minute (requests, of a sticky plan entities) in place of the measured ones.

        Raises:
            InvalidInput: the plan names a column that the candidate does not read, or that names no groups;
                or ``rate`` is not above 0.
        """
        return dry_run(
            version,
            load_plan(plan),
            endpoint=require_name(endpoint, field="endpoint"),
            earlier=self._book.of(endpoint),
            roles=self._roles,
            traffic=self._traffic,
            rate=rate,
            now=self._clock.now(),
        )
