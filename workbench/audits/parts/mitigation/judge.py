"""What a mitigation changes, measured on the same rows as the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.mitigation.methods import Tried
from workbench.audits.records import Measurement
from workbench.stats import counts
from workbench.stats.intervals import wilson

Array = npt.NDArray[Any]

GAPS = ("demographic_parity_difference", "equalized_odds_difference")
_SCORES = ("accuracy_score", "balanced_accuracy_score", "selection_rate")


@dataclass(frozen=True)
class Judge:
    """Measures answers beside the model's from one table: group × truth × model's answer × new answer."""

    group: Array
    """Number of every row's group, shape (n,)."""
    groups: int
    column: str
    y: Array
    """Truth, 0 or 1."""
    model: Array
    """The model's answers, 0 or 1."""
    confidence: float
    n_boot: int
    seed: int

    def of_model(self) -> list[Measurement]:
        """Measure the model as it is."""
        old, _ = self._both(self._table(self.model))
        drawn, _ = self._both(self._drawn(self.model))
        return [self._measurement(m, "", float(old[m]), drawn[m]) for m in old]

    def of_mitigation(self, name: str, tried: Tried) -> list[Measurement]:
        """Measure what a mitigation answers, its change from the model, and whose answers changed."""
        where, found = f"mitigation={name}", list[Measurement]()
        old, new = self._both(self._table(tried.answers))
        old_drawn, new_drawn = self._both(self._drawn(tried.answers))
        for m in new:
            found.append(self._measurement(m, where, float(new[m]), new_drawn[m]))
            change = new_drawn[m] - old_drawn[m]
            found.append(self._measurement(f"{m}_change", where, float(new[m] - old[m]), change))
        shares = {
            "answers_lost": (self.model == 1) & (tried.answers == 0),
            "answers_gained": (self.model == 0) & (tried.answers == 1),
            "answers_by_lot": tried.drawn,
        }
        return found + [self._share(m, where, rows) for m, rows in shares.items()]

    def _table(self, answers: Array) -> Array:
        code = ((self.group * 2 + self.y) * 2 + self.model) * 2 + answers
        return np.bincount(code, minlength=8 * self.groups).reshape(self.groups, 2, 2, 2)

    def _drawn(self, answers: Array) -> Array:
        table, rng = self._table(answers), np.random.default_rng(self.seed)
        drawn = rng.multinomial(len(self.y), table.ravel() / len(self.y), size=self.n_boot)
        return drawn.reshape(self.n_boot, *table.shape)

    def _both(self, table: Array) -> tuple[dict[str, Array], dict[str, Array]]:
        """Scores and gaps of the model's answers and of the new ones, each of shape (...)."""
        return self._scores(table.sum(axis=-1)), self._scores(table.sum(axis=-2))

    def _scores(self, table: Array) -> dict[str, Array]:
        overall, by_group = counts.rates(table.sum(axis=-3)), counts.rates(table, undefined=0.0)
        gaps = counts.spreads(by_group)
        return {**{m: overall[m] for m in _SCORES}, **{m: gaps[m] for m in GAPS}}

    def _measurement(self, metric: str, where: str, value: float, drawn: Array) -> Measurement:
        low, high = (float(end) for end in counts.percentiles(drawn, self.confidence))
        gap = metric.removesuffix("_change") in GAPS
        return Measurement(
            metric=metric,
            slice=where,
            value=value,
            low=min(low, value),
            high=max(high, value),
            n=len(self.y),
            unit="difference" if gap or metric.endswith("_change") else "rate",
            note=f"over the groups of {self.column}" if gap else "",
        )

    def _share(self, metric: str, where: str, rows: Array) -> Measurement:
        k, n = int(rows.sum()), len(rows)
        low, high = wilson(k, n, self.confidence)
        return Measurement(metric=metric, slice=where, value=k / n, low=low, high=high, n=n, unit="rate")
