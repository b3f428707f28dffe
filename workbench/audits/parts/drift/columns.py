"""Column by column: the effect of the change, its interval, and verdicts that hold for many columns at once.

A column has moved when its interval lies beyond the margin, and has not when it lies within. With many
columns some would do so by chance, so the intervals are as wide as the Benjamini-Hochberg procedure asks: of
the columns called moved, and of those called still, half of ``alpha`` at most are so falsely, in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from workbench.audits.parts.drift.binning import Binning
from workbench.audits.parts.drift.pairs import Pair
from workbench.audits.parts.shared import verdicts
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats import divergence
from workbench.stats.discovery import benjamini_hochberg
from workbench.stats.intervals import wilson

Array = np.ndarray[Any, Any]
Method = Literal["psi", "jensenshannon", "ks", "wasserstein"]

_ENOUGH = 5
"""Rows a bin on the smaller side. With fewer nothing is judged: a bootstrap draws only what it has seen."""
_ON_AN_AXIS: dict[str, divergence.Effect] = {"ks": divergence.ks, "wasserstein": divergence.wasserstein}
_OF_BINS: dict[str, divergence.Effect] = {"psi": divergence.psi, "jensenshannon": divergence.jensenshannon}


@dataclass(frozen=True)
class Effect:
    """How far one column has moved; ``few`` when there are too few rows to judge by."""

    method: Method
    distance: divergence.Distance
    n: int
    n_reference: int
    few: bool
    same_p: float
    """p-value of "no change at all": for the note, not for the verdict."""


def method_for(pair: Pair, method: Method) -> Method:
    """Return ``method``, or ``jensenshannon`` where there is no axis: categories, a constant reference."""
    axis = pair.number and pair.reference.nunique() > 1 if method in _ON_AN_AXIS else True
    return method if axis else "jensenshannon"


def effect(pair: Pair, method: Method, *, bins: int, seed: int) -> Effect:
    """Measure one column on the bins of its reference."""
    method = method_for(pair, method)
    binning = Binning.of(pair.reference, bins=bins, ordered=method in _ON_AN_AXIS)
    return of_counts(
        binning.counts(pair.reference), binning.counts(pair.current), method, binning=binning, seed=seed
    )


def of_counts(before: Array, now: Array, method: Method, *, binning: Binning, seed: int) -> Effect:
    """Measure one column from its counts on ``binning``, shape (k,)."""
    n_reference, n = int(before.sum()), int(now.sum())
    if method in _ON_AN_AXIS:  # missing values lie nowhere on the axis
        before, now = before[:-1], now[:-1]
        measure = _ON_AN_AXIS[method]
        if method == "wasserstein":
            measure = partial(divergence.wasserstein, positions=binning.positions)
    else:  # a bin that is empty on both sides says nothing
        used = before + now > 0
        before, now = before[used], now[used]
        measure = _OF_BINS[method]
    same_p = divergence.same_p(before, now)
    few = min(before.sum(), now.sum()) < _ENOUGH * max(int(np.count_nonzero(before + now)), 1)
    return Effect(
        method, divergence.distance(measure, before, now, seed=seed), n, n_reference, bool(few), same_p
    )


def judged(effects: Mapping[str, Effect], *, margin: float, alpha: float) -> list[Measurement]:
    """Return one measurement a column, judged together; the slice is the column."""
    enough = [e for e in effects.values() if not e.few]
    low = _tail([e.distance.p_beyond(margin) for e in enough], alpha / 2)
    high = _tail([e.distance.p_within(margin) for e in enough], alpha / 2)
    changed = benjamini_hochberg([e.same_p for e in effects.values()]) <= alpha
    return [
        _measurement(name, e, margin, (low, high), changed=bool(real))
        for (name, e), real in zip(effects.items(), changed, strict=True)
    ]


def _tail(p: list[float], rate: float) -> float:
    """The level of the intervals: rate · R / m, where R of m tests are rejected at false-discovery ``rate``.

    Source: Benjamini and Yekutieli, "False discovery rate-adjusted multiple confidence intervals for selected
    parameters", 2005. An interval of this level excludes the margin exactly where the test rejects.
    """
    if not p:
        return rate
    rejected = int((benjamini_hochberg(p) <= rate).sum())
    return rate * max(rejected, 1) / len(p)


def _measurement(
    name: str, e: Effect, margin: float, tails: tuple[float, float], *, changed: bool
) -> Measurement:
    low, high = e.distance.low(tails[0]), e.distance.high(tails[1])
    outcome = Outcome.INCONCLUSIVE if e.few else verdicts.at_most(margin, low, high)
    note = f"n = {e.n_reference} in the reference"
    if e.few:
        note += "; too few rows to judge"
    elif outcome is Outcome.PASS and changed:
        note += "; negligible: a change that is not chance, below the margin"
    known = np.isfinite(e.distance.value)
    note += "" if known else "; there is no finite distance"
    return Measurement(
        metric=e.method,
        slice=name,
        value=e.distance.value if known else None,
        low=low if known else None,
        high=high if known else None,
        n=e.n,
        unit="effect",
        outcome=outcome,
        note=note,
    )


def lost(name: str, pair: Pair) -> Measurement:
    """A column that is empty on one side has moved as far as can be; on both, nothing can be compared."""
    found = missing(name, pair)
    few = min(len(pair.reference), len(pair.current)) < 2 * _ENOUGH
    outcome = Outcome.INCONCLUSIVE if few else Outcome.FAIL
    if len(pair.empty_in) == 2:
        outcome = Outcome.MEASURED
    note = f"empty in the {' and the '.join(pair.empty_in)}{'; too few rows to judge' if few else ''}"
    return found.model_copy(update={"outcome": outcome, "note": note})


def missing(name: str, pair: Pair) -> Measurement:
    """Share of missing values in the data."""
    n, gone = len(pair.current), int(pair.current.isna().sum())
    low, high = wilson(gone, n)
    before = float(pair.reference.isna().mean()) if len(pair.reference) else 0.0
    return Measurement(
        metric="missing_share",
        slice=name,
        value=gone / n if n else None,
        low=low,
        high=high,
        n=n,
        unit="rate",
        note=f"{before:.2%} in the reference" if n else "no rows",
    )


def share(columns: list[Measurement], outcome: Outcome, slice: str = "") -> Measurement:
    """Share of the columns judged that have moved; the high end counts those that cannot be settled."""
    told = [m for m in columns if m.outcome is not Outcome.MEASURED]
    moved = [m.slice for m in told if m.outcome is Outcome.FAIL]
    unsure = sum(m.outcome is Outcome.INCONCLUSIVE for m in told)
    said = [f"moved: {', '.join(moved)}"] if moved else []
    said += [f"{unsure} of {len(told)} columns cannot be settled with these rows"] if unsure else []
    return Measurement(
        metric="drifted_columns_share",
        slice=slice,
        value=len(moved) / len(told) if told else None,
        low=len(moved) / len(told) if told else None,
        high=(len(moved) + unsure) / len(told) if told else None,
        n=len(told),
        unit="rate",
        outcome=outcome,
        note="; ".join(said) if told else "no column to compare",
    )
