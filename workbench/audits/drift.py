"""How far the data has moved from the reference, judged by the size of the effect and never by a p-value.

For every column the model reads, the target and the predictions: the effect on all rows, in bins of the
reference, with an interval; *pass* when it lies below the margin, *fail* when above, else *inconclusive*. A
classifier looks for what no single column shows; the sensitive groups are compared one by one; and what the
drift does to performance is estimated without labels, beside what the labels say.

In these measurements ``slice`` is the name of a column, a group, or a window; the predictions are
``prediction`` and ``score``. Evidently's methods stand beside ours on request, under their own names
(``evidently_ks``): it bins otherwise (equal widths over both samples, missing left out), so the two differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.drift import columns as drift_columns
from workbench.audits.parts.drift import evidently_drift, windows
from workbench.audits.parts.drift import figures as drift_figures
from workbench.audits.parts.drift import groups as drift_groups
from workbench.audits.parts.drift import joint as drift_joint
from workbench.audits.parts.drift import performance as drift_performance
from workbench.audits.parts.drift.columns import Method
from workbench.audits.parts.drift.joint import Joint
from workbench.audits.parts.drift.pairs import ANSWERS, Pair, pairs
from workbench.audits.parts.shared.options import refusal
from workbench.audits.records import Figure, Measurement
from workbench.core.errors import InvalidInput, unknown
from workbench.core.values import Outcome, worst
from workbench.datasets import Dataset


@dataclass(frozen=True)
class Drift:
    """Effect size of the change of every column against the reference."""

    name: ClassVar[str] = "drift"

    method: Method = "psi"
    """``psi``: population stability index; ``jensenshannon``: distance, natural logarithm, 0 to 0.83; for
    numbers only (categories: ``jensenshannon``) ``ks``: greatest gap of the distribution functions at an edge
    of the bins, and ``wasserstein``: in standard deviations of the reference."""
    margin: float = 0.1
    """The effect that matters. Usual readings of the PSI: below 0.1 stable, above 0.25 shifted."""
    bins: int = 10
    """Quantile bins of the reference, for numbers with more than 20 values; fewer get a bin each."""
    columns: tuple[str, ...] | None = None
    """Columns compared. Default: those the model reads, and the sensitive ones. Target and predictions are
    always compared."""
    alpha: float = 0.05
    """False verdicts that are put up with: their share among the columns called moved or still, and the
    chance of any false alarm in all windows."""
    joint_margin: float = 0.6
    """Area under the ROC curve of a classifier that tells data from reference, above which they have moved
    jointly. A normal column whose PSI is 0.1 gives 0.59 alone."""
    joint_rows: int = 5000
    """Rows of either side, drawn, for the classifier."""
    window: int | None = None
    """Rows of a window: the data is also looked at window by window, to find when something changed."""
    window_margin: float = 0.002
    """Chi-square distance (about the PSI) from which a window's relation to the truth has changed. 0: any
    change that cannot be chance."""
    time: str | None = None
    """Column that orders the rows for the windows. Default: as they stand."""
    evidently: tuple[str, ...] = ()
    """Methods of Evidently to show beside: ``ks``, ``wasserstein``, ``psi`` … Slow: TVD, empirical_mmd."""

    def __post_init__(self) -> None:
        rules = [
            ("margin", self.margin > 0, "be positive"),
            ("bins", 2 <= self.bins <= 100, "be 2 to 100"),
            ("alpha", 0 < self.alpha < 1, "lie between 0 and 1"),
            ("joint_margin", 0.5 < self.joint_margin < 1, "lie between 0.5 and 1"),
            ("joint_rows", self.joint_rows >= drift_joint.FEWEST, f"be at least {drift_joint.FEWEST}"),
            ("window", self.window is None or self.window >= 1, "be at least 1"),
            ("window_margin", self.window_margin >= 0, "be 0 or more"),
            ("time", self.time is None or self.window is not None, "come with window, the rows of one"),
            ("columns", self.columns is None or len(self.columns) > 0, "name a column, or be left out"),
        ]
        for option, kept, rule in rules:
            if not kept:
                raise refusal(self, option, rule, f"It was {getattr(self, option)!r}.")
        for method in self.evidently:
            if method not in evidently_drift.METHODS:
                raise unknown("evidently", "method", method, evidently_drift.METHODS)

    def applies(self, subject: Subject) -> str:
        """Needs a reference."""
        return (
            ""
            if subject.reference is not None
            else "There is nothing to compare with: give the training data as reference."
        )

    def reads(self, subject: Subject) -> list[str]:
        """The columns compared, what the model answers from, the sensitive columns, the time."""
        asked = [*(self.columns or ()), *([self.time] if self.time else [])]
        known = set(subject.data.frame.columns)
        return [c for c in dict.fromkeys([*subject.columns, *subject.data.sensitive, *asked]) if c in known]

    def measure(self, subject: Subject) -> Finding:
        """Compare column by column, jointly, by group, by window."""
        reference = subject.reference
        if reference is None:
            raise InvalidInput("drift: there is no reference.", remedy="Give reference=.", field="reference")
        if self.time is not None and self.time not in subject.data.frame.columns:
            raise unknown("time", "column", self.time, subject.data.frame.columns)
        found, notes = pairs(subject, reference, self._features(subject))
        compared = {name: pair for name, pair in found.items() if not pair.empty_in}
        columns = self._columns(subject, found)
        joint, together = self._joint(subject, reference, compared)
        parts = [
            columns,
            together,
            self._groups(subject, compared),
            _Part(*drift_performance.estimate(subject, joint)),
            self._windows(subject, compared),
            self._evidently(columns, compared, subject.seed),
        ]
        return Finding(
            measurements=[m for part in parts for m in part.measurements],
            figures=[figure for part in parts for figure in part.figures],
            notes=[*columns.notes, *notes, *(note for part in parts[1:] for note in part.notes)],
            outcome=worst([outcome for part in parts for outcome in part.outcomes]),
            libraries=(*(("evidently",) if self.evidently else ()), "numpy", "pandas", "scikit-learn"),
        )

    def _features(self, subject: Subject) -> list[str]:
        if self.columns is None:
            wanted = dict.fromkeys([*subject.features, *subject.data.sensitive])
            return [name for name in wanted if name != self.time]
        for name in self.columns:
            if name not in subject.data.frame.columns:
                raise unknown("columns", "column", name, subject.data.frame.columns)
        return list(self.columns)

    def _columns(self, subject: Subject, found: Mapping[str, Pair]) -> _Part:
        """Every column by itself."""
        compared = {name: pair for name, pair in found.items() if not pair.empty_in}
        effects = drift_columns.judged(
            {
                name: drift_columns.effect(pair, self.method, bins=self.bins, seed=subject.seed)
                for name, pair in compared.items()
            },
            margin=self.margin,
            alpha=self.alpha,
        )
        lost = _lost(subject, found)
        missing = [drift_columns.missing(name, pair) for name, pair in compared.items() if pair.gaps]
        outcomes = _judged([*effects, *lost])
        before = 0 if subject.reference is None else len(subject.reference)
        note = (
            f"{self.method} on all {len(subject.data)} rows against {before} of the reference, margin "
            f"{self.margin:g}. Of the {len(compared)} columns, those called moved and those called still are "
            f"so falsely in at most {self.alpha / 2:.3g} of the cases (Benjamini-Hochberg); intervals are as "
            "wide as that asks. It cannot tell why a column moved, nor whether it matters to anyone."
        )
        share = drift_columns.share([*effects, *lost], worst(outcomes))
        figures = drift_figures.columns(effects, self.method, self.margin)
        return _Part([share, *effects, *lost, *missing], [note], outcomes, figures)

    def _joint(
        self, subject: Subject, reference: Dataset, compared: Mapping[str, Pair]
    ) -> tuple[Joint | None, _Part]:
        """All features together."""
        features = {c: p for c, p in compared.items() if c not in (subject.data.target, *ANSWERS)}
        times = [c for c in features if pd.api.types.is_datetime64_any_dtype(reference.frame[c].dtype)]
        features = {c: pair for c, pair in features.items() if c not in times}
        if not features:
            return None, _Part()
        notes = (
            [f"Times move by themselves; the classifier does not see {', '.join(times)}."] if times else []
        )
        joint = drift_joint.examine(
            features, rows=self.joint_rows, margin=self.joint_margin, seed=subject.seed
        )
        if joint is None:
            return None, _Part([drift_joint.too_few()], notes, [Outcome.INCONCLUSIVE])
        told = joint.verdict(self.joint_margin)
        notes.append(
            f"A gradient-boosted classifier, cross-fitted on {told.n} rows, tells data from reference "
            f"with an area under the curve of {told.value:.3f}, margin {self.joint_margin:g}; a better one "
            "might tell them apart more clearly. DeLong's interval, widened for the rows the folds share."
        )
        return joint, _Part([told, *joint.measurements], notes, [told.outcome])

    def _groups(self, subject: Subject, compared: Mapping[str, Pair]) -> _Part:
        """Each group of the sensitive columns; those too small are shown and do not decide."""
        found, notes = drift_groups.examine(
            subject, compared, method=self.method, margin=self.margin, bins=self.bins, alpha=self.alpha
        )
        return _Part(found, notes, _judged([m for m in found if m.value is not None]))

    def _windows(self, subject: Subject, compared: Mapping[str, Pair]) -> _Part:
        """Window by window, when asked."""
        if self.window is None or not compared:
            return _Part()
        margin = self.margin if self.method == "psi" else 0.1
        places = windows.cut(subject, self.window, self.time)
        watched = windows.examine(
            subject,
            compared,
            places,
            margin=margin,
            relation_margin=self.window_margin,
            false_alarms=self.alpha,
        )
        found = windows.measurements(watched)
        changed = [f"{w.number} ({', '.join(w.relation)})" for w in watched.windows if w.relation]
        note = (
            f"{len(places)} windows of {self.window} rows, {watched.tables} columns beside the truth. While "
            f"nothing changes, the chance of any alarm in all of them is at most {self.alpha:g}. "
            f"The relation to the truth changed in window: {', '.join(changed) or 'none'}. The model's "
            "answers are compared from the first window on: it does better on the rows it was trained on."
        )
        return _Part(found, [note], _judged(found), drift_figures.windows(watched))

    def _evidently(self, columns: _Part, compared: Mapping[str, Pair], seed: int) -> _Part:
        """Evidently's methods, when asked, on the columns in the order of their effects."""
        moved = [m for m in columns.measurements if m.unit == "effect"]
        order = [m.slice for m in sorted(moved, key=lambda m: -(m.value or 0.0))]
        return _Part(
            *evidently_drift.measure({name: compared[name] for name in order}, self.evidently, seed=seed)
        )


@dataclass(frozen=True)
class _Part:
    """What one way of looking found, and the outcomes that count."""

    measurements: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def _judged(found: list[Measurement]) -> list[Outcome]:
    return [m.outcome for m in found if m.outcome is not Outcome.MEASURED]


def _lost(subject: Subject, found: Mapping[str, Pair]) -> list[Measurement]:
    """Columns that are empty on a side. When every feature is, nothing arrived: evidence of nothing."""
    features = [pair for name, pair in found.items() if name not in (subject.data.target, *ANSWERS)]
    nothing = all("data" in pair.empty_in for pair in features)
    lost = [drift_columns.lost(name, pair) for name, pair in found.items() if pair.empty_in]
    if not nothing:
        return lost
    return [m.model_copy(update={"outcome": Outcome.INCONCLUSIVE}) for m in lost]
