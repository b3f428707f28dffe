"""What the journal tells of releases and endpoints, in a line each: whoever did it, and from where."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from workbench.journal import Entry, Journal
from workbench.releases.drills_records import DRILLED, Drill
from workbench.releases.effects import ENDPOINT_KILLED, ENDPOINT_REVIVED
from workbench.releases.records import Release
from workbench.releases.state import APPROVAL_REVOKED, APPROVED, OPENED, fold

_RELEASE = "release/"


class News(NamedTuple):
    """One thing that happened."""

    endpoint: str
    line: str
    stands: bool = False
    """The line says how a release stands: it may read as the one before it, and is no news then."""


def news(journal: Journal, after: int) -> tuple[list[News], int]:
    """Return what happened since entry ``after``, and the newest entry there is."""
    entries = journal.entries(after)
    found = [one for entry in entries if (one := _told(journal, entry)) is not None]
    return found, entries[-1].seq if entries else after


def standing(release: Release) -> str:
    """Return how a release stands, in a line."""
    status = str(release.status).replace("_", " ")
    share = f"{release.weight:.0%} of requests"
    return f"{release.id}: {status}, {release.current.name}, {share}. {release.reason}".rstrip()


def _told(journal: Journal, entry: Entry) -> News | None:
    if entry.kind in _OF_ENDPOINTS:
        endpoint = entry.stream.partition("/")[2]
        return News(endpoint, _OF_ENDPOINTS[entry.kind](endpoint, entry))
    if not entry.stream.startswith(_RELEASE):
        return None
    release = fold(one for one in journal.read(entry.stream) if one.position <= entry.position)
    if entry.kind in _OF_RELEASES:
        return News(release.endpoint, f"{release.id}: {_OF_RELEASES[entry.kind](entry)}")
    return News(release.endpoint, standing(release), stands=True)


#: What is said of an endpoint, by the kind of entry.
_OF_ENDPOINTS: dict[str, Callable[[str, Entry], str]] = {
    ENDPOINT_KILLED: lambda endpoint, e: f"{endpoint}: killed by {e.actor}: {e.payload['reason']}",
    ENDPOINT_REVIVED: lambda endpoint, e: f"{endpoint}: revived by {e.actor}: {e.payload['reason']}",
    DRILLED: lambda _, e: str(Drill.model_validate(e.payload)),
}

#: What is said of a release beyond how it stands.
_OF_RELEASES: dict[str, Callable[[Entry], str]] = {
    OPENED: lambda e: f"opened by {e.actor}: {e.payload['candidate']} by plan {e.payload['plan']['name']}",
    APPROVED: lambda e: f"{e.actor} approved {e.payload['stage_name']}: {e.payload['note']}",
    APPROVAL_REVOKED: lambda e: (
        f"{e.actor} took back an approval of {e.payload['stage_name']}: {e.payload['note']}"
    ),
}
