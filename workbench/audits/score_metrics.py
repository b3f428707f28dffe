"""What the probabilities of a binary classifier say: ranking and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.records import Measurement
from workbench.stats import ranking
from workbench.stats.intervals import mean_interval

Array = npt.NDArray[Any]


def score_metrics(scores: Array, positive: Array, counts: Array, confidence: float) -> list[Measurement]:
    """Measure ROC AUC, average precision, Brier score and log loss, beside a constant answer.

    Args:
        scores: probability of the positive label, shape (n,).
        positive: True where the truth is positive, shape (n,).
        counts: from ``ranking.score_table`` of both.
        confidence: level of the intervals.
    """
    n, share = len(scores), float(positive.mean())
    chance = np.where(positive, scores, 1 - scores).astype(float)
    surprise = -np.log(np.clip(chance, np.finfo(float).eps, 1 - np.finfo(float).eps))
    entropy = -(share * np.log(share) + (1 - share) * np.log(1 - share))
    measured = [
        ("roc_auc_score", ranking.roc_auc(counts, confidence), 0.5),
        ("average_precision_score", ranking.average_precision(counts, confidence), share),
        ("brier_score_loss", _loss((1 - chance) ** 2, confidence), share * (1 - share)),
        ("log_loss", _loss(surprise, confidence), float(entropy)),
    ]
    found = []
    for metric, (value, low, high), baseline in measured:
        found.append(Measurement(metric=metric, value=value, low=low, high=high, n=n, unit="score"))
        note = f"always says {share:.4g}, the share of positives"
        found.append(Measurement(metric=f"{metric}_baseline", value=baseline, n=n, unit="score", note=note))
    return found


def _loss(losses: Array, confidence: float) -> tuple[float, float, float]:
    mean, low, high = mean_interval(losses, confidence)
    return mean, max(low, 0.0), high
