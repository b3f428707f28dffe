"""The four-fifths rule: is the least selection rate at least 0.8 of the greatest?

A rule of thumb of US employment practice (29 CFR 1607.4 D), of the favourable answer. Which answer that is,
the data does not say, so the ratio is given for either. It is read on the interval: evidence against when all
of it lies below 0.8, evidence for when none of it does, else open.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.fairness.group_rates import GroupRates
from workbench.audits.parts.shared.slices import Family
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.counts import spread

Array = npt.NDArray[Any]

FOUR_FIFTHS = 0.8
_POSITIVE, _NEGATIVE = "four_fifths_rule", "four_fifths_rule_of_negative"


def four_fifths(rates: GroupRates) -> list[Measurement]:
    """Measure the ratio for both answers and every family of groups."""
    return [
        _read(family, metric, ends, rates.rows)
        for family in rates.slices.families
        for metric, ends in rates.between(family, _ratios).items()
    ]


def _ratios(groups: dict[str, Array], _: dict[str, Array]) -> dict[str, Array]:
    selected = groups["selection_rate"]
    return {_POSITIVE: spread(selected)["ratio"], _NEGATIVE: spread(1 - selected)["ratio"]}


def _read(family: Family, metric: str, ends: tuple[float, float, float], n: int) -> Measurement:
    value, low, high = ends
    common = {"metric": metric, "slice": family.name, "n": n, "unit": "ratio"}
    answer = "positive" if metric == _POSITIVE else "negative"
    favourable = f"if the {answer} answer is the favourable one"
    if np.isnan(value) or len(family.names) == 1:
        why = "one group only" if len(family.names) == 1 else "no row got this answer"
        return Measurement(**common, value=None, outcome=Outcome.INCONCLUSIVE, note=f"{why}, {favourable}")
    if high < FOUR_FIFTHS:
        said = f"evidence against: all of the interval lies below {FOUR_FIFTHS:g}"
    elif low >= FOUR_FIFTHS:
        said = f"evidence for: all of the interval lies at {FOUR_FIFTHS:g} or above"
    else:
        said = f"open: the interval lies across {FOUR_FIFTHS:g}"
    outcome = Outcome.INCONCLUSIVE if said.startswith("open") else Outcome.MEASURED
    note = f"{said}, {favourable}"
    return Measurement(**common, value=value, low=low, high=high, outcome=outcome, note=note)
