"""The exact worst case of a linear model: how far each row is from the nearest boundary."""

from __future__ import annotations

import numpy as np

from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.bounds import Bound
from workbench.audits.parts.robustness.gradient_attack import box
from workbench.audits.parts.robustness.gradients import linear
from workbench.audits.parts.robustness.opened import Opened
from workbench.stats.norm_balls import distance_to_plane


def linear_bound(target: Target, opened: Opened) -> Bound | None:
    """Return the distance to the nearest boundary, or None when the model is not linear.

    The margin over the dual norm of the coefficients, in units, within the ranges, directions and columns of
    the space. Whole numbers and one-hot groups are taken as if they could move by parts: then the distance is
    a bound, no longer exact.
    """
    model = linear(opened.last)
    if model is None:
        return None
    labels = np.asarray(opened.last.classes_, dtype=object)
    rows = np.arange(len(target.frame))
    scores = model.scores(opened.reads(target.frame))
    own = scores.argmax(axis=1)
    low, high = box(target, rows)
    radius = np.full(len(rows), np.inf)
    for rival in range(len(labels)):
        slope = ((model.coef[rival] - model.coef[own]) @ opened.slope) * target.space.scale
        gap = scores[rows, own] - scores[:, rival]
        far = distance_to_plane(gap, slope, low, high, target.space.norm)
        radius = np.where(own == rival, radius, np.minimum(radius, far))
    parts = target.space.integer | np.isin(np.arange(target.space.scale.size), _grouped(target))
    exact = not (parts & (model.coef @ opened.slope != 0).any(axis=0)).any()
    radius = np.where(labels[own] == target.answers, radius, 0.0)
    return Bound("linear", radius, exact=exact, note=_EXACT if exact else _WHOLE)


def _grouped(target: Target) -> list[int]:
    return [i for group in target.space.groups for i in group]


_EXACT = "The model is linear: its worst case within the ranges is exact, and no attack can go below it."
_WHOLE = (
    "The model is linear: its worst case within the ranges is known, taking whole numbers and one-hot groups "
    "as if they could move by parts. No attack can go below it; valid rows may not reach it."
)
