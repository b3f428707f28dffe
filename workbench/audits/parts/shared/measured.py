"""Measurements of an estimate with its interval, and of a share of rows."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.independent import Estimate
from workbench.stats.intervals import wilson


def of_estimate(
    metric: str,
    estimate: Estimate,
    *,
    n: int,
    slice: str = "",
    unit: str = "rate",
    outcome: Outcome = Outcome.MEASURED,
    note: str = "",
) -> Measurement:
    """Make a measurement of a value and the ends of its interval."""
    value, low, high = estimate
    return Measurement(
        metric=metric,
        slice=slice,
        value=value,
        low=low,
        high=high,
        n=n,
        unit=unit,
        outcome=outcome,
        note=note,
    )


def of_share(
    metric: str, k: int, n: int, *, confidence: float, slice: str = "", note: str = ""
) -> Measurement:
    """Make a measurement of k of n rows, with Wilson's interval."""
    estimate = (k / n, *wilson(k, n, confidence))
    return of_estimate(metric, estimate, n=n, slice=slice, note=note)


def of_hits(
    metric: str, hits: npt.NDArray[Any], *, confidence: float, slice: str = "", note: str = ""
) -> Measurement:
    """Make a measurement of the share of True in ``hits``, shape (n,)."""
    return of_share(metric, int(hits.sum()), len(hits), confidence=confidence, slice=slice, note=note)


def of_nothing(
    metric: str,
    note: str,
    *,
    slice: str = "",
    unit: str = "rate",
    outcome: Outcome = Outcome.MEASURED,
) -> Measurement:
    """Make a measurement that has no value, and say why."""
    return Measurement(metric=metric, slice=slice, value=None, n=0, unit=unit, outcome=outcome, note=note)
