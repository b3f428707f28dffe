"""Was a row trained on? Scores of members and others to decisions, and what a record is worth to a model.

A score is higher where membership is likelier; a row counts as a member when its score is above a threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_AT_ONCE = 4_000_000
"""Pairs of a record and a judged row that are held at a time."""


def best_threshold(scores: Array, member: Array) -> float:
    """Return the threshold of the greatest advantage, TPR - FPR.

    Args:
        scores: shape (n,).
        member: True for members, shape (n,). Both kinds occur.

    Returns:
        One of the scores: at least one row is above it, unless all are equal, and at least one is not.
    """
    values, place = np.unique(scores, return_inverse=True)
    share = [np.bincount(place[kind], minlength=len(values)) / kind.sum() for kind in (member, ~member)]
    gain = np.cumsum(share[1] - share[0])[: max(len(values) - 1, 1)]
    return float(values[int(np.argmax(np.round(gain, 12)))])


def threshold_at(scores: Array, false_positive_rate: float) -> float:
    """Return the lowest threshold that at most this share of non-members is above.

    Args:
        scores: of non-members, shape (n,), n ≥ 1 / ``false_positive_rate``.
        false_positive_rate: between 0 and 1.
    """
    allowed = int(false_positive_rate * len(scores) + 1e-9)
    return float(np.sort(scores)[::-1][allowed])


def shapr(train: Array, train_labels: Array, test: Array, test_labels: Array) -> Array:
    """What every record is worth to a nearest-neighbour reading of the model's answers: above 0 it helps.

    Exact Shapley values of the nearest neighbour in the space of the model's answers, times the number of
    records, as in the adversarial-robustness-toolbox; here all rows at once, and records that are the same
    distance away get their mean over all orders of them, where the toolbox takes the order of the rows.

    Source: Duddu, Szyller and Asokan, "SHAPr: an efficient and versatile membership privacy risk metric",
    2021; Jia and others, "Efficient task-specific data valuation for nearest neighbor algorithms", 2019.

    Args:
        train: the model's probabilities of the records, shape (n, k).
        train_labels: codes of their labels, shape (n,).
        test: the model's probabilities of rows it was not trained on, shape (m, k).
        test_labels: codes of their labels, shape (m,).

    Returns:
        Scores, shape (n,).
    """
    total = np.zeros(len(train))
    step = max(1, _AT_ONCE // max(len(train), 1))
    for start in range(0, len(test), step):
        rows = slice(start, start + step)
        total += _values(train, train_labels, test[rows], test_labels[rows]).sum(axis=0)
    return np.asarray(total * len(train) / len(test))


def _values(train: Array, train_labels: Array, test: Array, test_labels: Array) -> Array:
    """(m, n) the Shapley value of each record for each judged row.

    With records in the order of their distance, y_i = 1 where the label is right, the recursion
    s_j - s_{j+1} = (y_j - y_{j+1}) / j sums up to s_j = y_j / j - Σ_{i>j} y_i / (i (i - 1)). Records at one
    distance hold places a to b; over their orders 1/j has the mean (1/a + … + 1/b) / (b - a + 1).
    """
    far = ((train**2).sum(axis=1) - 2 * test @ train.T).round(12)
    order = np.argsort(far, axis=1, kind="stable")
    hit = (train_labels[order] == test_labels[:, None]).astype(float)
    run, a, size = _runs(np.take_along_axis(far, order, axis=1))
    b, hits = a + size - 1, np.bincount(run, hit.ravel())
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, hit.shape[1] + 1))])
    mean = (harmonic[b] - harmonic[a - 1]) / size
    beyond = _beyond(hits / size * (1 / np.maximum(a - 1, 1) - 1 / b), a)
    y = hit.ravel()
    others = (hits[run] - y) / np.maximum(size[run] - 1, 1)
    values = y * mean[run] - others * (mean - 1 / b)[run] - beyond[run]
    placed = np.empty_like(hit)
    np.put_along_axis(placed, order, values.reshape(hit.shape), axis=1)
    return np.asarray(placed)


def _runs(far: Array) -> tuple[Array, Array, Array]:
    """Runs of equal distances in sorted lines: the run of each entry, first place and size of each run."""
    new = np.ones(far.shape, dtype=bool)
    new[:, 1:] = far[:, 1:] != far[:, :-1]
    starts = np.flatnonzero(new)
    return np.cumsum(new.ravel()) - 1, starts % far.shape[1] + 1, np.diff(np.append(starts, new.size))


def _beyond(weight: Array, a: Array) -> Array:
    """Sum of ``weight`` over the later runs of the same line; a line begins where ``a`` is 1."""
    line = np.cumsum(a == 1) - 1
    total = np.cumsum(weight)
    last = np.append(np.flatnonzero(a == 1)[1:] - 1, len(a) - 1)
    return np.asarray(total[last][line] - total)
