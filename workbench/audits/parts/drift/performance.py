"""What the drift does to performance, estimated without labels, beside what the labels then say.

Two estimates, each with its assumption; the data of an audit has its truth, so their errors are measured too.
Where they were right, they may be trusted for a while on rows whose truth is not in yet.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.drift.joint import Joint
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.stats.intervals import mean_interval, wilson
from workbench.stats.label_free import expected_roc_auc, roc_auc_error
from workbench.stats.ranking import roc_auc, score_table
from workbench.stats.two_sample import density_ratio, effective_size, weighted_mean

Array = np.ndarray[Any, Any]
Estimate = tuple[float, float, float]

_CALIBRATED = "from the model's own probabilities: holds if they are calibrated on these rows"
_WEIGHTED = "reference weighted to look like the data: holds if the truth depends on the features as before"
_ROWS = 100_000
"""Rows for the areas under the curve."""


def estimate(subject: Subject, joint: Joint | None) -> tuple[list[Measurement], list[str]]:
    """Return the estimates, the realised values and the errors, and notes. Nothing when the model raises."""
    steps: list[Callable[[], list[Measurement]]] = [
        lambda: _from_probabilities(subject),
        lambda: _on_reference(subject),
        lambda: _realised(subject),
        lambda: _weighted(subject, joint),
    ]
    found: list[Measurement] = []
    for step in steps:
        try:
            found += step()
        except Exception as error:  # noqa: BLE001 - whatever a model raises; the columns have been compared
            note = f"The model raised {type(error).__name__}: not all of its performance is estimated."
            return found, [*_reading(found), note]
    return found, _reading(found)


def _reading(found: list[Measurement]) -> list[str]:
    told, estimates = [], {m.metric for m in found}
    for m in found:
        name, error, _ = m.metric.rpartition("_error")
        if not error or name not in estimates:  # mean_absolute_error ends so too, and is no estimate's error
            continue
        if not m.slice and m.low is not None and m.high is not None:
            off = m.low > 0 or m.high < 0
            told.append(
                f"{name} was off by {m.value:+.3g} ({m.low:+.3g} to {m.high:+.3g}): "
                + ("do not trust it on rows like these." if off else "the labels do not contradict it.")
            )
    return told


def _from_probabilities(subject: Subject) -> list[Measurement]:
    """Confidence-based estimates of accuracy and, for two classes, of the area under the ROC curve."""
    table, classes = subject.probabilities, subject.predictor.classes
    if subject.data.task == "regression" or table is None or not len(table):
        return []
    chosen = _chosen(table, subject.answers, classes)
    right = np.asarray(subject.answers) == np.asarray(subject.data.y)
    n = len(chosen)
    found = [
        _measured("cbpe_accuracy_score", mean_interval(chosen), n, _CALIBRATED),
        _measured("cbpe_accuracy_score_error", mean_interval(chosen - right), n, "estimate less realised"),
    ]
    scores = subject.scores
    if scores is not None and 0 < scores.mean() < 1:
        rows = _some(len(scores), subject.seed)
        p, positive = scores[rows], (np.asarray(subject.data.y) == subject.predictor.positive)[rows]
        found.append(_measured("cbpe_roc_auc_score", expected_roc_auc(p), len(rows), _CALIBRATED))
        if 0 < positive.sum() < len(rows):
            error = roc_auc_error(p, positive, seed=subject.seed)
            found.append(_measured("cbpe_roc_auc_score_error", error, len(rows), "estimate less realised"))
    return found


def _on_reference(subject: Subject) -> list[Measurement]:
    """Whether the probabilities are calibrated on the reference, and how the expectation changed since."""
    reference, data = subject.reference, subject.data
    if reference is None or data.task == "regression" or not _answered(subject, data.prediction, data.score):
        return []
    classes = subject.predictor.classes
    table, answers, now = subject.reference_probabilities, subject.reference_answers, subject.probabilities
    if table is None or answers is None or now is None or not min(len(table), len(now)):
        return []
    before = _chosen(table, answers, classes)
    right = np.asarray(answers) == np.asarray(reference.y)
    change = _difference(mean_interval(_chosen(now, subject.answers, classes)), mean_interval(before))
    note = f"estimate on the data less that on the reference (n = {len(before)})"
    off = mean_interval(before - right)
    return [
        _measured("cbpe_accuracy_score_error", off, len(before), "estimate less realised", "reference"),
        _measured("cbpe_accuracy_score_change", change, len(now), note),
    ]


def _answered(subject: Subject, *columns: str | None) -> bool:
    """Whether the reference can be asked about: a model reads it, or it has the columns of answers."""
    reference = subject.reference
    return reference is not None and (
        subject.predictor.reads_rows or set(columns) <= set(reference.frame.columns)
    )


def _realised(subject: Subject) -> list[Measurement]:
    data = subject.data
    values = _values(data, subject.answers)
    if not len(values):
        return []
    metric = _metric(data)
    found = [_measured(f"realised_{metric}", _mean(data, values), len(values), "from the labels")]
    scores = None if data.task == "regression" else subject.scores
    if scores is not None:
        rows = _some(len(scores), subject.seed)
        positive = (np.asarray(data.y) == subject.predictor.positive)[rows]
        if 0 < positive.sum() < len(rows):
            area = roc_auc(score_table(scores[rows], positive)[1])
            found.append(_measured("realised_roc_auc_score", area, len(rows), "from the labels"))
    return found


def _weighted(subject: Subject, joint: Joint | None) -> list[Measurement]:
    """The reference's own performance, its rows weighted by how much they look like the data."""
    reference = subject.reference
    if joint is None or reference is None or not _answered(subject, subject.data.prediction):
        return []
    answers = np.asarray(subject.reference_answers)
    weights = density_ratio(joint.chance[~joint.second])
    values = _values(reference, answers)[joint.rows[~joint.second]]
    n, size = len(values), effective_size(weights)
    metric, estimate = _metric(reference), weighted_mean(values, weights)
    realised = _mean(subject.data, _values(subject.data, subject.answers))
    note = f"{_WEIGHTED}; {size:,.0f} rows' worth"
    return [
        _measured(f"weighted_{metric}", estimate, n, note),
        _measured(f"weighted_{metric}_error", _difference(estimate, realised), n, "estimate less realised"),
    ]


def _values(data: Dataset, answers: Array) -> Array:
    """Hits of a classification, absolute errors of a regression, shape (n,)."""
    if data.task == "regression":
        return np.asarray(np.abs(np.asarray(answers, dtype=float) - np.asarray(data.y, dtype=float)))
    return np.asarray(np.asarray(answers) == np.asarray(data.y), dtype=float)


def _mean(data: Dataset, values: Array) -> Estimate:
    """Mean with Wilson's interval for hits, and that of the central limit theorem for errors."""
    if data.task == "regression":
        return mean_interval(values)
    low, high = wilson(float(values.sum()), len(values))
    return float(values.mean()), low, high


def _metric(data: Dataset) -> str:
    return "mean_absolute_error" if data.task == "regression" else "accuracy_score"


def _chosen(table: Array, answers: Array, classes: tuple[Any, ...]) -> Array:
    """The probability that the model gives its own answer, shape (n,)."""
    codes = pd.Index(classes).get_indexer(pd.Index(answers))
    return np.asarray(table[np.arange(len(table)), codes])


def _difference(one: Estimate, other: Estimate) -> Estimate:
    """Of two independent estimates, with the interval of their errors added in squares."""
    value = one[0] - other[0]
    half = (((one[2] - one[1]) / 2) ** 2 + ((other[2] - other[1]) / 2) ** 2) ** 0.5
    return value, value - half, value + half


def _some(n: int, seed: int) -> Array:
    return np.arange(n) if n <= _ROWS else np.sort(np.random.default_rng(seed).permutation(n)[:_ROWS])


def _measured(metric: str, found: Estimate, n: int, note: str, slice: str = "") -> Measurement:
    value, low, high = found
    if metric.endswith(("accuracy_score", "auc_score")):
        low, high = max(low, 0.0), min(high, 1.0)
    known = bool(np.isfinite([low, high]).all())
    return Measurement(
        metric=metric,
        slice=slice,
        value=value,
        low=low if known else None,
        high=high if known else None,
        n=n,
        unit=_unit(metric),
        note=note,
    )


def _unit(metric: str) -> str:
    """Errors are in the unit of the target, areas are scores; hits are a rate, and what they differ by."""
    if "mean_absolute_error" in metric:
        return "target"
    if "roc_auc" in metric:
        return "score"
    return "difference" if metric.endswith(("_error", "_change")) else "rate"
