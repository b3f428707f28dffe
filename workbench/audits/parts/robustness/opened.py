"""Inside a model: its last step, and the affine way there from the numbers that may move.

An exact worst case and a gradient need to see more than answers. Scalers, imputers and encoders of columns
that stay are affine in the numbers that move; what is not known to be so is not opened, and what is opened is
tried on random moves before anything rests on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.gather import Array

_AFFINE = (
    "MaxAbsScaler",
    "MinMaxScaler",
    "PCA",
    "RobustScaler",
    "SelectFromModel",
    "SelectKBest",
    "SelectPercentile",
    "SimpleImputer",
    "StandardScaler",
    "TruncatedSVD",
    "VarianceThreshold",
)
"""Steps of scikit-learn that are affine in every number that is there."""
_TRIES = 32


@dataclass(frozen=True)
class Opened:
    """A model taken apart."""

    last: Any
    """The step that decides."""
    reads: Callable[[pd.DataFrame], Array]
    """What it is given for rows, shape (n, m)."""
    slope: Array
    """(m, d) what a step of 1 in each number that moves does to what it is given."""

    def one_to_one(self) -> bool:
        """Say whether every number that moves reaches one input at most, and no input two of them."""
        moves = self.slope != 0
        return bool((moves.sum(axis=0) <= 1).all() and (moves.sum(axis=1) <= 1).all())


def open_model(target: Target, *, seed: int) -> Opened | None:
    """Take the model apart, or return None when a step before the last is not affine in what moves."""
    model = getattr(target.predictor.model, "best_estimator_", target.predictor.model)
    steps, last = _steps(model)
    moving = set(target.space.columns)
    names = list(target.frame.columns)
    for step in steps:
        if not _affine(step, moving, names):
            return None
        moving, names = {"*"}, []  # names do not survive a step: from here on everything moves

    def reads(frame: pd.DataFrame) -> Array:
        values = target.predictor.inputs(frame)
        for step in steps:
            values = values if step == "passthrough" or step is None else step.transform(values)
        values = values.toarray() if hasattr(values, "toarray") else values
        return np.asarray(values, dtype=float)

    try:
        opened = Opened(last, reads, _slope(target, reads))
    except (TypeError, ValueError):  # what the last step reads is not a table of numbers
        return None
    return opened if _holds(target, opened, seed) else None


def _steps(model: Any) -> tuple[list[Any], Any]:
    """Steps of a pipeline, and of one inside it, before the last."""
    before: list[Any] = []
    while hasattr(model, "steps"):
        *early, (_, model) = model.steps
        before += [step for _, step in early]
    return before, model


def _affine(step: Any, moving: set[str], names: Sequence[str]) -> bool:
    """Say whether what ``step`` gives is affine in the columns that move (``*``: any may)."""
    if step is None or isinstance(step, str):
        return True
    kind = type(step).__name__
    if not type(step).__module__.startswith("sklearn."):
        return False
    if kind == "Pipeline":
        (_, first), *others = step.steps
        return _affine(first, moving, names) and all(_affine(other, {"*"}, []) for _, other in others)
    if kind == "ColumnTransformer":
        return all(
            _affine(part, moving, names)
            for _, part, columns in step.transformers_
            if moving == {"*"} or moving & set(_named(columns, names))
        )
    if kind == "FunctionTransformer":
        return step.func is None
    return kind in _AFFINE and not getattr(step, "clip", False)


def _named(columns: Any, names: Sequence[str]) -> list[str]:
    """Columns of a part of a ColumnTransformer by name, however they were given."""
    if isinstance(columns, str):
        return [columns]
    if isinstance(columns, slice) or not all(isinstance(c, str) for c in columns):
        return [str(name) for name in np.asarray(names, dtype=object)[columns]]
    return list(columns)


def _slope(target: Target, reads: Callable[[pd.DataFrame], Array]) -> Array:
    """One step along each number that moves, from the middle of the ranges."""
    space = target.space
    middle, unit = (space.low + space.high) / 2, space.scale
    points = np.vstack([middle, middle + np.diag(unit)])
    given = reads(_floats(target, np.zeros(len(points), dtype=int), points))
    slope = (given[1:] - given[0]).T / unit
    # differences of the middle and a step end in rounding: what is far below the rest is none
    return np.where(np.abs(slope * unit) < 1e-12 * (1 + np.abs(given[0][:, None])), 0.0, slope)


def _holds(target: Target, opened: Opened, seed: int) -> bool:
    """Random moves of random rows: the last step is given what the slope says."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(target.frame), size=_TRIES)
    origin = target.origin[rows]
    drawn = rng.uniform(target.space.low, target.space.high, size=origin.shape)
    move = np.nan_to_num(drawn - origin)
    given = opened.reads(_floats(target, rows, np.where(np.isfinite(origin), drawn, np.nan)))
    expected = opened.reads(target.frame.take(rows)) + move @ opened.slope.T
    return bool(np.allclose(given, expected, rtol=1e-6, atol=1e-6, equal_nan=True))


def _floats(target: Target, rows: Array, points: Array) -> pd.DataFrame:
    """Rows with numbers that need not be valid: whole columns may hold parts, for the slope only."""
    frame = target.frame.take(rows).reset_index(drop=True)
    moved = {
        name: frame[name].where(np.isnan(p), p) if np.isnan(p).any() else p
        for name, p in zip(target.space.columns, points.T, strict=True)
    }
    return frame.assign(**{str(k): v for k, v in moved.items()})
