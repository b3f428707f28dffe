"""Areas under ROC curves from the placement of every row: of several classes, of two models on the same rows.

The placement of a positive is the share of negatives with a lower score (ties half), that of a negative the
share of positives with a higher one. Means of either are the area; how they vary is its variance (DeLong,
DeLong and Clarke-Pearson, 1988).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from workbench.stats import independent, ranking
from workbench.stats.intervals import clopper_pearson, normal_quantile

Array = npt.NDArray[Any]
Estimate = independent.Estimate


def placements(scores: Array, positive: Array) -> Array:
    """Placement of every row among those of the other class, shape (n,).

    Args:
        scores: shape (n,).
        positive: True where the truth is positive, shape (n,); at least one row of either class.
    """
    values, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place * 2 + positive, minlength=2 * len(values)).reshape(-1, 2).astype(float)
    below = (np.cumsum(counts, axis=0) - counts / 2) / counts.sum(axis=0)
    return np.asarray(np.where(positive, below[place, 0], 1 - below[place, 1]))


def roc_auc_difference(first: Array, second: Array, positive: Array, confidence: float = 0.95) -> Estimate:
    """Area of the first scores less that of the second, on the same rows, with DeLong's paired interval.

    Against a constant score, whose area is a half whatever the rows, it is the single interval moved by a
    half. Where DeLong's has no width although the scores differ (both models order these rows perfectly), it
    is made of the two single ones, which is cautious.

    Args:
        first: scores, shape (n,).
        second: scores of another model for the same rows, shape (n,).
        positive: True where the truth is positive, shape (n,).
        confidence: level of the interval.

    Returns:
        Difference, low end, high end, within -1 and 1.
    """
    if np.array_equal(first, second):
        return 0.0, 0.0, 0.0
    if np.ptp(second) == 0:
        value, low, high = _single(first, positive, confidence)
        return value - 0.5, low - 0.5, high - 0.5
    difference = placements(first, positive) - placements(second, positive)
    value = float(difference[positive].mean())
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) > 1:
        variance = difference[positive].var(ddof=1) / m + difference[~positive].var(ddof=1) / n
        if variance > 0:
            half = normal_quantile((1 + confidence) / 2) * float(variance) ** 0.5
            return value, max(value - half, -1.0), min(value + half, 1.0)
    single = (_single(scores, positive, confidence) for scores in (first, second))
    value, low, high = independent.difference(*single)
    return value, max(low, -1.0), min(high, 1.0)


def _single(scores: Array, positive: Array, confidence: float) -> Estimate:
    return ranking.roc_auc(ranking.score_table(scores, positive)[1], confidence)


def one_vs_rest(
    probabilities: Array, code: Array, average: Literal["macro", "weighted"], confidence: float = 0.95
) -> Estimate:
    """Mean of the areas of every class against the rest, with an interval on the logit scale.

    One row is in all of the areas, so the variance is that of the sum of what it adds to each, and with
    ``weighted`` also to the share of its own class. Where that is 0 (all perfect) the interval is Clopper and
    Pearson's for as many pairs as the rarest class has rows.

    Args:
        probabilities: shape (n, k), every class seen.
        code: the class of every row, 0 to k - 1, shape (n,).
        average: ``macro`` counts classes alike, ``weighted`` by their rows.
        confidence: level of the interval.

    Returns:
        Mean area, low end, high end.
    """
    n, k = probabilities.shape
    share = np.bincount(code, minlength=k) / n
    added, areas = np.zeros(n), np.zeros(k)
    for label in range(k):
        positive = code == label
        placed = placements(probabilities[:, label], positive)
        areas[label] = area = placed[positive].mean()
        weight = share[label] if average == "weighted" else 1 / k
        added += weight * (placed - area) / np.where(positive, share[label], 1 - share[label])
        if average == "weighted":
            added += area * (positive - share[label])
    value = float(areas @ share if average == "weighted" else areas.mean())
    error = float(added.std(ddof=1)) / n**0.5 if n > 1 else 0.0
    if error > 1e-12 and 0 < value < 1:
        return value, *ranking.around_logit(value, error / (value * (1 - value)), confidence)
    pairs = float(np.bincount(code, minlength=k).min())
    low, high = clopper_pearson(np.floor(value * pairs), pairs, confidence)[0], 1.0
    if value < 1:
        high = clopper_pearson(np.ceil(value * pairs), pairs, confidence)[1]
    return value, float(min(low, value)), float(max(high, value))
