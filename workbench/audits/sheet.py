"""The sheet one audit is written on: who, on what, since when; then what was found, as evidence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, entry_points, version

from workbench.audits.base import Audit, Finding, Subject, options_of
from workbench.audits.records import Evidence, Measurement
from workbench.core.clock import Clock
from workbench.core.values import Outcome
from workbench.models.records import ModelVersion


@dataclass(frozen=True)
class Sheet:
    """What is known of one audit before it starts."""

    audit: Audit
    subject: Subject
    """As this audit sees it."""
    data_digest: str
    """Of the whole data, also of what it does not see."""
    reference_digest: str
    made_by: str
    model: ModelVersion | None
    clock: Clock
    champion_digest: str = ""
    """Of the version in production, where the audit is shown one."""
    key: str = ""
    """``keys.key_of`` of it; empty when what it rests on cannot be named, or nobody would recall it."""

    def start(self) -> Started:
        """Look at the clock."""
        return Started(self, self.clock.now(), self.clock.monotonic())


@dataclass(frozen=True)
class Started:
    """A sheet whose audit is under way."""

    sheet: Sheet
    at: datetime
    since: float

    def cannot(self, reason: str) -> Evidence:
        """Nothing could be measured, and why. Whoever asks again is measured again."""
        return self._evidence(Finding([], outcome=Outcome.INCONCLUSIVE, notes=[reason]))

    def raised(self, error: Exception) -> Evidence:
        """It raised. Whoever asks again is measured again."""
        return self._evidence(Finding([], outcome=Outcome.ERROR), error=_one_line(error))

    def found(self, finding: Finding) -> Evidence:
        """It measured."""
        return self._evidence(finding, key=self.sheet.key)

    def _evidence(self, finding: Finding, *, error: str = "", key: str = "") -> Evidence:
        sheet = self.sheet
        return Evidence(
            audit=sheet.audit.name,
            spec=options_of(sheet.audit),
            outcome=finding.outcome,
            model_digest=sheet.model.digest if sheet.model else "",
            data_digest=sheet.data_digest,
            reference_digest=sheet.reference_digest,
            champion_digest=sheet.champion_digest,
            measurements=tuple(_finite(m) for m in finding.measurements),
            figures=tuple(finding.figures),
            notes=tuple(finding.notes),
            error=error,
            libraries=_versions(("model-workbench", *origin(type(sheet.audit)), *finding.libraries)),
            made_by=sheet.made_by,
            started=self.at,
            seconds=max(sheet.clock.monotonic() - self.since, 0.0),
            seed=sheet.subject.seed,
            key=key,
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
    return {name: found for name in dict.fromkeys(distributions) if (found := installed(name))}


@cache
def installed(distribution: str) -> str:
    """Return the version of a distribution; empty when it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:  # a source tree on the path, not installed
        return ""


@cache
def origin(audit: type) -> tuple[str, ...]:
    """Return the distribution that brought a plug-in audit, when it came by an entry point."""
    value = f"{audit.__module__}:{audit.__qualname__}"
    points = entry_points(group="workbench.audits")
    return tuple(p.dist.name for p in points if p.value == value and p.dist is not None)
