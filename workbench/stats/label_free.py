"""Performance without labels, from probabilities that are taken to be calibrated, and how far it was off.

If p is the probability that an answer is right, the mean of p is the accuracy to expect. This holds when the
probabilities are calibrated on these rows: when only the inputs moved (covariate shift) and the model was
calibrated before, and no longer when the relation of inputs and truth changed.

Source: confidence-based performance estimation; Białek, Kuberski, Perrakis and Bifet, "Estimating model
performance under covariate shift without labels", 2024.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.intervals import normal_quantile
from workbench.stats.ranking import roc_auc, score_table

Array = npt.NDArray[Any]

_BINS = 500
"""Bins of scores, equally full, from which the interval of an error is drawn."""


def expected_roc_auc(scores: Array, confidence: float = 0.95) -> tuple[float, float, float]:
    """Area under the ROC curve if each score is the chance that its row is positive.

    Args:
        scores: probabilities of the positive label, shape (n,), not all 0 and not all 1.
        confidence: level of the interval, for which the expected positives count as so many rows.

    Returns:
        Area, low end, high end.
    """
    return roc_auc(_expected_counts(scores), confidence)


def roc_auc_error(
    scores: Array, positive: Array, *, replicates: int = 300, seed: int = 0, confidence: float = 0.95
) -> tuple[float, float, float]:
    """The expected area less the realised one on the same rows, with a bootstrap interval.

    Rows are drawn anew as counts over 500 bins of the score and the truth; the interval is normal.

    Args:
        scores: probabilities of the positive label, shape (n,).
        positive: True where the truth is, shape (n,), at least one of each.
        replicates: draws.
        seed: of the draws.
        confidence: level of the interval.

    Returns:
        Error, low end, high end.
    """
    realised = score_table(scores, positive)[1]
    error = roc_auc(_expected_counts(scores))[0] - roc_auc(realised)[0]
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, _BINS + 1)[1:-1]))
    place = np.searchsorted(edges, scores)
    k = len(edges) + 1
    cells = np.bincount(place * 2 + positive, minlength=2 * k)
    size = np.maximum(np.bincount(place, minlength=k), 1)
    chance = np.bincount(place, weights=scores, minlength=k) / size
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(scores), cells / len(scores), size=replicates).reshape(replicates, k, 2)
    rows = drawn.sum(axis=2)
    errors = _areas(rows * (1 - chance), rows * chance) - _areas(drawn[:, :, 0], drawn[:, :, 1])
    half = normal_quantile((1 + confidence) / 2) * float(np.nanstd(errors))
    return error, error - half, error + half


def _expected_counts(scores: Array) -> Array:
    """What ``score_table`` counts, as it is to be expected: shape (distinct scores, 2)."""
    values, n = np.unique(scores, return_counts=True)
    return np.column_stack([n * (1 - values), n * values])


def _areas(negative: Array, positive: Array) -> Array:
    """Area under the curve of each draw from counts by ascending score, both of shape (draws, k)."""
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = negative.sum(axis=1) * positive.sum(axis=1)
    return np.asarray((below * positive).sum(axis=1) / np.where(pairs > 0, pairs, np.nan))
