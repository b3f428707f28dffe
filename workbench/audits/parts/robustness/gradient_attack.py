"""FGM and PGD on tabular rows: steps along the gradient, within the data's constraints, all rows at once.

FGM (Goodfellow, Shlens and Szegedy, 2015, arXiv:1412.6572) takes the steepest move at the row itself,
towards the label whose linearised boundary is nearest; for a linear model that is the exact worst case. PGD
(Madry et al., 2018, arXiv:1706.06083) takes many small steps and projects each back. ART's versions know
neither a range by row nor a unit by column. What either finds is asked of the model itself, as a valid row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.gradients import Sloped, sloped
from workbench.audits.parts.robustness.opened import Opened
from workbench.stats.norm_balls import distance_to_plane, project, steepest

_AGREE = 0.99
"""Share of rows whose answer the gradient's scores must give, or they are another model's."""
_STEPS = 20
_HALVINGS = 10
_FURTHER = (1.0, 4.0, 16.0)
"""Radii tried, in budgets: what does not flip within the budget may flip further off."""
_BEYOND = 1 + 1e-4
"""A boundary is crossed by a little, so that rounding does not leave the point on it."""
_RIVALS = 5
"""Other labels whose distance is compared by FGM."""


@dataclass
class Slope:
    """Scores and their gradient as functions of a move in units."""

    target: Target
    opened: Opened
    model: Sloped
    offset: float
    """Taken from the second of two scores: 0.5 when the model gives a probability in one column."""
    given: Array
    """(n, m) what the last step is given for the rows as they are."""
    own: Array
    """(n,) position of the label of each row."""
    queries: int = 0

    @classmethod
    def of(cls, target: Target, opened: Opened) -> Slope | None:
        """Return None when there is no gradient, or its scores do not give the model's answers."""
        model = sloped(opened.last)
        if model is None:
            return None
        given = opened.reads(target.frame)
        labels = np.asarray(getattr(opened.last, "classes_", target.predictor.classes), dtype=object)
        try:
            scores = model.scores(given)
        except (RuntimeError, TypeError, ValueError, IndexError):  # a module that reads something else
            return None
        if scores.shape[1] != len(labels) or not np.isfinite(scores).all():
            return None
        for offset in (0.0, 0.5) if len(labels) == 2 else (0.0,):
            own = (scores - [0.0, offset] if offset else scores).argmax(axis=1)
            if (labels[own] == target.answers).mean() >= _AGREE:
                return cls(target, opened, model, offset, given, own)
        return None

    def scores(self, rows: Array, move: Array) -> Array:
        """Scores of all labels after a move in units, shape (k, labels)."""
        scores = self.model.scores(self._inputs(rows, move))
        return scores - [0.0, self.offset] if self.offset else scores

    def towards(self, rows: Array, move: Array, rival: Array) -> Array:
        """Gradient in units of the rival's score over the own, shape (k, d); zero where nothing moves."""
        weights = np.zeros((len(rows), self._labels))
        weights[np.arange(len(rows)), self.own[rows]] = -1.0
        weights[np.arange(len(rows)), rival] += 1.0
        self.queries += len(rows)
        found = self.model.gradient(self._inputs(rows, move), weights) @ self.opened.slope
        free = self.target.space.free(self.target.origin[rows])
        return np.where(free, found * self.target.space.scale, 0.0)

    @property
    def _labels(self) -> int:
        return int(self.model.scores(self.given[:1]).shape[1])

    def _inputs(self, rows: Array, move: Array) -> Array:
        return np.asarray(self.given[rows] + (move * self.target.space.scale) @ self.opened.slope.T)


def fgm(slope: Slope, budget: float) -> Array:
    """One steepest move a row. Returns points (n, d): the nearest found that flips, or NaN."""
    n = len(slope.given)
    rows, still = np.arange(n), np.zeros(slope.target.origin.shape)
    scores = slope.scores(rows, still)
    low, high = box(slope.target, rows)
    best = np.full(n, np.inf)
    ahead = np.zeros_like(still)
    for rival in _rivals(scores, slope.own):
        gradient = slope.towards(rows, still, rival)
        gap = scores[rows, slope.own] - scores[rows, rival]
        far = distance_to_plane(gap, gradient, low, high, slope.target.space.norm)
        nearer = (far < best) & (rival != slope.own)
        best, ahead = np.where(nearer, far, best), np.where(nearer[:, None], gradient, ahead)
    found = _Nearest(slope.target)
    reach = np.where(np.isfinite(best), best * _BEYOND, budget)
    for radius in (reach, np.full(n, budget), 2 * reach, 4 * reach):
        found.ask(rows, steepest(ahead, radius, low, high, slope.target.space.norm), radius)
    return found.points


def pgd(slope: Slope, budget: float, queries: int, seed: int) -> Array:
    """Many small steps. Returns points (n, d): the nearest found that flips, or NaN.

    Args:
        slope: of the model.
        budget: radius that matters; larger ones are tried where nothing flips within it.
        queries: most gradients and answers a row.
        seed: of the random start of the second try.
    """
    rng = np.random.default_rng(seed)
    found = _Nearest(slope.target)
    tries = [*((far, False) for far in _FURTHER), (_FURTHER[0], True)]
    steps = max(1, min(_STEPS, (queries - _HALVINGS) // len(tries) - 2))
    for far, random in tries:
        rows = np.flatnonzero(np.isinf(found.distance))
        if rows.size:
            move, radius = _walk(slope, rows, far * budget, steps, rng if random else None)
            found.ask(rows, move, radius)
    found.halve(_HALVINGS)
    return found.points


def box(target: Target, rows: Array) -> tuple[Array, Array]:
    """Return the ends of a move in units, (k, d) each, 0 where nothing may move."""
    origin = target.origin[rows]
    free = target.space.free(origin)
    low, high = (
        np.where(free, (end - origin) / target.space.scale, 0.0) for end in target.space.bounds(origin)
    )
    return low, high


def _walk(
    slope: Slope, rows: Array, size: float, steps: int, rng: np.random.Generator | None
) -> tuple[Array, Array]:
    norm, radius = slope.target.space.norm, np.full(len(rows), size)
    low, high = box(slope.target, rows)
    move = np.zeros(low.shape)
    if rng is not None:
        move = project(np.asarray(rng.normal(0, size, low.shape)), radius, low, high, norm)
    step = 2.5 * size / steps
    kept, flipped = move, np.zeros(len(rows), dtype=bool)
    for _ in range(steps):
        gradient = slope.towards(rows, move, _rival(slope.scores(rows, move), slope.own[rows]))
        # the steepest of step length: the sign for Linf, the direction for L2
        if norm == "linf":
            ahead = np.sign(gradient)
        else:
            ahead = gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-300)
        move = project(move + step * ahead, radius, low, high, norm)
        kept = np.where(flipped[:, None], kept, move)
        flipped = slope.scores(rows, kept).argmax(axis=1) != slope.own[rows]
    return kept, radius


def _rival(scores: Array, own: Array) -> Array:
    others = scores.copy()
    others[np.arange(len(own)), own] = -np.inf
    return np.asarray(others.argmax(axis=1))


def _rivals(scores: Array, own: Array) -> list[Array]:
    """The other labels by score, (n,) each, best first."""
    others = scores.copy()
    others[np.arange(len(own)), own] = -np.inf
    order = np.argsort(-others, axis=1, kind="stable")
    return [order[:, k] for k in range(min(_RIVALS, scores.shape[1] - 1))]


class _Nearest:
    """The nearest point a row that flips it, as the model itself says."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.points = np.full(target.origin.shape, np.nan)
        self.distance = np.full(len(target.origin), np.inf)

    def ask(self, rows: Array, move: Array, radius: Array) -> Array:
        """Ask about moves (k, d) as valid rows and keep what is nearer. Returns which flipped."""
        space, origin = self._target.space, self._target.origin[rows]
        points = space.place_within(origin, move, radius)
        flipped = self._target.flips(rows, points)
        far = np.where(flipped, space.distance(origin, points), np.inf)
        nearer = far < self.distance[rows]
        self.points[rows[nearer]], self.distance[rows[nearer]] = points[nearer], far[nearer]
        return flipped

    def halve(self, times: int) -> None:
        """Go back towards the row as long as the answer stays changed."""
        rows = np.flatnonzero(np.isfinite(self.distance))
        if not rows.size:
            return
        origin = self._target.origin[rows]
        move = np.nan_to_num((self.points[rows] - origin) / self._target.space.scale)
        small, great = np.zeros(len(rows)), np.ones(len(rows))
        for _ in range(times):
            middle = (small + great) / 2
            flipped = self.ask(rows, move * middle[:, None], np.full(len(rows), np.inf))
            small, great = np.where(flipped, small, middle), np.where(flipped, middle, great)
