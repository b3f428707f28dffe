"""More than two labels by group: each against the rest, and what that comes to over all of them.

One table counts rows by cell × truth × answer. From it every label has the rates of a binary answer, in
slices named ``target=label & group``. Over the labels there are, for each family of groups, the worst
disparity (``demographic_parity_difference``, with the label it is of) and the mean (``…_macro``), redrawn
together; and balanced accuracy, the mean of the recalls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.fairness.group_rates import GroupRates
from workbench.audits.parts.fairness.precision import Precision
from workbench.audits.parts.shared.slices import Family, Slices, escaped
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.stats import counts
from workbench.stats.intervals import mean_of_rates, wilson

Array = npt.NDArray[Any]

MOST_LABELS = 12
"""The most frequent; the others are put together and have no rates of their own."""
_METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "precision_score", "base_rate")
_RECALL, _BALANCED = "true_positive_rate", "balanced_accuracy_score"


@dataclass(frozen=True)
class GroupLabels:
    """Rates of every label in every slice of one table."""

    table: Array
    """Counts by cell, truth and answer, shape (cells, k, k)."""
    labels: tuple[str, ...]
    """Those that have rates, first in the table; at most one more is the rest."""
    target: str
    slices: Slices
    precision: Precision

    def measurements(self) -> list[Measurement]:
        """Disparities over the labels, balanced accuracy, then label by label."""
        found = [m for family in self.slices.families for m in self._over_labels(family)]
        found += [self._balanced(i) for i in range(len(self.slices.names))]
        for label, rates in zip(self.labels, self._by_label, strict=True):
            found += [self._named(m, label) for m in rates.measurements() if m.metric != "count"]
        return found

    @cached_property
    def _by_label(self) -> list[GroupRates]:
        tables = counts.one_against_rest(self.table)[: len(self.labels)]
        return [GroupRates(table, self.slices, self.precision, _METRICS) for table in tables]

    def _named(self, m: Measurement, label: str) -> Measurement:
        of_label = f"{escaped(self.target)}={escaped(label)}"
        return m.model_copy(update={"slice": f"{of_label} & {m.slice}" if m.slice else of_label})

    # Over labels

    @cached_property
    def _recalls(self) -> tuple[Array, Array, Array]:
        """Recall of every label in every slice and the ends of its interval, each (labels, slices)."""
        table = counts.of_slices(self.table, self.slices.members)
        k, n = np.diagonal(table, axis1=-2, axis2=-1).T, table.sum(axis=-1).T
        low, high = wilson(k, n, self.precision.confidence)
        return np.divide(k, n, out=np.full(k.shape, np.nan), where=n > 0), low, high

    def _balanced(self, i: int) -> Measurement:
        value, low, high = (of[:, i] for of in self._recalls)
        ends = tuple(float(end) for end in mean_of_rates(value, low, high))
        settled = ends[1] - ends[0] <= self.precision.margin
        return Measurement(
            metric=_BALANCED,
            slice=self.slices.names[i],
            value=float(np.nanmean(value)),
            low=ends[0],
            high=ends[1],
            n=int(self._rows[i]),
            unit="rate",
            outcome=Outcome.MEASURED if settled else Outcome.INCONCLUSIVE,
            note="mean of the recalls of the labels that are there",
        )

    @cached_property
    def _rows(self) -> Array:
        return np.asarray(self.slices.members @ self.table.sum(axis=(1, 2)))

    @cached_property
    def _drawn(self) -> Array:
        """Replicates, shape (labels, replicates, slices, 2, 2)."""
        drawn = counts.resample(
            self.table, self.slices.members, self.precision.replicates, self.precision.seed
        )
        return np.asarray(counts.one_against_rest(drawn)[: len(self.labels)])

    @cached_property
    def _small(self) -> Array:
        """True where the balanced accuracy of a slice is too uncertain, shape (slices,)."""
        low, high = mean_of_rates(*self._recalls)
        return np.asarray(high - low > self.precision.margin)

    def _over_labels(self, family: Family) -> Iterator[Measurement]:
        start = self.slices.names.index(family.names[0])
        here = slice(start, start + len(family.names))
        table = counts.one_against_rest(counts.of_slices(self.table, self.slices.members)[here])
        values, drawn = self._spreads(table[: len(self.labels)]), self._spreads(self._drawn[:, :, here])
        known = self._known_spreads(table[: len(self.labels)], np.zeros(len(family.names), dtype=bool))
        masked = self._known_spreads(self._drawn[:, :, here], self._small[here])
        for name, value in values.items():
            for suffix, over in (("", np.max), ("_macro", np.mean)):
                redrawn = [over(of[name], axis=0) for of in (drawn, masked)]
                note = f"of {self.labels[int(np.argmax(value))]} against the rest"
                note = f"mean over {len(value)} labels" if suffix else note
                if over(known[name]) < over(value):
                    note += "; 0/0 counted as 0, as Fairlearn does"
                yield self._disparity(f"{name}{suffix}", family, float(over(value)), redrawn, note)

    def _spreads(self, table: Array) -> dict[str, Array]:
        """Differences by name, each of shape (labels, ...), from counts (labels, ..., groups, 2, 2)."""
        return _differences(counts.rates(table, undefined=0.0))

    def _known_spreads(self, table: Array, gone: Array) -> dict[str, Array]:
        """The same without groups that are ``gone`` or that a rate is 0/0 in; 0 where no group is left."""
        rates = counts.rates(table)
        found = _differences({m: np.where(gone, np.nan, rates[m]) for m in _METRICS})
        return {name: np.nan_to_num(of) for name, of in found.items()}

    def _disparity(
        self, metric: str, family: Family, value: float, redrawn: list[Array], note: str
    ) -> Measurement:
        """``redrawn`` with every group, and without those that are too small or have no such rows."""
        ends = [counts.percentiles(of, self.precision.confidence) for of in redrawn]
        low = min(float(ends[0][0]), float(ends[1][0]), value)
        high = max(float(ends[0][1]), value)
        alone = len(family.names) == 1
        settled = high - low <= self.precision.margin and not alone
        return Measurement(
            metric=metric,
            slice=family.name,
            value=value,
            low=low,
            high=high,
            n=int(self._rows[0]),
            unit="difference",
            outcome=Outcome.MEASURED if settled else Outcome.INCONCLUSIVE,
            note="one group only, nothing to compare" if alone else note,
        )


def _differences(rates: dict[str, Array]) -> dict[str, Array]:
    found = counts.spreads(rates)
    return {f"{name}_difference": found[f"{name}_difference"] for name in counts.DISPARITIES}


def labels_by_group(data: Dataset, answers: Array, slices: Slices, precision: Precision) -> GroupLabels:
    """Count truth and answers by cell, the most frequent labels first, those beyond 12 as one."""
    seen = pd.Series(data.y).value_counts()
    labels = sorted(seen.index[:MOST_LABELS], key=list(data.classes).index)
    known = pd.Index(labels, dtype=object)
    truth, answer = (known.get_indexer(pd.Index(of, dtype=object)) for of in (data.y, answers))
    k = len(labels) + bool((truth < 0).any() or (answer < 0).any())
    code = (slices.cell.astype(np.int64) * k + truth % k) * k + answer % k  # -1, the rest, is the last
    table = np.bincount(code, minlength=slices.cells * k * k).reshape(slices.cells, k, k)
    return GroupLabels(table, tuple(str(label) for label in labels), data.target, slices, precision)
