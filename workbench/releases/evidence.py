"""What each metric has to say in one step, before anybody draws a conclusion: counts, and evidence both ways.

``Evidence.log_e`` takes a factor on the counts of the current step, so that the same function says what the
evidence is and what it would be after more requests like those so far. Counts of earlier steps carry over; a
step in which the candidate answers everything (``blue_green``) compares nothing and is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

from workbench.releases.plan import Plan
from workbench.releases.tallies import Arms, CanaryTally, ShadowTally, Tally, plus
from workbench.stats.sequential import log_e_objective, log_e_ratio

Judged = Literal["errors", "disagreement", "latency", "objective", "guardrail"]


@dataclass(frozen=True)
class Evidence:
    """What one metric has in one step."""

    metric: Judged
    margin: float
    n: int
    """Requests, pairs or entities it is counted in."""
    counts: Arms
    log_e: Callable[[int, float], float]
    """ln E by sign and by a factor on this step's counts: +1 "worse", -1 "no worse than the margin"."""
    carried: bool = False
    """True when earlier steps hold a part of it."""
    ways: tuple[int, ...] = (+1, -1)
    """Signs that more requests like those so far may settle."""
    group: str = ""
    weight: float = 1.0
    """Part of the metric's error budget."""
    least: int = 0
    """Below this ``n`` nothing is concluded."""
    about: str = ""
    """What the counts are of, where the metric alone does not say."""


def errors(plan: Plan, tallies: Sequence[Tally], margin: float) -> Evidence:
    """Failures of both arms; in shadow those of one of two that were both asked."""
    now = tallies[-1]
    steps = compared(plan, tallies)

    def log_e(sign: int, factor: float) -> float:
        told = [step for step in steps if sign > 0 or isinstance(tallies[step.index], CanaryTally)]
        if not told:
            return 0.0
        grow = [factor if step.index == len(tallies) - 1 else 1.0 for step in told]
        bad = [step.arms.candidate_bad * f for step, f in zip(told, grow, strict=True)]
        other = [step.arms.champion_bad * f for step, f in zip(told, grow, strict=True)]
        null = 0.0 if sign > 0 else math.log(margin)
        return log_e_ratio(bad, other, [step.share for step in told], null, sign)

    carried = any(step.arms.candidate_bad + step.arms.champion_bad for step in steps[:-1])
    if isinstance(now, CanaryTally):
        return Evidence("errors", margin, now.n, now, log_e, carried)
    counts = Arms(now.pairs, now.candidate_bad, now.requests, now.champion_bad)
    ways = (+1,) if log_e(+1, 1.0) > 0 else ()
    return Evidence("errors", margin, now.requests, counts, log_e, carried, ways)


def disagreement(tallies: Sequence[Tally], limit: float) -> Evidence:
    """Pairs of answers that differ."""
    shadows = [tally for tally in tallies if isinstance(tally, ShadowTally)]
    earlier, now = reduce(plus, shadows[:-1], ShadowTally()), shadows[-1]

    def log_e(sign: int, factor: float) -> float:
        differ = earlier.differ + now.differ * factor
        same = earlier.compared - earlier.differ + (now.compared - now.differ) * factor
        return log_e_objective(differ, same, limit, sign)

    counts = Arms(candidate_n=now.compared, candidate_bad=now.differ)
    return Evidence("disagreement", limit, now.compared, counts, log_e, earlier.compared > 0)


def objective(tallies: Sequence[Tally], at_most: float) -> Evidence:
    """The candidate's own requests, whatever the champion does."""
    given = [tally for tally in tallies if isinstance(tally, CanaryTally)]
    earlier, now = reduce(plus, given[:-1], CanaryTally()), given[-1]

    def log_e(sign: int, factor: float) -> float:
        bad = earlier.candidate_bad + now.candidate_bad * factor
        n = earlier.candidate_n + now.candidate_n * factor
        return log_e_objective(bad, n - bad, at_most, sign)

    counts = Arms(candidate_n=now.candidate_n, candidate_bad=now.candidate_bad)
    return Evidence("objective", at_most, now.candidate_n, counts, log_e, earlier.candidate_n > 0)


@dataclass(frozen=True)
class Step:
    """One step in which two arms can be compared."""

    index: int
    share: float
    """ρ of the kernel: the coin's share, ½ for the discordant pairs of shadow."""
    arms: Arms


def compared(plan: Plan, tallies: Sequence[Tally]) -> list[Step]:
    """Return the steps entered so far in which both arms were asked, with what failed in each."""
    found = []
    for index, tally in enumerate(tallies):
        if isinstance(tally, ShadowTally):
            counts = Arms(tally.pairs, tally.candidate_bad, tally.requests, tally.champion_bad)
            found.append(Step(index, 0.5, counts))
        elif plan.steps[index].share < 1:
            found.append(Step(index, plan.steps[index].share, tally))
    return found
