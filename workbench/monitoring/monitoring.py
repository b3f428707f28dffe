"""The room: looks at an endpoint's traffic and keeps what fires."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from workbench.core.clock import Clock
from workbench.journal import Journal
from workbench.models.records import ModelVersion
from workbench.models.registry import Registry
from workbench.monitoring import alerts
from workbench.monitoring.records import Alert
from workbench.traffic import TrafficStore

if TYPE_CHECKING:
    import pandas as pd

#: How far back one look goes.
WINDOW = timedelta(hours=1)


class Monitoring:
    """Watches endpoints.

    Args:
        journal: holds the stream ``alert/<endpoint>``.
        registry: knows the training data of the version that serves.
        traffic: captured exchanges.
        clock: says when the window ends.
        objective: largest share of failed requests that is promised.
        psi_margin: the PSI above which an input column has moved.
    """

    def __init__(
        self,
        journal: Journal,
        registry: Registry,
        traffic: TrafficStore,
        clock: Clock,
        *,
        objective: float = 0.01,
        psi_margin: float = 0.2,
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._traffic = traffic
        self._clock = clock
        self._objective = objective
        self._psi_margin = psi_margin

    def check(self, endpoint: str, *, window: timedelta = WINDOW) -> list[Alert]:
        """Look at the last hour, keep what is new, and return the alerts that fire now.

        What goes on firing is one alert; after it was seen to have stopped, it is raised again only in a
        window that does not overlap the one it was raised in.

        Raises:
            Conflict: somebody else looked at the same moment.
        """
        from workbench.monitoring.triggers import look

        now = self._clock.now()
        exchanges = self._traffic.frame(endpoint, now - window, now)
        version = self._serving(endpoint, exchanges)
        seen = look(
            exchanges,
            endpoint=endpoint,
            version=version,
            reference=None if version is None else self._registry.reference(version),
            now=now,
            objective=self._objective,
            psi_margin=self._psi_margin,
        )
        stream = alerts.stream_of(endpoint)
        entries = self._journal.read(stream)
        events = alerts.decide(entries, seen.alerts, seen.judged)
        added = self._journal.append_many(
            (stream, event, len(entries) + place) for place, event in enumerate(events)
        )
        known = alerts.newest([*entries, *added])
        return [known[alerts.cause(alert)] for alert in seen.alerts]

    def alerts(self, endpoint: str) -> list[Alert]:
        """Return every alert ever raised on an endpoint, oldest first."""
        return alerts.raised(self._journal.read(alerts.stream_of(endpoint)))

    def get(self, alert_id: str) -> Alert:
        """Return an alert by its id.

        Raises:
            NotFound: no such alert.
        """
        return alerts.find(self._journal, alert_id)

    def _serving(self, endpoint: str, exchanges: pd.DataFrame) -> ModelVersion | None:
        """The version that answered last, when it is registered: the endpoint has the model's name."""
        served = exchanges["served_by"].dropna()
        if not len(served) or endpoint not in self._registry.names():
            return None
        known = {version.version: version for version in self._registry.versions(endpoint)}
        return known.get(int(served.iloc[-1]))
