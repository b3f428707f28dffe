"""How a model's answers differ between groups: Fairlearn's metrics for each, with intervals.

Values are Fairlearn's to the last digit; intervals come from counts instead of rows, so that a hundred
thousand rows cost no more than a hundred. A group too small for a verdict is marked, with the smallest
difference it could have shown, and never hidden.

``slice`` names a group (``race=Asian & sex=Male``), or for a difference, ratio, minimum or maximum the
columns it is taken over (``race & sex``). ``n`` is the number of rows the number rests on: the negatives for
a false positive rate. With more than two labels ``target=label & race=Asian`` is that label against the rest.

Where there are scores, ranking, calibration and the distribution of the scores are compared too
(``group_scores``), and a figure shows what another threshold would cost. ``definitions`` says what each
measure asks and which exclude each other here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.fairness.definitions import explained, forced_gaps
from workbench.audits.parts.fairness.four_fifths import four_fifths
from workbench.audits.parts.fairness.group_errors import GroupErrors
from workbench.audits.parts.fairness.group_figure import rates_by_group
from workbench.audits.parts.fairness.group_labels import labels_by_group
from workbench.audits.parts.fairness.group_rates import GroupRates
from workbench.audits.parts.fairness.group_scores import REPLICATES, GroupScores
from workbench.audits.parts.fairness.precision import Precision
from workbench.audits.parts.fairness.trade_off import trade_off
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.audits.parts.shared.slices import Slices, slices_of
from workbench.audits.records import Figure, Measurement, ScoreCounts
from workbench.datasets import Dataset
from workbench.stats import counts

Array = npt.NDArray[Any]

_BINS = 100
_FIGURES = 3
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
            raise refusal(self, "margin", "be positive", "Give the widest interval that still decides: 0.2.")
        require_at_least(self, depth=1, n_boot=100)
        require_between(self, 0, 1, "confidence")

    def applies(self, subject: Subject) -> str:
        """Needs a sensitive column."""
        return "" if subject.data.sensitive else "No sensitive column was named."

    def reads(self, subject: Subject) -> list[str]:
        """What answers, truth and groups rest on."""
        return [*subject.columns, *subject.data.sensitive]

    def measure(self, subject: Subject) -> Finding:
        """Compare the groups."""
        slices = slices_of(subject.data, depth=self.depth)
        precision = Precision(self.n_boot, self.confidence, self.margin, subject.seed)
        if subject.data.task == "regression":
            return self._of_errors(subject, slices, precision)
        if subject.data.positive is None:
            return self._of_labels(subject, slices, precision)
        return self._of_answers(subject, slices, precision)

    def _of_answers(self, subject: Subject, slices: Slices, precision: Precision) -> Finding:
        """Two labels: rates, and scores where the model gives them."""
        data, positive = subject.data, subject.data.positive
        y_true, y_pred = np.asarray(data.y == positive), np.asarray(subject.answers == positive)
        table = counts.count_table(slices.cell, y_true, y_pred, slices.cells)
        rates = GroupRates(table, slices, precision)
        found, forced = rates.measurements(), forced_gaps(rates)
        found += [*four_fifths(rates), *forced]
        notes, curve = explained(rates, forced), list[Figure]()
        if subject.scores is not None and slices.families:
            scores = GroupScores(np.asarray(subject.scores, dtype=float), y_true, slices, precision)
            curve = trade_off(scores.table, scores.bins, slices, table)
            found += scores.measurements()
            notes = [_OF_SCORES.format(min(REPLICATES, self.n_boot)), *notes]
        return self._finding(found, slices, [_OF_RATES, *notes], rates.too_small, curve)

    def _of_labels(self, subject: Subject, slices: Slices, precision: Precision) -> Finding:
        """More labels: right or wrong, which is the table of one class, then each label against the rest."""
        data, answers = subject.data, subject.answers
        right = np.asarray(data.y == answers)
        table = counts.count_table(slices.cell, np.ones(len(data), dtype=bool), right, slices.cells)
        rates = GroupRates(table, slices, precision, ("accuracy_score",))
        labels = labels_by_group(data, answers, slices, precision)
        found = [*rates.measurements(), *labels.measurements()]
        return self._finding(found, slices, [_OF_RATES], rates.too_small)

    def _of_errors(self, subject: Subject, slices: Slices, precision: Precision) -> Finding:
        """A regression: mean errors, and how the predictions are distributed."""
        answers = np.asarray(subject.answers, dtype=float)
        errors = GroupErrors(subject.data.y, answers, slices, precision)
        found, notes = errors.measurements(), [_OF_MEANS]
        if slices.families:
            found += GroupScores(answers, None, slices, precision, unit="target").measurements()
            notes.append(_OF_SCORES.format(min(REPLICATES, self.n_boot)))
        return self._finding(found, slices, notes, errors.too_small)

    def _finding(
        self,
        found: list[Measurement],
        slices: Slices,
        notes: list[str],
        too_small: list[str],
        curve: list[Figure] | None = None,
    ) -> Finding:
        curve = curve or []
        level = f"Intervals hold at {100 * self.confidence:g} %, each for itself. "
        how = (level + notes[0]).format(self.n_boot)
        return Finding(
            measurements=found,
            figures=[*rates_by_group(found, slices)[: _FIGURES - len(curve)], *curve],
            notes=[
                how,
                *notes[1:],
                *_too_few(too_small),
                *slices.notes,
            ],
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
    "groups that are too small to the spread with them. The greatest less the least of many rates is above 0 "
    "even where all groups share one: compare it with the smallest detectable difference beside it."
)
_OF_MEANS = (
    "Means: central limit theorem. Differences between groups: {:,} draws of the groups' means from it."
)
_OF_SCORES = (
    "Scores: DeLong for the area under the ROC curve, the central limit theorem for calibration in the "
    "large, test inversion for the calibration error; their differences and the distances of distributions: "
    "{:,} draws of a table of at most 256 score bins, less what noise alone adds."
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
