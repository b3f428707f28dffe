"""Evasion attacks by name: which there are, which fit a model, and what each one found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workbench.audits.parts.robustness import art_attacks, gradient_attack, score_search, search
from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.gradient_attack import Slope
from workbench.audits.parts.robustness.opened import Opened
from workbench.audits.parts.robustness.search import Drive, Search
from workbench.audits.parts.robustness.tree_bound import nearest_leaves

ATTACKS = ("hopskipjump", "boundary", "decision_tree", "fgm", "pgd", "zoo")
_LEAVES = 16
"""Nearest leaves tried a row: rounding to valid rows may miss the first."""


@dataclass(frozen=True)
class Attempt:
    """What one attack found on all rows."""

    name: str
    points: Array
    """(n, d) the nearest found, NaN where none was."""
    distance: Array
    """(n,) in units; infinite where none was."""
    queries: int
    """Answers, scores and gradients it asked for."""
    flat: float | None = None
    """Share of rows around which the scores did not change at all, for an attack that follows scores."""


@dataclass(frozen=True)
class Attacked:
    """Rows, the model as far as it could be opened, and how an attack is set."""

    target: Target
    starts: dict[int, Array]
    """A point that flips each row, where there is one."""
    opened: Opened | None
    slope: Slope | None
    budget: float
    queries: int
    seed: int

    def default(self) -> tuple[str, ...]:
        """Return the attacks that fit the model: by gradients or leaves where it has them, and by answers."""
        if self.slope is not None:
            return ("fgm", "pgd", "hopskipjump")
        single = self.opened is not None and type(self.opened.last).__name__.endswith("TreeClassifier")
        return ("decision_tree", "hopskipjump") if single else ("hopskipjump",)

    def attempt(self, name: str) -> Attempt | str:
        """Run one attack, or say why it cannot be done on this model."""
        before = self.target.asked
        gradients = self.slope.queries if self.slope else 0
        points = getattr(self, f"_{name}")()
        if isinstance(points, str):
            return points
        spent = self.target.asked - before + (self.slope.queries if self.slope else 0) - gradients
        points, flat = points if isinstance(points, tuple) else (points, None)
        return Attempt(name, points, self._confirmed(points), spent, flat)

    def _hopskipjump(self) -> Array:
        return self._search(art_attacks.hop_skip_jump(self.target.space.norm))

    def _boundary(self) -> Array:
        return self._search(art_attacks.boundary)

    def _fgm(self) -> Array | str:
        return gradient_attack.fgm(self.slope, self.budget) if self.slope else _NO_SLOPE

    def _pgd(self) -> Array | str:
        if self.slope is None:
            return _NO_SLOPE
        return gradient_attack.pgd(self.slope, self.budget, self.queries, self.seed)

    def _decision_tree(self) -> Array | str:
        found = nearest_leaves(self.target, self.opened, _LEAVES) if self.opened else None
        if found is None:
            return "The model is no single decision tree on numbers, alone or behind affine steps."
        return self._nearest(*found)

    def _zoo(self) -> tuple[Array, float] | str:
        if self.target.predictor.probabilities(self.target.frame.head(1)) is None:
            return "The model gives no probabilities."
        searches = score_search.attack(self.target, seed=self.seed)
        points = np.array(
            [s.best if np.isfinite(s.distance) else np.full(s.best.shape, np.nan) for s in searches]
        )
        return points, float(np.mean([s.flat for s in searches]))

    def _search(self, drive: Drive) -> Array:
        """Run a decision-based attack from every start."""
        art_attacks.attacks()  # imported here: once, and not in a search's thread
        order = np.array(list(self.starts), dtype=int)
        target = self.target
        searches = [
            Search(target.space, target.origin[i], self.starts[i], self.queries, drive) for i in order
        ]
        search.attack(searches, lambda rows, moved: target.flips(order[rows], moved), seed=self.seed)
        points = np.full(target.origin.shape, np.nan)
        if order.size:
            points[order] = [s.best for s in searches]
        return points

    def _nearest(self, rows: Array, candidates: Array) -> Array:
        """Ask about all candidates and keep the nearest that flips."""
        target = self.target
        points, best = np.full(target.origin.shape, np.nan), np.full(len(target.origin), np.inf)
        flipped = target.flips(rows, candidates) if rows.size else np.zeros(0, dtype=bool)
        far = np.where(flipped, target.space.distance(target.origin[rows], candidates), np.inf)
        for k in np.argsort(far, kind="stable"):
            if far[k] < best[rows[k]]:
                points[rows[k]], best[rows[k]] = candidates[k], far[k]
        return points

    def _confirmed(self, points: Array) -> Array:
        """Ask once more about what was found: only what flips again counts. Distances, shape (n,)."""
        distance = np.full(len(points), np.inf)
        rows = np.flatnonzero(np.isfinite(points).any(axis=1))
        if rows.size:
            before = self.target.asked
            again = self.target.flips(rows, points[rows])
            self.target.asked = before  # a check, not part of the attack
            far = self.target.space.distance(self.target.origin[rows], points[rows])
            distance[rows] = np.where(again, far, np.inf)
        return distance


_NO_SLOPE = "The model has no gradient that can be read here."


def nearest_of(attempts: Sequence[Attempt]) -> Array:
    """Return the least distance of any attack, row by row, shape (n,)."""
    return np.asarray(np.min([attempt.distance for attempt in attempts], axis=0))
