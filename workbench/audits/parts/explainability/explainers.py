"""SHAP by the fastest explainer that holds for a model, in the columns of the data.

All compare a row with background rows and spread the difference of the outputs over the columns. Linear
models have a closed form; trees shap's TreeExplainer; whatever else can be asked is walked from background
rows to the row, one column at a time. What an explainer returns is believed only when base and contributions
add up to the model's own output, or else the next one is tried: TreeExplainer is wrong in silence about the
categories of HistGradientBoosting (measured: by 14 in log-odds), and knows no link such as a logarithm.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.explainability.explainers_columns import parts_of
from workbench.audits.parts.explainability.explainers_linear import linear
from workbench.audits.parts.explainability.explainers_question import Contributions, Question
from workbench.audits.parts.explainability.explainers_trees import trees, trees_by_cover
from workbench.audits.parts.explainability.explainers_walks import walked
from workbench.core.errors import MissingDependency
from workbench.models.predictors import Predictor

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Explanation:
    """Contributions of d columns to the output of n rows."""

    columns: tuple[str, ...]
    found: Contributions
    label: str
    """Of which label: ``'yes'``, or ``the label given``; empty for a regression."""
    notes: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """``log-odds``, ``margin``, ``probability``, ``prediction``; ``answer``: 1 for the label, else 0."""
        return self.found.unit

    @property
    def output(self) -> Array:
        """(n,) what the model itself answers: the output that is explained."""
        return self.found.output

    @property
    def about(self) -> str:
        """What is explained, in words."""
        return f"{self.unit} of {self.label}" if self.label else self.unit

    @property
    def contributions(self) -> Array:
        """(n, d) against the whole background."""
        return np.asarray(self.found.values.mean(axis=0))  # noqa: PD011 - no pandas here

    @property
    def base(self) -> Array:
        """(n,) mean output over the background, the start of every sum."""
        return np.asarray(self.found.base.mean(axis=0))

    @property
    def gaps(self) -> Array:
        """(n,) |base + contributions - output|."""
        return np.asarray(np.abs(self.base + self.contributions.sum(axis=1) - self.output))

    @property
    def additive(self) -> bool:
        """Whether contributions add up, to a thousandth of how far outputs lie apart."""
        apart = float(np.ptp(np.concatenate([self.output, self.base])))
        return bool(self.gaps.max() <= 1e-3 * apart + 1e-5 * (1 + np.abs(self.output).max()))


def explain(
    predictor: Predictor,
    rows: pd.DataFrame,
    background: pd.DataFrame,
    columns: tuple[str, ...],
    *,
    evaluations: int,
    rng: np.random.Generator,
) -> Explanation:
    """Explain rows against background rows.

    A slow model is explained on fewer rows than given, the first of them: ``len(explanation.output)``.

    Args:
        predictor: a model that can be asked.
        rows: what is explained, in random order.
        background: what it is compared with.
        columns: what contributions are spread over.
        evaluations: questions to a model that can only be asked.
        rng: draws the orders of walks.
    """
    rows, background = _read(predictor, rows), _alike(_read(predictor, background), rows)
    answers = np.asarray(predictor.predict(rows))
    question = Question(predictor, columns, rows, background, _labels(predictor, answers))
    found, notes = _inside(question)
    if found is None:
        found = _explanation(question, walked(question, evaluations, rng))
    return replace(found, notes=tuple(notes))


def _inside(question: Question) -> tuple[Explanation | None, list[str]]:
    """The first explainer that looks inside the model and adds up to its output, and what the others did."""
    notes: list[str] = []
    with untouched_draws():
        everything = pd.concat([question.background, question.rows])
        parts = parts_of(question.predictor, everything, question.columns)
        if parts is None:
            return None, notes
        for attempt in (linear, trees, trees_by_cover):
            try:
                found = attempt(question, parts)
            except MissingDependency as error:
                return None, [*notes, f"{error} The model was asked instead."]
            explanation = None if found is None else _explanation(question, found)
            if explanation is not None and explanation.additive:
                return explanation, notes
            if explanation is not None:
                notes.append(f"{explanation.found.method} did not add up to the model's output: not used.")
    return None, notes


@contextmanager
def untouched_draws() -> Iterator[None]:
    """Put NumPy's shared generator back: libraries inside draw from it."""
    state = np.random.get_state()  # noqa: NPY002 - that generator is the point
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002 - as above


def _explanation(question: Question, found: Contributions) -> Explanation:
    label, predictor = "", question.predictor
    if predictor.task == "classification":
        label = "the label given" if predictor.positive is None else repr(predictor.positive)
    return Explanation(question.columns, found, label)


def _labels(predictor: Predictor, answers: Array) -> Array | None:
    """(n,) the label whose output is explained: the positive of two, else the one given; None: a number."""
    if predictor.task == "regression":
        return None
    if predictor.positive is not None:
        return np.array([predictor.positive] * len(answers), dtype=object)
    return answers.astype(object)


def _read(predictor: Predictor, frame: pd.DataFrame) -> pd.DataFrame:
    chosen = frame if predictor.columns is None else frame[list(predictor.columns)]
    return chosen.reset_index(drop=True)


def _alike(background: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Give the background the dtypes of the rows where its values allow it."""
    casts: dict[str, Any] = {}
    for column in background.columns.intersection(rows.columns):
        if background[column].dtype != rows[column].dtype:
            try:
                casts[column] = background[column].astype(rows[column].dtype)
            except (TypeError, ValueError):  # a gap among whole numbers: stays as it is
                continue
    return background.assign(**casts)
