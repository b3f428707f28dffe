"""How well a model predicts: scikit-learn's metrics with intervals, beside a baseline.

The baseline answers every row alike: the most frequent label, the share of positives, the mean. Its
measurements carry its name, ``accuracy_score_baseline``. For more than two classes precision, recall and F1
are means over the classes (macro), and ``recall_score`` of ``target=label`` is that of one class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.audits import performance_figures as figures
from workbench.audits.base import Finding, Subject
from workbench.audits.class_metrics import class_metrics, confusion_matrix
from workbench.audits.error_metrics import error_metrics
from workbench.audits.score_metrics import score_metrics
from workbench.core.errors import InvalidInput
from workbench.stats import ranking

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Performance:
    """Accuracy, ranking and calibration of a classifier; errors of a regression."""

    name: ClassVar[str] = "performance"

    confidence: float = 0.95
    """Level of the intervals."""

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise InvalidInput("performance: confidence lies between 0 and 1.", field="confidence")

    def applies(self, subject: Subject) -> str:  # noqa: ARG002 - the contract's signature
        """Always: a data set has a truth."""
        return ""

    def measure(self, subject: Subject) -> Finding:
        """Compare answers and truth."""
        data, predictor = subject.data, subject.predictor
        answers = predictor.predict(data.frame)
        if data.task == "regression":
            return self._of_errors(data.y.astype(float), answers.astype(float))
        classes, table = confusion_matrix(data, answers)
        found = class_metrics(table, classes, data, self.confidence)
        drawn, notes = [figures.confusion(table, classes)], [_OF_CLASSES.format(100 * self.confidence)]
        scores = predictor.scores(data.frame) if data.positive is not None else None
        if scores is not None:
            positive = np.asarray(data.y == data.positive, dtype=bool)
            values, counts = ranking.score_table(scores, positive)
            found += score_metrics(scores, positive, counts, self.confidence)
            drawn = [figures.roc(counts), figures.calibration(values, counts), *drawn]
            notes.append(_OF_SCORES)
        return Finding(found, figures=drawn, notes=notes, libraries=("numpy", "pandas"))

    def _of_errors(self, y_true: Array, y_pred: Array) -> Finding:
        return Finding(
            error_metrics(y_true, y_pred, self.confidence),
            figures=[figures.residuals(y_true, y_pred)],
            notes=[_OF_ERRORS.format(100 * self.confidence)],
            libraries=("numpy",),
        )


_OF_CLASSES = (
    "Intervals hold at {:g} %, each for itself. Accuracy, precision and recall: Wilson. F1: Wilson's for the "
    "share of right answers among rows that are or were taken as positive. Means over classes: Zou and "
    "Donner."
)
_OF_SCORES = (
    "ROC AUC: DeLong, on the logit scale. Average precision: logit interval. Brier score and log loss: "
    "central limit theorem."
)
_OF_ERRORS = (
    "Intervals hold at {:g} %, each for itself: central limit theorem, for RMSE and R² by the delta method. "
    "Few rows or heavy tails make them too narrow."
)
