"""The model card: one version on one page, from the journal's facts, for somebody who must decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar

from workbench.audits.records import Evidence, Report
from workbench.core.digests import short
from workbench.core.records import Record, Shown
from workbench.gates.findings import fold as fold_findings
from workbench.gates.freshness import Freshness
from workbench.gates.records import Approval, Finding, Lapse, Verdict
from workbench.gates.standing import Standing
from workbench.gates.streams import Look, Streams
from workbench.incidents.records import Incident
from workbench.journal.merkle import frontier
from workbench.journal.records import Entry
from workbench.models.records import ModelVersion, Waiver
from workbench.releases.records import Release

NOT_STATED = "not stated"


class Statement(Record):
    """A field that only a person can fill."""

    title: str
    question: str
    """What the person is asked."""
    text: str = NOT_STATED
    by: str = ""
    time: datetime | None = None


class HistoryLine(Record):
    """Who did what when, from one journal entry."""

    seq: int
    """The entry, so that a reader can look it up."""
    time: datetime
    actor: str
    what: str


class ModelCard(Shown):
    """A version, what was found about it, who said yes, and what happened to it."""

    view: ClassVar[str] = "card"

    model: ModelVersion
    evidence: tuple[Evidence, ...] = ()
    """Of each audit the newest on these bytes."""
    verdict: Verdict | None = None
    """The newest on these bytes."""
    freshness: Freshness | None = None
    """Whether evidence, verdict and approvals hold under the verdict's policy; None without a verdict."""
    approvals: tuple[Approval, ...] = ()
    """What counts now under that policy: approvals, then rejections."""
    lapsed: tuple[Lapse, ...] = ()
    """What was said of these bytes and counts no longer, and why."""
    findings: tuple[Finding, ...] = ()
    """About the model, whatever became of them."""
    waivers: tuple[Waiver, ...] = ()
    """Given for the model, also those that have run out."""
    releases: tuple[Release, ...] = ()
    """Those it was the candidate of."""
    incidents: tuple[Incident, ...] = ()
    """Those whose rows it answered."""
    history: tuple[HistoryLine, ...] = ()
    """Oldest first."""
    statements: tuple[Statement, ...] = ()
    journal_size: int
    """Entries the card rests on."""
    journal_root: str
    """Merkle root over them, hex: what a later ``workbench verify`` can be held against."""
    checkpoint: str = ""
    """The newest signed note over the journal, for whoever gets the page to hold; empty without any."""
    time: datetime


def assemble_card(
    version: ModelVersion,
    entries: Iterable[Entry],
    *,
    reports: Sequence[Report],
    look: Look,
    checkpoint: str = "",
) -> ModelCard:
    """Assemble the card of a version.

    Args:
        version: the version.
        entries: the whole journal, by seq.
        reports: the kept reports of this version, oldest first.
        look: the project's people, keys and policies, and when the card is made.
        checkpoint: the newest signed note over the journal.
    """
    entries = list(entries)
    streams = _by_stream(entries)
    gates = Streams(lambda stream: streams.get(stream, ()), look)
    verdict = gates.verdict(version)
    policy = gates.policy(verdict) if verdict else None
    standing = gates.standing(version, policy) if policy else Standing()
    own = {kind: streams.get(f"{kind}/{version.ref}", []) for kind in ("evidence", "gate", "approval")}
    releases = _releases(streams, version)
    incidents = _incidents(streams, version)
    about = {f"release/{r.id}" for r in releases} | {f"incident/{i.id}" for i in incidents}
    about |= {f"finding/{version.name}", f"waiver/{version.name}"} & streams.keys()
    told = [*own["evidence"], *own["gate"], *own["approval"], *_registry_entries(streams, version)]
    told += [entry for stream in about for entry in streams[stream]]
    told += [e for e in streams.get(f"artifact/{version.name}", ()) if e.payload["model"] == version.ref]
    return ModelCard(
        model=version,
        evidence=_newest(version, reports),
        verdict=verdict,
        freshness=gates.freshness(version, policy, standing) if policy else None,
        approvals=(*standing.given, *standing.rejected),
        lapsed=tuple(one for one in standing.lapsed if one.approval.model_digest == version.digest),
        findings=tuple(fold_findings(streams.get(f"finding/{version.name}", ()))),
        waivers=tuple(Waiver.model_validate(e.payload) for e in streams.get(f"waiver/{version.name}", ())),
        releases=releases,
        incidents=incidents,
        # The looks of a release stand in the journal; the card tells its decisions.
        history=tuple(_line(e) for e in sorted(told, key=lambda e: e.seq) if e.kind != "release.judged"),
        statements=_statements(),
        journal_size=len(entries),
        journal_root=frontier(bytes.fromhex(e.hash) for e in entries).root(),
        checkpoint=checkpoint,
        time=look.now,
    )


def _by_stream(entries: list[Entry]) -> dict[str, list[Entry]]:
    streams: dict[str, list[Entry]] = {}
    for entry in entries:
        streams.setdefault(entry.stream, []).append(entry)
    return streams


def _registry_entries(streams: dict[str, list[Entry]], version: ModelVersion) -> list[Entry]:
    """Registration and alias moves of this version, among those of all versions of the name."""
    return [
        e for e in streams.get(f"model/{version.name}", []) if e.payload.get("version") == version.version
    ]


def _newest(version: ModelVersion, reports: Sequence[Report]) -> tuple[Evidence, ...]:
    newest: dict[str, Evidence] = {}
    for report in reports:
        newest.update({e.audit: e for e in report.evidence if e.model_digest == version.digest})
    return tuple(newest.values())


def _releases(streams: dict[str, list[Entry]], version: ModelVersion) -> tuple[Release, ...]:
    from workbench.releases.state import fold

    folded = (fold(entries) for stream, entries in streams.items() if stream.startswith("release/"))
    return tuple(release for release in folded if release.candidate == version.ref)


def _incidents(streams: dict[str, list[Entry]], version: ModelVersion) -> tuple[Incident, ...]:
    from workbench.incidents.state import fold

    folded = (fold(entries) for stream, entries in streams.items() if stream.startswith("incident/"))
    return tuple(i for i in folded if i.model == version.name and version.version in i.versions)


def _line(entry: Entry) -> HistoryLine:
    told = _SENTENCES.get(entry.kind)
    what = told(entry.payload) if told else _plainly(entry)
    return HistoryLine(seq=entry.seq, time=entry.time, actor=entry.actor, what=what)


def _plainly(entry: Entry) -> str:
    """Say an event this page has no sentence for by its kind, its stream and its own words, if it has any."""
    words = entry.kind.replace(".", " ").replace("_", " ")
    own = next((str(entry.payload[k]) for k in ("sentence", "reason", "title") if entry.payload.get(k)), "")
    return f"{words} ({entry.stream}): {own}" if own else f"{words} ({entry.stream})"


_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "model.registered": lambda p: f"registered {p['name']}/{p['version']} ({short(p['digest'])})",
    "model.alias": lambda p: f"moved the alias {p['alias']} to version {p['version']}",
    "model.compiled": lambda p: (
        f"compiled it ({p['kind']}), compared on {sum(p['compared'].values()):,} rows"
        if p["kind"]
        else f"was to compile it: {p['reason']}"
    ),
    "audit.finished": lambda p: (
        f"audited it on {p['rows']:,} rows: {', '.join(p['audits'])} ({p['outcome']})"
    ),
    "gate.judged": lambda p: f"judged it by policy {p['policy']}: {p['outcome']}. {p['reason']}",
    "approval.requested": lambda p: f"requested approval under {p['policy']}: {p['note']}",
    "approval.given": lambda p: f"approved it as {p['role']}: {p['note']}",
    "approval.rejected": lambda p: f"rejected it as {p['role']}: {p['note']}",
    "approval.revoked": lambda p: f"took {p['approval']} back: {p['note']}",
    "finding.opened": lambda p: f"found ({p['severity']}): {p['title']}",
    "finding.accepted": lambda p: f"accepted {p['finding']} until {p['until']}: {p['note']}",
    "finding.fixed": lambda p: f"said that {p['finding']} is fixed in {p['version']}: {p['note']}",
    "artifact.refused": lambda p: f"was to release it, and its bytes were refused: {p['reason']}",
    "artifact.accepted": lambda _: "found its bytes to be right again",
    "release.approved": lambda p: f"approved {p['stage_name']} of {p['release']} as {p['role']}: {p['note']}",
    "release.approval_revoked": lambda p: (
        f"took back an approval of {p['stage_name']} of {p['release']}: {p['note']}"
    ),
    "waiver.given": lambda p: f"answers for a {p['kind']} until {p['until']}: {p['reason']}",
}


def _statements() -> tuple[Statement, ...]:
    return (
        Statement(
            title="Intended use",
            question="For which decision is it made, by whom is it used, and for what must it not be used?",
        ),
        Statement(
            title="Limitations",
            question="Where is it known or likely to be wrong, and what was not measured?",
        ),
        Statement(
            title="People affected",
            question="Whom do its answers touch, and how can they object?",
        ),
    )
