"""The smallest gap that so many rows could have shown, beside every gap between groups.

It answers what a small difference is worth: one below it may be there and unseen. It is that of the two
groups at either end of the spread, or of the two largest when all rates are alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.shared.slices import Family
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.intervals import detectable_difference, normal_quantile

Array = npt.NDArray[Any]

POWER = 0.8
"""Chance of seeing a difference that is as great as the smallest detectable one."""


def of_rates(
    metric: str, family: Family, rates: Array, n: Array, *, common: float, confidence: float
) -> Measurement:
    """Measure it for a difference of rates.

    Args:
        metric: the rate.
        family: its groups.
        rates: by group, shape (groups,).
        n: rows that each rests on.
        common: the rate of everyone.
        confidence: that of the interval: the error allowed is what it leaves.
    """
    pair = ends(rates, n)
    value = None
    if len(pair) == 2:
        sizes = (float(n[i]) for i in pair)
        value = detectable_difference(*sizes, rate=common, alpha=1 - confidence, power=POWER)
    return _measurement(metric, family, pair, n, value=value, unit="difference")


def of_means(
    metric: str, family: Family, means: Array, errors: Array, n: Array, *, confidence: float
) -> Measurement:
    """Measure it for a difference of means, from the standard error of each, in units of the target."""
    pair = ends(means, n)
    value = None
    if len(pair) == 2 and np.isfinite(errors[pair]).all():
        z = normal_quantile((1 + confidence) / 2) + normal_quantile(POWER)
        value = z * float(np.hypot(*errors[pair]))
    return _measurement(metric, family, pair, n, value=value, unit="target")


def ends(values: Array, n: Array) -> list[int]:
    """Places of the least and the greatest value; of the two largest groups when all are alike."""
    if len(values) < 2:
        return [0]
    least, most = int(np.argmin(values)), int(np.argmax(values))
    return [least, most] if least != most else [int(i) for i in np.argsort(-n, kind="stable")[:2]]


def _measurement(
    metric: str, family: Family, pair: list[int], n: Array, *, value: float | None, unit: str
) -> Measurement:
    groups = " and ".join(family.groups[i] for i in pair)
    if len(pair) < 2:
        note = "one group only"
    elif value is None or (unit == "difference" and value == 1):
        note = f"{groups}: too few rows to show any"
    else:
        note = f"{groups} would show this or more in {100 * POWER:g} of 100 samples"
    return Measurement(
        metric=f"{metric}_detectable_difference",
        slice=family.name,
        value=value,
        n=int(n[pair].sum()),
        unit=unit,
        outcome=Outcome.MEASURED if value is not None else Outcome.INCONCLUSIVE,
        note=note,
    )
