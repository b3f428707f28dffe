"""Agreement of answers and truth beyond chance, from a confusion table: Matthews' coefficient, Cohen's kappa.

Counts are those of a multinomial draw, so the variance of a function of them is Σ p g² - (Σ p g)², with g its
derivatives by the cells' shares (delta method); intervals are made on the scale of Fisher's z, within -1 and
1. Where the variance is 0, as for a perfect table, the lower end lets as many rows be wrong as an error rate
of 0 in n leaves open (Clopper and Pearson).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.independent import Estimate
from workbench.stats.intervals import clopper_pearson, normal_quantile

Array = npt.NDArray[Any]


def matthews_corrcoef(table: Array, confidence: float = 0.95) -> Estimate | None:
    """Correlation of truth and answer; for more than two classes Gorodkin's, as scikit-learn has it.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004.

    Args:
        table: counts, truth first, shape (k, k).
        confidence: level of the interval.

    Returns:
        Value, low end, high end; None where truth or answer has one value only (0/0).
    """
    p, truth, answer = _shares(table)
    together = np.trace(p) - truth @ answer
    of_truth, of_answer = 1 - truth @ truth, 1 - answer @ answer
    if of_truth <= 0 or of_answer <= 0:
        return None
    value = together / (of_truth * of_answer) ** 0.5
    by_together = (np.eye(len(p)) - answer[:, None] - truth[None, :]) / (of_truth * of_answer) ** 0.5
    spread = value * (truth[:, None] / of_truth + answer[None, :] / of_answer)
    return _with_interval(value, by_together + spread, p, table, confidence)


def cohen_kappa(table: Array, confidence: float = 0.95) -> Estimate | None:
    """Share of agreement beyond what these answers would have by chance, (o - e) / (1 - e).

    Source: Cohen, 1960; variance as in Fleiss, Cohen and Everitt, 1969.

    Args:
        table: counts, truth first, shape (k, k).
        confidence: level of the interval.

    Returns:
        Value, low end, high end; None where truth and answer have one and the same value only (0/0).
    """
    p, truth, answer = _shares(table)
    observed, chance = np.trace(p), truth @ answer
    if chance >= 1:
        return None
    value = (observed - chance) / (1 - chance)
    by_chance = answer[:, None] + truth[None, :]
    slope = np.eye(len(p)) / (1 - chance) - by_chance * (1 - observed) / (1 - chance) ** 2
    return _with_interval(value, slope, p, table, confidence)


def _shares(table: Array) -> tuple[Array, Array, Array]:
    p = np.asarray(table, dtype=float) / table.sum()
    return p, p.sum(axis=1), p.sum(axis=0)


def _with_interval(value: Any, slope: Array, p: Array, table: Array, confidence: float) -> Estimate:
    value, n = float(np.clip(value, -1, 1)), int(table.sum())
    variance = float((p * slope**2).sum() - (p * slope).sum() ** 2) / n
    if variance > 1e-16 and abs(value) < 1:
        half = normal_quantile((1 + confidence) / 2) * variance**0.5 / (1 - value**2)
        centre = float(np.arctanh(value))
        return value, float(np.tanh(centre - half)), float(np.tanh(centre + half))
    truth, answer = p.sum(axis=1), p.sum(axis=0)
    doubt = (1 - float(clopper_pearson(n, n, confidence)[0])) / max(1 - float(truth @ answer), 1e-12)
    return value, max(value - doubt, -1.0), min(value + doubt, 1.0) if value < 1 else 1.0
