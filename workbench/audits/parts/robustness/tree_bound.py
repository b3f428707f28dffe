"""A sound bound for tree ensembles: how far no move can change the answer, leaf by reachable leaf.

Within a radius every tree can reach some of its leaves. If the own label stays ahead of every other even when
each tree takes the leaf that is worst for it, nothing within that radius changes the answer. As the radius
grows the worst leaf of a tree only changes when a new leaf comes within reach, so the radius at which the
sum turns is found exactly by going through those events in order. Trees are taken one by one, as if they
could choose their leaves without the others: the bound is sound and not tight. The idea is that of Chen et
al., "Robustness verification of tree-based models", 2019, arXiv:1906.03849, at one level and in either norm.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.bounds import Bound
from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.opened import Opened
from workbench.audits.parts.robustness.reach import Edges, Steps, reachable
from workbench.audits.parts.robustness.trees import Ensemble, Tree, read_trees

_LARGEST = 3_000_000
"""Nodes beyond which the bound is left out: it would take minutes."""
_EVENTS = 4_000_000
"""Reached leaves beyond which only half the radius is looked at."""
_INSIDE = 1 - 1e-9
"""Of a radius: a step of just its length, measured in another order of sums, must not count as shorter."""
_ROUNDING = {True: 1e-5, False: 1e-9}
"""Relative to what the trees add: sums in 32 and in 64 bits."""


def tree_bound(target: Target, opened: Opened, cap: float) -> Bound | None:
    """Return the certified radius of every row up to ``cap``; None for a model that is no known ensemble."""
    if not opened.one_to_one():
        return None
    given = opened.reads(target.frame)
    ensemble = read_trees(opened.last, given)
    if ensemble is None or sum(len(tree.left) for tree in ensemble.trees) > _LARGEST:
        return None
    labels = np.asarray(opened.last.classes_, dtype=object)
    scores = ensemble.scores(given.astype(np.float32) if ensemble.single else given)
    own = scores.argmax(axis=1)
    steps = Steps.of(target, opened)
    edges = [Edges.of(tree, given.shape[1]) for tree in ensemble.trees] if steps.norm == "l2" else []
    while True:
        events = _events(ensemble, steps, cap, edges)
        if events is not None:
            break
        cap /= 2
    radius = np.full(len(given), float(cap))
    for rival in range(len(labels)):
        turn = _turning(ensemble, events, own, rival, cap)
        radius = np.where(own == rival, radius, np.minimum(radius, turn))
    radius = np.where(labels[own] == target.answers, radius * _INSIDE, 0.0)
    exact = len(ensemble.trees) == 1 and not (target.space.integer.any() or target.space.groups)
    return Bound("trees", radius, exact=exact, note=_NOTE, cap=cap)


_NOTE = (
    "The bound for tree ensembles takes each tree's worst leaf within reach, as if the others did not "
    "matter: below it no move changes the answer, above it one may."
)
_Events = tuple[Array, Array, Array, Array]
"""Rows, numbers of trees, leaves, distances: every leaf within reach, by row, tree and distance."""


def _events(ensemble: Ensemble, steps: Steps, cap: float, edges: list[Edges]) -> _Events | None:
    rows = np.arange(len(steps.given))
    parts, count = [], 0
    none = Edges(np.zeros(0), np.zeros(0))
    for number, tree in enumerate(ensemble.trees):
        row, leaf, far = reachable(tree, steps, rows, cap, edges[number] if edges else none)
        count += len(row)
        if count > _EVENTS:
            return None
        parts.append((row, np.full(len(row), number), leaf, far))
    row, tree_number, leaf, far = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((far, tree_number, row))
    return row[order], tree_number[order], leaf[order], far[order]


def _turning(ensemble: Ensemble, events: _Events, own: Array, rival: int, cap: float) -> Array:
    """Radius at which the rival may come level with each row's own label, shape (n,)."""
    row, number, leaf, far = events
    starts = np.cumsum([0] + [len(tree.left) for tree in ensemble.trees[:-1]])
    values = np.concatenate([tree.adds for tree in ensemble.trees])[starts[number] + leaf]
    lead = values[np.arange(len(row)), own[row]] - values[:, rival]
    if (
        len(ensemble.trees) == 1
    ):  # level in one leaf: the earlier label is given, and rounding cannot change that
        lead = np.where((np.abs(lead) < 1e-9) & (own[row] < rival), 1e-3, lead)
    first = np.r_[True, (row[1:] != row[:-1]) | (number[1:] != number[:-1])]
    worst = pd.Series(lead).groupby(np.cumsum(first)).cummin().to_numpy()
    drop = np.where(first, 0.0, worst - np.r_[0.0, worst[:-1]])
    n = len(own)
    margin = np.bincount(row[first], lead[first], minlength=n) + ensemble.start[own] - ensemble.start[rival]
    size = np.bincount(row[first], np.abs(lead[first]), minlength=n) + 1e-12
    margin = margin - _ROUNDING[ensemble.single] * size
    order = np.lexsort((far, row))
    row, far, drop = row[order], far[order], drop[order]
    fallen = pd.Series(drop).groupby(row).cumsum().to_numpy()
    turned = margin[row] + fallen <= 0
    radius = np.full(n, float(cap))
    np.minimum.at(radius, row[turned], far[turned])
    return np.where(margin <= 0, 0.0, radius)


def nearest_leaves(target: Target, opened: Opened, most: int) -> tuple[Array, Array] | None:
    """Return moves into the nearest leaves of a single tree that decide otherwise.

    Args:
        target: the rows.
        opened: the model; None comes back unless it is a single tree.
        most: leaves a row.

    Returns:
        Rows (k,) and points (k, d) just inside the leaves, nearest first for each row.
    """
    ensemble = read_trees(opened.last, opened.reads(target.frame)) if opened.one_to_one() else None
    if ensemble is None or len(ensemble.trees) != 1:
        return None
    [tree] = ensemble.trees
    steps = Steps.of(target, opened)
    rows, leaf, far = reachable(
        tree, steps, np.arange(len(steps.given)), np.inf, Edges.of(tree, steps.given.shape[1])
    )
    decides = (ensemble.start + tree.adds).argmax(axis=1)
    own = ensemble.scores(steps.given.astype(np.float32)).argmax(axis=1)
    other = (decides[leaf] != own[rows]) & np.isfinite(far)
    rows, leaf, far = rows[other], leaf[other], far[other]
    order = np.lexsort((far, rows))
    rows, leaf = rows[order], leaf[order]
    rank = pd.Series(rows).groupby(rows).cumcount().to_numpy()
    keep = rank < most
    boxes = tuple(end[leaf[keep]] for end in _boxes(tree, steps.given.shape[1]))
    return rows[keep], _into(target, opened, steps, rows[keep], boxes)


def _into(target: Target, opened: Opened, steps: Steps, rows: Array, boxes: tuple[Array, ...]) -> Array:
    """Points just inside boxes, in the numbers that move."""
    low, high = boxes
    given = steps.given[rows]
    margin = 1e-5 * np.where(steps.unit[rows] > 0, steps.unit[rows], 1.0)
    margin = np.minimum(margin, (high - low) / 2)
    inside = np.where(given <= low, low + margin, np.where(given > high, high - margin, given))
    source = np.flatnonzero((opened.slope != 0).any(axis=1))
    column = (opened.slope[source] != 0).argmax(axis=1)
    rate = opened.slope[source, column]
    move = np.zeros((len(rows), len(target.space.columns)))
    move[:, column] = (inside - given)[:, source] / rate
    # whole numbers: the next one in the direction of the move
    whole = target.space.integer & (move != 0)
    move = np.where(whole, np.sign(move) * np.ceil(np.abs(move) - 1e-9), move)
    return target.space.place(target.origin[rows], np.nan_to_num(move) / target.space.scale)


def _boxes(tree: Tree, columns: int) -> tuple[Array, Array]:
    """The box of every node, (nodes, columns) each."""
    low, high = np.full((len(tree.left), columns), -np.inf), np.full((len(tree.left), columns), np.inf)
    for node in range(len(tree.left)):  # children have greater numbers than their parents
        if tree.left[node] < 0:
            continue
        left, right, feature = tree.left[node], tree.right[node], tree.feature[node]
        for child in (left, right):
            low[child], high[child] = low[node], high[node]
        high[left, feature] = min(high[node, feature], tree.threshold[node])
        low[right, feature] = max(low[node, feature], tree.threshold[node])
    return low, high
