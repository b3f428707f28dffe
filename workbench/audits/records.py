"""What an audit leaves behind: measurements, evidence, a report."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from workbench.core import plugins
from workbench.core.digests import of_json
from workbench.core.errors import NotFound, nearest
from workbench.core.records import Record, Shown
from workbench.core.values import Outcome, worst
from workbench.models.records import ModelVersion, Task

if TYPE_CHECKING:
    import pandas as pd

#: Columns of ``Report.frame()``, in order.
FRAME_COLUMNS = ("audit", "metric", "slice", "value", "low", "high", "n", "unit", "outcome")


class Measurement(Record):
    """One number with its interval and n. ``value`` None: not computable, ``note`` says why."""

    metric: str
    """Fairlearn's or scikit-learn's name: ``false_positive_rate``, ``equalized_odds_difference`` …"""
    slice: str = ""
    """``race=African-American & sex=Male``; empty for overall."""
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int
    unit: str = ""
    """``rate``, ``difference``, ``ratio``, ``score``, ``queries``, ``ms``, ``distance`` …"""
    outcome: Outcome = Outcome.MEASURED
    note: str = ""


class Figure(Record):
    """A Vega-Lite spec with its data inside, and the sentence a screen reader says."""

    title: str
    description: str
    spec: dict[str, Any]


class Evidence(Record):
    """What one audit found about one model on one data set, with everything needed to do it again."""

    audit: str
    spec: dict[str, Any] = {}
    """The audit's options as given."""
    outcome: Outcome
    model_digest: str = ""
    """Empty when the model is not registered (``wb.audit`` on an estimator or a column)."""
    data_digest: str
    reference_digest: str = ""
    champion_digest: str = ""
    """Of the version in production that it compares with; empty where it compares with none."""
    measurements: tuple[Measurement, ...] = ()
    figures: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()
    """What the reader must know: limits, groups too small, which interval was used."""
    error: str = ""
    """One line, when the audit raised."""
    libraries: dict[str, str] = {}
    made_by: str = ""
    started: datetime
    seconds: float
    seed: int = 0
    key: str = ""
    """Digest of all it rests on: audit, options, code, model, the columns read. Empty: not to be recalled."""
    recalled: datetime | None = None
    """When it was taken over from an earlier run instead of being measured again. It then carries the digest
    of the later data, which may differ in columns that the audit does not read."""


class Trace(Record):
    """What the journal says of one piece of evidence: enough to tell whether it still holds."""

    audit: str
    digest: str
    """Of the evidence as JSON."""
    model: str
    """Digest of what was measured; empty when it was not registered."""
    data: str
    """Digest."""
    reference: str = ""
    """Digest."""
    champion: str = ""
    """Digest."""
    at: datetime
    """When it was last confirmed: measured, or recalled because nothing under it had changed."""

    @classmethod
    def of(cls, evidence: Evidence) -> Trace:
        """Return the trace that a piece of evidence leaves."""
        return cls(
            audit=evidence.audit,
            digest=of_json(json.loads(evidence.to_json())),
            model=evidence.model_digest,
            data=evidence.data_digest,
            reference=evidence.reference_digest,
            champion=evidence.champion_digest,
            at=evidence.recalled or evidence.started,
        )


class ScoreCounts(Record):
    """Rows by slice, label and score bin: enough to move the threshold with no row at hand.

    ``counts[i][y][b]`` is the number of rows of ``slices[i]`` with label y (0 negative, 1 positive) and score
    in ``[edges[b], edges[b+1])`` (the last bin closed). At a threshold equal to an edge the rates are exact.
    """

    edges: tuple[float, ...]
    slices: tuple[str, ...]
    """First ``""`` (everyone), then single groups, then intersections."""
    counts: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    threshold: float
    """The one in use, 0.5 unless the data says otherwise."""


class Report(Shown):
    """Every audit's evidence on one model and one data set."""

    view: ClassVar[str] = "report"

    title: str
    model: ModelVersion | None = None
    subject: str
    """The model in words: ``recidivism/3``, ``Pipeline``, ``column decile_score``."""
    task: Task
    target: str
    positive: Any = None
    sensitive: tuple[str, ...] = ()
    data_digest: str
    rows: int
    evidence: tuple[Evidence, ...]
    left_out: dict[str, str] = {}
    """Audits of the default suite that could not be done here, and why."""
    notes: tuple[str, ...] = ()
    """What was assumed about the data and the model: the positive label, rows left out."""
    scores: ScoreCounts | None = None
    created: datetime
    code: str = ""
    """The Python that makes this report again."""

    @property
    def outcome(self) -> Outcome:
        """Error if an audit raised, else the worst of what was judged, else measured."""
        return worst([e.outcome for e in self.evidence])

    def frame(self) -> pd.DataFrame:
        """One row a measurement, columns ``audit, metric, slice, value, low, high, n, unit, outcome``.

        An audit that raised is one row with metric ``error`` and outcome ``error``.
        """
        import pandas as pd

        rows = [
            (e.audit, m.metric, m.slice, m.value, m.low, m.high, m.n, m.unit, str(m.outcome))
            for e in self.evidence
            for m in e.measurements
        ]
        rows += [
            (e.audit, "error", "", None, None, None, self.rows, "", str(Outcome.ERROR))
            for e in self.evidence
            if e.outcome is Outcome.ERROR
        ]
        frame = pd.DataFrame(rows, columns=list(FRAME_COLUMNS))
        return frame.astype({"value": float, "low": float, "high": float, "n": int})

    def measurement(self, metric: str, slice: str = "", *, audit: str = "") -> Measurement:
        """Return one measurement.

        Raises:
            NotFound: nothing of that metric and slice, with the nearest names.
        """
        of_metric = [
            m for e in self.evidence if audit in ("", e.audit) for m in e.measurements if m.metric == metric
        ]
        for m in of_metric:
            if m.slice == slice:
                return m
        if of_metric:
            raise NotFound(
                f"{metric} has no slice {slice!r}.", remedy=nearest(slice, [m.slice for m in of_metric])
            )
        known = {m.metric for e in self.evidence for m in e.measurements}
        raise NotFound(f"No measurement {metric!r}.", remedy=nearest(metric, sorted(known)))

    def explore(self) -> Any:
        """Return the widget that filters slices and moves the decision threshold (needs a kernel)."""
        return plugins.load("views", "explore")(self)
