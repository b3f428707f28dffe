"""What kind of values a column holds, and which values are not of the kind that was agreed."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types as kinds

Array = npt.NDArray[Any]
Kind = Literal["boolean", "integer", "number", "text", "time", "any"]

_IDENTIFIER = 0.95
"""Whole numbers or texts of which a larger share is distinct name rows; the next ones differ."""
_ENOUGH_TO_NAME = 50
_CALLED_SO = re.compile(r"(?:^|[^a-z])(?:id|uuid|key|number|nr|index|row)(?:$|[^a-z])|[a-z]_?id$")


def is_identifier(column: pd.Series) -> bool:
    """Whether nearly every row has a value of its own, of a kind that names rows.

    Text does. Whole numbers do when they are called so, or are as dense as running numbers: few incomes are
    all distinct too.
    """
    known = column.dropna()
    kind = kind_of(known)
    if len(known) < _ENOUGH_TO_NAME or kind not in ("integer", "text"):
        return False
    if known.nunique() <= _IDENTIFIER * len(known):
        return False
    if kind == "text" or _CALLED_SO.search(str(column.name).lower()):
        return True
    numbers = known.to_numpy(dtype=float)
    return bool(np.ptp(numbers) < 2 * len(numbers))


def kind_of(column: pd.Series) -> Kind:
    """Return what a column holds; whole numbers with gaps, which pandas makes floats, are integers."""
    known = column.dropna()
    if isinstance(known.dtype, pd.CategoricalDtype):
        known = pd.Series(known.cat.categories)
    if len(known) == 0:
        return "any"
    if kinds.is_bool_dtype(known.dtype):
        return "boolean"
    if kinds.is_numeric_dtype(known.dtype):
        numbers = known.to_numpy(dtype=float)
        return "integer" if bool(_whole(numbers).all()) else "number"
    if kinds.is_datetime64_any_dtype(known.dtype) or kinds.is_timedelta64_dtype(known.dtype):
        return "time"
    return _kind_of_objects(known)


def _kind_of_objects(known: pd.Series) -> Kind:
    if kinds.is_string_dtype(known.dtype) and known.dtype != object:
        return "text"
    inferred = pd.api.types.infer_dtype(known, skipna=True)
    found: dict[str, Kind] = {"boolean": "boolean", "integer": "integer", "string": "text"}
    found |= {"floating": "number", "mixed-integer-float": "number", "decimal": "number"}
    found |= {"date": "time", "datetime": "time", "datetime64": "time"}
    return found.get(inferred, "any")


def wrong_type(known: pd.Series, kind: Kind) -> Array:
    """Return which values are not of a kind, shape (n,). A whole number may be written as a float.

    Args:
        known: no value missing.
        kind: of the contract.
    """
    own, n = kind_of(known), len(known)
    if kind in ("any", own) or (own == "any" and n == 0):
        return np.zeros(n, dtype=bool)
    if kinds.is_numeric_dtype(known.dtype) and not kinds.is_bool_dtype(known.dtype):
        return _not_numeric(known.to_numpy(dtype=float), kind)
    if isinstance(known.dtype, pd.CategoricalDtype):
        known = known.astype(object)
    if known.dtype == object:
        return np.fromiter((not _is(value, kind) for value in known), dtype=bool, count=n)
    return np.full(n, not (own == "boolean" and kind in ("integer", "number")))


def _whole(numbers: Array) -> Array:
    finite = np.isfinite(numbers)
    return np.asarray(finite & (np.where(finite, numbers, 0) % 1 == 0))


def _not_numeric(numbers: Array, kind: Kind) -> Array:
    if kind == "number":
        return np.zeros(len(numbers), dtype=bool)
    if kind == "integer":
        return ~_whole(numbers)
    if kind == "boolean":
        return ~np.isin(numbers, (0, 1))
    return np.ones(len(numbers), dtype=bool)


def _is(value: Any, kind: Kind) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if kind == "time":
        return hasattr(value, "year")
    number = isinstance(value, int | float | np.number | np.bool_)
    if kind == "boolean":
        return number and value in (0, 1)
    return number and (kind == "number" or float(value).is_integer())
