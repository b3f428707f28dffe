"""How much better scores are calibrated for one group than for another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.fairness.precision import Precision
from workbench.audits.parts.shared.slices import Family
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.calibration import calibration_error, equal_mass_bins

Array = npt.NDArray[Any]


def calibration_difference(
    family: Family, scores: Array, positive: Array, rows: list[Array], precision: Precision
) -> Measurement:
    """Measure the difference of the groups' calibration errors, free of bias.

    The error as it stands in the rows is greater the fewer there are, so a small group would look worse by
    its size alone. The interval is Zou and Donner's (2008) for a difference of two independent estimates.

    Args:
        family: groups that share no row.
        scores: probabilities of everyone, shape (n,).
        positive: True where the truth is positive, shape (n,).
        rows: of each group.
        precision: of the interval.
    """
    errors = [
        calibration_error(equal_mass_bins(scores[i], positive[i]), precision.confidence, seed=precision.seed)
        for i in rows
    ]
    order = sorted(range(len(errors)), key=lambda i: errors[i].value)
    best, worst = errors[order[0]], errors[order[-1]]
    value = worst.value - best.value
    low = max(value - float(np.hypot(worst.value - worst.low, best.high - best.value)), 0.0)
    high = min(value + float(np.hypot(worst.high - worst.value, best.value - best.low)), 1.0)
    settled = high - low <= precision.margin and len(errors) > 1
    ends = (
        f"{errors[i].value:.3f} ({family.groups[i]}, n = {len(rows[i]):,})" for i in (order[0], order[-1])
    )
    return Measurement(
        metric="expected_calibration_error_difference",
        slice=family.name,
        value=value,
        low=low,
        high=high,
        n=len(scores),
        unit="difference",
        outcome=Outcome.MEASURED if settled else Outcome.INCONCLUSIVE,
        note=f"from {' to '.join(ends)}",
    )
