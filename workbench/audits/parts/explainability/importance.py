"""Global importance: the mean absolute contribution of every column, its share, and their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.audits.parts.explainability.explainers import Explanation
from workbench.audits.records import Measurement
from workbench.core.values import Outcome

Array = np.ndarray[Any, Any]

MOST_COLUMNS = 30
"""Columns reported at most, besides sensitive ones."""


@dataclass(frozen=True)
class Importance:
    """Importance of d columns with B bootstrap replicates over the n rows."""

    explanation: Explanation
    value: Array
    """(d,) mean |SHAP|."""
    drawn: Array
    """(B, d) the same of rows drawn again."""
    weights: Array
    """(B, n) how rows were drawn, each summing to 1."""
    confidence: float
    seed: int

    @classmethod
    def of(cls, explanation: Explanation, n_boot: int, confidence: float, seed: int) -> Importance:
        """Draw rows again ``n_boot`` times."""
        absolute = np.abs(explanation.contributions)
        n = len(absolute)
        weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_boot) / n
        return cls(explanation, absolute.mean(axis=0), weights @ absolute, weights, confidence, seed)

    @property
    def idle(self) -> bool:
        """Whether no column moves the output at all."""
        apart = 1e-9 * (1 + float(np.abs(self.explanation.output).max()))
        return bool(self.value.max(initial=0.0) <= apart)

    @property
    def share(self) -> Array:
        """(d,) importance as a share of all; zeros where nothing matters."""
        return shares(self.value)

    def interval(self, drawn: Array, value: float) -> tuple[float, float]:
        """Percentiles of replicates, which a skewed few rows may put beside the value: that is always in."""
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(drawn, (tail, 1 - tail))
        return min(float(low), value), max(float(high), value)

    def measurements(self, *, always: Sequence[str]) -> list[Measurement]:
        """Mean |SHAP| and share of the leading columns and of ``always``, and the additivity gap."""
        unit, n = self.explanation.unit, len(self.weights[0])
        found = [self._gap()]
        share, drawn = self.share, shares(self.drawn)
        for j in self._shown(always):
            name, value = self.explanation.columns[j], float(self.value[j])
            low, high = self.interval(self.drawn[:, j], value)
            found.append(
                Measurement(
                    metric="mean_abs_shap", slice=name, value=value, low=low, high=high, n=n, unit=unit
                )
            )
            if not self.idle:
                low, high = self.interval(drawn[:, j], float(share[j]))
                found.append(
                    Measurement(
                        metric="shap_importance_share",
                        slice=name,
                        value=float(share[j]),
                        low=low,
                        high=high,
                        n=n,
                        unit="share",
                    )
                )
        return found

    def of_sensitive(self, sensitive: Sequence[str]) -> list[Measurement]:
        """The share of all sensitive columns together that the model reads."""
        columns = self.explanation.columns
        places = [columns.index(name) for name in sensitive if name in columns]
        if not sensitive or self.idle:
            return []
        value = float(self.share[places].sum())
        low, high = self.interval(shares(self.drawn)[:, places].sum(axis=1), value)
        read = [columns[j] for j in places]
        unread = [name for name in sensitive if name not in read]
        notes = [f"the model reads {', '.join(read)}"] if read else []
        notes += [f"it does not read {', '.join(unread)}; other columns may stand in"] if unread else []
        return [
            Measurement(
                metric="sensitive_importance_share",
                slice=" & ".join(sensitive),
                value=value,
                low=low,
                high=high,
                n=len(self.weights[0]),
                unit="share",
                note="; ".join(notes),
            )
        ]

    def _shown(self, always: Sequence[str]) -> list[int]:
        order = np.argsort(-self.value, kind="stable")
        named = [j for j, name in enumerate(self.explanation.columns) if name in always]
        return list(dict.fromkeys([*(int(j) for j in order[:MOST_COLUMNS]), *named]))

    def _gap(self) -> Measurement:
        gaps, holds = self.explanation.gaps, self.explanation.additive
        return Measurement(
            metric="shap_additivity_gap",
            value=float(gaps.max()),
            n=len(gaps),
            unit=self.explanation.unit,
            outcome=Outcome.MEASURED if holds else Outcome.INCONCLUSIVE,
            note="largest |base + contributions - output| of a row: a maximum, which has no interval"
            + ("" if holds else "; contributions do not add up"),
        )


def shares(importance: Array) -> Array:
    """Rows of importance, (..., d), as shares of their sum; zeros where it is 0."""
    total = importance.sum(axis=-1, keepdims=True)
    return np.asarray(importance / np.where(total > 0, total, 1.0))
