"""Rates by group as measurements: one table of counts in, every slice and every spread out.

A rate of one slice has Wilson's interval (balanced accuracy: the two recalls' intervals, combined as Zou and
Donner do for a sum). Differences, ratios, minima and maxima have the percentile bootstrap of the table, as
Fairlearn's, with two amendments where that would be too sure:

* Redrawing rows cannot move a rate that is 0 or 1, so for such a group draws from Jeffreys' posterior
  Beta(k + ½, n - k + ½) stand in.
* The extremes of noisy rates are further apart than the rates. A group whose interval is wider than the
  margin is too small to decide, so the interval of a spread reaches from the spread without such groups to
  the one with them.

A rate that is 0/0 has no value. In a spread such a group counts as 0, as Fairlearn has it, and as too small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.fairness import detectable
from workbench.audits.parts.fairness.precision import Precision
from workbench.audits.parts.shared.slices import Family, Slices
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats import counts
from workbench.stats.intervals import detectable_difference, mean_of_rates, wilson

Array = npt.NDArray[Any]

Between = Callable[[dict[str, Array], dict[str, Array]], dict[str, Array]]
"""Rates by name, of groups (..., groups) and of everyone (..., 1), to numbers about them, each (...)."""

_UNITS = {"difference": "difference", "ratio": "ratio", "group_min": "rate", "group_max": "rate"}
_NOTHING = {
    "true_positive_rate": "no row is positive",
    "false_negative_rate": "no row is positive",
    "true_negative_rate": "no row is negative",
    "false_positive_rate": "no row is negative",
    "precision_score": "nothing was predicted positive",
}
_RECALLS = ("true_positive_rate", "true_negative_rate")


@dataclass(frozen=True)
class GroupRates:
    """Rates of every slice of one table."""

    table: Array
    """Counts by cell, shape (cells, 2, 2)."""
    slices: Slices
    precision: Precision
    metrics: Sequence[str] = counts.RATES
    """Which rates; spreads are of these."""

    def measurements(self) -> list[Measurement]:
        """Named disparities, then metric by metric everyone, the slices and the spreads, then the counts."""
        found = [m for family in self.slices.families for m in self._disparities(family)]
        for metric in self.metrics:
            found += [self._rate(metric, i) for i in range(len(self.slices.names))]
            found += [m for family in self.slices.families for m in self._spreads(family, metric)]
        return [*found, *self._sizes()]

    @property
    def too_small(self) -> list[str]:
        """Slices of which at least one rate is inconclusive."""
        small = np.any(list(self._small.values()), axis=0)
        return [name for name, flag in zip(self.slices.names, small, strict=True) if flag and name]

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self._counts[0].sum())

    def successes(self, metric: str, family: Family) -> tuple[Array, Array]:
        """Return k and n of a proportion for each group of a family."""
        k, n = self._parts[metric]
        return k[self.slices.places(family)], n[self.slices.places(family)]

    # Slices

    @cached_property
    def _counts(self) -> Array:
        return counts.of_slices(self.table, self.slices.members)

    @cached_property
    def _rates(self) -> dict[str, Array]:
        return counts.rates(self._counts)

    @cached_property
    def _parts(self) -> dict[str, tuple[Array, Array]]:
        total = self._counts.sum(axis=(-2, -1))
        return {**counts.parts(self._counts), "balanced_accuracy_score": (total, total)}

    @cached_property
    def _ends(self) -> tuple[dict[str, Array], dict[str, Array]]:
        """Low and high end of every rate of every slice; 0 and 1 where it is 0/0."""
        ends = {m: wilson(*self._parts[m], self.precision.confidence) for m in counts.PROPORTIONS}
        recalls = [np.stack([of[m] for m in _RECALLS]) for of in (self._rates, *_unzipped(ends))]
        ends["balanced_accuracy_score"] = mean_of_rates(*recalls)
        return _unzipped(ends)

    @cached_property
    def _small(self) -> dict[str, Array]:
        """True where a slice is too small to decide: the interval of its rate is wider than the margin."""
        low, high = self._ends
        return {m: high[m] - low[m] > self.precision.margin for m in self.metrics}

    def _rate(self, metric: str, i: int) -> Measurement:
        value, n = float(self._rates[metric][i]), int(self._parts[metric][1][i])
        low, high = (float(end[metric][i]) for end in self._ends)
        common = {"metric": metric, "slice": self.slices.names[i], "n": n, "unit": "rate"}
        if np.isnan(value):
            note = f"0/0: {_NOTHING.get(metric, 'no rows')}; Fairlearn says 0"
            return Measurement(**common, value=None, outcome=Outcome.INCONCLUSIVE, note=note)
        small = bool(self._small[metric][i])
        return Measurement(
            **common,
            value=value,
            low=low,
            high=high,
            outcome=Outcome.INCONCLUSIVE if small else Outcome.MEASURED,
            note=self._too_few(metric, n) if small else "",
        )

    def _too_few(self, metric: str, n: int) -> str:
        others = int(self._parts[metric][1][0]) - n
        if others == 0:
            return f"too few rows: the interval is wider than {self.precision.margin:g}"
        shown = detectable_difference(
            n, others, rate=float(self._rates[metric][0]), alpha=1 - self.precision.confidence
        )
        if shown == 1:
            return "too few rows to show any difference from the others"
        return f"too few rows: the smallest difference from the others they could show is {shown:.2f}"

    def _sizes(self) -> Iterator[Measurement]:
        for name, n in zip(self.slices.names, self._counts.sum(axis=(-2, -1)), strict=True):
            yield Measurement(metric="count", slice=name, value=float(n), n=int(n), unit="rows")

    # Spreads over a family

    @cached_property
    def _by_convention(self) -> dict[str, Array]:
        """Rates with 0 for 0/0, as Fairlearn's."""
        return counts.rates(self._counts, undefined=0.0)

    @cached_property
    def _drawn(self) -> dict[str, Array]:
        """Replicates of every rate of every slice, each of shape (replicates, slices)."""
        size, seed = self.precision.replicates, self.precision.seed
        drawn = counts.rates(counts.resample(self.table, self.slices.members, size, seed), undefined=0.0)
        rng, stuck = np.random.default_rng([seed, 1]), {}
        for metric in counts.PROPORTIONS:
            k, n = self._parts[metric]
            stuck[metric] = (k == 0) | (k == n)
            here = np.flatnonzero(stuck[metric])
            drawn[metric][:, here] = rng.beta(k[here] + 0.5, (n - k)[here] + 0.5, size=(size, len(here)))
        both = (self._counts.sum(axis=-1) > 0).all(axis=-1) & (stuck[_RECALLS[0]] | stuck[_RECALLS[1]])
        drawn["balanced_accuracy_score"][:, both] = (drawn[_RECALLS[0]] + drawn[_RECALLS[1]])[:, both] / 2
        return {metric: drawn[metric] for metric in self.metrics}

    @cached_property
    def _all_spreads(self) -> dict[str, dict[str, tuple[float, float, float]]]:
        """Value, low and high end by family and name."""
        return {
            f.name: self.between(f, lambda groups, _: counts.spreads(groups)) for f in self.slices.families
        }

    def between(self, family: Family, measure: Between) -> dict[str, tuple[float, float, float]]:
        """Measure something about the groups of a family: its value, low and high end by name.

        The interval reaches from what is drawn without groups that are too small to what is drawn with them.
        """
        here, everyone = self.slices.places(family), self._at(self._drawn, slice(0, 1))
        values = measure(self._at(self._by_convention, here), self._at(self._by_convention, slice(0, 1)))
        drawn, small = self._at(self._drawn, here), self._at(self._small, here)
        lows, highs = self._percentiles(measure(drawn, everyone), list(values))
        if np.any(list(small.values())):
            without = {m: np.where(small[m], np.nan, drawn[m]) for m in self.metrics}
            least, most = self._percentiles(measure(without, everyone), list(values))
            lows = np.fmin(lows, np.nan_to_num(least, nan=0.0))
            highs = np.fmax(highs, np.nan_to_num(most, nan=1.0))
        ends = zip(values, lows, highs, strict=True)
        # Draws may all lie beyond the value, for the same reason that spreads are too great.
        return {x: (v := float(values[x]), min(float(low), v), max(float(high), v)) for x, low, high in ends}

    def _at(self, rates: dict[str, Array], where: slice) -> dict[str, Array]:
        return {metric: rates[metric][..., where] for metric in self.metrics}

    def _percentiles(self, measured: dict[str, Array], names: Sequence[str]) -> tuple[Array, Array]:
        return counts.percentiles(np.stack([measured[x] for x in names], axis=1), self.precision.confidence)

    def _spreads(self, family: Family, metric: str) -> Iterator[Measurement]:
        for kind in counts.SPREADS:
            yield self._spread(family, f"{metric}_{kind}", _UNITS[kind], self.extremes(family, metric))
        if metric in counts.PROPORTIONS:
            yield self._detectable(family, metric)

    def _disparities(self, family: Family) -> Iterator[Measurement]:
        for name, of in counts.DISPARITIES.items():
            if not set(of) <= set(self.metrics):
                continue
            for kind, worst in (("difference", max), ("ratio", min)):
                found = self._all_spreads[family.name]
                _, metric = worst((found[f"{rate}_{kind}"][0], rate) for rate in of)
                note = self.extremes(family, metric)
                note = f"{metric} {note}" if len(of) > 1 else note
                yield self._spread(family, f"{name}_{kind}", kind, note)

    def _spread(self, family: Family, name: str, unit: str, note: str) -> Measurement:
        value, low, high = self._all_spreads[family.name][name]
        common = {"metric": name, "slice": family.name, "n": self.rows, "unit": unit}
        if np.isnan(value):
            note = "0/0: the rate is 0 in every group"
            return Measurement(**common, value=None, outcome=Outcome.INCONCLUSIVE, note=note)
        alone = len(family.names) == 1
        note = f"one group only, nothing to compare: {note}" if alone else note
        settled = high - low <= self.precision.margin and not alone
        outcome = Outcome.MEASURED if settled else Outcome.INCONCLUSIVE
        return Measurement(**common, value=value, low=low, high=high, outcome=outcome, note=note)

    def _detectable(self, family: Family, metric: str) -> Measurement:
        here, (k, n) = self.slices.places(family), self._parts[metric]
        return detectable.of_rates(
            metric,
            family,
            self._by_convention[metric][here],
            n[here],
            common=float((k[0] + 0.5) / (n[0] + 1)),  # not quite 0 or 1, where nothing would vary
            confidence=self.precision.confidence,
        )

    def extremes(self, family: Family, metric: str) -> str:
        """Name the groups with the least and the greatest rate."""
        here = self.slices.places(family)
        rate, n = self._by_convention[metric][here], self._parts[metric][1][here]
        least, most = int(np.argmin(rate)), int(np.argmax(rate))
        ends = (f"{rate[i]:.3f} ({family.groups[i]}, n = {int(n[i]):,})" for i in (least, most))
        without = [
            g for g, gone in zip(family.groups, np.isnan(self._rates[metric][here]), strict=True) if gone
        ]
        counted = f"; 0/0 counted as 0, as Fairlearn does: {', '.join(without)}" if without else ""
        return f"from {' to '.join(ends)}{counted}"


def _unzipped(ends: dict[str, tuple[Array, Array]]) -> tuple[dict[str, Array], dict[str, Array]]:
    return {m: low for m, (low, _) in ends.items()}, {m: high for m, (_, high) in ends.items()}
