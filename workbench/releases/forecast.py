"""The dry run of a plan: how many requests each verdict is likely to need, and how long that takes here.

Nothing is opened. The rate, the champion's failures and its latencies are those of the last day (``today``);
what each verdict takes for which candidate is in ``prospects``.

Each step is looked at alone. What earlier steps have shown carries over in a release, and only shortens it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.models.records import ModelVersion
from workbench.releases.forecast_records import Expected, Forecast, StepForecast
from workbench.releases.observe import last_day, version_number
from workbench.releases.opening import require_columns
from workbench.releases.plan import Plan
from workbench.releases.plan_stages import PlanStage
from workbench.releases.prospects import Prospects
from workbench.releases.today import Today, today
from workbench.releases.yardsticks import groups as groups_of
from workbench.releases.yardsticks import thresholds

if TYPE_CHECKING:
    from workbench.traffic import TrafficStore


def forecast(
    plan: Plan,
    measured: Today,
    *,
    endpoint: str,
    candidate: str,
    champion: str,
    groups: Sequence[str] = (),
    rate: float | None = None,
    now: datetime,
) -> Forecast:
    """Foretell what a release would take.

    Args:
        plan: the plan.
        measured: the traffic of the last day.
        endpoint: whose traffic.
        candidate: ``name/version``.
        champion: likewise; empty when there is none.
        groups: of the guardrails.
        rate: units a minute in place of the measured ones.
        now: the time.
    """
    per_minute = measured.per_minute if rate is None else rate
    look = _Look(plan, measured, per_minute, groups)
    return Forecast(
        endpoint=endpoint,
        candidate=candidate,
        champion=champion,
        plan=plan.name,
        plan_digest=plan.digest,
        alpha=plan.alpha,
        requests=measured.requests,
        per_minute=per_minute,
        champion_bad=measured.champion_bad,
        champion_n=measured.champion_n,
        steps=tuple(look.step(index) for index, step in enumerate(plan.steps) if step.kind != "champion"),
        notes=tuple(_notes(plan, measured, rate)),
        time=now,
    )


class _Look:
    """One plan on one day's traffic."""

    def __init__(self, plan: Plan, measured: Today, per_minute: float, groups: Sequence[str]) -> None:
        self._plan = plan
        self._per_minute = per_minute
        self._prospects = Prospects(plan, measured, groups)

    def step(self, index: int) -> StepForecast:
        step = self._plan.steps[index]
        expected = tuple(self._expected(step))
        least = step.min_requests or 0
        exposure = self._minutes(step, least)
        needs: dict[str, float] = {"exposure": math.inf if exposure is None else exposure}
        needs["time"] = step.min_minutes
        for metric in self._plan.required(index):
            proofs = [e.minutes for e in expected if (e.metric, e.verdict) == (metric, "good")]
            needs[metric] = next((m for m in proofs if m is not None), math.inf)
        longest = max(needs, key=needs.__getitem__)
        takes = needs[longest]
        return StepForecast(
            name=step.name,
            kind=step.stage().kind,
            weight=step.share,
            min_requests=least,
            exposure_minutes=exposure,
            minutes=takes if math.isfinite(takes) else None,
            waits_for=longest,
            deadline_minutes=step.deadline_minutes,
            late=takes > step.deadline_minutes,
            expected=expected,
        )

    def _minutes(self, step: PlanStage, units: float | None) -> float | None:
        """What so many units of the candidate take; in shadow it gets a copy of each."""
        a_minute = self._per_minute * (step.share or 1.0)
        return None if units is None or a_minute == 0 else units / a_minute

    def _expected(self, step: PlanStage) -> Iterator[Expected]:
        for one in self._prospects.of(step):
            whole, half = _whole(one.expectation), None if one.median is None else _whole(one.median)
            yield Expected(
                metric=one.metric,
                group=one.group,
                verdict=one.verdict,
                when=one.when,
                expectation=whole,
                median=half,
                minutes=self._minutes(step, whole if one.median is None else half),
            )


def _whole(units: float) -> int | None:
    return math.ceil(units) if math.isfinite(units) else None


def _notes(plan: Plan, measured: Today, rate: float | None) -> Iterator[str]:
    if not measured.requests:
        yield "Nothing was captured in the last day: neither the rate nor the champion's failures are known."
    elif not measured.champion_n:
        yield "The champion was not asked in the last day, so its failures are not known."
    elif not measured.champion_bad:
        yield (
            f"The champion failed none of {measured.champion_n:,} requests: the figures assume half a "
            "failure among them."
        )
    if rate is not None:
        yield f"The rate of {rate:g} a minute was given, not measured."
    if plan.metrics.latency and not thresholds(measured.latencies, None):
        yield "The champion answered too little to say what slow is: nothing is foretold of latency."
    if plan.sticky:
        yield f"Entities ({plan.sticky}) are counted, each once: later there are fewer new ones."
    if any(step.approvals for step in plan.steps):
        yield "Time in which people are asked is not in it."
    yield "Each stage alone: evidence carries over, so that later stages take less."


def dry_run(
    version: ModelVersion,
    plan: Plan,
    *,
    endpoint: str,
    reigned: Sequence[str],
    traffic: TrafficStore,
    rate: float | None,
    now: datetime,
) -> Forecast:
    """Measure the endpoint's last day and foretell; arguments and errors as ``Releases.forecast``."""
    require_columns(version, plan)
    guarded, champion = plan.metrics.guardrails, reigned[-1] if reigned else ""
    known = groups_of(guarded, version.columns) if guarded else ()
    number = version_number(champion) if champion else 0
    return forecast(
        plan,
        today(last_day(traffic, endpoint, now), number, plan, known, now),
        endpoint=endpoint,
        candidate=version.ref,
        champion=champion,
        groups=known,
        rate=rate,
        now=now,
    )
