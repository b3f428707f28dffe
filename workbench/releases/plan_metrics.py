"""What a plan watches: five kinds of evidence that may end a release, each with its part of the error budget.

Every metric that is set aborts when it proves harm. Which of them a stage may also *require*, proved good
before it passes, depends on what can be seen in it (``workbench.releases.plan_stages.PROVABLE``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from workbench.core.records import Record

Metric = Literal["errors", "disagreement", "latency", "objective"]
METRICS: tuple[Metric, ...] = ("errors", "disagreement", "latency", "objective")

Part = Annotated[float, Field(gt=0, strict=True, allow_inf_nan=False)]
"""A positive weight: a metric gets this part of the sum of all parts."""


class Errors(Record):
    """A request is bad when the arm it was given to raised, timed out or answered with something invalid."""

    margin: float = Field(default=2.0, gt=1, strict=True, allow_inf_nan=False)
    """Risk ratio to the champion below which the candidate counts as no worse. Worse than 1 aborts."""
    alpha_share: Part = 1.0


class Disagreement(Record):
    """A shadow pair is bad when the two models answer one request differently, in any of its rows."""

    at_most: float = Field(gt=0, lt=1, strict=True)
    """Greatest share of pairs that may differ: proved above aborts, proved below passes."""
    tolerance: float = Field(default=0.0, ge=0, strict=True, allow_inf_nan=False)
    """For numbers: the greatest difference that still counts as the same answer."""
    alpha_share: Part = 1.0


class Latency(Record):
    """A request is bad when it took longer than a quantile of the champion's, frozen before the start."""

    objective_ms: float | None = Field(default=None, gt=0, strict=True, allow_inf_nan=False)
    """A further limit beside those quantiles, in milliseconds: what users were promised."""
    alpha_share: Part = 1.0


class Objective(Record):
    """The candidate's own share of bad requests, whatever the champion's is."""

    at_most: float = Field(gt=0, lt=1, strict=True)
    """Greatest share of its requests that may be bad: proved above aborts, proved below passes."""
    alpha_share: Part = 1.0


class Guardrails(Record):
    """Errors within each group, so that harm to a few is not lost among the many. Off unless written."""

    column: str = Field(min_length=1)
    """Names the groups: one of the version's columns."""
    min_requests: int = Field(default=100, ge=1, strict=True)
    """Requests of a group before anything is said of it."""
    alpha_share: Part = 1.0


class Metrics(Record):
    """What is watched."""

    errors: Errors | None = None
    disagreement: Disagreement | None = None
    latency: Latency | None = None
    objective: Objective | None = None
    guardrails: Guardrails | None = None

    @property
    def names(self) -> tuple[Metric, ...]:
        """The metrics the plan watches, guardrails apart: those are errors again, group by group."""
        return tuple(name for name in METRICS if getattr(self, name) is not None)

    def part_of(self, metric: str) -> float:
        """Return the part of the error budget, 0 to 1, of a metric that is set or of ``guardrails``."""
        parts = {
            name: getattr(self, name).alpha_share
            for name in (*METRICS, "guardrails")
            if getattr(self, name) is not None
        }
        return float(parts[metric] / sum(parts.values()))
