"""Errors of a regression, in units of the target, and the share of variance explained."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.records import Measurement
from workbench.stats.independent import Estimate
from workbench.stats.intervals import mean_interval
from workbench.stats.quantiles import quantile

Array = npt.NDArray[Any]


def error_metrics(y_true: Array, y_pred: Array, confidence: float) -> list[Measurement]:
    """Measure mean, median and root mean squared error, percentage error and R², beside answering the mean.

    Args:
        y_true: shape (n,).
        y_pred: shape (n,).
        confidence: level of the intervals.
    """
    error, spread = y_pred - y_true, y_true - y_true.mean()
    measured = [
        ("mean_absolute_error", _mean(np.abs(error), confidence), float(np.abs(spread).mean())),
        ("root_mean_squared_error", _root(error**2, confidence), float(np.sqrt((spread**2).mean()))),
        ("median_absolute_error", quantile(np.abs(error), 0.5, confidence), float(np.median(np.abs(spread)))),
    ]
    note, found = f"always answers {y_true.mean():.6g}, the mean", list[Measurement]()
    for metric, (value, low, high), baseline in measured:
        common: dict[str, Any] = {"n": len(error), "unit": "target"}
        found.append(Measurement(metric=metric, value=value, low=low, high=high, **common))
        found.append(Measurement(metric=f"{metric}_baseline", value=baseline, note=note, **common))
    return [*found, _percentage(error, y_true, confidence), _r2(error**2, spread**2, confidence)]


def _percentage(error: Array, y_true: Array, confidence: float) -> Measurement:
    common: dict[str, Any] = {"metric": "mean_absolute_percentage_error", "n": len(error), "unit": "ratio"}
    zeros = int((y_true == 0).sum())
    if zeros:
        return Measurement(**common, value=None, note=f"{zeros} values of the target are 0")
    value, low, high = _mean(np.abs(error / y_true), confidence)
    return Measurement(**common, value=value, low=low, high=high)


def _mean(losses: Array, confidence: float) -> Estimate:
    mean, low, high = mean_interval(losses, confidence)
    return mean, max(low, 0.0), high


def _root(squares: Array, confidence: float) -> Estimate:
    """The root of the ends of a mean's interval: a monotone function keeps its level."""
    value, low, high = (end**0.5 for end in _mean(squares, confidence))
    return value, low, high


def _r2(squares: Array, variance: Array, confidence: float) -> Measurement:
    """1 - Σ e² / Σ (y - ȳ)², with the delta method for a ratio of two means of the same rows."""
    common: dict[str, Any] = {"metric": "r2_score", "n": len(squares), "unit": "score"}
    total = float(variance.mean())
    if total == 0:
        return Measurement(
            **common, value=None, note="the target has one value: there is no variance to explain"
        )
    rest = float(squares.mean()) / total
    _, below, above = mean_interval((squares - rest * variance) / total, confidence)
    return Measurement(**common, value=1 - rest, low=1 - rest - above, high=min(1 - rest - below, 1.0))
