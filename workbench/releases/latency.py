"""Is the candidate slower? Asked of the whole distribution: how often both arms exceed frozen thresholds.

The thresholds are the champion's p50, p75, p90, p95 and p99 and the plan's objective (``yardsticks``). At
each the kernel compares the arms; their mean is the evidence that the candidate's latency is not
stochastically below or equal to the champion's. Nothing is asked of the mean or the shape of latencies, and
one threshold that shows harm is enough.

A request that its arm did not answer (an error, a time-out, whoever answered in its place) exceeds every
threshold: it never answered. Otherwise a candidate that fails fast would look quick.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.releases.evidence import Evidence
from workbench.releases.plan import Plan
from workbench.releases.tallies import Arms, CanaryTally, Tally
from workbench.releases.yardsticks import LEAST, Yardsticks, named
from workbench.stats.sequential import log_e_order, log_e_ratio

if TYPE_CHECKING:
    import pandas as pd


def slow_counts(candidate: pd.DataFrame, champion: pd.DataFrame, limits: Sequence[float]) -> tuple[Arms, ...]:
    """Count the requests of each arm that took longer than each threshold.

    Args:
        candidate: exchanges of its arm.
        champion: of its arm.
        limits: milliseconds.
    """
    arms = [
        exchanges["latency_ms"].where(exchanges["error"] == "", float("inf")).to_numpy(dtype=float)
        for exchanges in (candidate, champion)
    ]
    return tuple(
        Arms(len(arms[0]), int((arms[0] > ms).sum()), len(arms[1]), int((arms[1] > ms).sum()))
        for ms in limits
    )


def latency(plan: Plan, tallies: Sequence[Tally], yardsticks: Yardsticks) -> Evidence:
    """Return the evidence that the candidate is slower; ``tallies`` ends with a step that has a coin."""
    last = len(tallies) - 1
    steps = [
        (index, plan.steps[index].share, tally)
        for index, tally in enumerate(tallies)
        if isinstance(tally, CanaryTally) and tally.slow and plan.steps[index].share < 1
    ]
    if not steps or steps[-1][0] != last:
        return Evidence("latency", 1.0, 0, Arms(), _nothing, about=_unknown(yardsticks, last), ways=())
    shares = [share for _, share, _ in steps]

    def counted(factor: float) -> tuple[list[list[float]], list[list[float]]]:
        grow = [factor if index == last else 1.0 for index, _, _ in steps]
        places = range(len(steps[-1][2].slow))
        mine = [
            [t.slow[k].candidate_bad * f for (_, _, t), f in zip(steps, grow, strict=True)] for k in places
        ]
        theirs = [
            [t.slow[k].champion_bad * f for (_, _, t), f in zip(steps, grow, strict=True)] for k in places
        ]
        return mine, theirs

    def log_e(sign: int, factor: float) -> float:
        return log_e_order(*counted(factor), shares) if sign > 0 else 0.0

    kernels = [log_e_ratio(c, s, shares) for c, s in zip(*counted(1.0), strict=True)]
    strongest = kernels.index(max(kernels))
    counts = steps[-1][2].slow[strongest]
    return Evidence(
        "latency",
        margin=1.0,
        n=counts.n,
        counts=counts,
        log_e=log_e,
        carried=len(steps) > 1,
        ways=(+1,) if log_e(+1, 1.0) > 0 else (),
        about=f"{yardsticks.latency_ms[strongest]:.4g} ms ({named(strongest)})",
    )


def _nothing(_sign: int, _factor: float) -> float:
    return 0.0


def _unknown(yardsticks: Yardsticks, index: int) -> str:
    """Why there is nothing to count; empty when nothing came yet."""
    if yardsticks.latency_in(index):
        return ""
    return (
        f"The champion had answered too little before this stage to say what slow is: {LEAST} answers are "
        "needed. Latency is judged from the next stage on."
    )
