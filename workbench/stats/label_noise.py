"""Wrong labels from probabilities that a model gives to rows it was not fitted on.

``p`` has the shape (n, k), rows summing to 1, and must come from fits that did not see the row
(cross-validation): a fitted model repeats the wrong label. ``labels`` are codes 0 … k - 1, shape (n,).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.independent import Estimate
from workbench.stats.intervals import clopper_pearson, wilson

Array = npt.NDArray[Any]

_ANCHOR_SHARE = 0.1
_LEAST = 0.001
"""Chance that is left to every class: no probability that was learned is surer than that."""


def confident_joint(p: Array, labels: Array) -> Array:
    """Count rows by label and by the class they confidently belong to; unsure rows are not counted.

    A row confidently belongs to a class when its probability is at least the mean over the rows so labelled.

    Source: Northcutt, Jiang and Chuang, "Confident learning", 2021, equation 1.

    Returns:
        Counts, shape (k, k): label, then class.
    """
    k = p.shape[1]
    counts = np.bincount(labels, minlength=k)
    sums = np.bincount(labels, p[np.arange(len(labels)), labels], minlength=k)
    threshold = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(p >= threshold - 1e-12, p, -1.0)
    sure = confident.max(axis=1) >= 0
    table = np.bincount(labels[sure] * k + confident[sure].argmax(axis=1), minlength=k * k)
    return table.reshape(k, k)


def confident_share(joint: Array, counts: Array, confidence: float = 0.95) -> Estimate:
    """Share of wrong labels by confident learning: each label's confident share of other classes, weighted.

    Classes that overlap look like wrong labels to it, so it is too high where nobody could tell them apart.

    Args:
        joint: from ``confident_joint``.
        counts: rows of each label, shape (k,).
        confidence: level of the interval, Wilson's for each label, together as Zou and Donner.
    """
    sure = joint.sum(axis=1)
    return weighted(sure - np.diag(joint), sure, counts / counts.sum(), confidence, interval=wilson)


def anchors(p: Array, counts: Array, least: int = 50) -> list[Array]:
    """Rows that surely belong to each class: the tenth of as many as bear its label with the highest p.

    Their own labels have no part in choosing them, so the share that bears another label is a fair sample of
    labels gone wrong, and an upper limit where even these rows are not pure.

    Source: after the anchor points of Liu and Tao, "Classification with noisy labels by importance
    reweighting", 2016.

    Args:
        p: out-of-fold probabilities, shape (n, k).
        counts: rows of each label, shape (k,).
        least: rows of each class at least, where it has as many.
    """
    sizes = np.minimum(np.maximum(least, _ANCHOR_SHARE * counts), counts).astype(int)
    return [np.argsort(-p[:, j], kind="stable")[: sizes[j]] for j in range(p.shape[1])]


def trend(labels: Array, chosen: list[Array]) -> float:
    """Whether labels of anchors differ the less, the surer the anchor: a standard normal deviate.

    Labels that go wrong by accident do so among the surest as among the less sure. Far above 0 they do not:
    the classes overlap even there.

    Source: Armitage's trend test over the ranks, one for each class, together as Stouffer.

    Args:
        labels: shape (n,).
        chosen: from ``anchors``, the surest first.
    """
    deviates = []
    for j, rows in enumerate(chosen):
        wrong, rank = labels[rows] != j, np.arange(len(rows))
        if 0 < wrong.sum() < len(rows):
            deviates.append(float(np.corrcoef(rank, wrong)[0, 1]) * len(rows) ** 0.5)
    return sum(deviates) / len(deviates) ** 0.5 if deviates else 0.0


def weighted(
    k: Array, n: Array, weights: Array, confidence: float = 0.95, *, interval: Any = clopper_pearson
) -> Estimate:
    """Weighted mean of independent rates k/n, with Zou and Donner's interval; rates of nothing are left out.

    Args:
        k: hits, shape (m,).
        n: trials, shape (m,).
        weights: shape (m,).
        confidence: level of the interval.
        interval: of one rate.
    """
    kept = np.asarray(n) > 0
    if not kept.any():
        return 0.0, 0.0, 1.0
    k, n, w = np.asarray(k)[kept], np.asarray(n)[kept], np.asarray(weights)[kept]
    w = w / w.sum()
    rates = k / n
    low, high = interval(k, n, confidence)
    value = float(w @ rates)
    below, above = (float(np.sqrt(((w * (rates - end)) ** 2).sum())) for end in (low, high))
    return value, max(value - below, 0.0), min(value + above, 1.0)


def flip(labels: Array, classes: int, share: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Give a random ``share`` of rows a random other label.

    Returns:
        The labels, shape (n,), and the positions that were flipped.
    """
    flipped = np.sort(rng.choice(len(labels), size=max(1, round(share * len(labels))), replace=False))
    changed = labels.copy()
    changed[flipped] = (labels[flipped] + rng.integers(1, classes, size=len(flipped))) % classes
    return changed, flipped


def transitions(labels: Array, chosen: list[Array], classes: int) -> Array:
    """Share of each label among the anchors of each class, shape (k, k): true class, then label."""
    table = np.zeros((classes, classes))
    for j, rows in enumerate(chosen):
        counts = np.bincount(labels[rows], minlength=classes)
        table[j] = counts / counts.sum() if counts.sum() else np.eye(classes)[j]
    return table


def chance_wrong(p: Array, labels: Array, moves: Array) -> Array:
    """Chance that each label is wrong, shape (n,), if labels go wrong as they do among the anchors.

    The probabilities were learned from labels of which some are wrong: p = qT, with q those of the true class
    and T the transitions. Then a label i is right with the chance q_i T_ii / p_i.

    Source: Patrini and others, "Making deep neural networks robust to label noise", 2017 (backward
    correction), and Bayes.

    Args:
        p: out-of-fold probabilities, shape (n, k).
        labels: shape (n,).
        moves: from ``transitions``, shape (k, k).
    """
    if np.linalg.cond(moves) > 1e3:  # classes that cannot be told apart: nothing can be said of one label
        return np.full(len(labels), np.nan)
    q = np.clip(p @ np.linalg.inv(moves), _LEAST, 1.0)
    q /= q.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    right = q[rows, labels] * moves[labels, labels]
    # What q makes of p again, rather than p itself: where q was clipped they differ.
    seen = (q * moves[:, labels].T).sum(axis=1)
    return np.asarray(1 - right / np.maximum(seen, 1e-12))
