"""The dry run of a plan: how many requests each verdict is likely to need, and how long that takes here.

Nothing is opened. The rate, the champion's failures and its latencies are those of the last day (``today``);
what each verdict takes for which candidate is in ``prospects``.

Each step is looked at alone. What earlier steps have shown carries over in a release, and only shortens it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from workbench.core.errors import InvalidInput, nearest
from workbench.models.records import ModelVersion
from workbench.releases import routes, sentences
from workbench.releases.forecast_records import Expected, Forecast, StepForecast
from workbench.releases.observe import last_day, version_number
from workbench.releases.opening import attempts, require_columns, unheld
from workbench.releases.plan import Plan
from workbench.releases.plan_stages import PlanStage
from workbench.releases.prospects import Prospects
from workbench.releases.records import Release
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
    roles: Collection[str] | None = None,
    attempts: int = 0,
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
        roles: those that somebody can have; None: not known.
        attempts: earlier ones with the same bytes; each has halved the error budget.
        rate: units a minute in place of the measured ones.
        now: the time.

    Raises:
        InvalidInput: a rate at which nothing comes.
    """
    _require_rate(rate)
    per_minute, alpha = measured.per_minute if rate is None else rate, plan.alpha / 2**attempts
    look = _Look(plan, per_minute, Prospects(plan, measured, groups, alpha))
    return Forecast(
        endpoint=endpoint,
        candidate=candidate,
        champion=champion,
        plan=plan.name,
        plan_digest=plan.digest,
        alpha=alpha,
        requests=measured.requests,
        per_minute=per_minute,
        champion_bad=measured.champion_bad,
        champion_n=measured.champion_n,
        steps=tuple(look.step(index) for index, step in enumerate(plan.steps) if step.kind != "champion"),
        notes=(*_notes(plan, measured, attempts, rate), *_nobody(plan, roles)),
        time=now,
    )


def _require_rate(rate: float | None) -> None:
    number = isinstance(rate, int | float) and not isinstance(rate, bool)
    if rate is not None and not (number and 0 < rate < math.inf):
        raise InvalidInput(
            f"rate: {rate!r} is no number of requests a minute.",
            remedy="Give a number above 0, or leave it out: then it is measured.",
            field="rate",
        )


class _Look:
    """One plan on one day's traffic."""

    def __init__(self, plan: Plan, per_minute: float, prospects: Prospects) -> None:
        self._plan = plan
        self._per_minute = per_minute
        self._prospects = prospects

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
            whole, half = _whole(one.expectation), _whole(one.median)
            yield Expected(
                metric=one.metric,
                group=one.group,
                verdict=one.verdict,
                when=one.when,
                expectation=whole,
                median=half,
                minutes=self._minutes(step, whole if half is None else half),
            )


def _whole(units: float) -> int | None:
    return math.ceil(units) if math.isfinite(units) else None


def _of_rate(plan: Plan, measured: Today, rate: float | None) -> Iterator[str]:
    if rate is not None:
        yield f"The rate of {rate:g} a minute was given, not measured."
    elif measured.per_minute:
        units = "new entities" if plan.sticky else "requests"
        over = _time(measured.minutes)
        yield f"{_few(measured.per_minute)} {units} a minute, measured over the last {over}."


def _few(rate: float) -> str:
    """A rate with the digits that it deserves."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def _time(minutes: float) -> str:
    if minutes >= 120:
        return f"{minutes / 60:.0f} hours"
    return "minute" if round(minutes) <= 1 else f"{minutes:.0f} minutes"


def _nobody(plan: Plan, roles: Collection[str] | None) -> Iterator[str]:
    for stage, role in unheld(plan, roles) if roles is not None else ():
        asked = f"Nobody has the role {role!r}, which the stage {stage!r} asks for"
        yield f"{asked}: this plan is refused. {nearest(role, sorted(roles or ()))}"


_NO_RATE = "how many entities came is not known: give a rate"


def _notes(plan: Plan, measured: Today, attempts: int, rate: float | None) -> Iterator[str]:
    if attempts:
        yield sentences.further_attempt(attempts + 1, plan.alpha / 2**attempts)
    if not measured.requests:
        yield "Nothing was captured in the last day: neither the rate nor the champion's failures are known."
    elif not measured.champion_n:
        yield "The champion was not asked in the last day, so its failures are not known."
    elif not measured.champion_bad:
        yield (
            f"The champion failed none of {measured.champion_n:,} requests: the figures assume half a "
            "failure among them."
        )
    yield from _of_rate(plan, measured, rate)
    if plan.metrics.latency and not thresholds(measured.latencies, None):
        yield "The champion answered too little to say what slow is: nothing is foretold of latency."
    if measured.unnamed and rate is None:
        of = f"Of {measured.unnamed:,} of {measured.requests:,} requests the entity was not kept"
        so = "the true rate of entities may be higher" if measured.per_minute else _NO_RATE
        yield f"{of}: {so}."
    if plan.sticky:
        yield f"Entities ({plan.sticky}) are counted, each once: later stages meet fewer new ones."
    if any(step.approvals for step in plan.steps):
        yield "Time in which people are asked is not in it."
    yield "Each stage alone: evidence carries over, so that later stages take less."


def dry_run(
    version: ModelVersion,
    plan: Plan,
    *,
    endpoint: str,
    earlier: Sequence[Release],
    roles: Collection[str],
    traffic: TrafficStore,
    rate: float | None,
    now: datetime,
) -> Forecast:
    """Measure the endpoint's last day and foretell; arguments and errors as ``Releases.forecast``."""
    require_columns(version, plan)
    guarded, reigned = plan.metrics.guardrails, routes.champions(earlier)
    champion = reigned[-1] if reigned else ""
    known = groups_of(guarded, version.columns) if guarded else ()
    number = version_number(champion) if champion else 0
    return forecast(
        plan,
        today(last_day(traffic, endpoint, now), number, plan, known, now),
        endpoint=endpoint,
        candidate=version.ref,
        champion=champion,
        groups=known,
        roles=roles,
        attempts=attempts(version, earlier),
        rate=rate,
        now=now,
    )
