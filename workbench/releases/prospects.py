"""What each verdict takes for a candidate of a named kind, in units of the candidate.

How the candidate will be nobody knows, so this is reckoned for one that fails twice, three and five times as
often as the champion, one that is slower by a ratio, and one just as good. The evidence is the kernel's own:
once with every count as expected, once as the median of seeded simulations (``workbench.stats.stopping``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from workbench.releases.evidence import Judged
from workbench.releases.plan import Plan
from workbench.releases.plan_stages import PlanStage
from workbench.releases.today import Today
from workbench.releases.yardsticks import thresholds
from workbench.stats.sequential import log_e_objective, log_e_order, log_e_ratio
from workbench.stats.stopping import until_expected, until_objective, until_order, until_settled

if TYPE_CHECKING:
    from workbench.stats.sequential import Array

#: How much worse a candidate could be, as ratios of risk.
RATIOS = (2.0, 3.0, 5.0)
#: How much slower, as ratios of latency.
SLOWER = (1.2, 1.5, 2.0)

#: Releases that are simulated for a median; it is within a few per cent.
_RUNS = 500


class Likely(NamedTuple):
    """What a verdict takes in the candidate's units, infinite when it never comes; as ``Expected``."""

    metric: Judged
    verdict: Literal["worse", "good"]
    when: str
    expectation: float
    median: float
    group: str = ""


class Prospects:
    """The verdicts of one plan on one day's traffic.

    Args:
        plan: the plan.
        measured: the traffic.
        groups: of the guardrails.
        alpha: error budget of the whole release.
    """

    def __init__(self, plan: Plan, measured: Today, groups: Sequence[str], alpha: float) -> None:
        self._plan = plan
        self._budget = alpha
        self._measured = measured
        self._groups = groups

    def of(self, step: PlanStage) -> Iterator[Likely]:
        """Yield what each verdict takes that can be given in a step."""
        metrics, risk = self._plan.metrics, self._measured.risk
        coin = 0 < step.share < 1
        if risk is not None:
            if metrics.errors and (coin or step.kind == "shadow"):
                yield from self._errors(step, risk, metrics.errors.margin)
            if metrics.objective and step.kind != "shadow":
                yield from self._objective(risk, metrics.objective.at_most)
            if metrics.guardrails and coin and self._measured.groups:
                yield from self._rarest(step, risk, metrics.guardrails.min_requests)
        if metrics.disagreement and step.kind == "shadow":
            yield from self._disagreement(metrics.disagreement.at_most)
        if metrics.latency and coin:
            yield from self._latency(step, metrics.latency.objective_ms)

    def _errors(self, step: PlanStage, risk: float, margin: float) -> Iterator[Likely]:
        share, alpha = step.share or 0.5, self._alpha("errors")
        for ratio in RATIOS:
            takes = _harm(ratio * risk, risk, share, alpha)
            yield Likely("errors", "worse", _fails(ratio), *takes)
        if step.kind == "shadow":
            return
        null = math.log(margin)

        def proof(units: float) -> float:
            return log_e_ratio(units * share * risk, units * (1 - share) * risk, share, null, -1)

        stops = until_settled(risk, risk, share, alpha=alpha, log_ratio=null, sign=-1, runs=_RUNS)
        yield Likely("errors", "good", _AS_GOOD, share * until_expected(proof, alpha), stops.median)

    def _objective(self, risk: float, at_most: float) -> Iterator[Likely]:
        alpha = self._alpha("objective")
        for ratio in RATIOS:
            takes = _of_rate(min(1.0, ratio * risk), at_most, alpha, +1)
            yield Likely("objective", "worse", _fails(ratio), *takes)
        yield Likely("objective", "good", _AS_GOOD, *_of_rate(risk, at_most, alpha, -1))

    def _disagreement(self, at_most: float) -> Iterator[Likely]:
        twice, half, alpha = min(1.0, 2 * at_most), at_most / 2, self._alpha("disagreement")
        many, few = (f"{100 * share:.3g} % of the answers differ" for share in (twice, half))
        yield Likely("disagreement", "worse", many, *_of_rate(twice, at_most, alpha, +1))
        yield Likely("disagreement", "good", few, *_of_rate(half, at_most, alpha, -1))

    def _latency(self, step: PlanStage, objective_ms: float | None) -> Iterator[Likely]:
        import numpy as np

        limits, ours = thresholds(self._measured.latencies, objective_ms), np.array(self._measured.latencies)
        if not limits:
            return
        share, alpha, ordered = step.share, self._alpha("latency"), sorted(limits)
        above = np.array([(ours > ms).mean() for ms in ordered])
        for ratio in SLOWER:
            slower = np.array([(ratio * ours > ms).mean() for ms in ordered])
            path = partial(_of_order, slower * share, above * (1 - share), share)
            takes = share * until_expected(path, alpha)
            median = until_order(slower, above, share, alpha=alpha)
            yield Likely("latency", "worse", f"it takes {ratio:g} times as long", takes, median)

    def _rarest(self, step: PlanStage, risk: float, least: int) -> Iterator[Likely]:
        """The group that has to be waited for longest: requests to the candidate of all groups until then.

        Args:
            step: the step.
            risk: of the champion.
            least: requests of a group, of both arms, before anything is said of it.
        """
        group = min(self._measured.groups, key=self._measured.groups.__getitem__)
        among, alpha = self._measured.groups[group], self._alpha("guardrails") / len(self._groups)
        for ratio in RATIOS:
            expectation, median = (
                max(units, step.share * least) / among
                for units in _harm(ratio * risk, risk, step.share, alpha)
            )
            yield Likely("guardrail", "worse", _fails(ratio), expectation, median, group)

    def _alpha(self, metric: str) -> float:
        return self._plan.alpha_of(metric, self._budget)


_AS_GOOD = "it is as good as the champion"


def _fails(ratio: float) -> str:
    return f"it fails {ratio:g} times as often"


@lru_cache(maxsize=256)
def _harm(bad: float, risk: float, share: float, alpha: float) -> tuple[float, float]:
    """The candidate's units until it is proved worse: as expected, and the median."""
    bad = min(1.0, bad)

    def path(units: float) -> float:
        return log_e_ratio(units * share * bad, units * (1 - share) * risk, share)

    return share * until_expected(path, alpha), until_settled(
        bad, risk, share, alpha=alpha, runs=_RUNS
    ).median


@lru_cache(maxsize=256)
def _of_rate(rate: float, at_most: float, alpha: float, sign: int) -> tuple[float, float]:
    """Units until a rate is proved above the limit (+1) or below it (-1)."""

    def path(units: float) -> float:
        return log_e_objective(units * rate, units * (1 - rate), at_most, sign)

    return until_expected(path, alpha), until_objective(
        rate, at_most, alpha=alpha, sign=sign, runs=_RUNS
    ).median


def _of_order(slower: Array, above: Array, share: float, units: float) -> float:
    return log_e_order(units * slower[:, None], units * above[:, None], [share])
