"""Scores by group as measurements: ranking, calibration and distribution, and the gaps between groups.

Each is exact from the rows. Intervals of one group: DeLong for the area under the ROC curve, the central
limit theorem for calibration in the large. Gaps and distances are redrawn from a fine table
(``stats.group_scores``). A group too small to decide takes no part in the low end of a gap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.fairness.group_calibration import calibration_difference
from workbench.audits.parts.fairness.precision import Precision
from workbench.audits.parts.shared.slices import Family, Slices
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats import group_scores, ranking
from workbench.stats.counts import spread
from workbench.stats.intervals import mean_interval

Array = npt.NDArray[Any]
Ends = tuple[float, float, float]
Pair = tuple[float, float]

REPLICATES = 200
"""Most of them; the rates, which cost less, have more."""
AUC, LARGE = "roc_auc_score", "calibration_in_the_large"
KS, WASSERSTEIN = "ks_distance", "wasserstein_distance"


@dataclass(frozen=True)
class GroupScores:
    """Scores of every slice: probabilities of the positive label, or the predictions of a regression."""

    scores: Array
    positive: Array | None
    """True where the truth is positive, shape (n,); None: a regression, of which only distances are taken."""
    slices: Slices
    precision: Precision
    unit: str = "score"

    def measurements(self) -> list[Measurement]:
        """Ranking and calibration of everyone and each slice, their gaps, then distances of distributions."""
        found = [
            self._of_slice(metric, i) for metric in self._labelled for i in range(len(self.slices.names))
        ]
        for family in self.slices.families:
            found += [self._difference(metric, family) for metric in self._labelled]
            if self.positive is not None and len(family.columns) == 1:
                rows = self._rows[self.slices.places(family)]
                found.append(calibration_difference(family, self.scores, self.positive, rows, self.precision))
            found += list(self._distances(family))
        return found

    @cached_property
    def table(self) -> Array:
        """Counts by cell, truth and bin, shape (cells, 2, bins); a regression has no positives."""
        y = np.zeros(len(self.scores), dtype=bool) if self.positive is None else self.positive
        return group_scores.table_of(self.slices.cell, y, self.bins, self.slices.cells)

    @cached_property
    def bins(self) -> group_scores.Bins:
        """Scores in bins."""
        return group_scores.bins_of(self.scores)

    # Slices

    @property
    def _labelled(self) -> tuple[str, ...]:
        return () if self.positive is None else (AUC, LARGE)

    @cached_property
    def _rows(self) -> list[Array]:
        """Rows of every slice."""
        order = np.argsort(self.slices.cell, kind="stable")
        of_cell = np.split(order, np.cumsum(np.bincount(self.slices.cell, minlength=self.slices.cells))[:-1])
        return [np.concatenate([of_cell[c] for c in np.flatnonzero(m)]) for m in self.slices.members]

    @cached_property
    def _n(self) -> Array:
        return np.array([len(rows) for rows in self._rows])

    @cached_property
    def _known(self) -> dict[str, list[Ends]]:
        """Value, low and high end of every slice by metric; NaN where there is none."""
        return {
            AUC: [self._auc(rows) for rows in self._rows],
            LARGE: [self._large(rows) for rows in self._rows],
        }

    def _auc(self, rows: Array) -> Ends:
        assert self.positive is not None  # noqa: S101 - only asked of a classifier
        _, counts = ranking.score_table(self.scores[rows], self.positive[rows])
        one_class = (counts.sum(axis=0) == 0).any()
        return (np.nan, 0.0, 1.0) if one_class else ranking.roc_auc(counts, self.precision.confidence)

    def _large(self, rows: Array) -> Ends:
        assert self.positive is not None  # noqa: S101 - as above
        value, low, high = mean_interval(self.scores[rows] - self.positive[rows], self.precision.confidence)
        return value, max(low, -1.0), min(high, 1.0)

    def _of_slice(self, metric: str, i: int) -> Measurement:
        value, low, high = self._known[metric][i]
        common = {"metric": metric, "slice": self.slices.names[i], "n": int(self._n[i]), "unit": "score"}
        if np.isnan(value):
            note = "every row has the same truth, so there is nothing to rank"
            return Measurement(**common, value=None, outcome=Outcome.INCONCLUSIVE, note=note)
        note = f"too few rows: the interval is wider than {self.precision.margin:g}"
        small = bool(self._small[metric][i])
        outcome = Outcome.INCONCLUSIVE if small else Outcome.MEASURED
        return Measurement(
            **common, value=value, low=low, high=high, outcome=outcome, note=note if small else ""
        )

    @cached_property
    def _small(self) -> dict[str, Array]:
        """True where a slice is too small to decide, by metric.

        Of a distribution: where the band of Dvoretzky, Kiefer and Wolfowitz around it is too wide.
        """
        margin, alpha = self.precision.margin, 1 - self.precision.confidence
        small = {m: np.array([h - low > margin for _, low, h in self._known[m]]) for m in self._labelled}
        band = 2 * np.sqrt(np.log(2 / alpha) / (2 * self._n))
        return {**small, KS: band > margin}

    # Between groups

    @cached_property
    def _drawn(self) -> dict[str, Array]:
        """Replicates: of metrics (replicates, slices), of distances (replicates, slices or families, 2)."""
        size, parts = min(self.precision.replicates, REPLICATES), list[dict[str, Array]]()
        members = self.slices.members
        for counts in group_scores.redrawn(self.table, members, size, self.precision.seed):
            parts.append(self._measured(counts))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @cached_property
    def _binned(self) -> dict[str, Array]:
        """The same of the table as it is, which is what the replicates vary around."""
        flat = self.slices.members.astype(float) @ self.table.reshape(len(self.table), -1)
        found = self._measured(flat.reshape(1, len(flat), *self.table.shape[1:]))
        return {name: values[0] for name, values in found.items()}

    def _measured(self, counts: Array) -> dict[str, Array]:
        """Of counts (some, slices, 2, bins)."""
        mean, found = self.bins.mean, dict[str, Array]()
        if self.positive is not None:
            found[AUC] = group_scores.roc_auc(counts)
            found[LARGE] = group_scores.calibration_in_the_large(counts, mean)
        cdfs = group_scores.cumulative(counts)
        for family in self.slices.families:
            here = self.slices.places(family)
            ranges = [cdfs[:, here], np.where(self._small[KS][here, None], np.nan, cdfs[:, here])]
            reached = [group_scores.widest_and_mean(group_scores.range_of(of), mean) for of in ranges]
            found[family.name] = np.stack([np.stack(pair, axis=-1) for pair in reached], axis=1)
            others = group_scores.cumulative(counts[:, :1] - counts[:, here])
            gap = np.nan_to_num(np.abs(cdfs[:, here] - others))
            found[f"{family.name}: others"] = np.stack(group_scores.widest_and_mean(gap, mean), axis=-1)
        return found

    def _difference(self, metric: str, family: Family) -> Measurement:
        here = self.slices.places(family)
        values = np.array([value for value, _, _ in self._known[metric][here]])
        there = np.flatnonzero(~np.isnan(values))
        common = {"metric": f"{metric}_difference", "slice": family.name, "unit": "difference"}
        if len(there) < 2:
            note = "fewer than two groups have a value"
            n = int(self._n[0])
            return Measurement(**common, value=None, n=n, outcome=Outcome.INCONCLUSIVE, note=note)
        drawn = self._drawn[metric][:, here] + values - self._binned[metric][here]
        value, small = float(np.ptp(values[there])), self._small[metric][here]
        low, high = self._ends(value, _range(drawn))
        if small.any():
            kept = _range(np.where(small, np.nan, values)), _range(np.where(small, np.nan, drawn))
            low = min(self._ends(float(kept[0]), kept[1])[0], value)
        i, j = there[np.argmin(values[there])], there[np.argmax(values[there])]
        return Measurement(
            **common,
            value=value,
            low=low,
            high=high,
            n=int(self._n[0]),
            outcome=Outcome.MEASURED if high - low <= self.precision.margin else Outcome.INCONCLUSIVE,
            note=f"from {self._said(family, values, i)} to {self._said(family, values, j)}",
        )

    def _ends(self, value: float, drawn: Array) -> Pair:
        """Interval of a gap, to which noise adds; from 0 when there is none."""
        if np.isnan(value) or np.isnan(drawn).all():
            return 0.0, 1.0
        low, high = group_scores.distance_interval(np.array(value), drawn, self.precision.confidence)
        return float(low), float(high)

    def _said(self, family: Family, values: Array, i: int) -> str:
        return f"{values[i]:.3f} ({family.groups[i]}, n = {int(self._n[self.slices.places(family)][i]):,})"

    @cached_property
    def _ranked(self) -> tuple[Array, Array]:
        values, rank = np.unique(self.scores, return_inverse=True)
        return values, rank

    def _distances(self, family: Family) -> Iterator[Measurement]:
        code = np.argmax(family.members, axis=0)[self.slices.cell]
        exact = group_scores.gaps(*self._ranked, code, len(family.names))
        binned, drawn = self._binned, self._drawn
        yield from self._between(family, exact, binned[family.name], drawn[family.name])
        others = f"{family.name}: others"
        low, high = group_scores.distance_interval(binned[others], drawn[others], self.precision.confidence)
        for which, (metric, values) in enumerate(((KS, exact.ks), (WASSERSTEIN, exact.wasserstein))):
            for i, name in enumerate(family.names):
                ends = float(low[i, which]), float(high[i, which])
                small = bool(self._small[KS][self.slices.places(family)][i])
                note = "from the scores of all others"
                yield self._distance(metric, name, float(values[i]), ends, small=small, note=note)

    def _between(
        self, family: Family, exact: group_scores.Gaps, seen: Array, drawn: Array
    ) -> Iterator[Measurement]:
        """The greatest distance of two groups; its low end leaves out those that are too small."""
        low, high = group_scores.distance_interval(seen, drawn, self.precision.confidence)
        wide = bool(high[0, 0] - low[1, 0] > self.precision.margin) or len(family.names) == 1
        notes = (
            "the greatest difference of the shares of two groups that reach a threshold, over all thresholds",
            "the same, mean over thresholds; for two groups their Wasserstein distance",
        )
        for which, (metric, value) in enumerate(((KS, exact.widest), (WASSERSTEIN, exact.mean))):
            ends = float(low[1, which]), float(high[0, which])
            yield self._distance(metric, family.name, value, ends, small=wide, note=notes[which])

    def _distance(
        self, metric: str, name: str, value: float, ends: Pair, *, small: bool, note: str
    ) -> Measurement:
        n = int(self._n[self.slices.names.index(name)]) if name in self.slices.names else int(self._n[0])
        common = {"metric": metric, "slice": name, "n": n, "unit": "distance" if metric == KS else self.unit}
        if np.isnan(value):
            return Measurement(**common, value=None, outcome=Outcome.INCONCLUSIVE, note="there are no others")
        outcome = Outcome.INCONCLUSIVE if small else Outcome.MEASURED
        low, high = min(ends[0], value), max(ends[1], value)
        return Measurement(**common, value=value, low=low, high=high, outcome=outcome, note=note)


def _range(values: Array) -> Array:
    return spread(values)["difference"]
