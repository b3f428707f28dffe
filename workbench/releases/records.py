"""A release as it stands: the fold of its events."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal

from workbench.core.records import Record, Shown
from workbench.core.values import Outcome
from workbench.gates.records import StageApproval, StageRevocation

Kind = Literal["shadow", "canary", "blue_green", "ab", "champion"]
"""What happens in a step; the steps of a progressive stage are canary."""


class Status(StrEnum):
    """Where a release stands. All but the first two are final."""

    RUNNING = "running"
    PAUSED = "paused"
    PROMOTED = "promoted"
    ABORTED = "aborted"
    """Evidence or a deadline ended it; the champion kept the traffic."""
    ROLLED_BACK = "rolled_back"
    """A person took a promoted or running candidate out."""
    KILLED = "killed"
    """The kill switch."""
    SUPERSEDED = "superseded"
    """A newer candidate took its place."""

    @property
    def final(self) -> bool:
        """True when nothing can follow."""
        return self not in (Status.RUNNING, Status.PAUSED)


class Stage(Record):
    """One step of the plan, as it is walked."""

    name: str
    kind: Kind
    weight: float = 0.0
    """Share of requests for the candidate, 0 to 1."""
    min_requests: int = 0
    """Exposure before the stage may pass: candidate requests (entities, when sticky), or pairs in shadow."""
    min_minutes: float = 0.0
    """Time before the stage may pass."""
    deadline_minutes: float = 60.0
    """Reaching it aborts."""
    approvals: dict[str, int] = {}
    """How many people of each role must say yes before the stage is entered."""
    arms: tuple[str, str] | None = None
    """What champion and candidate are called in an A/B test."""


class EvidencePoint(Record):
    """One look at the evidence: what the picture over requests is drawn from."""

    n: int
    """Requests (or pairs) counted so far."""
    log_e_worse: float
    """ln E against "no worse": at ln(1/α) the candidate is worse."""
    log_e_no_worse: float
    """ln E against "worse than the margin": at ln(1/α) it is proved no worse."""


class StageVerdict(Record):
    """What one metric says in one stage."""

    stage: str
    metric: Literal["errors", "disagreement", "latency", "objective", "guardrail"]
    """A guardrail is errors within one group."""
    group: str = ""
    """Of a guardrail: the group it is about."""
    outcome: Outcome
    sentence: str
    alpha: float
    margin: float
    """Risk ratio (errors) or greatest share (disagreement, objective) the plan tolerates."""
    candidate_n: int
    candidate_bad: int
    champion_n: int = 0
    champion_bad: int = 0
    still_needed: int | None = None
    """About how many more requests would settle it; None when unknown or settled."""
    points: tuple[EvidencePoint, ...] = ()

    @property
    def about(self) -> str:
        """The metric, and of a guardrail the group."""
        return f"{self.metric} {self.group}".strip()


class Release(Shown):
    """A candidate on its way to champion."""

    view: ClassVar[str] = "release"

    id: str
    """``<endpoint>-<number>``, for example ``recidivism-2``."""
    endpoint: str
    candidate: str
    """``name/version``."""
    candidate_digest: str
    champion: str = ""
    """``name/version`` when the release opened; empty for the first."""
    plan: str
    plan_digest: str
    stages: tuple[Stage, ...]
    stage: int
    """Index of the current stage."""
    status: Status
    weight: float
    """Share of requests the candidate has now."""
    reason: str = ""
    """Why it ended, or why it waits."""
    verdicts: tuple[StageVerdict, ...] = ()
    """The newest verdict of every stage, metric and group."""
    opened: datetime
    opened_by: str
    stage_since: datetime
    closed: datetime | None = None
    sticky: str = ""
    """Column that names the entity whose coin it is; empty: a coin for every request."""
    approvals: tuple[StageApproval, ...] = ()
    """What people have said of going on, oldest first. Whether a word counts is told when the step is due."""
    revocations: tuple[StageRevocation, ...] = ()
    """What of that was taken back, by its place in ``approvals``."""

    @property
    def current(self) -> Stage:
        """The stage it is in."""
        return self.stages[min(self.stage, len(self.stages) - 1)]

    def taken_back(self, word: int) -> StageRevocation | None:
        """Return how one of the approvals, by its place, was taken back; None when it was not."""
        return next((one for one in self.revocations if one.word == word), None)
