"""Which columns a model goes by: SHAP over many rows, whether it is stable, what it means for decisions.

``slice`` names a column, or what was varied: ``resampled`` (rows and background drawn again), ``refitted``
(the model trained again on rows drawn again), ``champion``. Shares are of the sum of mean |SHAP| over all
columns, so that models on different scales can be compared. The reasons of one decision are
``reasons.reason_codes``, and what would change it ``counterfactual.counterfactual``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.counterfactual import base_of
from workbench.audits.parts.explainability import decisions, stability
from workbench.audits.parts.explainability.explainers import Explanation, explain
from workbench.audits.parts.explainability.figures import change, importance
from workbench.audits.parts.explainability.importance import Importance
from workbench.audits.parts.shared.options import require_at_least, require_between, require_one_direction
from workbench.audits.records import Figure, Measurement
from workbench.core.errors import unknown
from workbench.core.values import Outcome

_LEAST = {
    "rows": 2,
    "background": 1,
    "evaluations": 1000,
    "n_boot": 100,
    "top_k": 1,
    "refits": 0,
    "counterfactuals": 0,
    "queries": 50,
}


@dataclass(frozen=True)
class Explainability:
    """SHAP importance with its stability, the change against the champion, reasons and counterfactuals."""

    name: ClassVar[str] = "explainability"

    rows: int = 1000
    """Rows explained, drawn at random; fewer for a model that is slow to explain."""
    background: int = 100
    """Rows of the reference that each row is compared with."""
    evaluations: int = 50_000
    """Most questions to a model that can only be asked (neither linear nor trees)."""
    n_boot: int = 500
    """Bootstrap replicates."""
    top_k: int = 5
    """How many leading columns are compared when rankings are."""
    refits: int = 0
    """How often the model is trained again on rows of the reference drawn again; 0 for not at all."""
    counterfactuals: int = 50
    """Rows for which a change is searched that gets another answer; 0 for none."""
    queries: int = 1000
    """Most questions about one of those rows."""
    immutable: tuple[str, ...] | None = None
    """Columns a counterfactual must leave. Default: the sensitive ones."""
    rising: tuple[str, ...] = ()
    """Columns a counterfactual may only raise, such as an age."""
    falling: tuple[str, ...] = ()
    """Columns a counterfactual may only lower."""
    confidence: float = 0.95
    """Level of the intervals."""

    def __post_init__(self) -> None:
        require_at_least(self, **_LEAST)
        require_between(self, 0, 1, "confidence")
        require_one_direction(self, self.rising, self.falling)

    def applies(self, subject: Subject) -> str:
        """Needs a model that can be asked, and a column it reads."""
        if not subject.predictor.reads_rows:
            return "Predictions are a column: there is no model to explain."
        return "" if subject.features else "The model reads no column."

    def reads(self, subject: Subject) -> list[str]:
        """What the model reads, the truth to train again, and the sensitive columns."""
        return list(dict.fromkeys([*subject.columns, *subject.data.sensitive]))

    def measure(self, subject: Subject) -> Finding:
        """Explain a sample of rows."""
        self._check_columns(subject)
        rows, background = self._drawn(subject)
        explanation = self._explained(subject, subject.predictor, rows, background)
        found = Importance.of(explanation, self.n_boot, self.confidence, subject.seed)
        measurements = found.measurements(always=subject.data.sensitive)
        measurements += found.of_sensitive(subject.data.sensitive)
        figures, notes = [importance(measurements, explanation)], _notes(found, rows, subject)
        if found.idle:
            return Finding(measurements, notes=[*notes, _IDLE], outcome=Outcome.INCONCLUSIVE)
        measurements += stability.resampled(found, self.top_k)
        for part in (
            self._refitted(subject, rows, background, found),
            self._champion(subject, rows, background, found),
            self._decisions(subject, rows, explanation),
        ):
            measurements += part.measurements
            figures += part.figures
            notes += part.notes
        return Finding(
            measurements,
            figures=figures,
            notes=notes,
            outcome=Outcome.MEASURED if explanation.additive else Outcome.INCONCLUSIVE,
            libraries=("shap", "scikit-learn", "numpy", "pandas"),
        )

    def _check_columns(self, subject: Subject) -> None:
        for option in ("immutable", "rising", "falling"):
            for name in getattr(self, option) or ():
                if name not in subject.data.frame.columns:
                    raise unknown(option, "column", name, subject.features)

    def _drawn(self, subject: Subject) -> tuple[pd.DataFrame, pd.DataFrame]:
        rng, base = np.random.default_rng(subject.seed), base_of(subject)
        chosen = rng.permutation(len(subject.data))[: self.rows]
        compared = rng.permutation(len(base))[: self.background]
        return subject.data.frame.iloc[chosen], base.frame.iloc[compared]

    def _explained(
        self, subject: Subject, predictor: Any, rows: pd.DataFrame, background: pd.DataFrame
    ) -> Explanation:
        columns = tuple(predictor.columns or subject.features)
        rng = np.random.default_rng(subject.seed)
        return explain(predictor, rows, background, columns, evaluations=self.evaluations, rng=rng)

    def _refitted(
        self, subject: Subject, rows: pd.DataFrame, background: pd.DataFrame, found: Importance
    ) -> Finding:
        if not self.refits:
            return Finding([])
        few = rows.head(stability.REFIT_ROWS)
        models, notes = stability.refits(subject, self.refits)
        explained = [self._explained(subject, model, few, background) for model in models]
        return stability.refitted(found, explained, self.top_k, self.confidence, notes)

    def _champion(
        self, subject: Subject, rows: pd.DataFrame, background: pd.DataFrame, found: Importance
    ) -> Finding:
        champion = subject.champion
        if champion is None:
            return Finding([])
        known = set(rows.columns) & set(background.columns)
        if not champion.reads_rows or not set(champion.columns or ()) <= known:
            return Finding([], notes=["The champion cannot be asked about these rows: it is not compared."])
        other = self._explained(subject, champion, rows, background)
        measurements, notes = stability.against_champion(found, other, self.top_k)
        figures: list[Figure] = change(measurements)
        return Finding(measurements, figures=figures, notes=notes)

    def _decisions(self, subject: Subject, rows: pd.DataFrame, explanation: Explanation) -> Finding:
        measurements: list[Measurement] = decisions.first_reasons(subject, rows, explanation, self.confidence)
        notes = [decisions.REASONS] if measurements else []
        if not self.counterfactuals:
            return Finding(measurements, notes=notes)
        if subject.data.task == "regression":
            return Finding(measurements, notes=[*notes, decisions.NO_DECISION])
        more = decisions.counterfactuals(
            subject,
            rows.head(self.counterfactuals),
            self.queries,
            self.confidence,
            immutable=self.immutable,
            rising=self.rising,
            falling=self.falling,
        )
        return Finding([*measurements, *more.measurements], notes=[*notes, *more.notes])


_IDLE = "No column moves the model's output on these rows: there is nothing to explain."
_SAMPLE = "{}, of the {}, on {:,} of {:,} rows drawn at random ({:,} asked for), against rows of the {}."
_BROKEN = (
    "Contributions miss the output by up to {:.3g}: the model does not answer alike twice, or no explainer "
    "reads it. Rely on none of these numbers."
)
_MEANING = (
    "Importance is what the model goes by, not what matters in the world. Columns that go together share "
    "credit in ways the data cannot settle; combinations that never occur are part of the comparison."
)
_COVER = "Compared with the training rows as the trees counted them, not with the background."
_SAMPLED = "Contributions are sampled: small ones are too large by the noise of the sampling."


def _notes(found: Importance, rows: pd.DataFrame, subject: Subject) -> list[str]:
    explanation, method = found.explanation, found.explanation.found.method
    base = "data" if base_of(subject) is subject.data else "reference"
    n = len(explanation.output)
    notes = [_SAMPLE.format(method, explanation.about, n, len(subject.data), len(rows), base)]
    notes += [] if explanation.additive else [_BROKEN.format(explanation.gaps.max())]
    notes += [*explanation.notes, _MEANING]
    notes += [_COVER] if "path_dependent" in method else []
    return [*notes, _SAMPLED] if "walks" in method else notes
