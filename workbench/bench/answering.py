"""The bench and incidents: frozen, replayed, bisected, saved as cases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.bench.rooms import Rooms

if TYPE_CHECKING:
    from workbench.incidents.records import BisectReport, Failure, Incident, ReplayReport
    from workbench.models.records import ModelVersion
    from workbench.monitoring.records import Alert


class Answering(Rooms):
    """Failures that somebody must answer for."""

    def open_incident(
        self,
        title: str,
        *,
        window: Any = None,
        alert: str | Alert | None = None,
        rows: Any = None,
        endpoint: str = "",
        model: str = "",
    ) -> Incident:
        """Freeze the exchanges that somebody must answer for.

        Args:
            title: what went wrong, for people.
            window: ``(since, until)`` or ``"last 30 minutes"``, of an endpoint's traffic.
            alert: an alert or its id; its window is frozen.
            rows: rows that did not come through a gateway, as a frame or a file.
            endpoint: whose traffic; needed with ``window`` when there are several.
            model: whose versions are suspects; default: the endpoint's.
        """
        return self.incidents.open(
            title, window=window, alert=alert, rows=rows, endpoint=endpoint, model=model
        )

    def replay(self, incident: str | Incident, against: Sequence[str | ModelVersion] = ()) -> ReplayReport:
        """Score the frozen rows on versions and compare. Default: every version of the model."""
        return self.incidents.replay(self._incident_id(incident), list(against))

    def bisect(self, incident: str | Incident, failure: Failure | None = None) -> BisectReport:
        """Find the first version that shows the failure. Default: it answers unlike the oldest version."""
        return self.incidents.bisect(self._incident_id(incident), failure)

    def save_case(self, incident: str | Incident, *, name: str, expected_from: int | str = "labels") -> Path:
        """Save the failure as a behaviour case in ``cases/``, which every later audit runs."""
        return self.incidents.save_case(
            self._incident_id(incident),
            name=name,
            expected_from=expected_from,
            folder=self.settings.root / "cases",
        )

    @staticmethod
    def _incident_id(incident: str | Incident) -> str:
        return incident if isinstance(incident, str) else incident.id
