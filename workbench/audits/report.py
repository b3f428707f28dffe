"""Put the evidence of one run together."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from workbench.audits.base import Subject
from workbench.audits.records import Evidence, Report, ScoreCounts
from workbench.audits.suite import Suite
from workbench.core.clock import Clock
from workbench.models.records import ModelVersion

_log = logging.getLogger(__name__)


def assemble(
    subject: Subject,
    evidence: Sequence[Evidence],
    *,
    suite: Suite,
    title: str,
    model: ModelVersion | None = None,
    code: str = "",
    clock: Clock,
) -> Report:
    """Make the report of what ``run`` found.

    Args:
        subject: what was audited.
        evidence: from ``run``.
        suite: what was run, from ``load_suite``.
        title: heading of the page.
        model: the registered version, when there is one.
        code: the Python that makes this report again.
        clock: its time is the report's.
    """
    data = subject.data
    return Report(
        title=title,
        model=model,
        subject=model.ref if model else subject.predictor.label,
        task=data.task,
        target=data.target,
        positive=data.positive,
        sensitive=data.sensitive,
        data_digest=data.digest,
        rows=len(data.frame),
        evidence=tuple(evidence),
        left_out=_left_out(subject, suite, {e.audit for e in evidence}),
        notes=(*data.notes, *subject.predictor.notes),
        scores=_scores(subject),
        created=clock.now(),
        code=code,
    )


def _left_out(subject: Subject, suite: Suite, there: set[str]) -> dict[str, str]:
    """Audits of the default suite that cannot be done, and why; one that was asked for is evidence."""
    if suite.asked:
        return {}
    reasons = {audit.name: audit.applies(subject) for audit in suite if audit.name not in there}
    return {name: reason for name, reason in reasons.items() if reason}


def _scores(subject: Subject) -> ScoreCounts | None:
    from workbench.audits.fairness import score_counts

    if subject.data.task != "classification":
        return None
    try:
        scores = subject.scores
    except Exception:  # noqa: BLE001 - a model that cannot answer: its audits say so, the report still stands
        _log.info("The model gave no scores.", exc_info=True)
        return None
    return None if scores is None else score_counts(subject.data, scores)
