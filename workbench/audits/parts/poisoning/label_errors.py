"""Wrong labels in training data: how many, which, and how surely, by models that did not see the row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.shared.encoded import Encoding, boosted, is_free_text, sample
from workbench.datasets import Dataset
from workbench.stats import label_noise
from workbench.stats.independent import Estimate
from workbench.stats.intervals import clopper_pearson

Array = npt.NDArray[Any]

_FOLDS = 4
_LEAST_OF_CLASS = 20
_LEAST_ROWS = 100
_ANCHORS_OF_GROUP = 20
_TREND = 3.0
"""Standard errors; a chance of about 1 in 1,000 where labels go wrong by accident."""
SURE = 0.5
"""Chance of being wrong from which a label is flagged."""


@dataclass(frozen=True)
class LabelErrors:
    """What models that did not see a row say of its label."""

    positions: Array
    """(n,) rows of the data set that were examined."""
    names: tuple[Any, ...]
    """The k classes, in the order of codes."""
    labels: Array
    """(n,) codes."""
    p: Array
    """(n, k) out-of-fold probabilities."""
    left_out: int
    """Rows of classes too rare to learn."""

    @cached_property
    def counts(self) -> Array:
        """(k,) rows of each label."""
        return np.bincount(self.labels, minlength=len(self.names))

    @cached_property
    def anchors(self) -> list[Array]:
        """Rows that surely belong to each class."""
        return label_noise.anchors(self.p, self.counts)

    @cached_property
    def wrong(self) -> Array:
        """(n,) chance that each label is wrong; NaN where the data cannot tell."""
        return self._wrong(self._moves)

    @cached_property
    def flagged(self) -> Array:
        """(n,) True for labels that are likelier wrong than right."""
        return np.nan_to_num(self.wrong) >= SURE

    @cached_property
    def overlap(self) -> bool:
        """Whether classes overlap even among anchors, so that wrong labels cannot be told from chance."""
        return label_noise.trend(self.labels, self.anchors) > _TREND

    def share(self, rows: Array | None = None, confidence: float = 0.95) -> tuple[Estimate, int]:
        """Share of wrong labels among anchors, weighted to all rows, and the anchors it rests on.

        Args:
            rows: True for the rows that count, shape (n,): they have anchors of their own, for a group whose
                labels go wrong more often has none among the surest of all. Default: all.
            confidence: level of the interval.
        """
        labels, chosen = self.labels, self.anchors
        if rows is not None:
            labels = labels[rows]
            counts = np.bincount(labels, minlength=len(self.names))
            chosen = label_noise.anchors(self.p[rows], counts, _ANCHORS_OF_GROUP)
        wrong = np.array([int((labels[at] != j).sum()) for j, at in enumerate(chosen)])
        n = np.array([len(at) for at in chosen])
        weights = np.bincount(labels, minlength=len(self.names)) + 1e-9
        return label_noise.weighted(wrong, n, weights, confidence), int(n.sum())

    def of_class(self, j: int, confidence: float) -> tuple[Estimate, int]:
        """Share of rows that surely are of class ``j`` and are labelled otherwise."""
        chosen = self.anchors[j]
        wrong, n = int((self.labels[chosen] != j).sum()), len(chosen)
        return (wrong / n, *clopper_pearson(wrong, n, confidence)), n

    def confident(self, confidence: float) -> Estimate:
        """Share of wrong labels by confident learning."""
        joint = label_noise.confident_joint(self.p, self.labels)
        return label_noise.confident_share(joint, self.counts, confidence)

    def precision(self, confidence: float) -> Estimate | None:
        """Share of the flagged labels that are wrong, as the anchors promise; None when nothing is flagged.

        The interval is that of the anchors' own errors.
        """
        if not self.flagged.any() or self.overlap:
            return None
        sizes = np.array([len(chosen) for chosen in self.anchors])
        wrong = np.round((1 - np.diag(self._moves)) * sizes)
        ends = []
        for end in clopper_pearson(wrong, sizes, confidence):
            moves = _with_error(self._moves, end)
            ends.append(float(np.nanmean(self._wrong(moves)[self.flagged])))
        value = float(self.wrong[self.flagged].mean())
        return value, min(*ends, value), max(*ends, value)

    @cached_property
    def _moves(self) -> Array:
        return label_noise.transitions(self.labels, self.anchors, len(self.names))

    def _wrong(self, moves: Array) -> Array:
        return label_noise.chance_wrong(self.p, self.labels, moves)


@dataclass(frozen=True)
class Planted:
    """What the search made of labels that were turned on purpose."""

    planted: int
    flagged: int
    found: int
    """Planted among the flagged."""
    n: int


def examine(data: Dataset, columns: Sequence[str], *, rows: int, seed: int) -> LabelErrors | str:
    """Look at the labels of at most ``rows`` rows.

    Args:
        data: training rows with their labels.
        columns: what models may read.
        rows: how many rows at most, drawn at random.
        seed: of every draw.

    Returns:
        What was found, or why nothing can be.
    """
    table = _table(data, columns, rows, seed)
    if isinstance(table, str):
        return table
    X, labels, names, positions, categorical, left_out = table
    p = _out_of_fold(X, labels, categorical, seed)
    return LabelErrors(positions, names, labels, p, left_out)


def plant(data: Dataset, columns: Sequence[str], share: float, *, rows: int, seed: int) -> Planted | str:
    """Turn a ``share`` of the labels of at most ``rows`` rows and search for them."""
    table = _table(data, columns, rows, seed)
    if isinstance(table, str):
        return table
    X, labels, names, positions, categorical, left_out = table
    rng = np.random.default_rng([seed, 5])
    turned, where = label_noise.flip(labels, len(names), share, rng)
    found = LabelErrors(positions, names, turned, _out_of_fold(X, turned, categorical, seed), left_out)
    return Planted(len(where), int(found.flagged.sum()), int(found.flagged[where].sum()), len(labels))


def _table(data: Dataset, columns: Sequence[str], rows: int, seed: int) -> Any:
    """Codes, labels, names, positions, what is a category, and how many rows were left out; or why not."""
    columns = [name for name in columns if not is_free_text(data.frame[name])]
    if not columns:
        return "Wrong labels were not sought: all that the model reads is free text, which trees cannot."
    rng = np.random.default_rng([seed, 6])
    positions = sample(len(data), rows, rng)
    y = data.y[positions]
    names = tuple(label for label in data.classes if int((y == label).sum()) >= _LEAST_OF_CLASS)
    kept = np.isin(y, np.array(names, dtype=y.dtype))
    if len(names) < 2 or int(kept.sum()) < _LEAST_ROWS:
        return (
            f"Wrong labels are sought with at least {_LEAST_ROWS} rows and {_LEAST_OF_CLASS} rows of each of "
            "two classes."
        )
    positions, y = positions[kept], y[kept]
    labels = np.zeros(len(y), dtype=np.int64)
    for code, label in enumerate(names):
        labels[y == label] = code
    frame = data.frame.iloc[positions]
    encoding = Encoding.of(frame, columns)
    return encoding.codes(frame), labels, names, positions, encoding.categorical, int((~kept).sum())


def _out_of_fold(X: Array, labels: Array, categorical: Array, seed: int) -> Array:
    """(n, k) probabilities from fits on the other folds; every class is in every fold."""
    rng = np.random.default_rng([seed, 7])
    order = rng.permutation(len(labels))
    fold = np.empty(len(labels), dtype=int)
    fold[order[np.argsort(labels[order], kind="stable")]] = np.arange(len(labels)) % _FOLDS
    p = np.empty((len(labels), int(labels.max()) + 1))
    for one in range(_FOLDS):
        held = fold == one
        model = boosted(X[~held], labels[~held], categorical=categorical, seed=seed)
        p[held] = model.predict_proba(X[held])
    return p


def _with_error(moves: Array, error: Array) -> Array:
    """Transitions with another chance to leave each class, to the same classes as before."""
    k = len(moves)
    away = moves.copy()
    np.fill_diagonal(away, 0.0)
    total = away.sum(axis=1, keepdims=True)
    spread = np.where(total > 0, away / np.where(total > 0, total, 1.0), (1 - np.eye(k)) / (k - 1))
    return np.asarray(spread * error[:, None] + np.diag(1 - error))
