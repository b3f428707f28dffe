"""One stage of a plan as written, and the steps that a release walks in it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from workbench.core.records import Record
from workbench.releases.plan_metrics import Metric
from workbench.releases.records import Stage

Written = Literal["shadow", "canary", "progressive", "blue_green", "ab", "champion"]
Name = Annotated[str, Field(min_length=1)]
People = Annotated[int, Field(ge=1, strict=True)]
Minutes = Annotated[float, Field(strict=True, allow_inf_nan=False)]

#: The metrics that can be proved good in a stage, and so be required by it.
PROVABLE: dict[Written, tuple[Metric, ...]] = {
    "shadow": ("disagreement",),
    "canary": ("errors", "objective"),
    "progressive": ("errors", "objective"),
    "ab": ("errors", "objective"),
    "blue_green": ("objective",),
    "champion": (),
}


class PlanStage(Record):
    """One stage, as written in the plan."""

    name: Name
    kind: Written
    weight: float | None = Field(default=None, strict=True)
    """Canary and ab: the share of requests for the candidate, above 0 and below 1."""
    weights: tuple[Annotated[float, Field(strict=True)], ...] = ()
    """Progressive only: the shares one after the other; each is a canary step of its own."""
    arms: tuple[Name, Name] | None = None
    """Ab only: what champion and candidate are called in answers and captures, in this order."""
    min_requests: int | None = Field(default=None, ge=1, strict=True)
    """Exposure before a step may pass: requests to the candidate, or pairs in shadow. Of a sticky plan:
    entities that the release had not counted before."""
    min_minutes: Minutes = Field(default=0.0, ge=0)
    """Minutes before a step may pass, so that it sees more than one hour of the day."""
    deadline_minutes: Minutes = Field(default=60.0, gt=0)
    """Minutes after which a step that has not passed aborts the release. People who are asked are in it."""
    require: tuple[Metric, ...] | None = None
    """Metrics that must be proved good. Left out: disagreement in shadow, none anywhere else."""
    approvals: dict[Name, People] = {}
    """How many people of each role must say yes before the stage is entered. The first stage has none: what
    lets a release open is the gate."""

    @model_validator(mode="after")
    def _says_what_its_kind_needs(self) -> Self:
        self._check_share()
        self._check_exposure()
        for metric in self.require or ():
            if metric not in PROVABLE[self.kind]:
                kinds = " or ".join(kind for kind, proved in PROVABLE.items() if metric in proved)
                raise ValueError(f"{metric} cannot be proved in a {self.kind} stage: " + _instead(kinds))
        return self

    def _check_share(self) -> None:
        weighted = self.kind in ("canary", "ab")
        if weighted and not (self.weight is not None and 0 < self.weight < 1):
            raise ValueError(f"a stage of kind {self.kind} needs a weight above 0 and below 1, such as 0.10")
        if not weighted and self.weight is not None:
            raise ValueError(f"a stage of kind {self.kind} takes no weight")
        if self.kind == "progressive":
            _check_weights(self.weights)
        elif self.weights:
            raise ValueError(f"a stage of kind {self.kind} takes no weights: they make a progressive stage")
        if self.kind == "ab" and (self.arms is None or self.arms[0] == self.arms[1]):
            raise ValueError("a stage of kind ab needs two names: arms: [control, treatment]")
        if self.kind != "ab" and self.arms is not None:
            raise ValueError(f"a stage of kind {self.kind} takes no arms: they make an ab stage")

    def _check_exposure(self) -> None:
        if self.kind == "champion":
            if self.min_requests is not None or self.require is not None or self.min_minutes:
                raise ValueError(
                    "the champion stage asks nothing: leave out min_requests, min_minutes and require"
                )
            return
        if self.min_requests is None:
            raise ValueError(
                f"a stage of kind {self.kind} needs min_requests: without exposure nothing is shown"
            )
        if self.deadline_minutes <= self.min_minutes:
            raise ValueError(
                f"deadline_minutes must exceed min_minutes: after {self.min_minutes:g} minutes the stage may "
                f"pass, and at {self.deadline_minutes:g} it aborts"
            )

    @property
    def share(self) -> float:
        """Share of requests the candidate answers in this step."""
        return {"shadow": 0.0, "blue_green": 1.0, "champion": 1.0}.get(self.kind, self.weight or 0.0)

    def steps(self) -> tuple[PlanStage, ...]:
        """Return what a release walks: a progressive stage is as many canary steps as it has weights.

        Each step asks for the exposure, the time and the proofs of the stage; people are asked once, before
        the first.
        """
        if self.kind != "progressive":
            return (self,)
        return tuple(
            self.model_copy(
                update={
                    "name": f"{self.name} {100 * weight:g} %",
                    "kind": "canary",
                    "weight": weight,
                    "weights": (),
                    "approvals": {} if index else self.approvals,
                }
            )
            for index, weight in enumerate(self.weights)
        )

    def stage(self) -> Stage:
        """Return the step as a release shows it."""
        if self.kind == "progressive":
            raise TypeError("a progressive stage is walked as its steps")
        return Stage(
            name=self.name,
            kind=self.kind,
            weight=self.share,
            min_requests=self.min_requests or 0,
            min_minutes=self.min_minutes,
            deadline_minutes=self.deadline_minutes,
            approvals=self.approvals,
            arms=self.arms,
        )


def _check_weights(weights: tuple[float, ...]) -> None:
    if len(weights) < 2 or list(weights) != sorted(set(weights)) or not 0 < weights[0] <= weights[-1] < 1:
        raise ValueError(
            "a stage of kind progressive needs two or more weights that grow, above 0 and below 1"
        )


def _instead(kinds: str) -> str:
    return f"require it in a {kinds} stage" if kinds else "it can only abort"
