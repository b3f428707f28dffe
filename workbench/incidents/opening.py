"""Opening an incident: what is meant, frozen under a number of its own, then told to the journal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, nearest
from workbench.core.settings import Settings
from workbench.incidents import freeze, state
from workbench.incidents.records import Incident
from workbench.incidents.windows import bounds
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.monitoring.alerts import find as find_alert
from workbench.monitoring.records import Alert
from workbench.traffic import TrafficStore

if TYPE_CHECKING:
    from workbench.incidents.capture import Captured


class Opener:
    """Opens incidents. Arguments as of ``Incidents``, and the folder they live in."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        registry: Registry,
        traffic: TrafficStore,
        clock: Clock,
        *,
        home: Path,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._registry = registry
        self._traffic = traffic
        self._clock = clock
        self._home = home

    def open(
        self,
        title: str,
        *,
        window: Any,
        alert: str | Alert | None,
        rows: Any,
        endpoint: str,
        model: str,
        versions: Sequence[int] | None,
    ) -> Incident:
        """Open an incident; see ``Incidents.open``."""
        source = _only_one(window=window, alert=alert, rows=rows)
        if not title.strip():
            raise InvalidInput("title: it is empty.", remedy="Say what went wrong.", field="title")
        facts: dict[str, Any] = {"title": title.strip(), "source": source}
        if source == "rows":
            return self._open_rows(rows, model, versions, facts)
        if alert is not None:
            alert = find_alert(self._journal, alert) if isinstance(alert, str) else alert
            since, until, endpoint = alert.since, alert.until, alert.endpoint
        else:
            since, until = bounds(window, self._clock.now())
        return self._open_window(since, until, endpoint=endpoint, model=model, versions=versions, facts=facts)

    def _open_rows(
        self, rows: Any, model: str, versions: Sequence[int] | None, facts: dict[str, Any]
    ) -> Incident:
        from workbench.incidents.capture import from_rows

        if not model:
            raise InvalidInput(
                "model: rows do not say whose they are.",
                remedy=f"Give model=. {nearest('', self._registry.names())}",
                field="model",
            )
        suspect = self._registry.version(model)
        captured = from_rows(rows, versions=versions, most=self._settings.capture_max_rows)
        return self._keep(captured, facts | {"model": suspect.name}, suspect.target)

    def _open_window(
        self,
        since: datetime,
        until: datetime,
        *,
        endpoint: str,
        model: str,
        versions: Sequence[int] | None,
        facts: dict[str, Any],
    ) -> Incident:
        from workbench.incidents.capture import endpoint_of, from_window

        endpoint = endpoint_of(self._traffic, endpoint, model)
        suspect = self._registry.version(model or endpoint)
        captured = from_window(
            self._traffic, endpoint, since, until, versions=versions, most=self._settings.capture_max_rows
        )
        facts |= {"endpoint": endpoint, "model": suspect.name, "since": since, "until": until}
        return self._keep(captured, facts, suspect.target)

    def _keep(self, captured: Captured, facts: dict[str, Any], target: str) -> Incident:
        """Write the rows, take a number, tell the journal; when a step fails, nothing stays."""
        frame = captured.frame
        with ExitStack() as undo:
            place = freeze.Place(self._home)
            undo.callback(place.drop)
            digest = freeze.freeze(frame, place.draft)
            streams = self._journal.streams(state.PREFIX)
            incident = Incident(
                **facts,
                id=place.take(stream.removeprefix(state.PREFIX) for stream in streams),
                requests=captured.requests,
                rows=len(frame),
                versions=captured.versions,
                digest=digest,
                labelled=target in frame.columns and bool(frame[target].notna().any()),
                opened=self._clock.now(),
                opened_by=self._settings.actor,
                notes=captured.notes,
                redacted=captured.redacted,
            )
            self._journal.append(state.stream_of(incident.id), state.opened(incident), expected=0)
            undo.pop_all()
        return incident


def _only_one(**ways: Any) -> str:
    given = [name for name, value in ways.items() if value is not None]
    if len(given) != 1:
        raise InvalidInput(
            f"window: {' and '.join(given) or 'nothing'} given to freeze.",
            remedy="Give exactly one of window=, alert= and rows=.",
            field="window",
        )
    return given[0]
