"""Plans: the stages of a release and what must be shown to move on, written in YAML, reviewed like code.

A plan is checked whole before its first step. What it asks of a stage comes in two kinds:

* **abort**: every metric, at every look, in every stage. Evidence that the candidate is worse ends the
  release;
* **require**: metrics that must be *proved* good before the stage passes. Rare errors take thousands of
  requests to prove, so a canary stage requires none unless it says so, and then passes on exposure alone; the
  sentence it leaves says which of the two happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from workbench.core.digests import of_json
from workbench.core.documents import Documents
from workbench.core.records import Record
from workbench.releases.records import Stage

Metric = Literal["errors", "disagreement"]
Name = Annotated[str, Field(min_length=1)]


class Errors(Record):
    """A request is bad when the arm it was given to raised, timed out or answered with something invalid."""

    margin: float = Field(default=2.0, gt=1, strict=True, allow_inf_nan=False)
    """Risk ratio to the champion below which the candidate counts as no worse. Worse than 1 aborts."""


class Disagreement(Record):
    """A shadow pair is bad when the two models answer one request differently, in any of its rows."""

    at_most: float = Field(gt=0, lt=1, strict=True)
    """Greatest share of pairs that may differ: proved above aborts, proved below passes."""
    tolerance: float = Field(default=0.0, ge=0, strict=True, allow_inf_nan=False)
    """For numbers: the greatest difference that still counts as the same answer."""


class Metrics(Record):
    """What is watched. Each metric spends an equal part of ``alpha``."""

    errors: Errors | None = None
    disagreement: Disagreement | None = None

    @property
    def names(self) -> tuple[Metric, ...]:
        """The metrics the plan watches."""
        known: tuple[Metric, ...] = ("errors", "disagreement")
        return tuple(name for name in known if getattr(self, name) is not None)


class PlanStage(Record):
    """One step, as written in the plan."""

    name: Name
    kind: Literal["shadow", "canary", "champion"]
    weight: float | None = Field(default=None, strict=True)
    """Canary only: the share of requests for the candidate, above 0 and below 1."""
    min_requests: int | None = Field(default=None, ge=1, strict=True)
    """Exposure before the stage may pass: requests to the candidate, or pairs in shadow."""
    deadline_minutes: float = Field(default=60.0, gt=0, strict=True, allow_inf_nan=False)
    """Minutes after which a stage that has not passed aborts the release."""
    require: tuple[Metric, ...] | None = None
    """Metrics that must be proved good. Left out: disagreement in shadow, none in canary."""

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        if self.kind == "canary" and not (self.weight is not None and 0 < self.weight < 1):
            raise ValueError("a canary stage needs a weight above 0 and below 1, for example 0.10")
        if self.kind != "canary" and self.weight is not None:
            raise ValueError(f"a {self.kind} stage takes no weight")
        if self.kind == "champion" and (self.min_requests is not None or self.require is not None):
            raise ValueError("the champion stage asks nothing: leave out min_requests and require")
        if self.kind != "champion" and self.min_requests is None:
            raise ValueError(f"a {self.kind} stage needs min_requests: without exposure nothing is shown")
        if self.kind == "canary" and "disagreement" in (self.require or ()):
            raise ValueError("disagreement is seen in shadow pairs: require it in a shadow stage")
        if self.kind == "shadow" and "errors" in (self.require or ()):
            raise ValueError("a shadow stage cannot prove errors no worse: require it in a canary stage")
        return self

    @property
    def share(self) -> float:
        """Share of requests the candidate answers in this stage."""
        return {"shadow": 0.0, "champion": 1.0}.get(self.kind, self.weight or 0.0)

    def stage(self) -> Stage:
        """Return the stage as a release shows it."""
        return Stage(
            name=self.name,
            kind=self.kind,
            weight=self.share,
            min_requests=self.min_requests or 0,
            deadline_minutes=self.deadline_minutes,
        )


class Plan(Record):
    """Stages in order, and the error budget of the whole release."""

    name: Name
    description: str = ""
    alpha: float = Field(default=0.05, gt=0, le=0.5, strict=True)
    """Chance that a candidate as good as the champion is aborted, over all metrics, stages and looks."""
    metrics: Metrics
    stages: tuple[PlanStage, ...]

    @model_validator(mode="after")
    def _can_be_walked(self) -> Self:
        _check_order(self.stages)
        if not self.metrics.names:
            raise ValueError("metrics is empty: nothing could stop this release")
        if any(s.kind == "canary" for s in self.stages) and self.metrics.errors is None:
            raise ValueError("a canary stage is judged by errors: add metrics.errors")
        for stage in self.stages:
            for metric in stage.require or ():
                if metric not in self.metrics.names:
                    raise ValueError(f"stage {stage.name!r} requires {metric}, which metrics does not set")
        return self

    @cached_property
    def digest(self) -> str:
        """Digest of what the plan says; comments, order of keys and spelled-out defaults do not count."""
        return of_json(self.model_dump(mode="json", exclude_defaults=True))

    def required(self, index: int) -> tuple[Metric, ...]:
        """Metrics that must be proved good before stage ``index`` passes."""
        stage = self.stages[index]
        if stage.require is not None:
            return stage.require
        return ("disagreement",) if stage.kind == "shadow" and self.metrics.disagreement else ()


def _check_order(stages: tuple[PlanStage, ...]) -> None:
    """Shadow, then canary steps that grow, then champion: the only walk in which exposure never falls."""
    kinds = [stage.kind for stage in stages]
    if kinds.count("champion") != 1 or kinds[-1] != "champion":
        raise ValueError("stages must end with one stage of kind champion")
    if len(stages) < 2:
        raise ValueError("stages has no shadow and no canary stage: nothing would be seen before promotion")
    shares = [stage.share for stage in stages]
    if shares != sorted(shares):
        raise ValueError("stages must not lower the weight: shadow first, then canary steps that grow")
    names = [stage.name for stage in stages]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two stages are called {twice[0]!r}")


#: Plans as files, and those that come with the package.
PLANS = Documents("plan", Plan, "workbench.releases", "plans")


def load_plan(source: str | Path | Mapping[str, Any] | Plan) -> Plan:
    """Read a plan and check all of it.

    Args:
        source: the path of a YAML file, the name of a built-in plan (``canary``), or what such a file would
            hold.

    Raises:
        InvalidInput: not YAML, a key unknown or given twice, a value of the wrong kind, stages that cannot be
            walked: names the key.
        NotFound: there is no such file.
    """
    return PLANS.read(source)
