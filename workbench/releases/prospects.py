"""What each verdict takes for a candidate of a named kind, in units of the candidate.

How the candidate will be nobody knows, so this is reckoned for one that fails twice, three and five times as
often as the champion, one that is slower by a ratio, and one just as good. The evidence is the kernel's own:
once with every count as expected, once as the median of seeded simulations (``workbench.stats.stopping``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from workbench.releases.evidence import Judged
from workbench.releases.plan import Plan
from workbench.releases.plan_stages import PlanStage
from workbench.releases.today import Today
from workbench.releases.yardsticks import thresholds
from workbench.stats.sequential import log_e_objective, log_e_order, log_e_ratio
from workbench.stats.stopping import until_expected, until_objective, until_settled

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    median: float | None
    """None where it is not simulated."""
    group: str = ""


class Prospects:
    """The verdicts of one plan on one day's traffic.

    Args:
        plan: the plan.
        measured: the traffic.
        groups: of the guardrails.
    """

    def __init__(self, plan: Plan, measured: Today, groups: Sequence[str]) -> None:
        self._plan = plan
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
                yield from self._rarest(step, risk)
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
        share = step.share
        above = np.array([[(ours > ms).mean()] for ms in limits])
        for ratio in SLOWER:
            slower = np.array([[(ratio * ours > ms).mean()] for ms in limits])
            path = partial(_of_order, slower * share, above * (1 - share), share)
            takes = share * until_expected(path, self._alpha("latency"))
            yield Likely("latency", "worse", f"it takes {ratio:g} times as long", takes, None)

    def _rarest(self, step: PlanStage, risk: float) -> Iterator[Likely]:
        """The group that has to be waited for longest: requests to the candidate of all groups until then."""
        group = min(self._measured.groups, key=self._measured.groups.__getitem__)
        among, alpha = self._measured.groups[group], self._alpha("guardrails") / len(self._groups)
        for ratio in RATIOS:
            expectation, median = _harm(ratio * risk, risk, step.share, alpha)
            yield Likely("guardrail", "worse", _fails(ratio), expectation / among, median / among, group)

    def _alpha(self, metric: str) -> float:
        return self._plan.alpha_of(metric, self._plan.alpha)


_AS_GOOD = "it is as good as the champion"


def _fails(ratio: float) -> str:
    return f"it fails {ratio:g} times as often"


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
