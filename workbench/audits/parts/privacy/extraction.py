"""What an attacker who may ask q questions can rebuild of the model, beside what needs no question.

The attacker has rows like the audited ones. A surrogate that learned the model's answers to q of them agrees
with the model on others so and so often. The same surrogate that learned the truth of the same rows never
asked: only what it falls short of is won by asking. The floor is the best single answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Subject
from workbench.audits.parts.shared.encoded import Encoding, boosted, logistic, sample

Array = npt.NDArray[Any]

_JUDGED = 2000
"""Rows on which agreement is judged."""
_LEAST_JUDGED = 50
_NEAR = 0.1
"""For numbers, agreement is to be within this share of the standard deviation of the model's answers."""


@dataclass(frozen=True)
class Stolen:
    """Agreement with the model on rows nobody asked about, by row."""

    queries: int
    asked: Array
    """(m,) True where the surrogate that learned the model's answers says what the model says."""
    unasked: Array
    """(m,) the same for the surrogate that learned the truth."""
    constant: Array
    """(m,) the same for the best single answer."""


def extract(subject: Subject, budgets: tuple[int, ...]) -> list[Stolen]:
    """Steal once for every budget that the data have rows for; empty with fewer than 50 rows to judge on.

    Args:
        subject: what is audited. Questions are rows of ``data``.
        budgets: how many questions.
    """
    rng = np.random.default_rng([subject.seed, 4])
    n = len(subject.data)
    judged_rows = min(_JUDGED, n // 2)
    if judged_rows < _LEAST_JUDGED:
        return []
    most = min(max(budgets), n - judged_rows)
    order = sample(n, judged_rows + most, rng)[rng.permutation(judged_rows + most)]
    frame = subject.data.frame.iloc[order]
    answers, truth = subject.predictor.predict(frame), subject.data.y[order]
    encoding = Encoding.of(frame[:most], [name for name in subject.features if name in frame.columns])
    table = Tables(encoding.codes(frame), encoding.design(frame), encoding.categorical, subject.data.task)
    found = []
    for queries in (q for q in sorted(set(budgets)) if q <= most):
        said = [_surrogate(table, side, queries, most, subject.seed) for side in (answers, truth)]
        agreed = [
            _agree(one, answers, most, subject.data.task)
            for one in (*said, _constant(answers[:queries], subject))
        ]
        found.append(Stolen(queries, *agreed))
    return found


@dataclass(frozen=True)
class Tables:
    """Rows as a surrogate reads them."""

    codes: Array
    design: Array
    categorical: Array
    task: str


def _surrogate(table: Tables, answers: Array, queries: int, most: int, seed: int) -> Array:
    """Answers for the rows from ``most`` on, of whichever surrogate did better on a fifth held back."""
    asked, held = np.arange(queries - queries // 5), np.arange(queries - queries // 5, queries)
    rest, everything = np.arange(most, len(answers)), np.arange(queries)
    right = [
        _agree(_fitted(kind, table, answers, asked, held, seed), answers[held], 0, table.task).mean()
        for kind in (_linear, _boosted)
    ]
    best = _linear if right[0] >= right[1] else _boosted
    return _fitted(best, table, answers, everything, rest, seed)


def _fitted(kind: Any, table: Tables, answers: Array, learned: Array, judged: Array, seed: int) -> Array:  # noqa: PLR0917 - as what it calls
    if (answers[learned] == answers[learned[0]]).all():
        return np.full(len(judged), answers[learned[0]], dtype=answers.dtype)
    return np.asarray(kind(table, answers, learned, judged, seed))


def _linear(table: Tables, answers: Array, learned: Array, judged: Array, seed: int) -> Array:  # noqa: ARG001 - as _boosted
    from sklearn.linear_model import Ridge

    X, y = table.design[learned], answers[learned]
    model = logistic(X, y) if table.task == "classification" else Ridge().fit(X, y)
    return np.asarray(model.predict(table.design[judged]))


def _boosted(table: Tables, answers: Array, learned: Array, judged: Array, seed: int) -> Array:
    model = boosted(
        table.codes[learned], answers[learned], categorical=table.categorical, seed=seed, task=table.task
    )
    return np.asarray(model.predict(table.codes[judged]))


def _constant(answers: Array, subject: Subject) -> Array | float:
    if subject.data.task == "regression":
        return float(np.median(answers.astype(float)))
    values, counts = np.unique(answers, return_counts=True)
    return np.asarray(values[np.argmax(counts)])


def _agree(said: Any, answers: Array, start: int, task: str) -> Array:
    """(m,) whether ``said`` is the model's answer from row ``start`` on."""
    model = answers[start:]
    if task == "regression":
        near = _NEAR * float(np.std(answers.astype(float)))
        return np.asarray(np.abs(np.asarray(said, dtype=float) - model.astype(float)) <= near)
    return np.asarray(said == model, dtype=bool) & np.ones(len(model), dtype=bool)
