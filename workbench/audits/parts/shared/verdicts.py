"""Verdicts: what an interval says about a margin, and what the measurements say together."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.audits.records import Measurement
from workbench.core.values import Outcome, worst


def at_most(margin: float | None, low: float, high: float) -> Outcome:
    """Pass within a margin, fail beyond it, inconclusive when an interval holds it; without one: measured."""
    if margin is None:
        return Outcome.MEASURED
    if high <= margin:
        return Outcome.PASS
    return Outcome.FAIL if low > margin else Outcome.INCONCLUSIVE


def together(measurements: Iterable[Measurement]) -> Outcome:
    """The worst of those that were judged; measured where none was."""
    judged = [m.outcome for m in measurements if m.outcome is not Outcome.MEASURED]
    return worst(list(judged)) if judged else Outcome.MEASURED
