"""What attacks, noise and bound found, whether it proves anything, and the verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.bounds import Bound
from workbench.audits.parts.robustness.evasion import Attempt, nearest_of
from workbench.audits.parts.robustness.gather import Array
from workbench.core.values import Outcome
from workbench.stats.intervals import wilson

_REPLICATES = 2000
_FLAT = 0.1
"""Share of rows with flat scores beyond which an attack that follows scores saw nothing."""
NEAR = 1 + 1e-9
"""Of rounding: a move of just the budget is within it."""


@dataclass(frozen=True)
class Result:
    """Everything that was found."""

    budget: float
    at_most: float | None
    target: Target
    attempts: Sequence[Attempt]
    refused: dict[str, str]
    """Attacks that cannot be done on this model, and why."""
    floor: Array
    """(n,) share of random moves that flip each row."""
    bound: Bound | None
    broken: int
    """Points that flip inside the bound's balls: none, or the bound is withdrawn."""
    queries: int
    starts: int
    """Of the queries, those that looked for points to start from."""
    moves_answer: bool
    """Some valid change of some row, however great, changed an answer."""

    @property
    def distance(self) -> Array:
        """Least distance at which any attack flipped each row, (n,); infinite where none did."""
        far = np.full(len(self.floor), np.inf)
        return nearest_of(self.attempts) if self.attempts else far

    def near(self, distance: Array) -> Array:
        """Say which rows flip within the budget, (n,)."""
        return np.asarray(distance <= self.budget * NEAR)


def doubt_of_all(result: Result) -> str:
    """Why the attacks prove nothing, or an empty string."""
    if result.broken:
        return (
            f"The bound is withdrawn: {result.broken} points inside its balls flip. "
            "What was read from the model is not what it answers by."
        )
    if not result.moves_answer:
        return (
            "No valid change of the numbers that move changed an answer at any distance: the model does not "
            "read them, or always says the same. That is uninformative, not robust: the success rate proves "
            "nothing."
        )
    if not result.attempts:
        return f"No attack could be done: {' '.join(dict.fromkeys(result.refused.values()))}"
    doubts = {a.name: why for a in result.attempts if (why := doubt_of(a, result))}
    if len(doubts) < len(result.attempts):
        return ""
    return " ".join(dict.fromkeys(doubts.values()))


def doubt_of(attempt: Attempt, result: Result) -> str:
    """Why one attack proves nothing, or an empty string."""
    if attempt.flat is not None and attempt.flat > _FLAT:
        return (
            f"The scores are flat around {attempt.flat:.0%} of the rows, where {attempt.name} needs a slope: "
            "that it found little proves nothing."
        )
    if not np.isfinite(attempt.distance).any():
        return (
            f"{attempt.name} found no change of the answer at any distance; its success rate proves nothing."
        )
    gain_low = mean_of_rows(result.near(attempt.distance) - result.floor)[1]
    if result.floor.any() and gain_low <= 0:
        return (
            f"{attempt.name} is no better than noise of length {result.budget:g}: attack more rows, allow "
            "more queries, or choose a smaller budget."
        )
    return ""


def judged(result: Result, near: Array, doubt: str) -> Outcome:
    """Hold the share that flips against what is allowed, by the interval.

    What flips was seen to flip, so an attack can prove too much; only a bound, or attacks that work, can say
    that it is little enough.
    """
    if result.at_most is None:
        return Outcome.INCONCLUSIVE if doubt else Outcome.MEASURED
    low, high = wilson(int(near.sum()), len(near))
    if low > result.at_most:
        return Outcome.FAIL
    few = high <= result.at_most and not doubt
    return Outcome.PASS if few or proven(result) else Outcome.INCONCLUSIVE


def proven(result: Result) -> bool:
    """Say whether the bound alone shows that no more than ``at_most`` can flip."""
    if result.at_most is None or result.bound is None or result.broken or not result.moves_answer:
        return False
    left = ~safe(result.bound, result.budget)
    return bool(wilson(int(left.sum()), len(left))[1] <= result.at_most)


def safe(bound: Bound, budget: float) -> Array:
    """Rows that nothing within the budget flips: a move of just the radius may."""
    return np.asarray(bound.radius > budget * NEAR)


def certified(result: Result) -> Array:
    """Certified radius, (n,); 0 without a bound that holds."""
    if result.bound is None or result.broken:
        return np.zeros(len(result.floor))
    return result.bound.radius


def mean_of_rows(values: Array) -> tuple[float, float, float]:
    """Mean with its 95 % bootstrap interval over rows."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(_REPLICATES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)
