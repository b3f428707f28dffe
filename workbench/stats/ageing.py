"""What a version loses as it ages, from its loss on every later window of time."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def mean_over_windows(values: Array, confidence: float = 0.95) -> tuple[float, float | None, float | None]:
    """Mean of one figure a window with Student's interval: the windows are the sample, not their rows.

    Returns:
        Mean, low end, high end; no ends for fewer than three windows.
    """
    from scipy.special import stdtrit

    value, k = float(values.mean()), len(values)
    if k < 3:
        return value, None, None
    half = float(stdtrit(k - 1, (1 + confidence) / 2)) * float(values.std(ddof=1)) / k**0.5
    return value, value - half, value + half


def older_less_fresh(losses: Array) -> Array:
    """Mean loss of the older versions less that of the freshest, on every window that several answer.

    Args:
        losses: mean loss of the version of each window on each later one, shape (k, k), version first.

    Returns:
        One difference a window, shape (k - 2,).
    """
    windows = range(2, len(losses))
    return np.array([losses[: w - 1, w].mean() - losses[w - 1, w] for w in windows])


def age_slope(losses: Array, confidence: float = 0.95) -> tuple[float, float | None, float | None]:
    """Loss gained with each window of age, over versions that answer the same window.

    Least squares of loss on age with a level for every scored window, so that a hard window does not look
    like age; the interval leaves out one scored window at a time (jackknife) and is Student's.

    Args:
        losses: mean loss of the version of each window on each later one, shape (k, k), version first.
        confidence: level of the interval.

    Returns:
        Slope, low end, high end; no ends when fewer than three windows are scored by two versions or more.
    """
    from scipy.special import stdtrit

    products, squares = [], []
    for window in range(2, len(losses)):
        loss = losses[:window, window]
        age = window - np.arange(window, dtype=float)
        away = age - age.mean()
        products.append(float(away @ loss))
        squares.append(float(away @ away))
    p, s = np.array(products), np.array(squares)
    value, k = float(p.sum() / s.sum()), len(p)
    if k < 3:
        return value, None, None
    without = (p.sum() - p) / (s.sum() - s)
    error = float((k - 1) / k * ((without - without.mean()) ** 2).sum()) ** 0.5
    half = float(stdtrit(k - 1, (1 + confidence) / 2)) * error
    return value, value - half, value + half
