"""Rows under attack: how the model is asked about them, where an attack starts, what noise does to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.space import Space, matrix
from workbench.audits.parts.shared.encoded import sample
from workbench.models.predictors import Predictor
from workbench.stats.norm_balls import length

_POOL = 2000
"""Rows from which starts of the attack are taken."""
_CANDIDATES = 16
"""Nearest rows of another class that are tried as the start of one row."""
_RANDOM_STARTS = 64
NOISE = 20
"""Random moves a row: the floor."""


@dataclass
class Target:
    """The rows under attack and the one way to ask about them."""

    frame: pd.DataFrame
    """Attacked rows, as the model reads them."""
    space: Space
    origin: Array
    """(n, d) their numbers that may move."""
    answers: Array
    """(n,) the model's answers."""
    correct: Array
    """(n,) whether those are right."""
    predictor: Predictor
    asked: int = 0
    """Questions to the model so far."""

    @classmethod
    def of(cls, subject: Subject, rows: int, space: Space) -> Target:
        """Draw ``rows`` rows and ask about them as they are."""
        data = subject.data
        rng = np.random.default_rng(subject.seed)
        chosen = sample(len(data), rows, rng)
        frame = data.frame.iloc[chosen]
        frame = frame[list(subject.predictor.columns)] if subject.predictor.columns else frame
        answers = np.asarray(subject.predictor.predict(frame))
        return cls(
            frame=frame,
            space=space,
            origin=matrix(frame, space.columns),
            answers=answers,
            correct=answers == data.y[chosen],
            predictor=subject.predictor,
        )

    def flips(self, rows: Array, moved: Array) -> Array:
        """Ask, in one call: does row ``rows[k]`` with the numbers ``moved[k]`` get another answer?"""
        return np.asarray(self.predictor.predict(self.changed(rows, moved)) != self.answers[rows])

    def scores(self, rows: Array, moved: Array) -> Array:
        """Ask, in one call, for the probabilities of all labels, shape (k, labels); none: no columns."""
        found = self.predictor.probabilities(self.changed(rows, moved))
        return np.zeros((len(rows), 0)) if found is None else found

    def changed(self, rows: Array, moved: Array) -> pd.DataFrame:
        """Return the rows with their moved numbers, and count the questions."""
        self.asked += len(rows)
        return self.space.rows(self.frame.take(rows), moved)


def starts(target: Target, subject: Subject) -> dict[int, Array]:
    """For each row the nearest point known to flip it.

    Numbers of correctly classified rows of another class, put into the row (what must stay, stays); where
    none of the nearest flips it, points drawn within the ranges. A row that nothing flips is not in the
    answer.
    """
    found = _first_flips(target, _neighbours(target, subject))
    left = np.array([i for i in range(len(target.frame)) if i not in found], dtype=int)
    if left.size:
        rng = np.random.default_rng(subject.seed)
        low, high = target.space.low, target.space.high
        drawn = rng.uniform(low, high, size=(left.size, _RANDOM_STARTS, low.size))
        for group in target.space.groups:  # one column of a group is set, each as often
            drawn[..., group] = np.eye(len(group))[rng.integers(len(group), size=drawn.shape[:2])]
        found |= _first_flips(target, {int(i): points for i, points in zip(left, drawn, strict=True)})
    return dict(sorted(found.items()))


def _neighbours(target: Target, subject: Subject) -> dict[int, Array]:
    base = subject.reference or subject.data
    rng = np.random.default_rng(subject.seed)
    pool = base.frame.iloc[rng.choice(len(base), size=min(_POOL, len(base)), replace=False)]
    answers = np.asarray(subject.predictor.predict(pool))
    right = answers == np.asarray(pool[base.target])
    numbers, answers = matrix(pool, target.space.columns)[right], answers[right]
    near = {}
    for i, origin in enumerate(target.origin):
        others = numbers[answers != target.answers[i]]
        order = np.argsort(target.space.distance(origin, others), kind="stable")[:_CANDIDATES]
        near[i] = others[order]
    return near


def _first_flips(target: Target, candidates: dict[int, Array]) -> dict[int, Array]:
    """Ask about all candidates in one call and return the nearest that flips, by row."""
    rows = np.repeat(list(candidates), [len(c) for c in candidates.values()]).astype(int)
    if not rows.size:
        return {}
    origin, wanted = target.origin[rows], np.concatenate(list(candidates.values()))
    move = np.nan_to_num((wanted - origin) / target.space.scale)
    points = target.space.place(origin, move)
    distance = np.where(target.flips(rows, points), target.space.distance(origin, points), np.inf)
    found: dict[int, Array] = {}
    for k in np.argsort(distance, kind="stable"):
        if np.isfinite(distance[k]):
            found.setdefault(int(rows[k]), points[k])
    return found


def noise(target: Target, budget: float, seed: int) -> Array:
    """Share of random moves of length ``budget`` that flip each row, shape (n,).

    L2: a direction drawn from the sphere. Linf: every column by the whole budget, up or down.
    """
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(len(target.frame)), NOISE)
    points = random_moves(target, rows, np.full(len(rows), budget), rng)
    return np.asarray(target.flips(rows, points).reshape(-1, NOISE).mean(axis=1))


def random_moves(target: Target, rows: Array, radius: Array, rng: np.random.Generator) -> Array:
    """Return valid points (k, d) around ``rows``, as far as ``radius`` (k,) says and validity lets."""
    origin = target.origin[rows]
    move = rng.standard_normal(origin.shape)
    if target.space.norm == "linf":
        move = np.sign(move)
    move = np.where(target.space.direction == 0, move, target.space.direction * np.abs(move))
    move = np.where(np.isfinite(origin), move, 0.0)
    size = length(move, target.space.norm)
    move *= (radius / np.where(size > 0, size, 1.0))[:, None]
    return target.space.place_within(origin, move, radius)
