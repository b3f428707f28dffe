"""Findings: what somebody noticed about a model, until it is fixed or somebody answers for it to a day.

Each is events in the stream ``finding/<model>``; a policy may ask how many are open (``max_open_findings``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, get_args

from workbench.core.clock import Clock, last_day
from workbench.core.errors import InvalidInput, NotFound, Refused, nearest, unknown
from workbench.gates.records import Finding, Severity
from workbench.journal import Entry, Event, Journal
from workbench.models.records import ModelVersion

OPENED = "finding.opened"
ACCEPTED = "finding.accepted"
FIXED = "finding.fixed"


class Findings:
    """Findings about models.

    Args:
        journal: where they are kept.
        clock: says what day it is.
    """

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock

    def of(self, model: str) -> list[Finding]:
        """Return every finding about a model, oldest first."""
        return fold(self._journal.read(_stream(model)))

    def get(self, finding: str) -> Finding:
        """Return one finding by its id.

        Raises:
            NotFound: there is none, with the nearest.
        """
        return self._read(finding)[0]

    def open(self, version: ModelVersion, title: str, *, severity: Severity, by: str) -> Finding:
        """Write down what was found in a version.

        Raises:
            InvalidInput: no title, or a severity that there is not.
        """
        if severity not in get_args(Severity):
            raise unknown("severity", "severity", severity, get_args(Severity))
        title = _words("title", title, "Say in a sentence what was found.")
        entries = self._journal.read(_stream(version.name))
        found = Finding(
            id=f"{_stream(version.name)}#{len(entries)}",
            model=version.name,
            version=version.ref,
            title=title,
            severity=severity,
            status="open",
            by=by,
            time=self._clock.now(),
        )
        self._write(found, OPENED, found.model_dump(mode="json"), len(entries))
        return found

    def accept(self, finding: str, *, reason: str, until: date | str, by: str, author: str) -> Finding:
        """Answer for a finding until a day, on which it is open again.

        Args:
            finding: its id.
            reason: why it may stay; kept for ever.
            until: the last day it counts as accepted, as a date or ``"2027-01-31"``.
            by: who answers for it.
            author: of the version it was found in, who may not.

        Raises:
            Refused: the author, or it is fixed already.
            Conflict: somebody else has said something about the model's findings meanwhile.
            InvalidInput: no reason, no day, or a day that has passed.
        """
        found, length = self._unfixed(finding)
        if by.casefold() == author.casefold():
            raise Refused(
                f"{by} registered {found.version} and cannot accept what was found in it.",
                remedy="Somebody else answers for it, or the next version fixes it.",
                field="by",
            )
        reason = _words("reason", reason, "Say why in a sentence.")
        last = last_day(until, self._clock.now())
        payload = {"finding": finding, "by": by, "until": last.isoformat(), "note": reason}
        return self._write(found, ACCEPTED, payload, length)

    def fix(self, finding: str, version: ModelVersion, *, note: str, by: str) -> Finding:
        """Say that a finding is gone from a version on.

        Raises:
            InvalidInput: another model's version, one from before it was found, or no word on how.
            Refused: it is fixed already.
            Conflict: as ``accept``.
        """
        found, length = self._unfixed(finding)
        if version.name != found.model:
            raise InvalidInput(
                f"version: {version.ref} is no version of {found.model}.",
                remedy=f"Name a version of {found.model}.",
                field="version",
            )
        if version.version <= _number(found.version):
            raise InvalidInput(
                f"version: it was found in {found.version}, and {version.ref} is not later.",
                remedy="Bytes do not change: register the mended model and name that version.",
                field="version",
            )
        note = _words("note", note, "Say in a sentence what was done, and how it was checked.")
        payload = {"finding": finding, "by": by, "version": version.ref, "note": note}
        return self._write(found, FIXED, payload, length)

    def _read(self, finding: str) -> tuple[Finding, int]:
        """Return a finding, and the number of entries it was read from."""
        stream = finding.rpartition("#")[0]
        entries = self._journal.read(stream) if stream.startswith("finding/") else []
        known = {one.id: one for one in fold(entries)}
        if finding not in known:
            every = [
                one.id for name in self._journal.streams("finding/") for one in fold(self._journal.read(name))
            ]
            raise NotFound(
                f"There is no finding {finding!r}.", remedy=nearest(finding, every), field="finding"
            )
        return known[finding], len(entries)

    def _unfixed(self, finding: str) -> tuple[Finding, int]:
        found, length = self._read(finding)
        if found.status == "fixed":
            raise Refused(
                f"{finding} is fixed in {found.fixed_in} already.", remedy="Open a new one.", field="finding"
            )
        return found, length

    def _write(self, found: Finding, kind: str, payload: dict[str, Any], length: int) -> Finding:
        """Append, if nothing came in since ``length`` entries were read."""
        self._journal.append(_stream(found.model), Event(kind=kind, payload=payload), expected=length)
        return self.get(found.id)


def fold(entries: Iterable[Entry]) -> list[Finding]:
    """Return the findings of a stream as they stand, oldest first."""
    found: dict[str, Finding] = {}
    for entry in entries:
        payload = entry.payload
        if entry.kind == OPENED:
            found[payload["id"]] = Finding.model_validate(payload)
        elif entry.kind in (ACCEPTED, FIXED) and payload["finding"] in found:
            found[payload["finding"]] = _followed(found[payload["finding"]], entry)
    return list(found.values())


def still_open(findings: Sequence[Finding], version: ModelVersion, now: datetime) -> list[Finding]:
    """Return the findings that stand against a version."""
    today = now.astimezone(UTC).date()
    return [one for one in findings if one.is_open(version.version, version.author, today)]


def _followed(found: Finding, entry: Entry) -> Finding:
    payload = entry.payload
    if entry.kind == FIXED:
        change = {"status": "fixed", "fixed_in": payload["version"], "note": payload["note"]}
    else:
        until = date.fromisoformat(payload["until"])
        change = {
            "status": "accepted",
            "accepted_by": payload["by"],
            "accepted_until": until,
            "note": payload["note"],
        }
    return found.model_copy(update=change)


def _stream(model: str) -> str:
    return f"finding/{model}"


def _number(ref: str) -> int:
    return int(ref.rpartition("/")[2] or 0)


def _words(field: str, text: str, remedy: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidInput(f"{field}: it is empty.", remedy=remedy, field=field)
    return text.strip()
