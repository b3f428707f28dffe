"""What the stream ``alert/<endpoint>`` says: the alerts that were raised, and which still fire."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from workbench.core.errors import NotFound, nearest
from workbench.journal import Entry, Event, Journal
from workbench.monitoring.records import Alert

PREFIX = "alert/"

RAISED = "alert.raised"
CLEARED = "alert.cleared"

Cause = tuple[str, str]
"""Trigger and column: what is raised once while it fires."""


def stream_of(endpoint: str) -> str:
    """The journal stream of an endpoint's alerts."""
    return f"{PREFIX}{endpoint}"


def cause(alert: Alert) -> Cause:
    """What fires."""
    return alert.trigger, alert.column


def raised(entries: Iterable[Entry]) -> list[Alert]:
    """Return every alert that was raised, oldest first."""
    return [Alert.model_validate(entry.payload) for entry in entries if entry.kind == RAISED]


def newest(entries: Iterable[Entry]) -> dict[Cause, Alert]:
    """Return the newest alert of every cause."""
    return {cause(alert): alert for alert in raised(entries)}


def firing(entries: Iterable[Entry]) -> dict[Cause, Alert]:
    """Return the alerts that were raised and not cleared since."""
    open_: dict[Cause, Alert] = {}
    for entry in entries:
        if entry.kind == RAISED:
            alert = Alert.model_validate(entry.payload)
            open_[cause(alert)] = alert
        elif entry.kind == CLEARED:
            open_.pop((entry.payload["trigger"], entry.payload["column"]), None)
    return open_


def decide(entries: Sequence[Entry], found: Iterable[Alert], judged: Iterable[Cause]) -> list[Event]:
    """Return what to write down after a look: new alerts with their ids, and those that fire no more.

    Args:
        entries: of the stream so far.
        found: what fires.
        judged: what there was enough traffic to judge.
    """
    count, before, last = len(raised(entries)), firing(entries), newest(entries)
    now = {cause(alert): alert for alert in found}
    new = [
        alert
        for which, alert in now.items()
        if which not in before and not (which in last and last[which].until >= alert.since)
    ]
    stopped = [alert for which, alert in before.items() if which in set(judged) - set(now)]
    return [
        *(_raised(alert, f"{alert.endpoint}-alert-{n}") for n, alert in enumerate(new, start=count + 1)),
        *(_cleared(alert) for alert in stopped),
    ]


def _raised(alert: Alert, alert_id: str) -> Event:
    return Event(kind=RAISED, payload=alert.model_copy(update={"id": alert_id}).model_dump(mode="json"))


def _cleared(alert: Alert) -> Event:
    return Event(kind=CLEARED, payload={"id": alert.id, "trigger": alert.trigger, "column": alert.column})


def find(journal: Journal, alert_id: str) -> Alert:
    """Return an alert by its id.

    Raises:
        NotFound: no such alert, with the nearest id.
    """
    found = {a.id: a for stream in journal.streams(PREFIX) for a in raised(journal.read(stream))}
    if alert_id not in found:
        raise NotFound(f"There is no alert {alert_id!r}.", remedy=nearest(alert_id, found), field="alert")
    return found[alert_id]
