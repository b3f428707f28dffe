"""Quantiles with intervals that assume nothing of the distribution but that the values are independent."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def quantile(values: Array, q: float, confidence: float = 0.95) -> tuple[float, float, float]:
    """Return the q-quantile of ``values``, shape (n,), with the interval between two order statistics.

    The number of values below the true quantile is binomial (n, q), whatever the distribution, so the j-th
    smallest lies above it with a chance that a table of the binomial gives. Each end keeps half of the rest.
    Source: David and Nagaraja, "Order Statistics", 2003, section 7.1.

    Args:
        values: at least one.
        q: between 0 and 1.
        confidence: the level, which the interval keeps or exceeds.

    Returns:
        The smallest value that at least q of the values do not exceed, low and high end. An end is infinite
        where n is too small for one: the 99th percentile has no upper end below 368 values at 95 %.
    """
    from scipy.stats import binom

    ordered, n = np.sort(values), len(values)
    tail = (1 - confidence) / 2
    # the greatest l with P(binomial < l) <= tail, the least u with P(binomial >= u) <= tail
    lower, upper = int(binom.ppf(tail, n, q)), int(binom.isf(tail, n, q)) + 1
    value = ordered[max(int(np.ceil(q * n - 1e-9)), 1) - 1]
    low = ordered[lower - 1] if lower >= 1 else -np.inf
    high = ordered[upper - 1] if upper <= n else np.inf
    return float(value), float(low), float(high)
