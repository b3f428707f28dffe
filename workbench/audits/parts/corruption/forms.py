"""The forms of everyday faults: small pure functions from a column to what it would have held.

What a fault can do depends on what a column is. A *number* is a quantity; a *code* is a switch; a *text* is a
category or a free text; a *time* is a date. Nothing is written to the column that is given.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pandas.api import types

Change = Callable[[pd.Series, np.random.Generator], pd.Series]

_FACTORS = {"×1000": 1000.0, "÷1000": 0.001, "×100": 100.0, "÷100": 0.01, "×2.54": 2.54, "÷2.54": 1 / 2.54}
"""Metres and millimetres, shares and per cent, inches and centimetres."""
_MOST_CODES = 12
"""A column of numbers with more values than this is no code, whose values could be permuted."""


@dataclass(frozen=True)
class Form:
    """One form of a fault of single columns."""

    fault: str
    detail: str
    kinds: tuple[str, ...]
    change: Change


def kind_of(column: pd.Series) -> str:
    """Return ``number``, ``code``, ``text``, ``time`` or ``other``."""
    dtype = column.dtype
    if types.is_bool_dtype(dtype):
        return "code"
    if types.is_numeric_dtype(dtype):
        known = pd.unique(column.dropna())
        whole = types.is_integer_dtype(dtype) or not np.mod(np.asarray(known, dtype=float), 1).any()
        return "code" if whole and len(known) <= 2 else "number"
    if types.is_datetime64_any_dtype(dtype):
        return "time"
    return "text" if column.dropna().map(lambda value: isinstance(value, str)).any() else "other"


def _blank(column: pd.Series, rng: np.random.Generator) -> pd.Series:  # noqa: ARG001 - the same face for all
    # A switch with a gap is read back as numbers with a gap; pandas would make it objects.
    plain = column.astype(float) if column.dtype == bool else column
    return plain.mask(np.ones(len(plain), dtype=bool))


def _times(factor: float) -> Change:
    def change(column: pd.Series, rng: np.random.Generator) -> pd.Series:  # noqa: ARG001 - as above
        if types.is_integer_dtype(column.dtype) and factor.is_integer():
            return _wide(column) * int(factor)
        with np.errstate(over="ignore"):  # infinity is what a reader would get
            return column * factor

    return change


def _negate(column: pd.Series, rng: np.random.Generator) -> pd.Series:  # noqa: ARG001 - as above
    return -_wide(column)


def _to_whole(column: pd.Series, rng: np.random.Generator) -> pd.Series:  # noqa: ARG001 - as above
    return column.round()


def _to_one_digit(column: pd.Series, rng: np.random.Generator) -> pd.Series:  # noqa: ARG001 - as above
    """Keep one significant digit: 47 becomes 50, 0.0123 becomes 0.01."""
    values = column.to_numpy(dtype=float, na_value=np.nan)
    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))
    step = 10.0 ** np.floor(np.log10(size))
    rounded = pd.Series(np.where(np.isfinite(values), np.round(values / step) * step, values), column.index)
    return rounded.astype(_wide(column).dtype)  # 255 becomes 300, which a byte cannot hold


def _stuck(column: pd.Series, rng: np.random.Generator) -> pd.Series:  # noqa: ARG001 - as above
    """One value everywhere: the most frequent, of several the one met first."""
    known = column.dropna()
    if not len(known):
        return column
    value = known.value_counts(sort=False).idxmax()
    return column.mask(np.ones(len(column), dtype=bool), value)


def _of_row_before(column: pd.Series, rng: np.random.Generator) -> pd.Series:  # noqa: ARG001 - as above
    before = np.roll(np.arange(len(column)), 1)
    return column.take(before).set_axis(column.index)


def _other_codes(column: pd.Series, rng: np.random.Generator) -> pd.Series:
    """Every value becomes another: a random cycle through the values that there are."""
    codes, values = pd.factorize(column)
    if len(values) < 2 or (types.is_numeric_dtype(column.dtype) and len(values) > _MOST_CODES):
        return column
    order = rng.permutation(len(values))
    following = np.empty_like(order)
    following[order] = np.roll(order, -1)
    changed = pd.Series(values, dtype=column.dtype).take(following[codes]).set_axis(column.index)
    return changed.where(codes >= 0, column)


def _texts(edit: Callable[[str, np.random.Generator], str]) -> Change:
    """Edit every distinct text once; what is no text stays."""

    def change(column: pd.Series, rng: np.random.Generator) -> pd.Series:
        known = {value: edit(value, rng) for value in pd.unique(column.dropna()) if isinstance(value, str)}
        objects = column.astype(object)
        edited = objects.map(lambda value: known[value] if isinstance(value, str) else value)
        if isinstance(column.dtype, pd.CategoricalDtype):
            return edited.astype(categories_of(edited))
        return edited.astype(column.dtype)

    return change


def _slip(value: str, rng: np.random.Generator) -> str:
    """One slip of a hand: a letter left out, doubled, replaced, or two exchanged."""
    if not value:
        return "x"
    at, last = int(rng.integers(len(value))), int(rng.integers(4))
    if last == 0 and len(value) > 1:
        return value[:at] + value[at + 1 :]
    if last == 1:
        return value[:at] + value[at] + value[at:]
    if last == 2 and at + 1 < len(value) and value[at] != value[at + 1]:
        return value[:at] + value[at + 1] + value[at] + value[at + 2 :]
    letter = str(rng.choice(list("aeinrst")))
    return value[:at] + ("o" if letter == value[at] else letter) + value[at + 1 :]


_NUMBERS, _ANY = ("number",), ("number", "code", "text", "time", "other")

#: Every form of a fault of single columns.
FORMS = (
    Form("missing", "", _ANY, _blank),
    *(Form("unit_error", name, _NUMBERS, _times(factor)) for name, factor in _FACTORS.items()),
    Form("sign_flip", "", _NUMBERS, _negate),
    Form("rounding", "to whole numbers", _NUMBERS, _to_whole),
    Form("rounding", "to one digit", _NUMBERS, _to_one_digit),
    Form("typo", "letter", ("text",), _texts(_slip)),
    Form("typo", "case", ("text",), _texts(lambda value, _: value.swapcase())),
    Form("typo", "space", ("text",), _texts(lambda value, _: f"{value} ")),
    Form("shuffle", "", ("number", "code", "text"), _other_codes),
    Form("stale", "one value", _ANY, _stuck),
    Form("stale", "row before", _ANY, _of_row_before),
)


def categories_of(column: pd.Series) -> pd.CategoricalDtype:
    """Return the type of a column of categories that has just these values."""
    return pd.CategoricalDtype(list(pd.unique(column.dropna())))


def _wide(column: pd.Series) -> pd.Series:
    """Whole numbers with room for a factor and a sign; missing values stay."""
    if not types.is_integer_dtype(column.dtype):
        return column
    return column.astype("Int64" if types.is_extension_array_dtype(column.dtype) else "int64")
