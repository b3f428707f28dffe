"""Which leaves of a tree a row can reach, and how far it must move for each.

Every split on the way to a leaf bounds one column; the shortest valid move into a leaf goes, in each column,
just into the interval its splits leave. Columns that stay, ranges, directions and whole numbers are kept to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.opened import Opened
from workbench.audits.parts.robustness.trees import Tree
from workbench.stats.norm_balls import Norm

_SLACK = 4e-7
"""Relative: trees compare in 32 bits, so a value this near to a threshold may be on either side."""


@dataclass(frozen=True)
class Steps:
    """What the trees read, row by row, and what a step of it costs. All of shape (n, m)."""

    given: Array
    unit: Array
    """What one unit of the space is here; 0 in a column that does not move."""
    low: Array
    high: Array
    whole: Array
    """What one whole number is here; 0 where values are real."""
    norm: Norm

    @classmethod
    def of(cls, target: Target, opened: Opened) -> Steps:
        """Carry a space over to what the last step reads; every column that moves feeds one of its inputs."""
        space, origin = target.space, target.origin
        given = opened.reads(target.frame)
        reaches = opened.slope != 0
        source = np.where(reaches.any(axis=1), reaches.argmax(axis=1), -1)
        rate = np.where(source >= 0, opened.slope[np.arange(len(source)), source], 0.0)
        low, high = (np.nan_to_num(end - origin)[:, source] * rate for end in space.bounds(origin))
        free = space.free(origin)[:, source] & (source >= 0)
        whole = space.integer & (origin == np.rint(origin))
        return cls(
            given=given,
            unit=np.where(free, np.abs(rate) * space.scale[source], 0.0),
            low=given + np.where(free, np.minimum(low, high), 0.0),
            high=given + np.where(free, np.maximum(low, high), 0.0),
            whole=np.where(free & whole[:, source], np.abs(rate), 0.0),
            norm=space.norm,
        )

    def to_left(self, rows: Array, feature: Array, threshold: Array) -> Array:
        """Least move in units that brings a value to at most the threshold, shape (k,)."""
        value = self.given[rows, feature]
        return self._cost(rows, feature, value - threshold, self.low[rows, feature] - threshold, threshold)

    def to_right(self, rows: Array, feature: Array, threshold: Array) -> Array:
        """Least move in units that brings a value above the threshold, shape (k,)."""
        value = self.given[rows, feature]
        return self._cost(rows, feature, threshold - value, threshold - self.high[rows, feature], threshold)

    def _cost(self, rows: Array, feature: Array, need: Array, short: Array, threshold: Array) -> Array:
        """``need`` is how far the value must go, ``short`` how far its end is from going far enough."""
        unit, whole = self.unit[rows, feature], self.whole[rows, feature]
        # an infinite threshold is a split on what is missing only: no number gets to its other side
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = _SLACK * np.maximum(np.abs(threshold), np.abs(self.given[rows, feature])) + 1e-30
            need, short = need - slack, short - slack
            steps = np.where(whole > 0, np.ceil(need / whole - 1e-6) * whole, need)
            cost = steps / unit
        cost = np.where((unit > 0) & (short <= 0), cost, np.inf)
        return np.where(need <= 0, 0.0, np.maximum(cost, 0.0))


_Front = tuple[Array, Array, Array]
"""Rows, nodes and distances."""


def reachable(tree: Tree, steps: Steps, rows: Array, cap: float, edges: Edges) -> _Front:
    """Return every leaf within ``cap`` of ``rows``: rows, leaves and distances, each of shape (found,)."""
    at = np.zeros(len(rows), dtype=int)
    far = np.zeros(len(rows))
    done: list[tuple[Array, Array, Array]] = []
    while rows.size:
        leaf = tree.left[at] < 0
        if leaf.any():
            done.append((rows[leaf], at[leaf], far[leaf]))
            rows, at, far = rows[~leaf], at[~leaf], far[~leaf]
        if not rows.size:
            break
        rows, at, far = _down(tree, steps, edges, (rows, at, far))
        near = far <= (cap**2 if steps.norm == "l2" else cap)
        rows, at, far = rows[near], at[near], far[near]
    if not done:
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int), np.zeros(0)
    rows, at, far = (np.concatenate(parts) for parts in zip(*done, strict=True))
    return rows, at, np.sqrt(far) if steps.norm == "l2" else far


@dataclass(frozen=True)
class Edges:
    """By node, how the splits above it already bound its own column: above ``low``, at most ``high``."""

    low: Array
    high: Array

    @classmethod
    def of(cls, tree: Tree, columns: int) -> Edges:
        """Walk down level by level with the box of every node."""
        found = cls(np.full(len(tree.left), -np.inf), np.full(len(tree.left), np.inf))
        at = np.zeros(1, dtype=int)
        low, high = np.full((1, columns), -np.inf), np.full((1, columns), np.inf)
        while True:
            inner = tree.left[at] >= 0
            at, low, high = at[inner], low[inner], high[inner]
            if not at.size:
                return found
            here, feature = np.arange(len(at)), tree.feature[at]
            found.low[at], found.high[at] = low[here, feature], high[here, feature]
            threshold = tree.threshold[at]
            left_high, right_low = high.copy(), low.copy()
            left_high[here, feature] = np.minimum(high[here, feature], threshold)
            right_low[here, feature] = np.maximum(low[here, feature], threshold)
            at = np.concatenate([tree.left[at], tree.right[at]])
            low, high = np.concatenate([low, right_low]), np.concatenate([left_high, high])


def _down(tree: Tree, steps: Steps, edges: Edges, front: _Front) -> _Front:
    """Both children of every node, with the distance to each (squared for L2)."""
    rows, at, far = front
    feature, threshold = tree.feature[at], tree.threshold[at]
    left, right = steps.to_left(rows, feature, threshold), steps.to_right(rows, feature, threshold)
    missing = np.isnan(steps.given[rows, feature])
    goes_left = tree.missing_left[at]
    left = np.where(missing, np.where(goes_left, 0.0, np.inf), left)
    right = np.where(missing, np.where(goes_left, np.inf, 0.0), right)
    if steps.norm == "linf":
        both = np.concatenate([np.maximum(far, left), np.maximum(far, right)])
    else:  # the column's own share so far is replaced, not added to
        before = np.maximum(
            np.where(np.isfinite(edges.high[at]), steps.to_left(rows, feature, edges.high[at]), 0.0),
            np.where(np.isfinite(edges.low[at]), steps.to_right(rows, feature, edges.low[at]), 0.0),
        )
        before = np.where(missing | ~np.isfinite(before), 0.0, before)
        rest = np.maximum(far - before**2, 0.0)
        both = np.concatenate([rest + np.maximum(before, left) ** 2, rest + np.maximum(before, right) ** 2])
    return np.concatenate([rows, rows]), np.concatenate([tree.left[at], tree.right[at]]), both
