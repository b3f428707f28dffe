"""A model taken apart for explanation: the columns of the data, what its first steps make of them, its last.

Which column of the data a made column comes from is found by asking: change one column of the data and see
which made columns follow. Names and classes of transformers are not trusted, so a one-hot encoding, a spline
or somebody's own transformer are read alike, and a principal component or an imputation from neighbours is
seen to rest on several columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.models.predictors import Predictor

Array = np.ndarray[Any, Any]

_WIDEST = 5000
"""Made columns at most; beyond (bags of words) the model is asked as a whole."""
_MOST_CELLS = 50_000_000
_PROBES = 40
_MOST_VALUES = 2000
_WITH_GAPS = 8
_WRAPPERS = ("FixedThresholdClassifier", "TunedThresholdClassifierCV")


@dataclass(frozen=True)
class Parts:
    """The last step of a model, and how its inputs come from the columns of the data."""

    estimator: Any
    encode: Callable[[pd.DataFrame], Any]
    """Rows of the data to what the last step is given."""
    columns: tuple[str, ...]
    sources: Array
    """(w,) for each column the last step is given, the place in ``columns`` it comes from; -1: from none."""

    def gathered(self, values: Array) -> Array | None:
        """Add contributions of made columns, (..., w), up by their source, (..., d).

        None: a column without a source contributes, so that nobody can say whose contribution it is.
        """
        known = self.sources >= 0
        if np.abs(values[..., ~known]).max(initial=0.0) > 1e-9 * max(np.abs(values).max(initial=0.0), 1e-300):
            return None
        member = np.zeros((len(self.sources), len(self.columns)))
        member[np.flatnonzero(known), self.sources[known]] = 1.0
        return np.asarray(values @ member)


def parts_of(predictor: Predictor, frame: pd.DataFrame, columns: tuple[str, ...]) -> Parts | None:
    """Take a model apart, or return None when it has no parts or they do not belong to single columns.

    Args:
        predictor: whose model is examined.
        frame: rows as the model reads them, from which the values tried are taken.
        columns: the columns that are explained.
    """
    steps, estimator = _split(predictor.model)
    if estimator is None or not hasattr(estimator, "predict") or predictor.columns is None:
        return None
    if steps is None:
        width = getattr(estimator, "n_features_in_", len(columns))
        whole = tuple(predictor.columns) == columns and width == len(columns)
        return Parts(estimator, predictor.inputs, columns, np.arange(len(columns))) if whole else None

    def encode(rows: pd.DataFrame) -> Any:
        return _dense(steps.transform(predictor.inputs(rows)))

    sources = _sources(encode, frame, columns)
    return None if sources is None else Parts(estimator, encode, columns, sources)


def _split(model: Any) -> tuple[Any, Any]:
    """The steps before the last (None when there are none) and the last, inside searches and thresholds."""
    while True:
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif type(model).__name__ in _WRAPPERS:
            model = model.estimator_
        elif hasattr(model, "steps") and len(model.steps) == 1:
            model = model.steps[-1][1]
        else:
            break
    if not hasattr(model, "steps"):
        return None, model
    inner, last = _split(model.steps[-1][1])
    return (model[:-1], last) if inner is None else (None, None)


def _dense(made: Any) -> Any:
    return made.toarray() if hasattr(made, "toarray") else made


def _sources(encode: Callable[[pd.DataFrame], Any], frame: pd.DataFrame, columns: tuple[str, ...]) -> Any:
    """Change one column at a time and see which made columns follow; None where one follows two."""
    frame = frame.reset_index(drop=True)
    rows, values, block = _probes(frame, columns)
    base = frame.take(rows)
    changed = base.copy()
    for j, column in enumerate(columns):
        mine = block == j
        source = np.where(mine, values, rows)
        changed[column] = frame[column].take(source).set_axis(base.index)
    first = encode(base.head(1))
    if first.shape[1] > _WIDEST or first.shape[1] * len(base) > _MOST_CELLS:
        return None
    before, again, after = (_table(encode(f)) for f in (base, base, changed))
    if _differs(before, again).any():
        return None  # the steps draw at random
    moved = _differs(before, after)
    follows = np.stack([moved[block == j].any(axis=0) for j in range(len(columns))])
    if (follows.sum(axis=0) > 1).any():
        return None
    return np.where(follows.any(axis=0), follows.argmax(axis=0), -1)


def _probes(frame: pd.DataFrame, columns: tuple[str, ...]) -> tuple[Array, Array, Array]:
    """Rows to change, the rows whose value they get, and the place of the column that is changed.

    Every distinct value is put into a row with another one, so that each column of a one-hot encoding
    switches; of a column with very many values a few are tried, spread over its order.
    """
    gaps = np.argsort(-frame[list(columns)].isna().sum(axis=1).to_numpy(), kind="stable")[:_WITH_GAPS]
    rows, values, block = [], [], []
    for j, column in enumerate(columns):
        codes = pd.factorize(frame[column], use_na_sentinel=False)[0]
        first = np.unique(codes, return_index=True)[1]
        if pd.api.types.is_numeric_dtype(frame[column].dtype):
            first = first[np.argsort(frame[column].iloc[first].to_numpy(), kind="stable")]
            first = _spread(first, _PROBES)
        first = _spread(first, _MOST_VALUES)
        other = np.roll(first, 1)
        spread = np.concatenate([other, gaps, np.arange(min(_PROBES, len(frame)))])
        rows.append(spread)
        values.append(np.concatenate([first, np.resize(first, len(spread) - len(first))]))
        block.append(np.full(len(spread), j))
    return np.concatenate(rows), np.concatenate(values), np.concatenate(block)


def _spread(places: Array, most: int) -> Array:
    return np.asarray(places[np.unique(np.linspace(0, len(places) - 1, most).astype(int))])


def _table(made: Any) -> Array:
    values = np.asarray(made)
    return values if values.dtype.kind in "fiub" else values.astype(object)


def _differs(before: Array, after: Array) -> Array:
    missing = pd.isna(before) & pd.isna(after)
    return np.asarray((before != after) & ~missing, dtype=bool)
