"""Which definition of fairness answers which question, and which cannot hold together on this data.

Where groups differ in how often the truth is positive, some definitions exclude each other whatever the
model. How far, is arithmetic: a measurement whose name ends in ``_forced`` is the gap that would remain in
one definition if the other held exactly at the rates of everyone.

Sources: Chouldechova, "Fair prediction with disparate impact", 2017; Kleinberg, Mullainathan and Raghavan,
"Inherent trade-offs in the fair determination of risk scores", 2017; Barocas, Hardt and Narayanan, "Fairness
and machine learning", chapter 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.fairness.group_rates import GroupRates
from workbench.audits.parts.shared.slices import Family
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.counts import homogeneity, spread

Array = npt.NDArray[Any]

QUESTIONS = (
    "What each definition asks. Demographic parity: do groups get the positive answer equally often, "
    "whatever the truth? Equal opportunity: of those who are positive, are equally many found in every "
    "group? Equalized odds: that, and are equally many of the negative taken for positive? Predictive parity "
    "(precision): does a positive answer mean the same in every group? Calibration: does a score mean the "
    "same? Accuracy: are groups wrong equally often, whichever way? None follows from another, and the "
    "figures do not say which one this use calls for."
)

_FPR = "false_positive_rate_difference_forced"
_PARITY = "demographic_parity_difference_forced"
_WHY = {
    _FPR: "what would remain if precision and false negative rate were those of everyone in every group",
    _PARITY: "what would remain if true and false positive rate were those of everyone in every group",
}
_EXCLUDED = (
    "Base rates of {family} differ ({ends}), beyond chance at level {level:g} %. So on this data, short of "
    "perfect answers, equal precision (or calibration) and equal false positive and false negative rates "
    "cannot hold together: the first with equal false negative rates forces a gap of {fpr} in the false "
    "positive rate. Nor can demographic parity and equalized odds: the second forces a gap of {parity} in "
    "the selection rate."
)
_NOT_EXCLUDED = (
    "Base rates of {family} may all be alike as far as these rows tell, so no pair of definitions is known "
    "to exclude each other here."
)


def forced_gaps(rates: GroupRates) -> list[Measurement]:
    """Measure, by family, the gaps that different base rates force."""
    return [
        _forced(family, metric, ends, rates)
        for family in rates.slices.families
        for metric, ends in rates.between(family, _gaps).items()
        if len(family.names) > 1
    ]


def explained(rates: GroupRates, forced: list[Measurement]) -> list[str]:
    """Say what each definition asks, and for each sensitive column which pairs exclude each other."""
    return [
        QUESTIONS,
        *(
            _pairs(family, rates, {m.metric: m for m in forced if m.slice == family.name})
            for family in rates.slices.families
            if len(family.columns) == 1 and len(family.names) > 1
        ),
    ]


def _gaps(groups: dict[str, Array], everyone: dict[str, Array]) -> dict[str, Array]:
    p, tpr, fpr = groups["base_rate"], everyone["true_positive_rate"], everyone["false_positive_rate"]
    forced = forced_false_positive_rate(p, everyone["precision_score"], tpr)
    difference = spread(p)["difference"]
    return {_FPR: spread(forced)["difference"], _PARITY: np.abs(tpr - fpr)[..., 0] * difference}


def forced_false_positive_rate(base_rate: Array, precision: Array, recall: Array) -> Array:
    """The false positive rate that the other three leave: p/(1-p) · (1-PPV)/PPV · TPR, at most 1.

    Chouldechova, 2017, equation 2.6, where TPR is written 1 - FNR. NaN where p is 1 or nothing is precise.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = base_rate / (1 - base_rate) * (1 - precision) / precision * recall
    return np.where(np.isfinite(rate), np.minimum(rate, 1.0), np.nan)


def _forced(family: Family, metric: str, ends: tuple[float, float, float], rates: GroupRates) -> Measurement:
    value, low, high = ends
    common = {"metric": metric, "slice": family.name, "n": rates.rows, "unit": "difference"}
    if np.isnan(value):
        note = "cannot be computed: nothing was predicted positive, or no row is negative"
        return Measurement(**common, value=None, outcome=Outcome.INCONCLUSIVE, note=note)
    wide = high - low > rates.precision.margin
    outcome = Outcome.INCONCLUSIVE if wide else Outcome.MEASURED
    return Measurement(**common, value=value, low=low, high=high, outcome=outcome, note=_WHY[metric])


def _pairs(family: Family, rates: GroupRates, forced: dict[str, Measurement]) -> str:
    k, n = rates.successes("base_rate", family)
    if homogeneity(k, n) > 1 - rates.precision.confidence:
        return _NOT_EXCLUDED.format(family=family.name)
    return _EXCLUDED.format(
        family=family.name,
        ends=rates.extremes(family, "base_rate"),
        level=100 * rates.precision.confidence,
        fpr=_said(forced[_FPR]),
        parity=_said(forced[_PARITY]),
    )


def _said(m: Measurement) -> str:
    return "unknown size" if m.value is None else f"{m.value:.3f} ({m.low:.3f} to {m.high:.3f})"
