"""How well a model predicts: metrics with intervals, beside simpler models, and where it is weak.

A constant answer (the most frequent label, the share of positives, the mean) is a baseline whose own value
carries its name, ``accuracy_score_baseline``. Beside that stand differences on the same rows,
``against=dummy``, ``against=linear`` (fitted on the reference) and ``against=champion``. For more than two
classes precision, recall and F1 are means over the classes (macro), and ``recall_score`` of ``target=label``
is that of one class.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.performance import figures
from workbench.audits.parts.performance.answers import Answers, own
from workbench.audits.parts.performance.class_metrics import class_metrics, confusion_matrix
from workbench.audits.parts.performance.comparison import against, rivals, verdicts
from workbench.audits.parts.performance.error_metrics import error_metrics
from workbench.audits.parts.performance.score_metrics import score_metrics, scores_of_classes
from workbench.audits.parts.performance.segments import Hunt, WeakSegments, weak_segments
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.datasets import Dataset
from workbench.stats import ranking

Array = npt.NDArray[Any]

_MOST_FIGURES = 3


@dataclass(frozen=True)
class Performance:
    """Accuracy, ranking and calibration of a classifier, errors of a regression, and where it is weak."""

    name: ClassVar[str] = "performance"
    compares: ClassVar[bool] = True

    confidence: float = 0.95
    """Level of the intervals."""
    segments: int = 10
    """Segments that stand out in one half of the rows and are judged on the other; 0: none is looked for."""
    smallest_segment: int = 60
    """Fewest rows of a segment."""
    false_discovery_rate: float = 0.05
    """Share of false ones among the weak segments that are reported, in the mean."""

    def __post_init__(self) -> None:
        require_between(self, 0, 1, "confidence", "false_discovery_rate")
        require_at_least(self, smallest_segment=20)
        if not 0 <= self.segments <= 100:
            raise refusal(self, "segments", "be from 0 to 100", "Give 10; 0 looks for none.")

    def applies(self, subject: Subject) -> str:  # noqa: ARG002 - the contract's signature
        """Always: a data set has a truth."""
        return ""

    def reads(self, subject: Subject) -> list[str]:
        """What the model and the champion read, and the sensitive columns, of which segments may be made."""
        champion = subject.champion
        more = [] if champion is None else champion.columns or subject.data.features
        there = set(subject.data.frame.columns)
        wanted = [*subject.columns, *subject.data.sensitive, *more]
        return [name for name in dict.fromkeys(wanted) if name in there]

    def measure(self, subject: Subject) -> Finding:
        """Compare answers and truth, with what simpler models answer, and over the rows."""
        data, model = subject.data, own(subject)
        finding = self._of_errors(subject) if data.task == "regression" else self._of_classes(subject, model)
        simpler, notes = rivals(subject)
        differences = [m for rival in simpler for m in against(rival, model, data, self.confidence)]
        weak = self._segments(subject, model, simpler)
        return replace(
            finding,
            measurements=[*finding.measurements, *differences, *weak.measurements],
            figures=[*finding.figures[: _MOST_FIGURES - len(weak.figures)], *weak.figures],
            notes=[*finding.notes, _OF_DIFFERENCES, *notes, *verdicts(differences), *weak.notes],
            libraries=("numpy", "pandas", "scikit-learn", "scipy"),
        )

    def _of_classes(self, subject: Subject, model: Answers) -> Finding:
        data = subject.data
        classes, table = confusion_matrix(data, model.given)
        found = class_metrics(table, classes, data, self.confidence)
        drawn, notes = [figures.confusion(table, classes)], [_OF_CLASSES.format(100 * self.confidence)]
        scores = subject.scores if data.positive is not None else None
        if scores is not None:
            positive = np.asarray(data.y == data.positive, dtype=bool)
            values, counts = ranking.score_table(scores, positive)
            found += score_metrics(scores, positive, counts, self.confidence)
            drawn = [figures.roc(counts), *drawn, figures.calibration(values, counts)]
            notes.append(_OF_SCORES)
        elif len(data.classes) > 2 and model.chances is not None:
            found += scores_of_classes(model, data, self.confidence)
            notes.append(_OF_CLASS_SCORES)
        return Finding(found, figures=drawn, notes=notes)

    def _of_errors(self, subject: Subject) -> Finding:
        y_true, y_pred = subject.data.y.astype(float), subject.answers.astype(float)
        return Finding(
            error_metrics(y_true, y_pred, self.confidence),
            figures=[figures.residuals(y_true, y_pred)],
            notes=[_OF_ERRORS.format(100 * self.confidence)],
        )

    def _segments(self, subject: Subject, model: Answers, simpler: list[Answers]) -> WeakSegments:
        if self.segments == 0:
            return WeakSegments()
        data = subject.data
        regression = data.task == "regression"
        hunt = Hunt(
            metric="segment_absolute_error_difference" if regression else "segment_error_difference",
            unit="target" if regression else "difference",
            most=self.segments,
            smallest=self.smallest_segment,
            false_discovery_rate=self.false_discovery_rate,
            confidence=self.confidence,
            seed=subject.seed,
        )
        columns = [*(name for name in subject.features if name in data.features), *data.sensitive]
        others = {other.name: _loss(other, data) for other in simpler if other.name != "dummy"}
        return weak_segments(data, columns, _loss(model, data), hunt, others=others)


def _loss(answers: Answers, data: Dataset) -> Array:
    """Wrong or right, or the size of the error, of every row."""
    if data.task == "regression":
        return np.abs(answers.errors(data))
    return ~answers.right(data) + 0.0


_OF_CLASSES = (
    "Intervals hold at {:g} %, each for itself. Accuracy, precision and recall: Wilson. F1: Wilson's for the "
    "share of right answers among rows that are or were taken as positive. Means over classes: Zou and "
    "Donner. Matthews' coefficient and Cohen's kappa: delta method on the scale of Fisher's z."
)
_OF_SCORES = (
    "ROC AUC: DeLong, on the logit scale. Average precision: logit interval. Brier score and log loss: "
    "central limit theorem."
)
_OF_CLASS_SCORES = (
    "ROC AUC of classes against the rest: DeLong, for their means with each row counted in all of them, on "
    "the logit scale. Top k: Wilson. Brier score (summed over classes) and log loss: central limit theorem."
)
_OF_DIFFERENCES = (
    "Differences are the model's figure less the other's, on the same rows. Accuracy: Bonett and Price, for "
    "pairs; ROC AUC: DeLong, for pairs; losses and errors: central limit theorem of the rows' differences."
)
_OF_ERRORS = (
    "Intervals hold at {:g} %, each for itself: central limit theorem, for RMSE and R² by the delta method; "
    "the median error between two order statistics. "
    "Few rows or heavy tails make them too narrow."
)
