"""The room: opens, finds, replays and bisects incidents, and keeps every fact of them in the journal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput, NotFound, Tampered, nearest
from workbench.core.settings import Settings
from workbench.incidents import freeze, state
from workbench.incidents.opening import Opener
from workbench.incidents.records import BisectReport, Failure, Incident, ReplayReport
from workbench.journal import Entry, Event, Journal
from workbench.models.records import ModelVersion
from workbench.models.registry import Registry
from workbench.monitoring.records import Alert
from workbench.traffic import TrafficStore
from workbench.traffic.removal import Key

if TYPE_CHECKING:
    import pandas as pd

Ref = str | int | ModelVersion
"""A version: any reference the registry takes; 3 and ``"champion"`` are short for those of the same model."""


class Incidents:
    """Opens and looks into incidents.

    Args:
        settings: where the state folder is, who acts, and how many requests an incident may freeze.
        journal: holds the stream ``incident/<id>``.
        registry: versions to replay and bisect on.
        traffic: exchanges to freeze.
        clock: stamps incidents and reports.
    """

    def __init__(
        self, settings: Settings, journal: Journal, registry: Registry, traffic: TrafficStore, clock: Clock
    ) -> None:
        self._journal = journal
        self._registry = registry
        self._clock = clock
        self._home = settings.state / "incidents"
        self._opener = Opener(settings, journal, registry, traffic, clock, home=self._home)

    def open(
        self,
        title: str,
        *,
        window: Any = None,
        alert: str | Alert | None = None,
        rows: Any = None,
        endpoint: str = "",
        model: str = "",
        versions: Sequence[int] | None = None,
    ) -> Incident:
        """Freeze what somebody must answer for. Exactly one of ``window``, ``alert`` and ``rows`` is given.

        The file is on the disk under its digest before the journal knows of the incident. Two openers get
        different ids, and a folder that is there is never written into.

        Args:
            title: what went wrong, for people.
            window: ``(since, until)`` as datetimes or ISO text (without a zone: UTC), ``"last 30 minutes"``,
                or a timedelta that ends now.
            alert: an alert or its id: its endpoint and window are frozen.
            rows: a frame or a file; give only the columns that somebody needs to look into it.
            endpoint: whose traffic. Default: the model's, or the only one there is.
            model: whose versions are suspects. Default: of the endpoint's name. Needed with ``rows``.
            versions: of a window or an alert, freeze only what these answered; of ``rows``, who answered.

        Raises:
            InvalidInput: none or several of the three, an empty window (saying when there is traffic) …
            NotFound: no such alert or model.
        """
        return self._opener.open(
            title,
            window=window,
            alert=alert,
            rows=rows,
            endpoint=endpoint,
            model=model,
            versions=versions,
        )

    def get(self, incident: str | Incident) -> Incident:
        """Return an incident as it stands.

        Raises:
            NotFound: no such incident, with the nearest id.
        """
        return state.fold(self._entries(incident))

    def all(self) -> list[Incident]:
        """Return every incident, in order of opening."""
        found = [
            self.get(stream.removeprefix(state.PREFIX)) for stream in self._journal.streams(state.PREFIX)
        ]
        return sorted(found, key=lambda incident: int(incident.id.removeprefix("INC-")))

    def rows(self, incident: str | Incident) -> pd.DataFrame:
        """Return the frozen rows: inputs, and what production answered in ``__prediction`` and ``__version``.

        Raises:
            Tampered: the file is not the one that was frozen.
            NotFound: it is gone.
        """
        found = self.get(incident)
        return freeze.thaw(self._home / found.id / freeze.FILE, found.digest)

    def holding(self, key: Key) -> list[str]:
        """Return the ids of the incidents that froze rows of a subject, or of requests, in order of opening.

        One whose rows are not those that were frozen is among them: nobody can tell, nor of rows whose
        incident the journal does not know. One whose file is gone holds nothing.

        Raises:
            Unavailable: rows hold digests of subjects, and their key is not here.
        """
        known = self.all()
        found = [incident.id for incident in known if self._holds(incident, key)]
        return found + freeze.unopened(self._home, [incident.id for incident in known])

    def replay(self, incident: str | Incident, against: Sequence[Ref] = ()) -> ReplayReport:
        """Score the frozen rows on versions and compare with production and with the first of them.

        Args:
            incident: the incident or its id.
            against: versions. Default: every version of its model, oldest first.

        Raises:
            InvalidInput: every one of them reads a column whose values were never captured.
        """
        from workbench.incidents.answers import require_values
        from workbench.incidents.replay import replay

        found, frame = self.get(incident), self.rows(incident)
        versions = [self._version(found, ref) for ref in against] or self._registry.versions(found.model)
        versions = list({version.ref: version for version in versions}.values())
        require_values(found, versions)
        report = replay(found, frame, versions, registry=self._registry, now=self._clock.now())
        self._append(found, state.replayed(report, [v.digest for v in versions]))
        return report

    def bisect(
        self,
        incident: str | Incident,
        failure: Failure | None = None,
        *,
        good: Ref | None = None,
        bad: Ref | None = None,
    ) -> BisectReport:
        """Find the first version that shows the failure on the frozen rows.

        Args:
            incident: the incident or its id.
            failure: the predicate. Default: it answers rows unlike the oldest version that can be tested.
                Without a limit, bad is what shows more than half of what the version that served shows, and
                more than 5 % (errors: 1 %).
            good: where to begin. Default: the reference of a disagreement, else the oldest.
            bad: where to end. Default: the newest that answered these rows, else the newest.

        Raises:
            InvalidInput: the failure cannot be judged on these rows, or ``good`` comes after ``bad``.
        """
        from workbench.incidents.answers import require_values
        from workbench.incidents.bisect import bisect
        from workbench.incidents.suspects import suspects_of

        found, frame = self.get(incident), self.rows(incident)
        failure = failure or Failure(kind="disagreement")
        reference = None if failure.reference is None else self._version(found, failure.reference)
        suspects = suspects_of(
            found,
            self._registry.versions(found.model),
            reference=reference,
            good=None if good is None else self._version(found, good),
            bad=None if bad is None else self._version(found, bad),
        )
        require_values(found, suspects)
        report = bisect(
            found,
            frame,
            suspects,
            failure,
            reference=reference,
            registry=self._registry,
            now=self._clock.now(),
        )
        self._append(found, state.bisected(report, [v.digest for v in suspects]))
        return report

    def save_case(
        self,
        incident: str | Incident,
        *,
        name: str,
        expected_from: Ref = "labels",
        folder: str | Path,
        at_least: float = 0.8,
    ) -> Path:
        """Save the failure as a behaviour case, which every later audit of the model runs.

        The rows are those, at most 200, that the bad version (the first bad one of the last bisection, else
        the newest that answered) answers otherwise than expected.

        Args:
            incident: the incident or its id.
            name: of the case.
            expected_from: the version whose answers are right, or ``"labels"``.
            folder: where cases are, ``cases/`` of the project.
            at_least: share of the rows that a version must answer so. The bad version answers none; a sound
                one trained on new data answers a few near the boundary otherwise.

        Raises:
            InvalidInput: no row differs, or the rows carry no labels.
            Conflict: the folder has another case of that name.
        """
        from workbench.audits.cases import digest_of, save_case
        from workbench.incidents.regression import case_of

        found, frame = self.get(incident), self.rows(incident)
        labels = expected_from == "labels"
        bad, good = self._bad_and_good(found)
        case = case_of(
            found,
            frame,
            name=name,
            bad=bad,
            good=good if labels else self._version(found, expected_from),
            labels=labels,
            at_least=at_least,
            versions=self._registry.versions(found.model),
            registry=self._registry,
        )
        path = save_case(folder, case)
        event = state.case_saved(
            found, name=name, file=path.name, rows=len(case.rows), digest=digest_of([case])
        )
        self._append(found, event)
        return path

    def note(self, incident: str | Incident, text: str) -> Incident:
        """Keep something somebody found. Returns the incident as it stands now."""
        if not text.strip():
            raise InvalidInput("text: it is empty.", remedy="Say what was found.", field="text")
        self._append(incident, state.noted(self.get(incident), text.strip()))
        return self.get(incident)

    def close(self, incident: str | Incident) -> Incident:
        """Say that nobody has to look into it any more. Closing twice is closing once."""
        found = self.get(incident)
        if found.status != "closed":
            self._append(found, state.closed(found))
        return self.get(found)

    # Finding

    def _holds(self, incident: Incident, key: Key) -> bool:
        try:
            frame = self.rows(incident)
        except NotFound:
            return False
        except Tampered:
            return True
        if key.column:
            closed = key.column in incident.redacted
            cells = frame[key.column] if key.column in frame.columns else ()
            return any(key.is_value(cell, closed=closed) for cell in cells)
        return freeze.REQUEST in frame.columns and bool(frame[freeze.REQUEST].isin(key.request_ids).any())

    def _entries(self, incident: str | Incident) -> list[Entry]:
        incident_id = incident if isinstance(incident, str) else incident.id
        entries = self._journal.read(state.stream_of(incident_id))
        if not entries:
            known = [stream.removeprefix(state.PREFIX) for stream in self._journal.streams(state.PREFIX)]
            raise NotFound(
                f"There is no incident {incident_id!r}.", remedy=nearest(incident_id, known), field="incident"
            )
        return entries

    def _append(self, incident: str | Incident, event: Event) -> None:
        incident_id = incident if isinstance(incident, str) else incident.id
        self._journal.append(state.stream_of(incident_id), event)

    def _version(self, incident: Incident, ref: Ref) -> ModelVersion:
        from workbench.incidents.rows import resolve

        return resolve(self._registry, incident.model, ref)

    def _bad_and_good(self, incident: Incident) -> tuple[ModelVersion, ModelVersion | None]:
        """The version that shows the failure, and the last that does not when a bisection told."""
        told = [
            report for report in state.bisections(self._entries(incident)) if report.first_bad is not None
        ]
        if told:
            first_bad, last_good = (
                self._registry.version(f"{incident.model}/{number}")
                for number in (told[-1].first_bad, told[-1].last_good)
            )
            return first_bad, last_good
        every = self._registry.versions(incident.model)
        served = [version for version in every if version.version in incident.versions]
        return (served or every)[-1], None
