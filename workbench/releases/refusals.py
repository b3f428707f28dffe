"""Bytes that were not let in: what a release found when it checked them, kept in ``artifact/<model name>``.

That nothing moved leaves no trace anywhere else, and somebody changed bytes after they were approved.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from workbench.core.errors import WorkbenchError
from workbench.core.records import Record
from workbench.journal import Entry, Event, Journal
from workbench.models.records import ModelVersion

PREFIX = "artifact/"

REFUSED = "artifact.refused"
ACCEPTED = "artifact.accepted"


class Refusal(Record):
    """One version whose bytes were refused when they were last looked at."""

    model: str
    reason: str
    time: datetime


def standing(entries: Iterable[Entry]) -> dict[str, Refusal]:
    """Return what stands refused, by version, from the entries of a stream."""
    found: dict[str, Refusal] = {}
    for entry in entries:
        if entry.kind == REFUSED:
            found[entry.payload["model"]] = Refusal(
                model=entry.payload["model"], reason=entry.payload["reason"], time=entry.time
            )
        elif entry.kind == ACCEPTED:
            found.pop(entry.payload["model"], None)
    return found


def refuse(journal: Journal, version: ModelVersion, reason: str) -> None:
    """Record that bytes were refused, once for a reason. Who asked hears of it whether that works or not."""
    with suppress(WorkbenchError):
        entries = journal.read(f"{PREFIX}{version.name}")
        before = standing(entries).get(version.ref)
        if before is None or before.reason != reason:
            _append(journal, version, REFUSED, {"reason": reason}, len(entries))


def accept(journal: Journal, version: ModelVersion) -> None:
    """Record that bytes which were refused are right again."""
    entries = journal.read(f"{PREFIX}{version.name}")
    if version.ref in standing(entries):
        with suppress(WorkbenchError):
            _append(journal, version, ACCEPTED, {}, len(entries))


def _append(journal: Journal, version: ModelVersion, kind: str, said: dict[str, str], expected: int) -> None:
    event = Event(kind=kind, payload={"model": version.ref, **said}, subjects=(version.digest,))
    journal.append(f"{PREFIX}{version.name}", event, expected=expected)
