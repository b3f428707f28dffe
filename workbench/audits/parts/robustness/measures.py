"""Measurements of a robustness audit: rates, medians and queries, each with its interval."""

from __future__ import annotations

import numpy as np

from workbench.audits.parts.robustness.attacked import NOISE
from workbench.audits.parts.robustness.evasion import Attempt
from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.verdict import Result, doubt_of, mean_of_rows, safe
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.intervals import wilson

_REPLICATES = 2000


def rate(metric: str, hits: Array, note: str) -> Measurement:
    """Share of the rows that ``hits`` (n,) names, with Wilson's interval."""
    low, high = wilson(int(hits.sum()), len(hits))
    return Measurement(
        metric=metric, value=float(hits.mean()), low=low, high=high, n=len(hits), unit="rate", note=note
    )


def floor_of(result: Result) -> Measurement:
    """What random moves of the same length flip."""
    value, low, high = mean_of_rows(result.floor)
    return Measurement(
        metric="noise_success_rate",
        value=value,
        low=low,
        high=high,
        n=len(result.floor),
        unit="rate",
        note=f"flipped by one random move of the same length, mean of {NOISE} a row",
    )


def gain(near: Array, floor: Array) -> Measurement:
    """How much more flips than by random moves, paired by row."""
    value, low, high = mean_of_rows(near - floor)
    return Measurement(
        metric="attack_gain_over_noise",
        value=value,
        low=low,
        high=high,
        n=len(near),
        unit="difference",
        note="paired by row"
        if low > 0
        else "paired by row; the interval does not exclude that noise does as much",
    )


def median(metric: str, distance: Array, what: str) -> Measurement:
    """Median over all attacked rows. A row without a distance is further than any that has one."""
    rng = np.random.default_rng(0)
    n, middle = len(distance), (len(distance) - 1) // 2
    ordered = np.sort(distance)
    drawn = np.sort(rng.integers(n, size=(_REPLICATES, n)), axis=1)[:, middle]
    low, high = np.quantile(drawn, (0.025, 0.975), method="nearest")
    known = int(np.isfinite(distance).sum())
    note = f"{what}; {known} of {n} rows have one"
    return Measurement(
        metric=metric,
        value=_finite(ordered[middle]),
        low=_finite(ordered[low]),
        high=_finite(ordered[high]),
        n=n,
        unit="sd",
        note=note if np.isfinite(ordered[middle]) else f"{note}: more than half have none",
    )


def of_bound(result: Result) -> list[Measurement]:
    """What no attack can change; nothing without a bound that holds."""
    bound = result.bound
    if bound is None or result.broken:
        return []
    kind = "exact: the worst case" if bound.exact else "a lower bound of the worst case"
    capped = np.isfinite(bound.cap)
    radius = np.minimum(bound.radius, result.budget) if capped else bound.radius
    at_least = f"; {result.budget:g}, the budget, stands for at least that" if capped else ""
    return [
        rate(
            "certified_accuracy",
            result.target.correct & safe(bound, result.budget),
            f"right, and no valid move of at most {result.budget:g} changes it; {kind}",
        ),
        median("median_certified_radius", radius, f"no shorter move flips; {kind}{at_least}"),
    ]


def of_attempt(attempt: Attempt, result: Result) -> list[Measurement]:
    """The figures of one attack alone, in the slice of its name."""
    doubt = doubt_of(attempt, result)
    near = result.near(attempt.distance)
    found = [
        rate("attack_success_rate", near, doubt or "by this attack alone"),
        gain(near, result.floor),
        median("median_flip_distance", attempt.distance, "smallest change this attack found"),
        Measurement(
            metric="model_queries",
            value=attempt.queries,
            n=len(near),
            unit="queries",
            note="answers, scores and gradients for all rows, without the points to start from",
        ),
    ]
    if attempt.flat is not None:
        rows = round(attempt.flat * len(near))
        flat = rate("flat_score_rate", np.arange(len(near)) < rows, "rows around which no score changed")
        found.append(flat)
    if doubt:
        found[0] = found[0].model_copy(update={"outcome": Outcome.INCONCLUSIVE})
    return [m.model_copy(update={"slice": f"attack={attempt.name}"}) for m in found]


def missing(name: str, why: str, n: int) -> Measurement:
    """An attack that was asked for and cannot be done."""
    return Measurement(
        metric="attack_success_rate",
        slice=f"attack={name}",
        value=None,
        n=n,
        unit="rate",
        outcome=Outcome.INCONCLUSIVE,
        note=why,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
