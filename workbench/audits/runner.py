"""Run audits one after another and make evidence of whatever comes of it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version

from workbench.audits.base import Audit, Finding, Subject, options_of
from workbench.audits.records import Evidence, Measurement
from workbench.audits.suite import Suite
from workbench.core.clock import Clock
from workbench.core.values import Outcome
from workbench.models.records import ModelVersion

Progress = Callable[[str, int, int], None]
"""Called before each audit with its name, how many are finished, and of how many."""

_log = logging.getLogger(__name__)


class AuditsInterrupted(KeyboardInterrupt):
    """Somebody stopped the run. ``evidence`` is what was found, the stopped audit last and inconclusive."""

    def __init__(self, evidence: list[Evidence]) -> None:
        super().__init__(f"Stopped after {len(evidence) - 1} finished audits.")
        self.evidence = evidence


def run(
    subject: Subject,
    audits: Sequence[Audit],
    *,
    made_by: str,
    clock: Clock,
    model: ModelVersion | None = None,
    progress: Progress | None = None,
) -> list[Evidence]:
    """Run ``audits`` on ``subject``.

    An audit that raises is evidence with outcome ``error``. One that was asked for and cannot be done is
    ``inconclusive`` with the reason; one of the default suite that cannot be done is left out here and named
    by the report (``Report.left_out``).

    Args:
        subject: what is audited.
        audits: from ``load_suite``.
        made_by: who asked, for the record.
        clock: time stamps and durations.
        model: the registered version, whose digest binds the evidence.
        progress: called before each audit.

    Raises:
        AuditsInterrupted: stopped from the keyboard; it carries the evidence so far.
    """
    asked = not isinstance(audits, Suite) or audits.asked
    found: list[Evidence] = []
    for done, audit in enumerate(audits):
        sheet = _Sheet(audit, subject, made_by, model, clock, clock.now(), clock.monotonic())
        try:
            if progress is not None:
                progress(audit.name, done, len(audits))
            evidence = _examine(sheet, asked=asked)
        except KeyboardInterrupt:
            found.append(sheet.cannot(_stopped([later.name for later in audits[done + 1 :]])))
            raise AuditsInterrupted(found) from None
        found += [evidence] if evidence else []
    return found


def _stopped(not_begun: Sequence[str]) -> str:
    rest = f" Not begun: {', '.join(not_begun)}." if not_begun else ""
    return f"Stopped from the keyboard before it was finished.{rest}"


def _examine(sheet: _Sheet, *, asked: bool) -> Evidence | None:
    """Measure, or say why not. None: does not apply and nobody asked for it."""
    try:
        reason = sheet.audit.applies(sheet.subject)
        if not reason:
            return sheet.evidence(sheet.audit.measure(sheet.subject))
    except Exception as error:  # noqa: BLE001 - what an audit raises is evidence
        _log.info("The audit %s raised.", sheet.audit.name, exc_info=True)
        return sheet.evidence(Finding([], outcome=Outcome.ERROR), error=_one_line(error))
    return sheet.cannot(reason) if asked else None


@dataclass(frozen=True)
class _Sheet:
    """What is known of one audit before it starts: who, on what, since when."""

    audit: Audit
    subject: Subject
    made_by: str
    model: ModelVersion | None
    clock: Clock
    started: datetime
    since: float

    def cannot(self, reason: str) -> Evidence:
        return self.evidence(Finding([], outcome=Outcome.INCONCLUSIVE, notes=[reason]))

    def evidence(self, finding: Finding, *, error: str = "") -> Evidence:
        reference = self.subject.reference
        return Evidence(
            audit=self.audit.name,
            spec=options_of(self.audit),
            outcome=finding.outcome,
            model_digest=self.model.digest if self.model else "",
            data_digest=self.subject.data.digest,
            reference_digest=reference.digest if reference else "",
            measurements=tuple(_finite(m) for m in finding.measurements),
            figures=tuple(finding.figures),
            notes=tuple(finding.notes),
            error=error,
            libraries=_versions(("model-workbench", *_origin(type(self.audit)), *finding.libraries)),
            made_by=self.made_by,
            started=self.started,
            seconds=max(self.clock.monotonic() - self.since, 0.0),
            seed=self.subject.seed,
        )


def _finite(m: Measurement) -> Measurement:
    """JSON has neither NaN nor infinity: "not computable" is None."""
    lost = {
        k: None for k in ("value", "low", "high") if (x := getattr(m, k)) is not None and not math.isfinite(x)
    }
    return m.model_copy(update=lost) if lost else m


def _one_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _versions(distributions: Sequence[str]) -> dict[str, str]:
    return {name: found for name in dict.fromkeys(distributions) if (found := _version(name))}


@cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # a source tree on the path, not installed
        return ""


@cache
def _origin(audit: type) -> tuple[str, ...]:
    """The distribution that brought a plug-in audit, when it came by an entry point."""
    value = f"{audit.__module__}:{audit.__qualname__}"
    points = entry_points(group="workbench.audits")
    return tuple(p.dist.name for p in points if p.value == value and p.dist is not None)
