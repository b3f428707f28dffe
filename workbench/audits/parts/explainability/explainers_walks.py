"""SHAP of a model that can only be asked: walks from background rows to the row, in one call to the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.explainability.explainers_question import Contributions, Question
from workbench.models.predictors import Predictor
from workbench.stats.shapley import Walks

Array = np.ndarray[Any, Any]

_BACKGROUND = 10
"""Background rows at most: as few as answer, since every step of a walk is a question."""
_FEWEST_ROWS = 50


def walked(question: Question, evaluations: int, rng: np.random.Generator) -> Contributions:
    """Walk from a few background rows to as many of the rows as the questions allow."""
    d = len(question.columns)
    steps = 2 * (d + 1)
    m = int(np.clip(evaluations // (steps * min(len(question.rows), _FEWEST_ROWS)), 2, _BACKGROUND))
    m = min(m, len(question.background))
    n = int(np.clip(evaluations // (steps * m), 1, len(question.rows)))
    walks = Walks.drawn(n, m, d, rng)
    who = np.repeat(np.arange(n), m * steps)
    against = np.tile(np.repeat(np.arange(m), steps), n)
    asked = _mixed(question, walks.taken.reshape(-1, d), who, against)
    wanted = None if question.wanted is None else question.wanted[:n]
    values, unit = explained_output(question.predictor, asked, None if wanted is None else wanted[who])
    values = values.reshape(n, m, 2, d + 1)
    output, _ = explained_output(question.predictor, question.rows.head(n), wanted)
    contributions = walks.contributions(values).transpose(1, 0, 2)
    return Contributions(contributions, values[:, :, 0, 0].T, output, unit, "Permutation walks")


def explained_output(predictor: Predictor, frame: pd.DataFrame, wanted: Array | None) -> tuple[Array, str]:
    """The number that is explained, for every row of ``frame``, and its unit.

    Args:
        predictor: what is asked.
        frame: n rows.
        wanted: (n,) the label whose probability it is; None: the prediction of a regression.
    """
    if wanted is None:
        return np.asarray(predictor.predict(frame), dtype=float), "prediction"
    probabilities = predictor.probabilities(frame)
    if probabilities is None:
        return np.asarray(predictor.predict(frame) == wanted, dtype=float), "answer"
    place = {label: i for i, label in enumerate(predictor.classes)}
    return probabilities[np.arange(len(frame)), [place[label] for label in wanted]], "probability"


def _mixed(question: Question, taken: Array, who: Array, against: Array) -> pd.DataFrame:
    """Rows ``who`` with the columns not ``taken`` from rows ``against`` of the background, dtypes kept."""
    rows = question.rows
    mixed = rows.take(who).reset_index(drop=True)
    both = pd.concat([rows, question.background], ignore_index=True)
    for j, column in enumerate(question.columns):
        source = np.where(taken[:, j], who, len(rows) + against)
        mixed[column] = both[column].take(source).set_axis(mixed.index)
    return mixed
