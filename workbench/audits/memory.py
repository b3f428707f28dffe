"""What earlier audits of a version left: kept evidence by its key, so that nothing is measured twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from workbench.audits.archive import kept
from workbench.audits.records import Evidence, Report, Trace
from workbench.core.errors import WorkbenchError


class Kept:
    """A ``runner.Memory`` over kept reports.

    Evidence is taken only from reports that the journal names, and each is held against its digest.
    """

    def __init__(self, reports: Iterable[Mapping[str, Any]], folder: Path) -> None:
        """Read where everything is, and no report yet.

        Args:
            reports: payloads of ``audit.finished``, oldest first (``entry_of``).
            folder: where ``archive.keep`` put them.
        """
        self._reports: dict[str, str] = {}
        self._seconds: dict[str, float] = {}
        for payload in reports:
            self._reports |= dict.fromkeys(payload.get("keys", ()), payload["report"])
            self._seconds |= payload.get("seconds", {})
        self._read = cache(lambda digest: kept(digest, folder))

    def evidence(self, key: str) -> Evidence | None:
        """Return the evidence of that key, or None; a report that is gone or was changed is no evidence."""
        if key not in self._reports:
            return None
        try:
            report: Report = self._read(self._reports[key])
        except WorkbenchError:
            return None
        return next((evidence for evidence in report.evidence if evidence.key == key), None)

    def seconds(self, audit: str) -> float | None:
        """Return how long the audit took when it was last measured, or None."""
        return self._seconds.get(audit)


def entry_of(report: Report) -> dict[str, Any]:
    """Return what the journal says of a report's evidence: for the next run, and whether it still holds."""
    return {
        "keys": [evidence.key for evidence in report.evidence if evidence.key],
        "seconds": {evidence.audit: round(evidence.seconds, 3) for evidence in report.evidence},
        "evidence": [Trace.of(evidence).model_dump(mode="json") for evidence in report.evidence],
    }
