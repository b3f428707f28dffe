"""The predictors themselves: estimator, function, column. Made by ``predictors.predictor_of``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from workbench.core.errors import InvalidInput
from workbench.datasets.dataset import plain
from workbench.models.checks import checked, checked_table, labels_of, plain_classes, positive_of, select
from workbench.models.records import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Estimator:
    """A fitted estimator with scikit-learn's interface."""

    model: Any
    label: str
    task: Task
    classes: tuple[Any, ...]
    positive: Any
    columns: list[str] | None
    named: bool
    """True when it was fitted on a DataFrame, and so must be given one."""
    width: int | None
    """How many columns it was fitted on, when it says so."""
    notes: tuple[str, ...] = ()
    reads_rows: bool = True

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return a label or a number for every row."""
        answers = checked(self.model.predict(self.inputs(frame)), n=len(frame), label=self.label)
        if self.task == "regression" or hasattr(self.model, "classes_"):
            return answers
        return labels_of(answers, self.classes, self.label)

    def scores(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return ``predict_proba`` of the positive label; None when there is none."""
        if self.positive is None:
            return None
        probabilities = self.probabilities(frame)
        return None if probabilities is None else probabilities[:, self.classes.index(self.positive)]

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return ``predict_proba``; None when there is none."""
        if self.task == "regression" or not hasattr(self.model, "predict_proba"):
            return None
        probabilities = self.model.predict_proba(self.inputs(frame))
        label = f"{self.label}.predict_proba"
        return checked_table(probabilities, n=len(frame), k=len(self.classes), label=label)

    def inputs(self, frame: pd.DataFrame) -> Any:
        """Return the columns as the estimator was fitted on them."""
        inputs = frame if self.columns is None else select(frame, self.columns)
        if self.named:
            return inputs
        if self.width is not None and inputs.shape[1] != self.width:
            raise InvalidInput(
                f"data: {self.label} was fitted on {self.width} columns without names; "
                f"here are {inputs.shape[1]}.",
                remedy="Fit it on a DataFrame, so that it knows its columns by name.",
                field="data",
            )
        if self.width is None:
            return inputs
        return inputs.to_numpy()  # it was fitted without names, and would warn about a frame


@dataclass(frozen=True, eq=False)
class Function:
    """A Python function from a frame to labels or numbers."""

    model: Callable[[pd.DataFrame], Any]
    label: str
    task: Task
    classes: tuple[Any, ...]
    positive: Any
    columns: list[str] | None
    notes: tuple[str, ...]
    reads_rows: bool = True

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return a label or a number for every row."""
        answers = checked(self.model(self.inputs(frame)), n=len(frame), label=self.label)
        return labels_of(answers, self.classes, self.label) if self.task == "classification" else answers

    def scores(self, frame: pd.DataFrame) -> np.ndarray | None:  # noqa: ARG002 - the protocol's signature
        """Return None: a function gives labels."""
        return None

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray | None:  # noqa: ARG002 - as above
        """Return None: a function gives labels."""
        return None

    def inputs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return its columns, in a frame of its own: a function may add columns to that."""
        return (frame if self.columns is None else select(frame, self.columns)).copy(deep=False)


@dataclass(frozen=True, eq=False)
class PredictionColumn:
    """Answers that are already in the data."""

    prediction: str
    score: str | None
    label: str
    task: Task
    classes: tuple[Any, ...]
    positive: Any
    columns: list[str] | None = None
    notes: tuple[str, ...] = ()
    reads_rows: bool = False
    model: None = None

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the column, its labels spelled as the target spells them."""
        answers = checked(self._values(frame, self.prediction), n=len(frame), label=self.label)
        known = self.classes or (() if self.positive is None else (self.positive,))
        return labels_of(answers, known, self.label, strict=bool(self.classes))

    def scores(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return the score column; None when none was named."""
        if self.score is None:
            return None
        return checked(self._values(frame, self.score), n=len(frame), label=f"column {self.score}")

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return the score column beside what it leaves to the other label; None when none was named."""
        import numpy as np

        scores = self.scores(frame)
        if scores is None or self.positive not in self.classes:
            return None
        both = np.column_stack([1.0 - scores, scores])
        return both if self.classes.index(self.positive) == 1 else both[:, ::-1]

    def inputs(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame: a column reads nothing else."""
        return frame

    @staticmethod
    def _values(frame: pd.DataFrame, column: str) -> np.ndarray:
        return plain(select(frame, [column])[column])


def of_column(
    prediction: str | None,
    score: str | None,
    *,
    task: Task | None,
    classes: tuple[Any, ...],
    positive: Any,
    label: str,
) -> PredictionColumn:
    """Answer from a column.

    Raises:
        InvalidInput: no column of predictions was named.
    """
    if prediction is None:
        raise InvalidInput(
            "model: there is neither a model nor a column of predictions.",
            remedy="Give a fitted model, or prediction= with the name of a column.",
            field="model",
        )
    label = label or f"column {prediction}"
    return PredictionColumn(prediction, score, label, task or "classification", classes, positive)


def of_function(
    function: Callable[[pd.DataFrame], Any],
    *,
    task: Task | None,
    classes: tuple[Any, ...],
    positive: Any,
    columns: list[str] | None,
    label: str,
) -> Function:
    """Wrap a function; all it can tell of itself is its name."""
    task = task or "classification"
    return Function(
        model=function,
        label=label or f"function {getattr(function, '__name__', type(function).__name__)}",
        task=task,
        classes=classes,
        positive=positive_of(classes, positive),
        columns=columns,
        notes=() if task == "regression" else (_NO_SCORES.format("A function"),),
    )


def of_estimator(
    model: Any,
    *,
    task: Task | None,
    classes: tuple[Any, ...],
    positive: Any,
    columns: list[str] | None,
    label: str,
) -> Estimator:
    """Wrap a fitted estimator: its own labels and column names come before those given.

    Raises:
        InvalidInput: it cannot answer with the positive label, or it is for another task.
    """
    own = own_task(model)
    task = task or own or "classification"
    if own is not None and own != task:
        raise InvalidInput(
            f"model: {type(model).__name__} is for {own}, and the target is read as {task}.",
            remedy=f"Give a model for {task}, or task={own!r}.",
            field="task",
        )
    label = label or getattr(model, "__name__", type(model).__name__)
    names = getattr(model, "feature_names_in_", None)
    columns = columns if names is None else [str(name) for name in names]
    shared: dict[str, Any] = {"columns": columns, "named": names is not None}
    shared["width"] = getattr(model, "n_features_in_", None)
    if task == "regression":
        return Estimator(model, label, task, (), None, **shared)
    classes = plain_classes(getattr(model, "classes_", classes))
    notes = () if hasattr(model, "predict_proba") else (_NO_SCORES.format(type(model).__name__),)
    return Estimator(model, label, task, classes, positive_of(classes, positive), notes=notes, **shared)


_NO_SCORES = "{} gives labels, no probabilities: measures of scores are left out."


def own_task(model: Any) -> Task | None:
    """Return what the estimator says it is for; None when it does not say."""
    from sklearn.base import BaseEstimator, is_classifier, is_regressor

    if (said := getattr(model, "own_task", None)) in {"classification", "regression"}:  # it lives elsewhere
        return cast("Task", said)
    if not isinstance(model, BaseEstimator):
        return None
    if is_classifier(model):
        return "classification"
    return "regression" if is_regressor(model) else None
