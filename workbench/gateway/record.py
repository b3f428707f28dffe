"""The gateway's own record: one line for every change of what is in force, each linked to the line before.

The journal says what was decided, this says what was done, and the process that did it writes it. Held
against each other (``workbench.releases.reconciliation``) they show what was never written into the journal.

Layout: ``<state>/gateway/<endpoint>/record.jsonl``, and beside it the full ones, ``record-000001.jsonl`` the
oldest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import AwareDatetime, ValidationError

from workbench.core.digests import of_bytes
from workbench.core.records import Record
from workbench.gateway.routing import Route, RoutingTable, folder_of

RECORD = "record.jsonl"

_FULL = re.compile(r"record-(\d{6,})\.jsonl")

What = Literal["started", "table", "refused", "killed", "revived", "counted", "stopped"]


class Served(Record):
    """A version, and the bytes that were loaded for it."""

    ref: str
    digest: str


class Line(Record):
    """What is in force from here on, and what made it so."""

    time: AwareDatetime
    what: What
    """``table``: another table was taken. ``counted``: nothing but the count of exchanges has changed.
    ``started`` and ``stopped``: the process."""
    table: int = 0
    """Version of the table in force; 0 before the first."""
    champion: Served | None = None
    candidate: Served | None = None
    share: float = 0.0
    shadow: Served | None = None
    standby: Served | None = None
    killed: bool = False
    """No model answers: the ``KILL`` file is there, or the table says so."""
    refused_version: int | None = None
    """The table that was refused; None when it could not even be read."""
    reason: str = ""
    """Why it was refused."""
    captured: int = 0
    """Exchanges that this process has written so far: what is missing later was taken away."""
    lost: int = 0
    """Changes before this one that are not in the record: the disk refused them for too long."""
    previous: str = ""
    """Digest of the bytes of the line before; empty at the very beginning."""

    @classmethod
    def of(
        cls,
        what: What,
        table: RoutingTable | None,
        *,
        killed: bool,
        refused_version: int | None = None,
        reason: str = "",
    ) -> Line:
        """Describe a table in force (None: there is none yet), now."""
        known = {"what": what, "killed": killed, "refused_version": refused_version, "reason": reason}
        if table is None:
            return cls(time=datetime.now(UTC), **known)
        return cls(
            time=datetime.now(UTC),
            table=table.version,
            champion=_served(table.champion),
            candidate=_served(table.candidate),
            share=table.share,
            shadow=_served(table.shadow),
            standby=_served(table.standby),
            **known,
        )

    def encoded(self) -> bytes:
        """The line as it is written, without its end."""
        return self.model_dump_json(exclude_defaults=True).encode()


def captured(lines: Iterable[Line]) -> int:
    """Count the exchanges that an endpoint's processes have written, as far as their record tells."""
    total = most = 0
    for line in lines:
        if line.what == "started":
            total, most = total + most, 0
        most = max(most, line.captured)
    return total + most


class Recorded(NamedTuple):
    """The record as it was read."""

    lines: tuple[Line, ...] = ()
    flaws: tuple[str, ...] = ()
    """One sentence for each place where it was edited or cut."""


def read_record(state: Path, endpoint: str) -> Recorded:
    """Read the whole record of an endpoint and check that its lines follow each other.

    A last line without its end is left out: the process is writing it, or died while it did.

    Raises:
        InvalidInput: the endpoint's name could mean something in a path.
        OSError: a file cannot be read.
    """
    lines: list[Line] = []
    flaws: list[str] = []
    previous = ""
    for place, body in _bodies(folder_of(state, endpoint)):
        try:
            line = Line.from_json(body)
        except ValidationError:
            flaws.append(f"{place} of the gateway's record of {endpoint} cannot be read: it was edited.")
        else:
            if line.previous != previous:
                flaws.append(_broken(place, endpoint, line, first=not previous))
            lines.append(line)
        previous = of_bytes(body)
    return Recorded(tuple(lines), tuple(flaws))


def parts(folder: Path) -> list[Path]:
    """The files of a record, the oldest first."""
    full = sorted((place for place in folder.glob("record-*.jsonl") if number(place)), key=number)
    return [*full, *(place for place in [folder / RECORD] if place.exists())]


def number(place: Path) -> int:
    """The number of a full file; 0 for any other."""
    match = _FULL.fullmatch(place.name)
    return int(match[1]) if match else 0


def whole_lines(body: bytes) -> list[bytes]:
    """The lines that have an end."""
    return body.split(b"\n")[:-1]


def _bodies(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Lines with the words for their place. Read again when a file became full meanwhile."""
    while True:
        there = parts(folder)
        try:
            read = [(place.name, place.read_bytes()) for place in there]
        except FileNotFoundError:
            continue
        if parts(folder) == there:
            break
    for name, content in read:
        for at, body in enumerate(whole_lines(content), start=1):
            yield f"Line {at} of {name}", body


def _broken(place: str, endpoint: str, line: Line, *, first: bool) -> str:
    where = f"{place} ({line.time:%Y-%m-%d %H:%M:%S} UTC) of the gateway's record of {endpoint}"
    if first:
        return f"{where} is the first one there, and did not begin it: what came before was cut away."
    return f"{where} does not follow the line before it: that line was edited, or lines were cut out here."


def _served(route: Route | None) -> Served | None:
    return Served(ref=route.model.ref, digest=route.digest) if route else None
