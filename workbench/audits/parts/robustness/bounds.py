"""How far no move can change an answer: exact for linear models, a sound bound for trees, and its trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from workbench.audits.parts.robustness.attacked import Target, random_moves
from workbench.audits.parts.robustness.gather import Array

_TRIES = 40
"""Random moves a row inside its certified ball."""
_INSIDE = 1 - 1e-6


@dataclass(frozen=True)
class Bound:
    """No valid move shorter than ``radius`` changes the answer of its row."""

    method: Literal["linear", "trees"]
    radius: Array
    """(n,) in units. Infinite: no valid move at all does."""
    exact: bool
    """A move of that length does change it; otherwise the true distance may be greater."""
    note: str
    cap: float = np.inf
    """Moves up to this length were looked at: a radius of ``cap`` means at least that."""


def falsify(bound: Bound, target: Target, found: Sequence[Array], *, seed: int) -> int:
    """Try to break a bound: points inside the certified balls that flip, of all that were asked about.

    Args:
        bound: the claim.
        target: the rows.
        found: points (n, d) that flip, of each attack, NaN where it found none.
        seed: of the random moves.

    Returns:
        How many points flip where none may: anything but 0 withdraws the bound.
    """
    space, radius = target.space, np.minimum(bound.radius, bound.cap) * _INSIDE
    broken = 0
    for points in found:
        there = np.isfinite(points).any(axis=1)
        broken += int((there & (space.distance(target.origin, points) < radius)).sum())
    sure = np.flatnonzero((radius > 0) & (radius < np.inf))
    if not sure.size:
        return broken
    rng = np.random.default_rng([seed, 1])
    rows = np.repeat(sure, _TRIES)
    # most of a ball lies near its surface, and so does what would break a bound
    points = random_moves(target, rows, radius[rows] * rng.uniform(0.5, 1, len(rows)), rng)
    inside = space.distance(target.origin[rows], points) < np.minimum(bound.radius, bound.cap)[rows]
    return broken + int((target.flips(rows, points) & inside).sum())
