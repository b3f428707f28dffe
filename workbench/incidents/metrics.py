"""Against labels: a few metrics under scikit-learn's and Fairlearn's names, each with its interval and n."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput, unknown
from workbench.incidents.answers import Answers, Array
from workbench.incidents.compare import are_numbers, rate
from workbench.models.records import ModelVersion
from workbench.stats.intervals import mean_interval

#: Of a binary classifier: which rows count, and which of these are the part. ``y`` truth and ``p`` prediction
#: are "is it the positive label".
_BINARY: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "accuracy_score": lambda y, p: (np.ones_like(y), y == p),
    "recall_score": lambda y, p: (y, y & p),
    "precision_score": lambda y, p: (p, y & p),
    "false_positive_rate": lambda y, p: (~y, ~y & p),
    "false_negative_rate": lambda y, p: (y, y & ~p),
    "selection_rate": lambda y, p: (np.ones_like(y), p),
}

_ERRORS: dict[str, Callable[[Array], Array]] = {
    "mean_absolute_error": np.abs,
    "mean_squared_error": np.square,
}

#: What a replay shows.
_SHOWN = ("accuracy_score", "recall_score", "false_positive_rate", *_ERRORS)


def names(version: ModelVersion) -> tuple[str, ...]:
    """The metrics there are for a version."""
    if version.task == "regression":
        return tuple(_ERRORS)
    return tuple(_BINARY) if version.positive is not None else ("accuracy_score",)


def shown(version: ModelVersion, answers: Answers, truth: Array) -> tuple[Measurement, ...]:
    """The metrics of a replay; none when no label is one the version knows, or is no number."""
    labels = truth[_labelled(truth)]
    if version.task == "classification" and not any(label in version.classes for label in labels):
        return ()
    if version.task == "regression" and not are_numbers(labels):
        return ()
    return tuple(measure(m, version, answers, truth) for m in names(version) if m in _SHOWN)


def measure(metric: str, version: ModelVersion, answers: Answers, truth: Array) -> Measurement:
    """Measure on the rows that have a label and an answer.

    Rates have Wilson's interval; a mean of errors has the normal one of a mean.

    Args:
        metric: one of ``names(version)``.
        version: what was asked.
        answers: shape (n,).
        truth: labels, shape (n,), dtype object; missing ones None or NaN.

    Raises:
        InvalidInput: no such metric for this version.
    """
    if metric not in names(version):
        raise unknown("metric", "metric", metric, names(version))
    rows = answers.answered & _labelled(truth)
    y, p = truth[rows], answers.answer[rows]
    if version.task == "regression" and not are_numbers(y):
        return Measurement(metric=metric, value=None, n=0, unit="score", note="the labels are no numbers")
    if version.task == "regression":
        return _mean(metric, _ERRORS[metric](p.astype(float) - y.astype(float)))
    if version.positive is None:
        return rate(metric, int((y == p).sum()), len(y))
    among, part = _BINARY[metric](
        np.asarray(y == version.positive, dtype=bool), np.asarray(p == version.positive, dtype=bool)
    )
    return rate(metric, int(part.sum()), int(among.sum()))


def require(metric: str, version: ModelVersion) -> None:
    """Refuse a metric that a version does not have.

    Raises:
        InvalidInput: with those there are.
    """
    if not metric:
        raise InvalidInput(
            "metric: a failure of kind 'metric' needs one.",
            remedy=f"There is: {', '.join(names(version))}.",
            field="metric",
        )
    if metric not in names(version):
        raise unknown("metric", "metric", metric, names(version))


def _mean(metric: str, values: Array) -> Measurement:
    if len(values) == 0:
        return Measurement(metric=metric, value=None, n=0, unit="score", note="no such rows")
    mean, low, high = mean_interval(values)
    if len(values) == 1:
        return Measurement(metric=metric, value=mean, n=1, unit="score", note="one row shows no spread")
    return Measurement(metric=metric, value=mean, low=max(low, 0.0), high=high, n=len(values), unit="score")


def _labelled(truth: Array) -> Any:
    import pandas as pd

    return ~pd.isna(truth)
