"""How far the data has moved from the reference, judged by the size of the effect and never by a p-value.

For every column the model reads, the target and the predictions: the effect on all rows, binned on the
reference, with an interval; *pass* when the interval lies below the margin, *fail* when above, else
*inconclusive*. Evidently's own value stands beside it under its own name (``evidently_psi``): it bins
otherwise (equal widths over both samples, missing left out), so the two differ.

In these measurements ``slice`` is the name of the column; the predictions are ``prediction`` and ``score``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from workbench.audits import evidently_drift
from workbench.audits.base import Finding, Subject
from workbench.audits.binning import Binning
from workbench.audits.pairs import Pair, pairs
from workbench.audits.records import Figure, Measurement
from workbench.core.errors import InvalidInput, unknown
from workbench.core.values import Outcome, worst
from workbench.stats import divergence
from workbench.stats.intervals import wilson

Method = Literal["psi", "jensenshannon", "wasserstein"]

_ENOUGH = 5
"""Rows a bin on the smaller side. With fewer nothing is judged: a bootstrap draws only what it has seen."""
_SHOWN = 20
"""Columns in the figure."""
_HANDED_OVER = 50
"""Columns for Evidently, those that moved most: it draws every one."""


@dataclass(frozen=True)
class Drift:
    """Effect size of the change of every column against the reference."""

    name: ClassVar[str] = "drift"

    method: Method = "psi"
    """``psi``: population stability index; ``jensenshannon``: distance, natural logarithm, 0 to 0.83;
    ``wasserstein``: in standard deviations of the reference, numbers only (categories: ``jensenshannon``)."""
    margin: float = 0.1
    """The effect that matters. Usual readings of the PSI: below 0.1 stable, above 0.25 shifted."""
    bins: int = 10
    """Quantile bins of the reference, for numbers with more than 20 values; fewer get a bin each."""
    columns: tuple[str, ...] | None = None
    """Columns compared. Default: those the model reads. Target and predictions are always compared."""

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise InvalidInput("drift: margin must be positive.", field="margin")
        if self.bins < 2:
            raise InvalidInput("drift: bins must be at least 2.", field="bins")

    def applies(self, subject: Subject) -> str:
        """Needs a reference."""
        return "" if subject.reference is not None else "There is no reference to compare with."

    def measure(self, subject: Subject) -> Finding:
        """Compare column by column."""
        reference = subject.reference
        if reference is None:
            raise InvalidInput("drift: there is no reference.", remedy="Give reference=.", field="reference")
        found, notes = pairs(subject, reference, self._features(subject))
        judged = {name: pair for name, pair in found.items() if not pair.empty_in}
        level = 1 - 0.05 / max(len(judged), 1)
        effects = [self._effect(name, pair, level, subject.seed) for name, pair in judged.items()]
        lost = [_lost(name, pair) for name, pair in found.items() if pair.empty_in]
        missing = [_missing(name, pair) for name, pair in judged.items() if pair.gaps]
        outcome = worst([m.outcome for m in (*effects, *lost)])
        reading = (
            f"{self.method} on all {len(subject.data)} rows against {len(reference)} of the reference, "
            f"margin {self.margin:g}. "
            f"Intervals hold for all {len(judged)} columns at once (95 %, Bonferroni)."
        )
        most = sorted(effects, key=lambda m: -(m.value or 0.0))[:_HANDED_OVER]
        theirs = self._evidently({m.slice: judged[m.slice] for m in most}, subject.seed)
        if len(effects) > len(most):
            notes.append(f"Evidently was asked about the {_HANDED_OVER} columns that moved most.")
        return Finding(
            measurements=[_share(effects, lost, outcome), *effects, *lost, *missing, *theirs],
            figures=[_figure(effects, self.method, self.margin)] if effects else [],
            notes=[reading, *notes],
            outcome=outcome,
            libraries=("evidently", "numpy", "pandas"),
        )

    def _features(self, subject: Subject) -> list[str]:
        if self.columns is None:
            return list(subject.predictor.columns or subject.data.features)
        for name in self.columns:
            if name not in subject.data.frame.columns:
                raise unknown("columns", "column", name, subject.data.frame.columns)
        return list(self.columns)

    def _method(self, pair: Pair) -> Method:
        return self.method if pair.number or self.method != "wasserstein" else "jensenshannon"

    def _effect(self, name: str, pair: Pair, level: float, seed: int) -> Measurement:
        method = self._method(pair)
        binning = Binning.of(pair.reference, bins=self.bins, ordered=method == "wasserstein")
        before, now = binning.counts(pair.reference), binning.counts(pair.current)
        if method == "wasserstein":  # missing values lie nowhere on the axis
            before, now = before[:-1], now[:-1]
            effect: divergence.Effect = partial(divergence.wasserstein, positions=binning.positions)
        else:  # a bin that is empty on both sides says nothing
            used = before + now > 0
            before, now = before[used], now[used]
            effect = divergence.psi if method == "psi" else divergence.jensenshannon
        value, low, high = divergence.interval(effect, before, now, level=level, seed=seed)
        few = min(before.sum(), now.sum()) < _ENOUGH * np.count_nonzero(before + now)
        return Measurement(
            metric=method,
            slice=name,
            value=value,
            low=low,
            high=high,
            n=len(pair.current),
            unit="effect",
            outcome=Outcome.INCONCLUSIVE if few else _judged(low, high, self.margin),
            note=f"n = {len(pair.reference)} in the reference{'; too few rows to judge' if few else ''}",
        )

    def _evidently(self, judged: dict[str, Pair], seed: int) -> list[Measurement]:
        methods = {name: self._method(pair) for name, pair in judged.items()}
        found = evidently_drift.values(
            pd.DataFrame({name: judged[name].reference for name in methods}),
            pd.DataFrame({name: judged[name].current for name in methods}),
            methods,
            seed=seed,
        )
        return [
            Measurement(
                metric=f"evidently_{methods[name]}",
                slice=name,
                value=value,
                n=min(len(judged[name].current), evidently_drift.ROWS),
                unit="effect",
                note="Evidently's binning, missing values left out",
            )
            for name, value in found.items()
        ]


def _judged(low: float, high: float, margin: float) -> Outcome:
    if high <= margin:
        return Outcome.PASS
    return Outcome.FAIL if low > margin else Outcome.INCONCLUSIVE


def _lost(name: str, pair: Pair) -> Measurement:
    """A column that is empty on one side has moved as far as can be; on both, nothing can be compared."""
    return Measurement(
        metric="missing_share",
        slice=name,
        value=float(pair.current.isna().mean()),
        n=len(pair.current),
        unit="rate",
        outcome=Outcome.MEASURED if len(pair.empty_in) == 2 else Outcome.FAIL,
        note=f"empty in the {' and the '.join(pair.empty_in)}",
    )


def _missing(name: str, pair: Pair) -> Measurement:
    low, high = wilson(int(pair.current.isna().sum()), len(pair.current))
    return Measurement(
        metric="missing_share",
        slice=name,
        value=float(pair.current.isna().mean()),
        low=low,
        high=high,
        n=len(pair.current),
        unit="rate",
        note=f"{pair.reference.isna().mean():.2%} in the reference",
    )


def _share(effects: list[Measurement], lost: list[Measurement], outcome: Outcome) -> Measurement:
    judged = [m for m in (*effects, *lost) if m.outcome is not Outcome.MEASURED]
    moved = [m.slice for m in judged if m.outcome is Outcome.FAIL]
    unsure = sum(m.outcome is Outcome.INCONCLUSIVE for m in judged)
    said = [f"moved: {', '.join(moved)}"] if moved else []
    said += [f"{unsure} of {len(judged)} columns cannot be settled with these rows"] if unsure else []
    return Measurement(
        metric="drifted_columns_share",
        value=len(moved) / len(judged) if judged else None,
        n=len(judged),
        unit="rate",
        outcome=outcome,
        note="; ".join(said) if judged else "no column to compare",
    )


def _figure(effects: list[Measurement], method: str, margin: float) -> Figure:
    shown = sorted(effects, key=lambda m: -(m.value or 0.0))[:_SHOWN]
    bars = [
        {"column": m.slice, "effect": m.value, "low": m.low, "high": m.high, "outcome": str(m.outcome)}
        for m in shown
    ]
    y = {"field": "column", "type": "nominal", "sort": [m.slice for m in shown], "title": None}
    colour = {
        "field": "outcome",
        "scale": {"domain": ["pass", "inconclusive", "fail"], "range": ["#2f9e44", "#868e96", "#d9480f"]},
        "title": None,
    }
    x = {"type": "quantitative", "title": f"{method}, with its interval"}
    first = shown[0]
    return Figure(
        title="How far each column has moved",
        description=f"{first.slice} moved most, {method} {first.value:.3g}; the margin is {margin:g}.",
        spec={
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "width": 360,
            "height": {"step": 20},
            "data": {"values": bars},
            "encoding": {"y": y},
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 2},
                    "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}, "color": colour},
                },
                {
                    "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
                    "encoding": {"x": {"field": "effect", **x}, "color": colour},
                },
                {
                    "mark": {"type": "rule", "strokeDash": [4, 4]},
                    "encoding": {
                        "x": {"datum": margin},
                        "y": {"value": 0},
                        "y2": {"value": {"expr": "height"}},
                    },
                },
            ],
        },
    )
