"""The project at a glance: a fold of the whole journal into what the JupyterLab panel lists.

It reads the journal and nothing else, so that it is as quick as it is true: no registry, no data, no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any, ClassVar

from workbench.core.records import Record, Shown
from workbench.core.values import Outcome
from workbench.gates.records import Approval, Verdict
from workbench.incidents.records import Incident
from workbench.journal.records import Entry
from workbench.models.records import ModelVersion
from workbench.releases.records import Release


class EvidenceGlance(Record):
    """The newest audit of a version."""

    audits: dict[str, Outcome]
    outcome: Outcome
    rows: int
    report: str
    """Digest of the report."""
    time: datetime


class VerdictGlance(Record):
    """The newest verdict on a version, with the approvals given since."""

    outcome: Outcome
    reason: str
    policy: str
    time: datetime
    missing_approvals: dict[str, int] = {}
    """Roles and how many people of each are still to approve."""
    approved_by: tuple[str, ...] = ()
    stale: bool = False
    """True when the version was audited again after the verdict."""


class VersionGlance(Record):
    """One version of a model."""

    version: int
    digest: str
    target: str
    sensitive: tuple[str, ...] = ()
    author: str
    created: datetime
    aliases: tuple[str, ...] = ()
    evidence: EvidenceGlance | None = None
    verdict: VerdictGlance | None = None
    release: str = ""
    """Id of the newest release of this version; empty when there was none."""


class ModelGlance(Record):
    """One registered model."""

    name: str
    versions: tuple[VersionGlance, ...]
    """Newest first."""


class ReleaseGlance(Record):
    """Where one release stands."""

    id: str
    endpoint: str
    candidate: str
    champion: str
    status: str
    stage: str
    """Name of the current stage."""
    step: int
    """Its place, from 1."""
    steps: int
    weight: float
    reason: str


class IncidentGlance(Record):
    """One incident."""

    id: str
    title: str
    model: str
    status: str
    requests: int
    opened: datetime
    finding: str


class Overview(Shown):
    """Everything the panel lists."""

    view: ClassVar[str] = "overview"

    seq: int
    """Last journal entry this rests on; -1 for an empty journal."""
    models: tuple[ModelGlance, ...] = ()
    """In order of name."""
    releases: tuple[ReleaseGlance, ...] = ()
    """The newest of each endpoint."""
    incidents: tuple[IncidentGlance, ...] = ()
    """Not closed, newest first."""


def overview(entries: Iterable[Entry]) -> Overview:
    """Fold the whole journal, given by seq."""
    entries = list(entries)
    releases, incidents = _releases(entries), _incidents(entries)
    by_kind: dict[str, list[Entry]] = {}
    for entry in entries:
        by_kind.setdefault(entry.kind, []).append(entry)
    released = {release.candidate: release.id for release in releases}
    aliases = _aliases(by_kind.get("model.alias", []))
    evidence = _newest(by_kind.get("audit.finished", []))
    verdicts = _newest(by_kind.get("gate.judged", []))
    approvals = [Approval.model_validate(e.payload) for e in by_kind.get("approval.given", [])]

    def glance(model: ModelVersion) -> VersionGlance:
        audited, judged = evidence.get(model.ref), verdicts.get(model.ref)
        return VersionGlance(
            version=model.version,
            digest=model.digest,
            target=model.target,
            sensitive=model.sensitive,
            author=model.author,
            created=model.created,
            aliases=tuple(
                sorted(a for (name, a), v in aliases.items() if (name, v) == (model.name, model.version))
            ),
            evidence=_evidence(audited) if audited else None,
            verdict=_verdict(judged, audited, approvals) if judged else None,
            release=released.get(model.ref, ""),
        )

    models = sorted(
        (ModelVersion.model_validate(e.payload) for e in by_kind.get("model.registered", [])),
        key=lambda m: (m.name, -m.version),
    )
    return Overview(
        seq=entries[-1].seq if entries else -1,
        models=tuple(
            ModelGlance(name=name, versions=tuple(glance(m) for m in versions))
            for name, versions in groupby(models, key=lambda m: m.name)
        ),
        releases=tuple(_release(r) for r in {r.endpoint: r for r in releases}.values()),
        incidents=tuple(_incident(i) for i in incidents if i.status != "closed")[::-1],
    )


def _streams(entries: list[Entry], prefix: str) -> list[list[Entry]]:
    """The entries of each stream under ``prefix``, streams in order of their first entry."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.stream.startswith(prefix):
            found.setdefault(entry.stream, []).append(entry)
    return list(found.values())


def _releases(entries: list[Entry]) -> list[Release]:
    streams = _streams(entries, "release/")
    if not streams:
        return []
    from workbench.releases.state import fold

    return [fold(stream) for stream in streams]


def _incidents(entries: list[Entry]) -> list[Incident]:
    streams = _streams(entries, "incident/")
    if not streams:
        return []
    from workbench.incidents.state import fold

    return [fold(stream) for stream in streams]


def _newest(entries: list[Entry]) -> dict[str, Entry]:
    """The last entry about each model version."""
    return {str(e.payload["model"]): e for e in entries}


def _aliases(entries: list[Entry]) -> dict[tuple[str, str], int]:
    return {(e.stream.removeprefix("model/"), e.payload["alias"]): e.payload["version"] for e in entries}


def _evidence(entry: Entry) -> EvidenceGlance:
    payload = entry.payload
    return EvidenceGlance(
        audits=payload["audits"],
        outcome=payload["outcome"],
        rows=payload["rows"],
        report=payload["report"],
        time=entry.time,
    )


def _verdict(entry: Entry, audited: Entry | None, approvals: list[Approval]) -> VerdictGlance:
    verdict = Verdict.model_validate(entry.payload)
    given = {role: set(people) for role, people in verdict.given_approvals.items()}
    for approval in approvals:
        if (approval.model_digest, approval.policy_digest) == (verdict.model_digest, verdict.policy_digest):
            given.setdefault(approval.role, set()).add(approval.by)
    left = {role: need - len(given.get(role, ())) for role, need in verdict.required_approvals.items()}
    return VerdictGlance(
        outcome=verdict.outcome,
        reason=verdict.reason,
        policy=verdict.policy,
        time=verdict.time,
        missing_approvals={role: count for role, count in left.items() if count > 0},
        approved_by=tuple(sorted(set().union(*given.values()))),
        stale=audited is not None and audited.seq > entry.seq,
    )


def _release(release: Release) -> ReleaseGlance:
    kept: dict[str, Any] = release.model_dump(
        include={"id", "endpoint", "candidate", "champion", "status", "weight", "reason"}
    )
    return ReleaseGlance(
        **kept,
        stage=release.current.name,
        step=release.stages.index(release.current) + 1,
        steps=len(release.stages),
    )


def _incident(incident: Incident) -> IncidentGlance:
    return IncidentGlance.model_validate(
        incident.model_dump(include={"id", "title", "model", "status", "requests", "opened", "finding"})
    )
