"""Which streams of the journal are about one version. They are packed whole: nothing can be left out."""

from __future__ import annotations

from collections.abc import Iterator

from workbench.journal import Entry, Journal
from workbench.models.records import ModelVersion
from workbench.releases.state import APPROVAL_REVOKED, APPROVED, OPENED


def streams_of(journal: Journal, version: ModelVersion) -> list[str]:
    """Return the names of the streams about a version, sorted.

    A name without entries says that there are none: nobody has rejected it, no further release was opened.
    """
    about = {f"{kind}/{version.ref}" for kind in ("evidence", "gate", "approval", "pack")}
    about |= {f"{kind}/{version.name}" for kind in ("model", "finding", "waiver", "endpoint")}
    said = journal.read(f"approval/{version.ref}")
    releases = set(_releases(journal, version))
    written = [journal.read(stream) for stream in releases]
    opened = [entry for entries in written for entry in entries if entry.kind == OPENED]
    verdicts = [*(e.payload for e in journal.read(f"gate/{version.ref}")), *map(_verdict, opened)]
    about |= {f"policy/{one['policy']}" for one in [*verdicts, *(e.payload for e in said)] if "policy" in one}
    about |= {f"key/{entry.payload['by']}" for entry in [*said, *_stage_words(written, version)]}
    return sorted(about | releases | set(_incidents(journal, version)))


def _releases(journal: Journal, version: ModelVersion) -> Iterator[str]:
    """Yield all releases of the model's endpoint, the next one among them, and others of the version."""
    prefix, last = f"release/{version.name}-", 0
    for stream in journal.streams("release/"):
        number = stream.removeprefix(prefix)
        if stream.startswith(prefix) and number.isdecimal():
            last = max(last, int(number))
            yield stream
        elif journal.read(stream)[0].payload["candidate"] == version.ref:
            yield stream
    yield f"{prefix}{last + 1}"


def _stage_words(releases: list[list[Entry]], version: ModelVersion) -> Iterator[Entry]:
    """Yield what people said between the stages of the version's own releases."""
    for entries in releases:
        if entries and entries[0].payload["candidate"] == version.ref:
            yield from (entry for entry in entries if entry.kind in (APPROVED, APPROVAL_REVOKED))


def _incidents(journal: Journal, version: ModelVersion) -> Iterator[str]:
    for stream in journal.streams("incident/"):
        opened = journal.read(stream)[0].payload
        if opened["model"] == version.name and version.version in (opened["versions"] or [version.version]):
            yield stream


def _verdict(opened: Entry) -> dict[str, object]:
    verdict: dict[str, object] = opened.payload["verdict"]
    return verdict
