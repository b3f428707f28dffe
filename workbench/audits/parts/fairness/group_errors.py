"""Errors of a regression by group: means with the interval of the central limit theorem."""

from __future__ import annotations

from collections.abc import Iterator
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
from workbench.stats.counts import percentiles
from workbench.stats.intervals import normal_quantile

Array = npt.NDArray[Any]

_FEWEST = 30
"""Rows below which the central limit theorem promises little: a group of fewer is inconclusive."""


@dataclass(frozen=True)
class GroupErrors:
    """Mean error, mean absolute error and mean prediction of every slice, in units of the target.

    The error is prediction minus truth, so a mean error above 0 says that the group is overestimated.
    """

    y_true: Array
    y_pred: Array
    slices: Slices
    precision: Precision

    def measurements(self) -> list[Measurement]:
        """Metric by metric everyone, the slices and the difference between groups, then the counts."""
        found = []
        for metric, values in self._values.items():
            mean, error = self._means(values)
            found += [self._mean(metric, i, mean[i], error[i]) for i in range(len(self.slices.names))]
            found += list(self._differences(metric, mean, error))
        return [*found, *self._sizes()]

    @property
    def too_small(self) -> list[str]:
        """Slices of too few rows."""
        return [x for x, n in zip(self.slices.names, self._n, strict=True) if x and n < _FEWEST]

    @cached_property
    def _values(self) -> dict[str, Array]:
        error = self.y_pred - self.y_true
        return {"mean_error": error, "mean_absolute_error": np.abs(error), "mean_prediction": self.y_pred}

    @cached_property
    def _n(self) -> Array:
        return self._summed(np.ones(len(self.y_true)))

    def _summed(self, values: Array) -> Array:
        by_cell = np.bincount(self.slices.cell, values, minlength=self.slices.cells)
        return np.asarray(self.slices.members.astype(float) @ by_cell)

    def _means(self, values: Array) -> tuple[Array, Array]:
        """Mean of every slice and its standard error, infinite for a single row."""
        mean = self._summed(values) / self._n
        centred = values - values.mean()  # or the squares of great values would cancel
        spread = self._summed(centred**2) - self._n * (mean - values.mean()) ** 2
        freedom = np.maximum(self._n - 1, 1)
        error = np.sqrt(np.maximum(spread, 0) / freedom / self._n)
        return mean, np.where(self._n > 1, error, np.inf)

    def _mean(self, metric: str, i: int, mean: float, error: float) -> Measurement:
        n, half = int(self._n[i]), normal_quantile((1 + self.precision.confidence) / 2) * float(error)
        low = mean - half if metric != "mean_absolute_error" else max(mean - half, 0.0)
        few = n < _FEWEST
        return Measurement(
            metric=metric,
            slice=self.slices.names[i],
            value=float(mean),
            low=float(low) if n > 1 else None,
            high=float(mean + half) if n > 1 else None,
            n=n,
            unit="target",
            outcome=Outcome.INCONCLUSIVE if few else Outcome.MEASURED,
            note=f"too few rows: {n} are fewer than {_FEWEST}" if few else "",
        )

    def _differences(self, metric: str, mean: Array, error: Array) -> Iterator[Measurement]:
        start = 1
        for family in self.slices.families:
            here = slice(start, start + len(family.names))
            start += len(family.names)
            yield self._difference(metric, family, mean[here], error[here], self._n[here])
            yield detectable.of_means(
                metric,
                family,
                mean[here],
                error[here],
                n=self._n[here],
                confidence=self.precision.confidence,
            )

    def _difference(self, metric: str, family: Family, mean: Array, error: Array, n: Array) -> Measurement:
        """Greatest minus least mean. A group of one row, whose error is unknown, makes the ends unknown."""
        value, least, most = float(np.ptp(mean)), int(np.argmin(mean)), int(np.argmax(mean))
        ends: dict[str, float] = {}
        if np.isfinite(error).all():
            rng = np.random.default_rng(self.precision.seed)
            drawn = np.ptp(rng.normal(mean, error, size=(self.precision.replicates, len(mean))), axis=1)
            low, high = (float(end) for end in percentiles(drawn, self.precision.confidence))
            ends = {"low": min(low, value), "high": max(high, value)}
        few = (n < _FEWEST).any() or len(n) == 1
        return Measurement(
            metric=f"{metric}_difference",
            slice=family.name,
            value=value,
            **ends,
            n=int(n.sum()),
            unit="target",
            outcome=Outcome.INCONCLUSIVE if few else Outcome.MEASURED,
            note=f"from {mean[least]:.4g} ({family.groups[least]}, n = {int(n[least]):,}) "
            f"to {mean[most]:.4g} ({family.groups[most]}, n = {int(n[most]):,})",
        )

    def _sizes(self) -> Iterator[Measurement]:
        for name, n in zip(self.slices.names, self._n, strict=True):
            yield Measurement(metric="count", slice=name, value=float(n), n=int(n), unit="rows")
