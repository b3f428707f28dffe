"""An incident, its replays and its bisection."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal

from workbench.audits.records import Measurement
from workbench.core.records import Record, Shown
from workbench.core.values import Outcome


class Incident(Shown):
    """Frozen exchanges with a digest: the same rows for everybody who looks into it."""

    view: ClassVar[str] = "incident"

    id: str
    """``INC-1``, ``INC-2`` … in order of opening."""
    title: str
    endpoint: str = ""
    model: str = ""
    """Name of the model whose versions are suspects."""
    source: Literal["window", "alert", "rows"]
    since: datetime | None = None
    until: datetime | None = None
    requests: int
    rows: int
    versions: tuple[int, ...] = ()
    """Versions that answered these requests."""
    digest: str
    """Of the frozen Parquet file; checked whenever it is read."""
    labelled: bool = False
    """True when the rows carry the target."""
    opened: datetime
    opened_by: str
    status: Literal["open", "explained", "closed"] = "open"
    finding: str = ""
    """The last conclusive bisection in one sentence; while there is none, the last one."""
    notes: tuple[str, ...] = ()
    """What was left out when freezing, then what people noted."""
    cases: tuple[str, ...] = ()
    """Names of the behaviour cases saved from it."""
    redacted: tuple[str, ...] = ()
    """Columns whose values were never captured: versions that read one cannot be asked again."""


class ReplayColumn(Record):
    """One version's answers to the frozen rows."""

    version: int
    label: str
    """``recidivism/3``, with ``(champion)`` where it is."""
    n: int
    errors: int = 0
    error: str = ""
    """The first error, in one line."""
    disagrees_with_recorded: float | None = None
    """Share of rows answered differently than in production."""
    disagrees_with_first: float | None = None
    """Share of rows answered differently than the first version that could be asked; of its task alone."""
    positive_rate: float | None = None
    metrics: tuple[Measurement, ...] = ()
    """Against labels, when the rows carry them."""
    latency_ms: float | None = None
    """Median a batch of one."""


class ReplayReport(Shown):
    """The same rows, scored on several versions."""

    view: ClassVar[str] = "replay"

    incident: str
    digest: str
    rows: int
    columns: tuple[ReplayColumn, ...]
    examples: tuple[dict[str, Any], ...] = ()
    """Up to 20 rows on which versions differ: inputs and each version's answer."""
    time: datetime


class Failure(Record):
    """A predicate on a version: does it show the failure on the incident's rows?"""

    kind: Literal["disagreement", "error", "metric"]
    reference: int | None = None
    """For ``disagreement``: the version taken as right. Default: the oldest."""
    metric: str = ""
    """For ``metric``: scikit-learn's or Fairlearn's name, on labelled rows."""
    above: float | None = None
    """Bad when the share or the metric is above this."""
    below: float | None = None
    """Bad when the metric is below this."""


class Trial(Record):
    """One version tried by the bisection."""

    version: int
    outcome: Literal["good", "bad", "untestable"]
    value: float | None = None
    reason: str = ""


class BisectReport(Shown):
    """The first version that shows the failure."""

    view: ClassVar[str] = "bisect"

    incident: str
    digest: str
    model: str
    failure: Failure
    trials: tuple[Trial, ...]
    """In the order tried."""
    first_bad: int | None
    last_good: int | None
    monotone: bool
    """False when a later version than ``first_bad`` is good: then the answer is one of several."""
    outcome: Outcome
    sentence: str
    changes: tuple[str, ...] = ()
    """What differs in lineage between last good and first bad."""
    time: datetime
