"""Two samples that share no row: the difference of two rates, and of any two figures that have intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.intervals import wilson

Array = npt.NDArray[Any]

Estimate = tuple[float, float, float]
"""A value, the low and the high end of its interval."""


def rate_difference(k1: float, n1: float, k2: float, n2: float, confidence: float = 0.95) -> Estimate:
    """Difference k1/n1 - k2/n2 of two independent rates, with Newcombe's interval.

    Never empty and within -1 and 1, also where a rate is 0 or 1.
    Source: Newcombe, "Interval estimation for the difference between independent proportions", 1998,
    method 10.

    Args:
        k1: hits of the first sample.
        n1: its rows, at least one.
        k2: hits of the second.
        n2: its rows, at least one.
        confidence: level of the interval.
    """
    first, second = ((k / n, *wilson(k, n, confidence)) for k, n in ((k1, n1), (k2, n2)))
    return difference(first, second)


def difference(first: Estimate, second: Estimate) -> Estimate:
    """Difference of two figures from the interval of each; cautious where they are correlated positively.

    Source: Zou and Donner, "Construction of confidence limits about effect measures", 2008.
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    value = a - b
    low = value - ((a - a_low) ** 2 + (b_high - b) ** 2) ** 0.5
    high = value + ((a_high - a) ** 2 + (b - b_low) ** 2) ** 0.5
    return value, low, high


def mean(values: Array, low: Array, high: Array) -> Estimate:
    """Mean of independent figures from the interval of each: Zou and Donner's, for a sum.

    Args:
        values: shape (k,), at least one.
        low: low end of each.
        high: high end of each.
    """
    value, k = float(np.mean(values)), len(values)
    below, above = (float(np.sqrt(((values - end) ** 2).sum())) / k for end in (low, high))
    return value, value - below, value + above
