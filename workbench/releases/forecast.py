"""The dry run of a plan: how many requests each verdict is likely to need, and how long that takes here.

Nothing is opened. The rate, the champion's failures and its latencies are those of the last day; how the
candidate will be nobody knows, so each verdict is foretold for a candidate of a named kind: one that fails
twice, three and five times as often, and one just as good as the champion. Evidence is the kernel's own, once
with every count as expected and once as the median of seeded simulations (``workbench.stats.stopping``).

Each step is looked at alone. What earlier steps have shown carries over in a release, and only shortens it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.models.records import ModelVersion
from workbench.releases.evidence import Judged
from workbench.releases.forecast_records import Expected, Forecast, StepForecast
from workbench.releases.observe import last_day, version_number
from workbench.releases.opening import require_columns
from workbench.releases.plan import Plan
from workbench.releases.plan_stages import PlanStage
from workbench.releases.today import Today, today
from workbench.releases.yardsticks import groups as groups_of
from workbench.releases.yardsticks import thresholds
from workbench.stats.sequential import log_e_objective, log_e_order, log_e_ratio
from workbench.stats.stopping import until_expected, until_objective, until_settled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from workbench.traffic import TrafficStore

#: How much worse a candidate could be, as ratios of risk.
RATIOS = (2.0, 3.0, 5.0)
#: How much slower, as ratios of latency.
SLOWER = (1.2, 1.5, 2.0)

#: Releases that are simulated for a median; it is within a few per cent.
_RUNS = 500


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


class _Likely(NamedTuple):
    """What a verdict takes in the candidate's units, infinite when it never comes; as ``Expected``."""

    metric: Judged
    verdict: Literal["worse", "good"]
    when: str
    expectation: float
    median: float | None
    """None where it is not simulated."""
    group: str = ""


class _Look:
    """One plan on one day's traffic."""

    def __init__(self, plan: Plan, measured: Today, per_minute: float, groups: Sequence[str]) -> None:
        self._plan = plan
        self._measured = measured
        self._per_minute = per_minute
        self._groups = groups

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
        for one in self._likely(step):
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

    def _likely(self, step: PlanStage) -> Iterator[_Likely]:
        metrics, risk = self._plan.metrics, self._measured.risk
        coin = 0 < step.share < 1
        if risk is not None:
            if metrics.errors and (coin or step.kind == "shadow"):
                yield from self._errors(step, risk, metrics.errors.margin)
            if metrics.objective and step.kind != "shadow":
                yield from self._objective(risk, metrics.objective.at_most)
            if metrics.guardrails and coin and self._measured.groups:
                yield from self._rarest(step, risk)
        if metrics.disagreement and step.kind == "shadow":
            yield from self._disagreement(metrics.disagreement.at_most)
        if metrics.latency and coin:
            yield from self._latency(step, metrics.latency.objective_ms)

    def _errors(self, step: PlanStage, risk: float, margin: float) -> Iterator[_Likely]:
        share, alpha = step.share or 0.5, self._alpha("errors")
        for ratio in RATIOS:
            takes = _harm(ratio * risk, risk, share, alpha)
            yield _Likely("errors", "worse", _fails(ratio), *takes)
        if step.kind == "shadow":
            return
        null = math.log(margin)

        def proof(units: float) -> float:
            return log_e_ratio(units * share * risk, units * (1 - share) * risk, share, null, -1)

        stops = until_settled(risk, risk, share, alpha=alpha, log_ratio=null, sign=-1, runs=_RUNS)
        yield _Likely("errors", "good", _AS_GOOD, share * until_expected(proof, alpha), stops.median)

    def _objective(self, risk: float, at_most: float) -> Iterator[_Likely]:
        alpha = self._alpha("objective")
        for ratio in RATIOS:
            takes = _of_rate(min(1.0, ratio * risk), at_most, alpha, +1)
            yield _Likely("objective", "worse", _fails(ratio), *takes)
        yield _Likely("objective", "good", _AS_GOOD, *_of_rate(risk, at_most, alpha, -1))

    def _disagreement(self, at_most: float) -> Iterator[_Likely]:
        twice, half, alpha = min(1.0, 2 * at_most), at_most / 2, self._alpha("disagreement")
        many, few = (f"{100 * share:.3g} % of the answers differ" for share in (twice, half))
        yield _Likely("disagreement", "worse", many, *_of_rate(twice, at_most, alpha, +1))
        yield _Likely("disagreement", "good", few, *_of_rate(half, at_most, alpha, -1))

    def _latency(self, step: PlanStage, objective_ms: float | None) -> Iterator[_Likely]:
        import numpy as np

        limits, ours = thresholds(self._measured.latencies, objective_ms), np.array(self._measured.latencies)
        if not limits:
            return
        share = step.share
        above = np.array([[(ours > ms).mean()] for ms in limits])
        for ratio in SLOWER:
            slower = np.array([[(ratio * ours > ms).mean()] for ms in limits])
            path = partial(_of_order, slower * share, above * (1 - share), share)
            takes = share * until_expected(path, self._alpha("latency"))
            yield _Likely("latency", "worse", f"it takes {ratio:g} times as long", takes, None)

    def _rarest(self, step: PlanStage, risk: float) -> Iterator[_Likely]:
        """The group that has to be waited for longest: requests to the candidate of all groups until then."""
        group = min(self._measured.groups, key=self._measured.groups.__getitem__)
        among, alpha = self._measured.groups[group], self._alpha("guardrails") / len(self._groups)
        for ratio in RATIOS:
            expectation, median = _harm(ratio * risk, risk, step.share, alpha)
            yield _Likely("guardrail", "worse", _fails(ratio), expectation / among, median / among, group)

    def _alpha(self, metric: str) -> float:
        return self._plan.alpha_of(metric, self._plan.alpha)


_AS_GOOD = "it is as good as the champion"


def _fails(ratio: float) -> str:
    return f"it fails {ratio:g} times as often"


def _whole(units: float) -> int | None:
    return math.ceil(units) if math.isfinite(units) else None


def _harm(bad: float, risk: float, share: float, alpha: float) -> tuple[float, float]:
    """The candidate's units until it is proved worse: as expected, and the median."""
    bad = min(1.0, bad)

    def path(units: float) -> float:
        return log_e_ratio(units * share * bad, units * (1 - share) * risk, share)

    return share * until_expected(path, alpha), until_settled(
        bad, risk, share, alpha=alpha, runs=_RUNS
    ).median


def _of_rate(rate: float, at_most: float, alpha: float, sign: int) -> tuple[float, float]:
    """Units until a rate is proved above the limit (+1) or below it (-1)."""

    def path(units: float) -> float:
        return log_e_objective(units * rate, units * (1 - rate), at_most, sign)

    return until_expected(path, alpha), until_objective(
        rate, at_most, alpha=alpha, sign=sign, runs=_RUNS
    ).median


def _of_order(slower: NDArray[Any], above: NDArray[Any], share: float, units: float) -> float:
    return log_e_order(units * slower, units * above, [share])


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
