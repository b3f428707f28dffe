"""A predictor is whatever answers for rows: estimator, function, MLflow model or column, behind one face."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from workbench.models import adapters
from workbench.models.checks import require_model
from workbench.models.records import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from workbench.datasets import Dataset


@runtime_checkable
class Predictor(Protocol):
    """Answers for rows. ``predict`` and ``scores`` may be called from several threads."""

    @property
    def label(self) -> str:
        """The model in words: ``Pipeline``, ``function decide``, ``column high``, ``recidivism/3``."""
        ...

    @property
    def task(self) -> Task:
        """Classification or regression."""
        ...

    @property
    def classes(self) -> tuple[Any, ...]:
        """The labels it can answer with, sorted; empty for regression and where not known."""
        ...

    @property
    def positive(self) -> Any:
        """The label whose probability ``scores`` is; None unless there are two classes."""
        ...

    @property
    def columns(self) -> list[str] | None:
        """The columns it reads, in order; None when it takes the frame as it is."""
        ...

    @property
    def reads_rows(self) -> bool:
        """False when the answers are a column of the data, so that changed rows cannot be asked about."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader of a report should know about it."""
        ...

    @property
    def model(self) -> Any | None:
        """The object itself, for audits that read inside it; None when only its answers are known."""
        ...

    def inputs(self, frame: pd.DataFrame) -> Any:
        """Return what ``model`` is given for these rows: its columns in its order, a frame or an array.

        Raises:
            InvalidInput: the frame lacks a column.
        """
        ...

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return a label or a number for every row, shape (n,).

        Raises:
            InvalidInput: the frame lacks a column.
            WorkbenchError: the model answered with another length, with NaN, or with no label of its own.
        """
        ...

    def scores(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return the probability of the positive label, shape (n,), or None when the model has none."""
        ...

    def probabilities(self, frame: pd.DataFrame) -> np.ndarray | None:
        """Return the probability of every label in the order of ``classes``, shape (n, k), or None."""
        ...


def predictor_of(
    model: Any,
    *,
    data: Dataset | None = None,
    prediction: str | None = None,
    score: str | None = None,
    task: Task | None = None,
    positive: Any = None,
    columns: list[str] | None = None,
    classes: tuple[Any, ...] = (),
    label: str = "",
) -> Predictor:
    """Give a model the common face.

    Args:
        model: a fitted estimator (anything with ``predict``), a function of a frame, an MLflow URI or the
            path of an MLflow model, or None with ``prediction``.
        data: where task, positive label, classes and the order of features are read from when the model
            does not know them.
        prediction: column that holds predictions. Default: that of ``data``.
        score: column that holds probabilities of the positive label. Default: that of ``data``.
        task: default: that of ``data``, then what the estimator says it is.
        positive: default: that of ``data``, then the convention of ``datasets.labels.read_positive``.
        columns: the columns to pass, when the model was fitted without names.
        classes: the labels, when neither model nor ``data`` knows them.
        label: the model in words. Default: its class, its function's name, its column.

    Raises:
        InvalidInput: not fitted, no model at all, or its labels are not those of the data.
    """
    if data is not None:
        prediction, score = prediction or data.prediction, score or data.score
        task, classes = task or data.task, classes or data.classes
        positive = data.positive if positive is None else positive
        columns = columns or data.features
    if isinstance(model, str | Path):
        from workbench.models.intake import bring

        foreign = bring(model)
        if foreign.scan.verdict == "program":
            from workbench.models.isolation import open_isolated

            return open_isolated(
                foreign, task=task, classes=classes, positive=positive, columns=columns, label=label
            )
        model = foreign.open()
    known: dict[str, Any] = {"task": task, "classes": classes, "positive": positive, "label": label}
    if model is None:
        return adapters.of_column(prediction, score, **known)
    require_model(model)
    wrap = adapters.of_estimator if hasattr(model, "predict") else adapters.of_function
    return wrap(model, columns=columns, **known)
