"""The project at a glance: a fold of the whole journal into what the JupyterLab panel lists.

It reads the journal, so that it is as quick as it is true: no registry, no data, no model. What gateways that
run refuse stands in no journal, and is said beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

from workbench.core.records import Record, Shown
from workbench.core.values import Outcome
from workbench.gates.findings import fold as fold_findings
from workbench.gates.findings import still_open
from workbench.gates.freshness import Basis
from workbench.gates.judge import spoken
from workbench.gates.records import Verdict
from workbench.gates.standing import Standing
from workbench.gates.streams import Look, Streams
from workbench.gateway.status import Status
from workbench.incidents.records import Incident
from workbench.journal.records import Entry
from workbench.models import history
from workbench.models.records import ModelVersion
from workbench.releases import refusals
from workbench.releases.records import Release
from workbench.views.endpoints import NOTHING, Beside, EndpointGlance, endpoints


class EvidenceGlance(Record):
    """The newest audit of a version."""

    audits: dict[str, Outcome]
    outcome: Outcome
    rows: int
    report: str
    """Digest of the report."""
    time: datetime


class Stale(Record):
    """One thing said of a version that holds no longer."""

    kind: str
    """``evidence``, ``verdict`` or ``approval``."""
    name: str
    why: str
    renew: str
    """The command that renews this and nothing else."""


class VerdictGlance(Record):
    """The newest verdict on a version, with what people have said since."""

    outcome: Outcome
    reason: str
    policy: str
    time: datetime
    missing_approvals: dict[str, int] = {}
    """Roles and how many people of each are still to approve."""
    approved_by: tuple[str, ...] = ()
    rejected_by: tuple[str, ...] = ()
    """Whose rejection stands: nothing is released over it."""
    stale: bool = False
    """True when it does not hold: ``VersionGlance.stale`` says why."""


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
    stale: tuple[Stale, ...] = ()
    """What holds no longer under the policy of its verdict."""
    open_findings: dict[str, int] = {}
    """How many findings stand open against it, by severity."""
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


class RefusalGlance(Record):
    """Bytes that are not those that were approved, and were not let in."""

    by: Literal["release", "gateway"]
    """Who looked: a release before anything moved, or the gateway that was to load them."""
    name: str
    """The version a release was for; the endpoint of a gateway."""
    reason: str
    answering: str = ""
    """What the gateway answers with all the same; empty: nothing, or a release looked."""
    time: datetime | None = None
    """When a release looked."""


class Overview(Shown):
    """Everything the panel lists."""

    view: ClassVar[str] = "overview"

    seq: int
    """Last journal entry this rests on; -1 for an empty journal."""
    models: tuple[ModelGlance, ...] = ()
    """In order of name."""
    releases: tuple[ReleaseGlance, ...] = ()
    """The newest of each endpoint."""
    endpoints: tuple[EndpointGlance, ...] = ()
    """Those that something was released to or that are served here, in order of name."""
    incidents: tuple[IncidentGlance, ...] = ()
    """Not closed, newest first."""
    refusals: tuple[RefusalGlance, ...] = ()
    """What was not let in, and stands."""


def overview(entries: Iterable[Entry], look: Look | None = None, beside: Beside = NOTHING) -> Overview:
    """Fold the whole journal.

    Args:
        entries: by seq.
        look: the project's people, keys and policies, and the time. Default: nobody has a role, and it is
            the moment of the last entry.
        beside: what gateways say of themselves, who drives, and what was captured of late.
    """
    entries = list(entries)
    look = look or Look(entries[-1].time if entries else datetime.now(UTC))
    by_stream = _by_stream(entries)
    streams = Streams(lambda stream: by_stream.get(stream, ()), look)
    releases, incidents = _releases(entries), _incidents(entries)
    released = {release.candidate: release.id for release in releases}
    names = [stream.removeprefix("model/") for stream in by_stream if stream.startswith("model/")]
    models = tuple(_model(name, streams, released) for name in sorted(names))
    return Overview(
        seq=entries[-1].seq if entries else -1,
        models=models,
        releases=tuple(_release(r) for r in {r.endpoint: r for r in releases}.values()),
        incidents=tuple(_incident(i) for i in incidents if i.status != "closed")[::-1],
        endpoints=endpoints(releases, by_stream, beside),
        refusals=(*_refusals(by_stream), *(_refused(one) for one in beside.gateways if one.refused)),
    )


def _by_stream(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.stream, []).append(entry)
    return found


def _model(name: str, streams: Streams, released: Mapping[str, str]) -> ModelGlance:
    entries = list(streams.read(f"model/{name}"))
    aliases = history.aliases(entries)
    findings = fold_findings(streams.read(f"finding/{name}"))

    def glance(model: ModelVersion) -> VersionGlance:
        verdict = streams.verdict(model)
        policy = streams.policy(verdict) if verdict else None
        standing = streams.standing(model, policy) if policy else Standing()
        stale = streams.freshness(model, policy, standing).stale if policy else ()
        return VersionGlance(
            version=model.version,
            digest=model.digest,
            target=model.target,
            sensitive=model.sensitive,
            author=model.author,
            created=model.created,
            aliases=tuple(sorted(a for a, number in aliases.items() if number == model.version)),
            evidence=_evidence(streams.read(f"evidence/{model.ref}")),
            verdict=_verdict(verdict, standing, stale) if verdict else None,
            stale=tuple(Stale(kind=b.kind, name=b.name, why=b.why, renew=b.renew) for b in stale),
            open_findings=dict(Counter(f.severity for f in still_open(findings, model, streams.look.now))),
            release=released.get(model.ref, ""),
        )

    newest_first = reversed(history.versions(entries).values())
    return ModelGlance(name=name, versions=tuple(glance(model) for model in newest_first))


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


def _evidence(entries: Iterable[Entry]) -> EvidenceGlance | None:
    finished = [entry for entry in entries if entry.kind == "audit.finished"]
    if not finished:
        return None
    payload = finished[-1].payload
    return EvidenceGlance(
        audits=payload["audits"],
        outcome=payload["outcome"],
        rows=payload["rows"],
        report=payload["report"],
        time=finished[-1].time,
    )


def _verdict(verdict: Verdict, standing: Standing, stale: Iterable[Basis]) -> VerdictGlance:
    now = verdict.model_copy(update=spoken(standing))
    return VerdictGlance(
        outcome=now.outcome,
        reason=now.reason,
        policy=now.policy,
        time=now.time,
        missing_approvals=now.missing_approvals,
        approved_by=tuple(sorted({one.by for one in standing.given})),
        rejected_by=now.rejected_by,
        stale=any(basis.kind == "verdict" for basis in stale),
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


def _refusals(by_stream: Mapping[str, list[Entry]]) -> list[RefusalGlance]:
    return [
        RefusalGlance(by="release", name=one.model, reason=one.reason, time=one.time)
        for stream, entries in by_stream.items()
        if stream.startswith(refusals.PREFIX)
        for one in refusals.standing(entries).values()
    ]


def _refused(status: Status) -> RefusalGlance:
    return RefusalGlance(by="gateway", name=status.endpoint, reason=status.refused, answering=status.champion)


def _incident(incident: Incident) -> IncidentGlance:
    return IncidentGlance.model_validate(
        incident.model_dump(include={"id", "title", "model", "status", "requests", "opened", "finding"})
    )
