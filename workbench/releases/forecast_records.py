"""What a release would take, as shown before it is opened."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from workbench.core.records import Record, Shown
from workbench.releases.records import Kind


class Expected(Record):
    """What one verdict of one step takes, if the candidate is like this."""

    metric: Literal["errors", "disagreement", "latency", "objective", "guardrail"]
    group: str = ""
    verdict: Literal["worse", "good"]
    """``worse`` aborts; ``good`` is the proof that a stage may require."""
    when: str
    """How the candidate would have to be, as a clause: ``it fails 3 times as often as the champion``."""
    expectation: int | None
    """Units of the candidate (requests, entities, pairs in shadow) if every count were just what is expected;
    None: never."""
    median: int | None
    """The same, simulated: half of the releases are settled by then. None: not within the events that are
    simulated; then ``expectation`` is all there is."""
    minutes: float | None
    """What the median, or else the expectation, takes at the measured rate; None when it never comes or there
    is no traffic."""


class StepForecast(Record):
    """One step of the plan."""

    name: str
    kind: Kind
    weight: float
    min_requests: int
    exposure_minutes: float | None
    """Until ``min_requests`` have come; None without traffic."""
    minutes: float | None
    """Until it may pass, if the candidate is as good as the champion; None when something that it requires is
    not to be expected. Time in which people are asked is not in it."""
    waits_for: str
    """What takes longest: ``exposure``, ``time`` or the metric that must be proved."""
    deadline_minutes: float
    late: bool
    """It would probably not pass before its deadline, which ends the release."""
    expected: tuple[Expected, ...] = ()


class Forecast(Shown):
    """A dry run: nothing was opened and nothing moved."""

    view: ClassVar[str] = "forecast"

    endpoint: str
    candidate: str
    champion: str
    plan: str
    plan_digest: str
    alpha: float
    requests: int
    """Captured in the last day: what the figures rest on."""
    per_minute: float
    """Requests a minute, of a sticky plan entities that were not there before; 0 without traffic."""
    champion_bad: int
    champion_n: int
    """Requests that the champion was asked, and those of them that it failed."""
    steps: tuple[StepForecast, ...]
    notes: tuple[str, ...]
    """What the figures rest on, and what they leave out."""
    time: datetime

    @property
    def late(self) -> tuple[StepForecast, ...]:
        """Steps that would probably not pass before their deadline."""
        return tuple(step for step in self.steps if step.late)

    @property
    def minutes(self) -> float | None:
        """Until promotion, if the candidate is as good as the champion; None when that never comes."""
        known = [step.minutes for step in self.steps]
        return None if None in known else sum(minutes for minutes in known if minutes is not None)
