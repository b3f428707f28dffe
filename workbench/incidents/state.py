"""What the stream ``incident/<id>`` says: events in, the incident as it stands out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.core.values import Outcome
from workbench.incidents.records import BisectReport, Incident, ReplayReport
from workbench.journal import Entry, Event

PREFIX = "incident/"

OPENED = "incident.opened"
NOTED = "incident.noted"
REPLAYED = "incident.replayed"
BISECTED = "incident.bisected"
CASE_SAVED = "incident.case_saved"
CLOSED = "incident.closed"


def stream_of(incident_id: str) -> str:
    """The journal stream of an incident."""
    return f"{PREFIX}{incident_id}"


def fold(entries: Sequence[Entry]) -> Incident:
    """Return the incident as it stands after ``entries``, all of one stream and the first its opening."""
    incident = Incident.model_validate(entries[0].payload)
    for entry in entries[1:]:
        incident = incident.model_copy(update=_change(incident, entry))
    return incident


def bisections(entries: Sequence[Entry]) -> list[BisectReport]:
    """Return every bisection of the incident, oldest first."""
    return [BisectReport.model_validate(e.payload) for e in entries if e.kind == BISECTED]


def _change(incident: Incident, entry: Entry) -> dict[str, Any]:
    if entry.kind == NOTED:
        return {"notes": (*incident.notes, f"{entry.actor}: {entry.payload['text']}")}
    if entry.kind == CASE_SAVED:
        return {"cases": (*incident.cases, entry.payload["name"])}
    if entry.kind == BISECTED:
        return _told(incident, entry.payload)
    return {"status": "closed"} if entry.kind == CLOSED else {}


def _told(incident: Incident, report: dict[str, Any]) -> dict[str, Any]:
    """What a bisection changes. One that cannot tell does not take back what another one told."""
    conclusive = report["outcome"] == Outcome.PASS
    told = {"finding": report["sentence"]} if conclusive or incident.status == "open" else {}
    # A closed incident stays closed, whatever somebody finds out later.
    return told | ({"status": "explained"} if conclusive and incident.status == "open" else {})


def opened(incident: Incident) -> Event:
    """The fact that an incident was opened."""
    return Event(kind=OPENED, payload=incident.model_dump(mode="json"), subjects=(incident.digest,))


def noted(incident: Incident, text: str) -> Event:
    """Something somebody found worth keeping."""
    return Event(kind=NOTED, payload={"text": text}, subjects=(incident.digest,))


def replayed(report: ReplayReport, digests: Sequence[str]) -> Event:
    """The fact of a replay: its numbers. Example rows stay out, and error texts, which may quote a row."""
    payload = report.model_dump(mode="json", exclude={"examples": True, "columns": {"__all__": {"error"}}})
    return Event(kind=REPLAYED, payload=payload, subjects=(report.digest, *digests))


def bisected(report: BisectReport, digests: Sequence[str]) -> Event:
    """The fact of a bisection, whole: a report on versions, with no row in it."""
    subjects = (report.digest, *digests)
    return Event(kind=BISECTED, payload=report.model_dump(mode="json"), subjects=subjects)


def case_saved(incident: Incident, *, name: str, file: str, rows: int, digest: str) -> Event:
    """The fact that a behaviour case was made of the incident."""
    payload = {"name": name, "file": file, "rows": rows}
    return Event(kind=CASE_SAVED, payload=payload, subjects=(incident.digest, digest))


def closed(incident: Incident) -> Event:
    """The fact that nobody has to look into it any more."""
    return Event(kind=CLOSED, subjects=(incident.digest,))
