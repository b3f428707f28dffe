"""What the stream ``model/<name>`` says: its versions and where its aliases point. Pure folds."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.journal import Entry, Event
from workbench.models.records import ModelVersion

REGISTERED = "model.registered"
ALIAS = "model.alias"


def registered_event(version: ModelVersion) -> Event:
    """The fact that a version was registered."""
    subjects = (version.digest, version.lineage.data_digest)
    return Event(kind=REGISTERED, payload=version.model_dump(mode="json"), subjects=subjects)


def alias_event(version: ModelVersion, alias: str) -> Event:
    """The fact that an alias points at a version now."""
    payload = {"alias": alias, "version": version.version}
    return Event(kind=ALIAS, payload=payload, subjects=(version.digest,))


def versions(entries: Iterable[Entry]) -> dict[int, ModelVersion]:
    """Return the versions by number, ascending."""
    found = [ModelVersion.model_validate(e.payload) for e in entries if e.kind == REGISTERED]
    return {version.version: version for version in sorted(found, key=lambda v: v.version)}


def aliases(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the version each alias points at."""
    return {e.payload["alias"]: e.payload["version"] for e in entries if e.kind == ALIAS}
