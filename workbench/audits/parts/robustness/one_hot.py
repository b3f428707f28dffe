"""One-hot groups: columns of 0 and 1 of which exactly one is set in every row, found or declared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.core.errors import InvalidInput, unknown

Array = np.ndarray[Any, Any]


def groups_of(
    frame: pd.DataFrame, features: Sequence[str], declared: Sequence[Sequence[str]] | None
) -> list[tuple[str, ...]]:
    """Return the one-hot groups among ``features``: those declared, or those found when none are.

    Found are neighbouring columns whose names begin alike and that add up to exactly 1 in every row.

    Raises:
        InvalidInput: a declared group has an unknown column, a column of another group, a value other than 0
            and 1, or a row in which more than one is set.
    """
    if declared is None:
        return _found(frame, features)
    seen: set[str] = set()
    for group in declared:
        _check(frame, features, group, seen)
        seen |= set(group)
    return [tuple(group) for group in declared]


def switched(origin: Array, moved: Array, *, may_be_none: bool) -> Array:
    """Return the valid groups nearest to ``moved``, both (..., k): the greatest is set, the others are not.

    A group that is not one-hot in ``origin`` itself, or has a missing value, stays as it is.
    """
    values = np.nan_to_num(moved, nan=-np.inf)
    best = values.argmax(axis=-1)[..., None]
    on = np.arange(values.shape[-1]) == best
    if may_be_none:
        on &= np.take_along_axis(values, best, axis=-1) > 0.5
    valid = np.isin(origin, (0.0, 1.0)).all(axis=-1) & (np.nansum(origin, axis=-1) <= 1)
    return np.where(valid[..., None], on.astype(float), origin)


def _check(frame: pd.DataFrame, features: Sequence[str], group: Sequence[str], seen: set[str]) -> None:
    for name in group:
        if name not in features:
            raise unknown("one_hot", "column", name, features)
    if len(set(group) - seen) != len(group) or len(group) < 2:
        raise InvalidInput(
            f"one_hot: {list(group)} is not a group of its own.",
            remedy="A group has at least two columns, and a column has one group.",
            field="one_hot",
        )
    values = _switches(frame, group)
    if values is None or (values.sum(axis=1) > 1).any():
        raise InvalidInput(
            f"one_hot: {list(group)} is not one-hot here: a value is neither 0 nor 1, or two are set.",
            remedy="Name the columns of one encoded category.",
            field="one_hot",
        )


def _found(frame: pd.DataFrame, features: Sequence[str]) -> list[tuple[str, ...]]:
    """Neighbours are taken while at most one is set; a run is a group when one always is."""
    groups: list[tuple[str, ...]] = []
    run: list[str] = []
    total = np.zeros(len(frame))
    for name in features:
        values = _switches(frame, [name])
        alike = values is not None and bool(values.any()) and _alike([*run, name])
        column = values[:, 0] if values is not None else total
        if not alike or (total + column > 1).any():
            run, total = [], np.zeros(len(frame))
            if values is None or not values.any():
                continue
        run, total = [*run, name], total + column
        if len(run) > 1 and (total == 1).all():
            groups.append(tuple(run))
            run, total = [], np.zeros(len(frame))
    return groups


def _alike(names: Sequence[str]) -> bool:
    return len({str(name)[:1] for name in names}) == 1


def _switches(frame: pd.DataFrame, columns: Sequence[str]) -> Array | None:
    """The columns as 0 and 1, shape (n, k); None when they hold anything else or nothing at all."""
    kinds = pd.api.types
    if not len(frame) or not all(kinds.is_numeric_dtype(frame[name].dtype) for name in columns):
        return None
    if any(kinds.is_complex_dtype(frame[name].dtype) for name in columns):
        return None
    values = np.column_stack([frame[name].to_numpy(dtype=float, na_value=np.nan) for name in columns])
    return values if np.isin(values, (0.0, 1.0)).all() else None
