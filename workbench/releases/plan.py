"""Plans: the stages of a release and what must be shown to move on, written in YAML, reviewed like code.

A plan is checked whole before its first step. What it asks of a stage comes in two kinds:

* **abort**: every metric, at every look, in every stage. Evidence that the candidate is worse ends the
  release;
* **require**: metrics that must be *proved* good before the stage passes. Rare errors take thousands of
  requests to prove, so a canary stage requires none unless it says so, and then passes on exposure alone; the
  sentence it leaves says which of the two happened.

``Plan.stages`` is what was written; ``Plan.steps`` is what is walked, a progressive stage unfolded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from workbench.core.digests import of_json
from workbench.core.documents import Documents
from workbench.core.errors import InvalidInput
from workbench.core.project import document, documents
from workbench.core.records import Record
from workbench.releases.plan_metrics import (
    Disagreement,
    Errors,
    Guardrails,
    Latency,
    Metric,
    Metrics,
    Objective,
)
from workbench.releases.plan_stages import Name, PlanStage

__all__ = [
    "PLANS",
    "Disagreement",
    "Errors",
    "Guardrails",
    "Latency",
    "Metric",
    "Metrics",
    "Objective",
    "Plan",
    "PlanStage",
    "load_plan",
]


class Plan(Record):
    """Stages in order, and the error budget of the whole release."""

    name: Name
    description: str = ""
    alpha: float = Field(default=0.05, gt=0, le=0.5, strict=True)
    """Chance that a candidate as good as the champion is aborted, over all metrics, stages and looks."""
    sticky: str = ""
    """Column that names the entity: the coin is thrown once for each, in every stage with a weight, and what
    is counted is entities. Each counts once under the coins of a release, at its first request, so that the
    coin does not depend on what the entity has met before. Empty: a coin for every request."""
    metrics: Metrics
    stages: tuple[PlanStage, ...]

    @model_validator(mode="after")
    def _can_be_walked(self) -> Self:
        _check_order(self.steps)
        if not self.metrics.names:
            raise ValueError("metrics is empty: nothing could stop this release")
        self._check_what_judges()
        for stage in self.stages:
            for metric in stage.require or ():
                if metric not in self.metrics.names:
                    raise ValueError(f"stage {stage.name!r} requires {metric}, which metrics does not set")
        if self.stages[0].approvals:
            first = self.stages[0].name
            raise ValueError(f"stage {first!r} is the first: the gate lets it begin, so leave out approvals")
        return self

    def _check_what_judges(self) -> None:
        """In each stage there must be something that can stop it."""
        kinds = {stage.kind for stage in self.steps}
        if "ab" in kinds and not self.sticky:
            raise ValueError("a stage of kind ab splits entities: name their column in sticky")
        if kinds & {"canary", "ab"} and self.metrics.errors is None:
            raise ValueError("a canary stage is judged by errors: add metrics.errors")
        if "blue_green" in kinds and self.metrics.objective is None:
            raise ValueError(
                "in a blue_green stage nobody is beside the candidate to compare with: add metrics.objective"
            )

    @cached_property
    def steps(self) -> tuple[PlanStage, ...]:
        """The stages as they are walked: a progressive one is as many steps as it has weights."""
        return tuple(step for stage in self.stages for step in stage.steps())

    @cached_property
    def digest(self) -> str:
        """Digest of what the plan says; comments, order of keys and spelled-out defaults do not count."""
        return of_json(self.model_dump(mode="json", exclude_defaults=True))

    def required(self, index: int) -> tuple[Metric, ...]:
        """Metrics that must be proved good before step ``index`` passes."""
        step = self.steps[index]
        if step.require is not None:
            return step.require
        return ("disagreement",) if step.kind == "shadow" and self.metrics.disagreement else ()

    def alpha_of(self, metric: str, alpha: float) -> float:
        """Return the error budget of one metric.

        Args:
            metric: one that the plan watches, or ``guardrails``: the budget of all groups together.
            alpha: the budget of the release: the plan's, or less when it is not the first attempt.
        """
        return alpha * self.metrics.part_of(metric)


def _check_order(steps: tuple[PlanStage, ...]) -> None:
    """Shadow, then steps that grow, then champion: the only walk in which exposure never falls."""
    kinds = [step.kind for step in steps]
    if kinds.count("champion") != 1 or kinds[-1] != "champion":
        raise ValueError("stages must end with one stage of kind champion")
    if len(steps) < 2:
        raise ValueError(
            "stages has the champion alone: nothing would be seen before promotion. Add one of kind shadow, "
            "canary, progressive, blue_green or ab before it"
        )
    shares = [step.share for step in steps]
    if shares != sorted(shares):
        raise ValueError("stages must not lower the weight: shadow first, then canary steps that grow")
    names = [step.name for step in steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"two stages are called {twice[0]!r}")


def _check_new(plan: Plan) -> None:
    """What a plan is refused for that could be opened once: an old journal that holds it is still read."""
    seen = plan.metrics.errors or plan.metrics.disagreement
    if seen is None and any(step.kind == "shadow" for step in plan.steps):
        raise InvalidInput(
            f"{plan.name}: a shadow stage is judged by errors or disagreement: add metrics.errors or "
            "metrics.disagreement. Nothing else could stop it.",
            field="metrics",
        )
    for one, next in pairwise(step for step in plan.steps if step.kind != "champion"):
        if (one.share, one.arms) == (next.share, next.arms):
            raise InvalidInput(
                f"{plan.name}: the stages {one.name!r} and {next.name!r} route requests alike, and nothing "
                f"would tell which of them a request belongs to: make one stage of them{_or_more(next)}.",
                field="stages",
            )


def _or_more(step: PlanStage) -> str:
    return ", or give the second more weight" if 0 < step.share < 1 else ""


#: Plans as files, and those that come with the package.
PLANS = Documents("plan", Plan, "workbench.releases", "plans")


def load_plan(source: str | Path | Mapping[str, Any] | Plan, among: Sequence[str] = ()) -> Plan:
    """Read a plan and check all of it.

    Args:
        source: the path of a YAML file, the name of a built-in plan (``canary``), or what such a file would
            hold.
        among: further names there are, told to whoever gives an unknown one.

    Raises:
        InvalidInput: not YAML, a key unknown or given twice, a value of the wrong kind, stages that cannot be
            walked: names the key.
        NotFound: there is no such file.
    """
    plan = PLANS.read(source, among)
    _check_new(plan)
    return plan


def plan_of(root: Path, name: str | Path) -> Plan:
    """Read a plan of the project at ``root``: a file, a name in ``plans/`` or a built-in one.

    Raises:
        InvalidInput: as ``load_plan``, or there is none of that name; those of the project are named too.
        NotFound: there is no such file.
    """
    return load_plan(document(root, "plans", name), among=documents(root, "plans"))
