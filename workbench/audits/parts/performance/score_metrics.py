"""What the probabilities of a classifier say, of two classes or of more: ranking and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.performance.answers import Answers, codes_of
from workbench.audits.parts.shared.slices import escaped
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.stats import ranking
from workbench.stats.auc import one_vs_rest
from workbench.stats.independent import Estimate
from workbench.stats.intervals import mean_interval, wilson

Array = npt.NDArray[Any]

_MOST_CLASSES = 50
"""Beyond it every class against the rest says little and takes long."""


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


def scores_of_classes(model: Answers, data: Dataset, confidence: float) -> list[Measurement]:
    """Measure log loss, Brier score, top-k accuracy and ROC AUC one against the rest: three classes or more.

    Args:
        model: with its probabilities.
        data: with at least three classes.
        confidence: level of the intervals.

    Returns:
        Means over classes under scikit-learn's scorer names ``roc_auc_ovr`` (each class alike) and
        ``roc_auc_ovr_weighted`` (by rows); ``roc_auc_ovr`` of ``target=label`` is that of one class.
    """
    chances, surprise = model.chances, model.surprise(data)
    if chances is None or surprise is None:
        return []
    code, (n, k) = codes_of(data.y, data.classes), chances.shape
    truth = code[:, None] == np.arange(k)
    share = truth.mean(axis=0)
    note = "always says the share of each class"
    common: dict[str, Any] = {"n": n, "unit": "score"}
    found = []
    for metric, losses, baseline in (
        ("log_loss", surprise, float(-(share * np.log(share)).sum())),
        ("brier_score_loss", ((chances - truth) ** 2).sum(axis=1), float(1 - (share**2).sum())),
    ):
        found.append(_of(metric, _loss(losses, confidence), common))
        found.append(Measurement(metric=f"{metric}_baseline", value=baseline, note=note, **common))
    found.append(_top(chances, code, confidence))
    if k > _MOST_CLASSES:
        note = f"more than {_MOST_CLASSES} classes"
        return [*found, Measurement(metric="roc_auc_ovr", value=None, n=n, unit="score", note=note)]
    found.append(_of("roc_auc_ovr", one_vs_rest(chances, code, "macro", confidence), common))
    found.append(_of("roc_auc_ovr_weighted", one_vs_rest(chances, code, "weighted", confidence), common))
    for label in range(k):
        area = ranking.roc_auc(ranking.score_table(chances[:, label], truth[:, label])[1], confidence)
        slice = f"{escaped(str(data.target))}={escaped(str(data.classes[label]))}"
        found.append(_of("roc_auc_ovr", area, common, slice))
    return found


def _top(chances: Array, code: Array, confidence: float) -> Measurement:
    """Share of rows whose class is among the k most probable; equal ones in the order of the classes."""
    k = 2 if chances.shape[1] < 10 else 5
    place = np.argsort(-chances, axis=1, kind="stable")[:, :k]
    hits, n = int((place == code[:, None]).any(axis=1).sum()), len(code)
    low, high = wilson(hits, n, confidence)
    return Measurement(
        metric="top_k_accuracy_score", value=hits / n, low=low, high=high, n=n, unit="rate", note=f"k = {k}"
    )


def _of(metric: str, estimate: Estimate, common: dict[str, Any], slice: str = "") -> Measurement:
    value, low, high = estimate
    return Measurement(metric=metric, slice=slice, value=value, low=low, high=high, **common)


def _loss(losses: Array, confidence: float) -> Estimate:
    mean, low, high = mean_interval(losses, confidence)
    return mean, max(low, 0.0), high
