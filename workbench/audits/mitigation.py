"""Mitigations tried beside the model: what each would do for the groups, and what it would cost.

Nothing is applied: each is fitted on the reference, or fits a copy of the model there, answers the data once,
and is thrown away. ``slice`` names it, ``mitigation=threshold_optimizer``; the model as it is has the empty
slice. ``…_change`` is its number less the model's, with the rows as pairs. Only on request: it fits models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.mitigation.figure import beside_the_model
from workbench.audits.parts.mitigation.judge import GAPS, Judge
from workbench.audits.parts.mitigation.methods import METHODS, CannotTry, Rows, Tried
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.core.errors import nearest, unknown
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.stats import counts

Array = npt.NDArray[Any]

CONSTRAINTS = ("demographic_parity", "equalized_odds")
_FEWEST = 30
"""Rows of a group of either truth to fit on."""
_COSTS = {
    "threshold_optimizer": "it needs the group at every decision, answers one score differently by group, "
    "and draws some answers by lot",
    "exponentiated_gradient": "it is a mixture of models, and for some rows the lot says which one answers",
    "correlation_remover": "it needs the group of every row, and takes out linear correlation only",
}


@dataclass(frozen=True)
class Mitigation:
    """Fairlearn's mitigations, beside the model and never applied."""

    name: ClassVar[str] = "mitigation"

    mitigations: tuple[str, ...] = tuple(METHODS)
    """Which to try: threshold_optimizer, exponentiated_gradient, correlation_remover."""
    column: str = ""
    """The sensitive column whose groups are made more alike. Default: the first."""
    constraint: str = "equalized_odds"
    """What to make alike: equalized_odds, or demographic_parity."""
    fit_rows: int = 20_000
    """Most rows of the reference to fit on."""
    confidence: float = 0.95
    """Level of the intervals."""
    n_boot: int = 1000
    """Bootstrap replicates."""

    def __post_init__(self) -> None:
        if not self.mitigations:
            raise refusal(self, "mitigations", "name at least one", nearest("", METHODS))
        for name in self.mitigations:
            if name not in METHODS:
                raise unknown("mitigations", "mitigation", name, METHODS)
        if len(set(self.mitigations)) < len(self.mitigations):
            raise refusal(self, "mitigations", "name each once", "Drop the repeated one.")
        if self.constraint not in CONSTRAINTS:
            raise unknown("constraint", "constraint", self.constraint, CONSTRAINTS)
        require_at_least(self, fit_rows=100, n_boot=100)
        require_between(self, 0, 1, "confidence")

    def applies(self, subject: Subject) -> str:
        """Needs two labels, groups, a reference to fit on, and a model that can be asked."""
        data = subject.data
        if not data.sensitive:
            return "No sensitive column was named."
        if data.task != "classification" or data.positive is None:
            return "Fairlearn's mitigations are for two labels."
        if subject.reference is None:
            return "There are no training data to fit a mitigation on: give them as reference."
        if not subject.predictor.reads_rows and subject.scores is None:
            return "A column of answers without scores leaves nothing to change."
        return ""

    def reads(self, subject: Subject) -> list[str]:
        """What answers, truth and the groups rest on."""
        return [*subject.columns, *subject.data.sensitive]

    def measure(self, subject: Subject) -> Finding:
        """Try each and measure it beside the model."""
        column = self._column(subject.data)
        fit, ask, left_out = self._rows(subject, column)
        known = np.isin(ask.groups, np.unique(fit.groups))
        model = np.asarray(subject.answers == subject.data.positive).astype(int)
        code, groups = _codes(ask.groups)
        judge = Judge(code, len(groups), column, ask.y, model, self.confidence, self.n_boot, subject.seed)
        how = _NOTE.format(n=len(fit.y), column=column, what=self.constraint)
        found, notes = judge.of_model(), [how, *left_out]
        for name in self.mitigations:
            tried = self._try(name, subject, fit, _only(ask, known))
            if isinstance(tried, str):
                notes.append(f"{name} could not be tried: {tried}.")
            else:
                found += judge.of_mitigation(name, _filled(tried, known, model))
                notes.append(f"What {name} costs besides: {_COSTS[name]}.")
        any_tried = any(m.slice for m in found)
        return Finding(
            measurements=found,
            figures=beside_the_model(found, column, GAPS) if any_tried else [],
            notes=notes,
            outcome=Outcome.MEASURED if any_tried else Outcome.INCONCLUSIVE,
            libraries=("fairlearn", "scikit-learn", "numpy"),
        )

    def _try(self, name: str, subject: Subject, fit: Rows, ask: Rows) -> Tried | str:
        """What it answers, or why it cannot."""
        if len(np.unique(fit.groups)) < 2:
            return "there are no two groups to make alike"
        try:
            return METHODS[name](subject.predictor, fit, ask, self.constraint, subject.seed)
        except (CannotTry, ValueError, TypeError) as reason:  # the last two: Fairlearn and what it fits
            return str(reason).splitlines()[0].rstrip(".")

    def _column(self, data: Dataset) -> str:
        if self.column and self.column not in data.sensitive:
            raise unknown("column", "sensitive column", self.column, data.sensitive)
        return self.column or data.sensitive[0]

    def _rows(self, subject: Subject, column: str) -> tuple[Rows, Rows, list[str]]:
        """The rows to fit on, of groups with enough of either truth, and those to answer."""
        reference, data = subject.reference, subject.data
        assert reference is not None  # noqa: S101 - see applies
        if column not in reference.frame.columns:
            raise refusal(
                self, "column", f"be in the reference too, and {column!r} is not", "Give one that has it."
            )
        frame, rng = reference.frame, np.random.default_rng(subject.seed)
        groups, y = reference.groups(column), np.asarray(reference.y == data.positive).astype(int)
        code, names = _codes(groups)
        enough = (counts.count_table(code, y, y, len(names)).sum(axis=-1) >= _FEWEST).all(axis=-1)
        there = np.flatnonzero(enough[code])
        if len(there) > self.fit_rows:
            there = np.sort(rng.choice(there, self.fit_rows, replace=False))
        scores = subject.predictor.scores(frame.iloc[there]) if len(there) else None
        fit = Rows(frame.iloc[there], groups[there], y[there], scores)
        ask = Rows(
            data.frame, data.groups(column), np.asarray(data.y == data.positive).astype(int), subject.scores
        )
        few = [str(name) for name, ok in zip(names, enough, strict=True) if not ok]
        few += sorted(set(ask.groups.tolist()) - set(names.tolist()))
        notes = [_FEW.format(column=column, groups=", ".join(few), n=_FEWEST)] if few else []
        return fit, ask, notes


_NOTE = (
    "Fitted on {n:,} rows of the reference to make the groups of {column} alike in {what}; judged on the "
    "data. Nothing was applied: it shows what could be had, not what should be. Intervals: Wilson for "
    "shares, bootstrap of the count table for gaps and changes; they leave out how much another reference "
    "would have changed the fit."
)
_FEW = (
    "Groups of {column} with fewer than {n} rows of either truth in the reference keep the model's "
    "answers: {groups}."
)


def _codes(groups: Array) -> tuple[Array, Array]:
    names, code = np.unique(groups, return_inverse=True)
    return code, names


def _only(rows: Rows, there: Array) -> Rows:
    scores = None if rows.scores is None else rows.scores[there]
    return Rows(rows.frame[there], rows.groups[there], rows.y[there], scores)


def _filled(tried: Tried, known: Array, model: Array) -> Tried:
    """Answers for every row: the model's where the group was not known."""
    answers, drawn = model.copy(), np.zeros(len(model), dtype=bool)
    answers[known], drawn[known] = tried.answers, tried.drawn
    return Tried(answers, drawn)
