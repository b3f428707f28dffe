"""Rates by group from one table of counts, and their bootstrap, at any number of rows.

The table counts rows by cell (a combination of groups that share no row) × truth × prediction. Every rate of
every slice is a function of it, and resampling n rows with replacement is one multinomial draw over its
entries: a replicate costs the entries, not the rows. Slices are sums of cells, so single groups,
intersections and everyone are drawn together, as they are when rows are resampled.

Names and values are those of Fairlearn's metrics and scikit-learn's. Where a rate is 0/0 they say 0; here the
caller chooses, because 0 there is a convention and not a measurement.

Counts have the shape (..., 2, 2): truth, then prediction, negative first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

#: Rates that are k of n, in the order of reports.
PROPORTIONS = (
    "selection_rate",
    "accuracy_score",
    "true_positive_rate",
    "false_positive_rate",
    "true_negative_rate",
    "false_negative_rate",
    "precision_score",
    "base_rate",
)
#: Every rate of one group.
RATES = (*PROPORTIONS, "balanced_accuracy_score")
#: What is said of a rate over groups: ``false_positive_rate_difference`` …
SPREADS = ("difference", "ratio", "group_min", "group_max")
#: Fairlearn's names for spreads of one or two rates, and which rates: the worst of them counts.
DISPARITIES = {
    "demographic_parity": ("selection_rate",),
    "equal_opportunity": ("true_positive_rate",),
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
}

_AT_ONCE = 2_000_000
"""Entries drawn at a time: what many cells cost is time, not memory."""
_ROWS_AT_ONCE = 65_536
"""Rows counted at a time: what is computed of them stays in the cache of the processor."""


def count_table(cell: Array, y_true: Array, y_pred: Array, cells: int) -> Array:
    """Count rows by cell, truth and prediction.

    Args:
        cell: number of each row's cell, shape (n,), from 0 to ``cells - 1``.
        y_true: True where the truth is positive, shape (n,).
        y_pred: True where the prediction is.
        cells: how many cells there are.

    Returns:
        Counts, shape (cells, 2, 2).
    """
    table = np.zeros(4 * cells, dtype=np.int64)
    for start in range(0, len(cell), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        code = cell[rows].astype(np.int64)
        code <<= 1
        code += y_true[rows]
        code <<= 1
        code += y_pred[rows]
        table += np.bincount(code, minlength=4 * cells)
    return table.reshape(cells, 2, 2)


def one_against_rest(confusion: Array) -> Array:
    """Split a table of k labels into k tables of two.

    Args:
        confusion: counts, shape (..., k, k): truth, then prediction.

    Returns:
        Counts, shape (k, ..., 2, 2): by label, whether it is the truth, then whether it is the prediction.
    """
    tp = np.moveaxis(np.diagonal(confusion, axis1=-2, axis2=-1), -1, 0)
    truth = np.moveaxis(confusion.sum(axis=-1), -1, 0)
    answer = np.moveaxis(confusion.sum(axis=-2), -1, 0)
    tn = confusion.sum(axis=(-2, -1)) - truth - answer + tp
    table = np.stack([tn, answer - tp, truth - tp, tp], axis=-1)
    return np.asarray(table.reshape(*table.shape[:-1], 2, 2))


def homogeneity(k: Array, n: Array) -> float:
    """p-value of Pearson's χ² test that groups share one rate; 1 when there is nothing to compare.

    Args:
        k: successes by group, shape (groups,).
        n: rows by group.
    """
    from scipy.special import chdtrc

    k, n = (np.asarray(of, dtype=float)[np.asarray(n) > 0] for of in (k, n))
    rate = k.sum() / max(n.sum(), 1)
    if len(n) < 2 or not 0 < rate < 1:
        return 1.0
    return float(chdtrc(len(n) - 1, ((k - n * rate) ** 2 / (n * rate * (1 - rate))).sum()))


def of_slices(counts: Array, members: Array) -> Array:
    """Sum cells to slices.

    Args:
        counts: by cell, shape (..., cells, 2, 2); or (..., cells, a, b) for any a and b.
        members: True where a cell is in a slice, shape (slices, cells).

    Returns:
        Counts, shape (..., slices, 2, 2), as floats: exact up to 2⁵³ rows.
    """
    *lead, cells, a, b = counts.shape
    summed = members.astype(float) @ counts.reshape(*lead, cells, a * b).astype(float)
    return np.asarray(summed.reshape(*lead, len(members), a, b))


def resample(table: Array, members: Array, replicates: int, seed: int) -> Array:
    """Draw the table as if its rows were resampled with replacement, and sum to slices.

    Args:
        table: counts by cell, shape (cells, 2, 2); or (cells, a, b) for any a and b.
        members: as in ``of_slices``.
        replicates: how often.
        seed: of the draws.

    Returns:
        Counts, shape (replicates, slices, 2, 2) or (replicates, slices, a, b).
    """
    n, rng = int(table.sum()), np.random.default_rng(seed)
    share, step = table.ravel() / max(n, 1), max(1, _AT_ONCE // table.size)
    return np.concatenate(
        [
            of_slices(rng.multinomial(n, share, size=size).reshape(size, *table.shape), members)
            for size in (min(step, replicates - start) for start in range(0, replicates, step))
        ]
    )


def parts(counts: Array) -> dict[str, tuple[Array, Array]]:
    """Return k and n of every proportion, each of shape (...)."""
    tn, fp = counts[..., 0, 0], counts[..., 0, 1]
    fn, tp = counts[..., 1, 0], counts[..., 1, 1]
    negative, positive, n = tn + fp, fn + tp, tn + fp + fn + tp
    return {
        "selection_rate": (fp + tp, n),
        "accuracy_score": (tn + tp, n),
        "true_positive_rate": (tp, positive),
        "false_positive_rate": (fp, negative),
        "true_negative_rate": (tn, negative),
        "false_negative_rate": (fn, positive),
        "precision_score": (tp, fp + tp),
        "base_rate": (positive, n),
    }


def rates(counts: Array, *, undefined: float = np.nan) -> dict[str, Array]:
    """Every rate of every group.

    Args:
        counts: shape (..., 2, 2).
        undefined: what 0/0 is in a group that has rows. 0 is scikit-learn's and Fairlearn's convention.
            Groups without rows are NaN whatever this says. Balanced accuracy is the mean over the classes
            that are there.

    Returns:
        Rate by name, each of shape (...).
    """
    empty = counts.sum(axis=(-2, -1)) == 0
    found = {name: _divide(k, n, undefined) for name, (k, n) in parts(counts).items()}
    positive, negative = counts[..., 1, :].sum(axis=-1) > 0, counts[..., 0, :].sum(axis=-1) > 0
    recalls = np.where(positive, found["true_positive_rate"], 0) + np.where(
        negative, found["true_negative_rate"], 0
    )
    found["balanced_accuracy_score"] = _divide(recalls, positive.astype(float) + negative, np.nan)
    return {name: np.where(empty, np.nan, rate) for name, rate in found.items()}


def f1_score(counts: Array, *, undefined: float = np.nan) -> Array:
    """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN), shape (...)."""
    tp = counts[..., 1, 1]
    return _divide(2 * tp, 2 * tp + counts[..., 0, 1] + counts[..., 1, 0], undefined)


def spreads(found: dict[str, Array]) -> dict[str, Array]:
    """Differences, ratios, minima and maxima between groups, and the disparities Fairlearn has names for.

    Args:
        found: from ``rates``, each of shape (..., groups). A group that is NaN does not take part.

    Returns:
        By name, each of shape (...). A ratio of 0 to 0 is NaN, as with Fairlearn.
    """
    by_name = {f"{rate}_{kind}": value for rate, r in found.items() for kind, value in spread(r).items()}
    for name, of in DISPARITIES.items():
        if not set(of) <= set(found):
            continue
        by_name[f"{name}_difference"] = np.maximum.reduce(
            [by_name[f"{rate}_difference"] for rate in of], axis=0
        )
        by_name[f"{name}_ratio"] = _least([by_name[f"{rate}_ratio"] for rate in of])
    return by_name


def spread(rate: Array) -> dict[str, Array]:
    """Difference, ratio, minimum and maximum of one rate, (..., groups) to (...); NaN does not take part."""
    missing = np.isnan(rate)
    nothing = missing.all(axis=-1)
    low = np.where(nothing, np.nan, np.where(missing, np.inf, rate).min(axis=-1))
    high = np.where(nothing, np.nan, np.where(missing, -np.inf, rate).max(axis=-1))
    return {
        "difference": high - low,
        "ratio": _divide(low, high, np.nan),
        "group_min": low,
        "group_max": high,
    }


def percentiles(replicates: Array, confidence: float = 0.95) -> tuple[Array, Array]:
    """Percentile interval over the first axis; replicates that are NaN do not count.

    Args:
        replicates: shape (replicates, ...).
        confidence: level of the interval.

    Returns:
        Low and high end, each of shape (...); NaN where no replicate is a number.
    """
    ordered = np.sort(replicates, axis=0)  # NaN sorts last: np.nanquantile takes a hundred times as long
    known = (~np.isnan(ordered)).sum(axis=0)
    tail = (1 - confidence) / 2
    return _quantile(ordered, known, tail), _quantile(ordered, known, 1 - tail)


def _divide(k: Array, n: Array, undefined: float) -> Array:
    k, n = np.asarray(k, dtype=float), np.asarray(n, dtype=float)
    return np.asarray(np.divide(k, n, out=np.full(n.shape, undefined), where=n > 0))


def _least(ratios: list[Array]) -> Array:
    """The first decides whether there is a number; of the others a NaN (0 to 0, alike) does not count."""
    return np.where(np.isnan(ratios[0]), np.nan, np.fmin.reduce(ratios))


def _quantile(ordered: Array, known: Array, q: float) -> Array:
    """Interpolate between order statistics as ``numpy.quantile``, of the first ``known`` along axis 0."""
    place = np.maximum(known - 1, 0) * q
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, np.maximum(known - 1, 0))
    low = np.take_along_axis(ordered, below[None], axis=0)[0]
    high = np.take_along_axis(ordered, above[None], axis=0)[0]
    return np.asarray(low + (high - low) * (place - below))
