"""The search for nearest changes that get another answer, for many rows at once.

Three sources of candidates, each asked about in one call for all rows: single columns set to values that
were seen; the values of near rows that have the wanted answer, as few of them as are needed (Brughmans,
Leyman and Martens, "NICE", 2021); and every candidate moved back towards the row as far as the answer holds.
Answers are all it needs; scores, where there are any, say which column to try first. A one-hot group counts
as one column throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from workbench.audits.parts.explainability.counterfactual_moves import Moves
from workbench.audits.parts.robustness.space import Array

Ask = Callable[[pd.DataFrame, Array], tuple[Array, Array]]
"""Rows and which origin each belongs to, to "has the wanted answer" and the score of it (NaN: none)."""

_STEPS = 24
_MOST_CATEGORIES = 20
_NEIGHBOURS = 5
_TRIED_NEIGHBOURS = 15
_KEPT = 6
_HALVINGS = 6
_REFINED = 3


@dataclass
class Search:
    """The rows, what may change, and the one way to ask, within a number of questions for each row."""

    frame: pd.DataFrame
    moves: Moves
    ask: Ask
    pool: Array
    """(m, D) points of rows that were seen, from which values are taken."""
    pool_fits: Array
    """(n, m) bool: which of them have the answer that row n wants."""
    queries: int
    origin: Array = field(init=False)
    spent: Array = field(init=False)
    """(n,) questions asked about each row."""

    def __post_init__(self) -> None:
        self.origin = self.moves.points(self.frame)
        self.spent = np.zeros(len(self.frame), dtype=int)
        self._member = np.zeros((len(self.moves.units), self.origin.shape[1]), dtype=bool)
        for u, unit in enumerate(self.moves.units):
            self._member[u, unit] = True

    def run(self) -> list[Array]:
        """Return for each row its candidates, (k, D), fewest columns and then nearest first."""
        who, points, gains = self._singles()
        more, others = self._neighbours(gains)
        who, points = self._best(np.concatenate([who, more]), np.vstack([points, others]), _KEPT)
        points = self._nearer(who, points)
        fits, _ = self._asked(who, points)  # only what gets the answer again counts
        who, points = self._best(who[fits], points[fits], _KEPT)
        return [points[who == i] for i in range(len(self.frame))]

    def _asked(self, who: Array, points: Array) -> tuple[Array, Array]:
        """Ask about points of rows ``who``; what is beyond a row's questions counts as not fitting."""
        fits, scores = np.zeros(len(who), dtype=bool), np.full(len(who), np.nan)
        order = np.argsort(who, kind="stable")
        nth = np.arange(len(who)) - np.searchsorted(who[order], who[order])
        allowed = np.zeros(len(who), dtype=bool)
        allowed[order] = nth + self.spent[who[order]] < self.queries
        if allowed.any():
            chosen = who[allowed]
            made = self.moves.rows(self.frame.take(chosen), points[allowed])
            fits[allowed], scores[allowed] = self.ask(made, chosen)
            self.spent += np.bincount(chosen, minlength=len(self.spent))
        return fits, scores

    def _singles(self) -> tuple[Array, Array, Array]:
        """One unit changed: of those that fit the nearest for each, and the best score of each, (n, U)."""
        rows, units, moved = self._tried_alone()
        fits, scores = self._asked(rows, moved)
        gains = np.full((len(self.frame), len(self._member)), -np.inf)
        np.maximum.at(gains, (rows, units), np.nan_to_num(scores, nan=0.0))
        return (*self._best(rows[fits], moved[fits], len(self._member)), gains)

    def _tried_alone(self) -> tuple[Array, Array, Array]:
        rows, units, moved = [], [], []
        for u, unit in enumerate(self.moves.units):
            grid = self._grid(unit)
            for i in range(len(self.frame)):
                points = np.repeat(self.origin[[i]], len(grid), axis=0)
                points[:, unit] = grid
                rows.append(np.full(len(grid), i))
                units.append(np.full(len(grid), u))
                moved.append(points)
        who, what, points = np.concatenate(rows), np.concatenate(units), np.vstack(moved)
        points = self.moves.valid(self.origin[who], points)
        differs = self.moves.changed(self.origin[who], points).any(axis=1)
        return who[differs], what[differs], points[differs]

    def _grid(self, unit: list[int]) -> Array:
        """Values to try in a unit, (g, columns of the unit): quantiles, frequent categories, members."""
        if len(unit) > 1:
            return np.eye(len(unit))
        seen = self.pool[:, unit[0]]
        seen = seen[np.isfinite(seen)]
        if unit[0] >= self.moves.numbers:
            return np.unique(seen)[:_MOST_CATEGORIES, None]  # the most frequent have the lowest codes
        steps = int(np.clip(self.queries // (3 * len(self._member)), 2, _STEPS))
        return np.unique(np.quantile(seen, np.linspace(0, 1, steps)))[:, None] if len(seen) else seen[:, None]

    def _neighbours(self, gains: Array) -> tuple[Array, Array]:
        """The values of near rows with the wanted answer, with as few of them as get it."""
        who, full = self._unlike()
        fits, _ = self._asked(who, full)
        affordable = int(np.clip(self.queries // (4 * len(self._member)), 1, _NEIGHBOURS))
        who, full = self._best(who[fits], full[fits], affordable)
        changed = self.moves.units_changed(self.origin[who], full)
        order = np.lexsort((-gains[who], ~changed), axis=1)
        points = self._shortest(who, full, order, changed.sum(axis=1))
        return who, self._reverted(who, points, order)

    def _unlike(self) -> tuple[Array, Array]:
        """For each row the nearest rows with the wanted answer: their values where they may change."""
        who, points = [np.zeros(0, dtype=int)], [np.zeros((0, self.origin.shape[1]))]
        for i, origin in enumerate(self.origin):
            others = self.pool[self.pool_fits[i]]
            start = np.broadcast_to(origin, others.shape)
            moved = self.moves.valid(start, others)
            moved = moved[self.moves.changed(start, moved).any(axis=1)]
            distance = self.moves.distance(np.broadcast_to(origin, moved.shape), moved)
            near = np.argsort(distance, kind="stable")[:_TRIED_NEIGHBOURS]
            who.append(np.full(len(near), i))
            points.append(moved[near])
        return np.concatenate(who), np.vstack(points)

    def _taken(self, who: Array, full: Array, units: Array) -> Array:
        """Rows ``who`` with the units (k, U) from ``full``."""
        columns = (units[:, :, None] & self._member).any(axis=1)
        return self.moves.valid(self.origin[who], np.where(columns, full, self.origin[who]))

    def _shortest(self, who: Array, full: Array, order: Array, length: Array) -> Array:
        """Take units over in order; return each point with the fewest that are enough."""
        rank, size = np.argsort(order, axis=1), length.copy()
        mine, less = np.nonzero(np.arange(1, order.shape[1] + 1) < length[:, None])
        points = self._taken(who[mine], full[mine], rank[mine] <= less[:, None])
        fits, _ = self._asked(who[mine], points)
        np.minimum.at(size, mine[fits], less[fits] + 1)
        return self._taken(who, full, rank < size[:, None])

    def _reverted(self, who: Array, points: Array, order: Array) -> Array:
        """Put units back one after the other, the last taken first, as long as the answer holds."""
        origin = self.origin[who]
        for place in range(order.shape[1] - 1, -1, -1):
            unit = self._member[order[:, place]]
            changed = self.moves.units_changed(origin, points)
            worth = changed[np.arange(len(who)), order[:, place]] & (changed.sum(axis=1) > 1)
            if worth.any():
                back = np.where(unit, origin, points)[worth]
                fits, _ = self._asked(who[worth], back)
                points[np.flatnonzero(worth)[fits]] = back[fits]
        return points

    def _nearer(self, who: Array, points: Array) -> Array:
        """Move numbers back towards the row by halving: together, then each of the largest moves alone."""
        d, scale = self.moves.numbers, self.moves.space.scale
        points = self._halved(who, points, np.ones(points.shape, dtype=bool))
        for nth in range(min(_REFINED, d)):
            size = np.abs(np.nan_to_num(points[:, :d] - self.origin[who][:, :d])) / scale
            one = np.zeros(points.shape, dtype=bool)
            one[np.arange(len(points)), np.argsort(-size, axis=1, kind="stable")[:, nth]] = True
            several = self.moves.changed(self.origin[who], points).sum(axis=1) > 1
            points = self._halved(who, points, one & several[:, None])
        return points

    def _halved(self, who: Array, points: Array, which: Array) -> Array:
        """Bisect the part of their way that the numbers among ``which`` need to go."""
        origin, best = self.origin[who], points.copy()
        which = which & (np.arange(points.shape[1]) < self.moves.numbers)
        moving = np.flatnonzero((self.moves.changed(origin, points) & which).any(axis=1))
        low, high = np.zeros(len(points)), np.ones(len(points))
        for _ in range(_HALVINGS if len(moving) else 0):
            middle = (low + high) / 2
            way = np.where(which, middle[:, None], 1.0)
            tried = self.moves.valid(
                origin, origin + np.where(np.isfinite(origin), points - origin, 0.0) * way
            )
            fits = np.zeros(len(points), dtype=bool)
            fits[moving] = self._asked(who[moving], tried[moving])[0]
            best[fits] = tried[fits]
            high, low = np.where(fits, middle, high), np.where(fits, low, middle)
        return best

    def _best(self, who: Array, points: Array, most: int) -> tuple[Array, Array]:
        """The nearest of each set of units, and of those at most so many a row, fewest units first."""
        changed = self.moves.units_changed(self.origin[who], points)
        distance = self.moves.distance(self.origin[who], points)
        kept: list[int] = []
        seen: set[tuple[int, bytes]] = set()
        count = np.zeros(len(self.frame), dtype=int)
        for k in np.lexsort((distance, changed.sum(axis=1), who)):
            key = (int(who[k]), changed[k].tobytes())
            if changed[k].any() and key not in seen and count[who[k]] < most:
                seen.add(key)
                count[who[k]] += 1
                kept.append(int(k))
        return who[kept], points[kept]
