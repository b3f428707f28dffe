"""The files of a pack that the journal's last entry names: evidence, figures, policies, papers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from workbench.audits.archive import kept_bytes
from workbench.audits.records import Report
from workbench.core import plugins
from workbench.gates.docket import newest
from workbench.governance.card import ModelCard
from workbench.governance.pack import verifier
from workbench.models import attestations
from workbench.models.records import ModelVersion


@dataclass(frozen=True)
class Sources:
    """Where a pack's files come from, beside the journal."""

    root: Path
    """The project folder: paths of attestations begin there."""
    reports: Path
    """The folder of kept reports."""
    card: ModelCard
    """The page for somebody who must decide."""


def files_of(version: ModelVersion, entries: Iterable[verifier.Entry], sources: Sources) -> dict[str, bytes]:
    """Return these files by path.

    Args:
        version: the version.
        entries: those to be packed.
        sources: where the rest is.

    Raises:
        NotFound: a report or an attestation is gone.
        Tampered: one of them is not as it was written.
    """
    files = {
        verifier.SCRIPT: Path(verifier.__file__).read_bytes(),
        verifier.CARD: plugins.load("views", "html_page")(sources.card).encode(),
    }
    files |= {
        verifier.ATTESTATIONS[one.kind]: attestations.read(version, one.kind, sources.root)
        for one in version.attestations
    }
    for entry in entries:
        files |= dict(_from(entry, version, sources.reports))
    return files | dict(_figures(version, files))


def _from(entry: verifier.Entry, version: ModelVersion, reports: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what belongs to an entry. Of several verdicts the newest stays."""
    said = entry.payload
    if entry.kind == "model.registered" and said["version"] == version.version:
        yield verifier.RECORD, verifier.canonical(said)
    elif entry.kind == "audit.finished":
        yield verifier.evidence_path(said["report"]), kept_bytes(said["report"], reports)
    elif entry.kind == "policy.used":
        yield verifier.policy_path(said["digest"]), verifier.canonical(said["content"])
    elif entry.kind == "gate.judged":
        yield verifier.VERDICT, verifier.canonical(said)


def _figures(version: ModelVersion, files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """Draw the figures of the newest evidence of each audit."""
    reports = {name: Report.from_json(body) for name, body in files.items() if name.startswith("evidence/")}
    counting = newest([e for report in reports.values() for e in report.evidence], version.digest)
    draw = plugins.load("views", "svg")
    for path, report in reports.items():
        for index, evidence in enumerate(report.evidence):
            for number, figure in enumerate(evidence.figures if evidence in counting.values() else ()):
                yield f"{verifier.figure_prefix(path, index)}{number}.svg", draw(figure).encode()
