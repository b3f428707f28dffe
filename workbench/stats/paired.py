"""Two answers to the same rows: the difference of two rates, and of two means, with the rows as pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.intervals import normal_quantile

Array = npt.NDArray[Any]


def rate_difference(gained: Array, lost: Array, n: int, confidence: float = 0.95) -> tuple[Array, Array]:
    """Interval of (gained - lost) / n, the difference of two rates of the same n rows.

    Only rows on which the two disagree carry it. The interval is never empty, also where none does.
    Source: Bonett and Price, "Adjusted Wald confidence interval for a difference of binomial proportions
    based on paired data", 2012: one row is added to either kind of disagreement.

    Args:
        gained: rows that are hits the second time only, any shape.
        lost: rows that are hits the first time only, the same shape.
        n: rows.
        confidence: its level.

    Returns:
        Low and high end, each of that shape, within -1 and 1.
    """
    up, down = (np.asarray(gained) + 1) / (n + 2), (np.asarray(lost) + 1) / (n + 2)
    difference = up - down
    half = normal_quantile((1 + confidence) / 2) * np.sqrt((up + down - difference**2) / (n + 2))
    return np.maximum(difference - half, -1.0), np.minimum(difference + half, 1.0)
