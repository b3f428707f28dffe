"""Intervals of one rate or one mean, and what a number of rows could have shown at all."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, overload

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def normal_quantile(q: float) -> float:
    """Quantile of the standard normal: 1.96 for 0.975."""
    return NormalDist().inv_cdf(q)


@overload
def wilson(successes: float, n: float, confidence: float = 0.95) -> tuple[float, float]: ...
@overload
def wilson(successes: Array, n: Array, confidence: float = 0.95) -> tuple[Array, Array]: ...
def wilson(successes: Any, n: Any, confidence: float = 0.95) -> tuple[Any, Any]:
    """Wilson's score interval of a rate: keeps its level on average even at 0 of 5, and is never empty.

    Source: Wilson, 1927; Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", 2001.

    Args:
        successes: k, a number or an array.
        n: trials, likewise. With none the interval is (0, 1).
        confidence: its level.

    Returns:
        Low and high end, within 0 and 1.
    """
    k, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    z2 = normal_quantile((1 + confidence) / 2) ** 2
    centre = (k + z2 / 2) / (n + z2)
    half = np.sqrt(z2) / (n + z2) * np.sqrt(z2 / 4 + k * (n - k) / np.maximum(n, 1))
    # The ends at k = 0 and k = n are 0 and 1; rounding may miss them by a digit.
    low = np.where(k == 0, 0.0, np.maximum(centre - half, 0.0))
    high = np.where(k == n, 1.0, np.minimum(centre + half, 1.0))
    return _plain(low), _plain(high)


@overload
def clopper_pearson(successes: float, n: float, confidence: float = 0.95) -> tuple[float, float]: ...
@overload
def clopper_pearson(successes: Array, n: Array, confidence: float = 0.95) -> tuple[Array, Array]: ...
def clopper_pearson(successes: Any, n: Any, confidence: float = 0.95) -> tuple[Any, Any]:
    """Clopper and Pearson's interval of a rate: keeps its level always, and is wider than Wilson's for that.

    Source: Clopper and Pearson, 1934: the beta quantiles at α/2 and 1 - α/2.

    Args:
        successes: k, a number or an array.
        n: trials, likewise. With none the interval is (0, 1).
        confidence: its level.

    Returns:
        Low and high end, within 0 and 1.
    """
    from scipy.special import betaincinv

    k, n = np.asarray(successes, dtype=float), np.asarray(n, dtype=float)
    tail = (1 - confidence) / 2
    low = np.where(k == 0, 0.0, betaincinv(np.maximum(k, 1), n - k + 1, tail))
    high = np.where(k == n, 1.0, betaincinv(k + 1, np.maximum(n - k, 1), 1 - tail))
    return _plain(low), _plain(high)


def mean_interval(values: Array, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of ``values``, shape (n,), with the interval of the central limit theorem.

    Returns:
        Mean, low end, high end. The ends of a single value are infinite: it shows no spread.
    """
    mean = float(values.mean())
    if len(values) < 2:
        return mean, -np.inf, np.inf
    half = normal_quantile((1 + confidence) / 2) * float(values.std(ddof=1)) / len(values) ** 0.5
    return mean, mean - half, mean + half


def mean_of_rates(values: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """Interval of the mean of independent rates from the interval of each.

    Source: Zou and Donner, "Construction of confidence limits about effect measures", 2008 (for a sum of
    two).

    Args:
        values: rates, shape (rates, ...). Those that are NaN do not take part.
        low: low end of each.
        high: high end of each.

    Returns:
        Low and high end, each of shape (...); 0 and 1 where no rate takes part.
    """
    known = ~np.isnan(values)
    n = known.sum(axis=0)
    mean = np.where(known, values, 0).sum(axis=0) / np.maximum(n, 1)
    below, above = _norm(known, values - low), _norm(known, high - values)
    nothing = n == 0
    return (
        np.where(nothing, 0.0, np.maximum(mean - below / np.maximum(n, 1), 0.0)),
        np.where(nothing, 1.0, np.minimum(mean + above / np.maximum(n, 1), 1.0)),
    )


def _norm(known: Array, distances: Array) -> Array:
    return np.asarray(np.sqrt((np.where(known, distances, 0) ** 2).sum(axis=0)))


def largest_difference(values: Array, low: Array, high: Array) -> tuple[float, float, float]:
    """The greatest difference between groups, with an interval from those of the groups.

    Zou and Donner's interval of every pair's difference; the greatest difference lies above the greatest low
    end and below the greatest high end. So it holds at level 1 - α when the groups' intervals hold at
    1 - α / pairs (see ``pair_confidence``), and the noise of many small groups is not taken for one.

    Source: Zou and Donner, "Construction of confidence limits about effect measures", 2008 (Newcombe, 1998,
    for Wilson's intervals of two rates).

    Args:
        values: of independent groups, shape (groups,), at least one.
        low: low end of each.
        high: high end of each.

    Returns:
        Difference, low end (0 when all could be alike), high end.
    """
    difference = values[:, None] - values[None, :]
    below = np.hypot((values - low)[:, None], (high - values)[None, :])
    above = np.hypot((high - values)[:, None], (values - low)[None, :])
    lows, highs = difference - below, difference + above
    np.fill_diagonal(lows, 0.0)
    np.fill_diagonal(highs, 0.0)
    value = float(difference.max())
    return value, min(max(float(lows.max()), 0.0), value), max(float(highs.max()), value)


def pair_confidence(groups: int, confidence: float = 0.95) -> float:
    """The level at which each group's interval must hold for all pairs of groups to hold together."""
    return 1 - (1 - confidence) / max(groups * (groups - 1) // 2, 1)


def detectable_difference(
    n1: float, n2: float, *, rate: float = 0.5, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest difference of two rates that groups of these sizes would probably have shown.

    Normal approximation around a common rate, two-sided: (z_{1-α/2} + z_power) √(p(1-p)(1/n1 + 1/n2)).

    Args:
        n1: rows of the one group.
        n2: rows of the other.
        rate: the common rate; 0.5 asks for the most rows.
        alpha: chance of seeing a difference where there is none.
        power: chance of seeing one of this size.

    Returns:
        A difference between 0 and 1. 1 says that these groups cannot show any.
    """
    if min(n1, n2) == 0:
        return 1.0
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return float(min(1.0, z * (rate * (1 - rate) * (1 / n1 + 1 / n2)) ** 0.5))


def _plain(value: Array) -> Any:
    """A number for a number, an array for an array."""
    return float(value) if value.ndim == 0 else value
