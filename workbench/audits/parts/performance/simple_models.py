"""Models simple enough to be worth beating: a constant answer, a linear model, a tree of sixteen leaves."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.performance.answers import Answers, align, codes_of
from workbench.audits.parts.shared.encoded import Encoding, is_free_text, is_number, sample
from workbench.datasets import Dataset

Array = npt.NDArray[Any]

ROWS = 20_000
"""Most rows a simple model is fitted on: more change it hardly."""
_AT_ONCE = 20_000
_DEPTH = 4


def dummy(data: Dataset, train: Dataset | None) -> Answers:
    """Answer every row alike: the most frequent label and the share of each, or the mean.

    Args:
        data: the rows to answer.
        train: where label, shares or mean are taken from; None: from ``data`` itself.
    """
    source = data if train is None else train
    if data.task == "regression":
        mean = float(source.y.astype(float).mean())
        return Answers("dummy", np.full(len(data), mean), note=f"always answers {mean:.6g}, the mean")
    counts = np.bincount(codes_of(source.y, source.classes), minlength=len(source.classes))
    label = source.classes[int(counts.argmax())]
    given = np.empty(len(data), dtype=object)
    given[:] = [label]
    shares = align((counts / counts.sum())[None, :], source.classes, data.classes)
    return Answers("dummy", given, np.repeat(shares, len(data), axis=0), f"always answers {label!r}")


def linear(subject: Subject, train: Dataset) -> Answers | str:
    """Logistic regression, or ridge, on standardised numbers and frequent values; or why there is none."""
    from sklearn.linear_model import LogisticRegression, Ridge

    regression = subject.data.task == "regression"
    model = Ridge() if regression else LogisticRegression(tol=1e-3, max_iter=200)
    words = "ridge regression" if regression else "logistic regression"
    return _fitted(_Kind("linear", words, model, Encoding.design), subject, train)


def tree(subject: Subject, train: Dataset) -> Answers | str:
    """A decision tree of depth 4, on numbers and codes of values; or why there is none."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeRegressor if subject.data.task == "regression" else DecisionTreeClassifier
    leaf = max(5, min(len(train), ROWS) // 100)
    model = kind(max_depth=_DEPTH, min_samples_leaf=leaf, random_state=subject.seed)
    words = f"decision tree of depth {_DEPTH}"
    return _fitted(_Kind("tree", words, model, Encoding.codes), subject, train)


@dataclass(frozen=True)
class _Kind:
    name: str
    words: str
    model: Any
    table: Callable[[Encoding, pd.DataFrame], Array]
    """How rows become what the model reads."""


def _fitted(kind: _Kind, subject: Subject, train: Dataset) -> Answers | str:
    """Fit on (a sample of) ``train`` and answer the data."""
    data, columns, model = subject.data, _columns(subject, train), kind.model
    if not columns:
        return "the reference has none of the columns the model reads, or only free text"
    rows = sample(len(train), ROWS, np.random.default_rng(subject.seed))
    frame, y = train.frame.iloc[rows], train.y[rows]
    known = Encoding.of(frame, columns)
    if data.task == "classification":
        y = codes_of(y, train.classes)
        if len(np.unique(y)) < 2:
            return "the reference has one class only"
    with _no_word_of_convergence():
        model.fit(kind.table(known, frame), y.astype(float) if data.task == "regression" else y)
    starts = range(0, len(data), _AT_ONCE)
    parts = [kind.table(known, data.frame.iloc[start : start + _AT_ONCE]) for start in starts]
    note = f"{kind.words} fitted on {len(rows):,} rows of the reference and {len(columns)} columns"
    if data.task == "regression":
        return Answers(kind.name, np.concatenate([model.predict(part) for part in parts]), note=note)
    chances = np.concatenate([model.predict_proba(part) for part in parts])
    labels = np.empty(len(train.classes), dtype=object)
    labels[:] = train.classes
    given = labels[model.classes_[chances.argmax(axis=1)]]
    return Answers(kind.name, given, align(chances, labels[model.classes_].tolist(), data.classes), note)


def _columns(subject: Subject, train: Dataset) -> list[str]:
    """What the model reads, where reference and data hold it as the same kind, and a code says something."""
    now, before, roles = subject.data.frame, train.frame, {subject.data.target, subject.data.prediction}
    return [
        name
        for name in subject.features
        if name not in {*roles, subject.data.score}
        and name in now.columns
        and name in before.columns
        and is_number(now[name]) == is_number(before[name])
        and not is_free_text(before[name])
    ]


@contextmanager
def _no_word_of_convergence() -> Iterator[None]:
    """A baseline that stopped early is still a baseline."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
