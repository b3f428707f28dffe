"""How a model's answers differ between groups: Fairlearn's metrics for each, with intervals.

Values are Fairlearn's to the last digit; intervals come from counts instead of rows, so that a hundred
thousand rows cost no more than a hundred. A group too small for a verdict is marked, with the smallest
difference it could have shown, and never hidden.

``slice`` names a group (``race=Asian & sex=Male``), or for a difference, ratio, minimum or maximum the
columns it is taken over (``race & sex``). ``n`` is the number of rows the number rests on: the negatives for
a false positive rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Finding, Subject
from workbench.audits.group_errors import GroupErrors
from workbench.audits.group_figure import rates_by_group
from workbench.audits.group_rates import GroupRates, Precision
from workbench.audits.records import ScoreCounts
from workbench.audits.slices import Slices, slices_of
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset
from workbench.stats import counts

Array = npt.NDArray[Any]

_BINS = 100
_NAMED = 8
"""Groups named in a note before it says how many more."""


@dataclass(frozen=True)
class Fairness:
    """Rates of every group with differences and ratios between them."""

    name: ClassVar[str] = "fairness"

    margin: float = 0.2
    """A rate or a difference whose interval is wider than this is inconclusive: too few rows."""
    depth: int = 2
    """How many sensitive columns are crossed at most; 1 for no crossings."""
    confidence: float = 0.95
    """Level of the intervals."""
    n_boot: int = 1000
    """Bootstrap replicates."""

    def __post_init__(self) -> None:
        if not self.margin > 0:
            raise InvalidInput("fairness: margin must be positive.", field="margin")
        if self.depth < 1:
            raise InvalidInput("fairness: depth must be at least 1.", field="depth")
        if not 0 < self.confidence < 1:
            raise InvalidInput("fairness: confidence lies between 0 and 1.", field="confidence")
        if self.n_boot < 100:
            raise InvalidInput("fairness: n_boot must be at least 100.", field="n_boot")

    def applies(self, subject: Subject) -> str:
        """Needs a sensitive column."""
        return "" if subject.data.sensitive else "No sensitive column was named."

    def measure(self, subject: Subject) -> Finding:
        """Compare the groups."""
        data, slices = subject.data, slices_of(subject.data, depth=self.depth)
        answers = subject.predictor.predict(data.frame)
        precision = Precision(self.n_boot, self.confidence, self.margin, subject.seed)
        if data.task == "regression":
            return self._finding(GroupErrors(data.y, answers, slices, precision), slices, _OF_MEANS)
        metrics: tuple[str, ...] = counts.RATES
        y_true, y_pred = data.y == data.positive, answers == data.positive
        if data.positive is None:  # right or wrong is all that is compared: the table of one class
            metrics, y_true, y_pred = ("accuracy_score",), np.ones(len(data), dtype=bool), data.y == answers
        table = counts.count_table(slices.cell, np.asarray(y_true), np.asarray(y_pred), slices.cells)
        return self._finding(GroupRates(table, slices, precision, metrics), slices, _OF_RATES)

    def _finding(self, measured: GroupRates | GroupErrors, slices: Slices, how: str) -> Finding:
        found = measured.measurements()
        level = f"Intervals hold at {100 * self.confidence:g} %, each for itself. "
        return Finding(
            measurements=found,
            figures=rates_by_group(found, slices),
            notes=[level + how.format(self.n_boot), *_too_few(measured.too_small), *slices.notes],
            libraries=("numpy", "pandas"),
        )


def _too_few(names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    shown = "; ".join(names[:_NAMED])
    return [f"Too few rows for every verdict: {shown}{more}. What they leave open is marked inconclusive."]


_OF_RATES = (
    "Rates: Wilson. Differences, ratios, minima and maxima between groups: bootstrap, {:,} draws of the "
    "count table, Jeffreys' posterior where a group's rate is 0 or 1; they reach from the spread without "
    "groups that are too small to the spread with them."
)
_OF_MEANS = (
    "Means: central limit theorem. Differences between groups: {:,} draws of the groups' means from it."
)


def score_counts(data: Dataset, scores: Array) -> ScoreCounts:
    """Count rows by slice, label and score bin, so that a threshold can be moved with no row at hand.

    Args:
        data: a binary target; its sensitive columns make the slices of ``Fairness``.
        scores: probability of the positive label, shape (n,), within 0 and 1.
    """
    edges = np.arange(_BINS + 1) / _BINS
    place = np.clip(np.searchsorted(edges, scores, side="right") - 1, 0, _BINS - 1)
    slices, y = slices_of(data), np.asarray(data.y == data.positive, dtype=np.int64)
    code = (slices.cell * 2 + y) * _BINS + place
    table = np.bincount(code, minlength=slices.cells * 2 * _BINS).reshape(slices.cells, 2, _BINS)
    counted = counts.of_slices(table, slices.members).astype(int).tolist()
    return ScoreCounts(
        edges=tuple(edges.tolist()),
        slices=slices.names,
        counts=tuple((tuple(negative), tuple(positive)) for negative, positive in counted),
        threshold=_threshold(data, scores, edges),
    )


def _threshold(data: Dataset, scores: Array, edges: Array) -> float:
    """The edge that separates the predictions in the data by their scores, or 0.5 when there is none."""
    if data.prediction is None:
        return 0.5
    chosen = data.frame[data.prediction].to_numpy() == data.positive
    if chosen.all() or not chosen.any():
        return 0.5
    between = edges[(edges > scores[~chosen].max()) & (edges <= scores[chosen].min())]
    return float(between[-1]) if len(between) else 0.5
