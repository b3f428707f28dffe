"""One row of a decision, given in whatever form it is at hand, and its values in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.core.errors import InvalidInput, nearest


def one_row(subject: Subject, row: Any) -> pd.DataFrame:
    """Return the row as a frame of one row with the dtypes of the data.

    Args:
        subject: whose data says what columns hold.
        row: place in ``subject.data`` (a whole number), a mapping, a Series, or a frame of one row.

    Raises:
        InvalidInput: no such place, more than one row, a column the model reads is missing, or a value that
            its column cannot hold.
    """
    frame = subject.data.frame
    if isinstance(row, int | np.integer) and not isinstance(row, bool):
        if not 0 <= row < len(frame):
            raise InvalidInput(
                f"row: there is no row {row}.", remedy=f"Rows are 0 to {len(frame) - 1}.", field="row"
            )
        return frame.iloc[[int(row)]].reset_index(drop=True)
    if isinstance(row, pd.Series | Mapping):
        row = pd.DataFrame({str(k): pd.Series([v], dtype=object) for k, v in dict(row).items()})
    if not isinstance(row, pd.DataFrame) or len(row) != 1:
        raise InvalidInput(
            "row: one row is explained at a time.",
            remedy="Give its place in the data, a mapping of columns to values, or a frame of one row.",
            field="row",
        )
    missing = [name for name in subject.features if name not in row.columns]
    if missing:
        raise InvalidInput(
            f"row: column {missing[0]!r} is missing.", remedy=nearest(missing[0], row.columns), field="row"
        )
    row = row.reset_index(drop=True)
    return pd.DataFrame({name: _like(row[name], frame, name) for name in row.columns})


def plain_value(value: Any) -> Any:
    """A value as JSON holds it: None when missing, text for what JSON has no word for."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value is pd.NaT or value is pd.NA or value != value:  # noqa: PLR0124 - NaN
        return None
    return value if isinstance(value, bool | int | float | str) else str(value)


def said(value: Any) -> str:
    """A value in a sentence: ``12,000``, ``0.25``, ``'west'``, ``missing``."""
    value = plain_value(value)
    if value is None:
        return "missing"
    if isinstance(value, float) and abs(value) < 1000 and value != int(value):
        return f"{value:.3g}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return repr(value)


def _like(column: pd.Series, frame: pd.DataFrame, name: str) -> pd.Series:
    """In the dtype of the data; a gap among whole numbers as a real number."""
    if name not in frame.columns:
        return column.infer_objects()
    dtype: Any = frame[name].dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iub" and column.isna().any():
        dtype = np.dtype(float)
    try:
        held = _held(column, dtype)
    except (TypeError, ValueError, OverflowError) as error:
        raise _cannot(name, column, dtype) from error
    if held is None:
        raise _cannot(name, column, dtype)
    return held


def _held(column: pd.Series, dtype: Any) -> pd.Series | None:
    """The value in that dtype; None where a cast would make another value of it without a word."""
    if column.isna().any():
        return column.astype(dtype)
    value = column.iloc[0]
    if isinstance(dtype, pd.CategoricalDtype):
        return column.astype(dtype) if value in dtype.categories else None
    if pd.api.types.is_bool_dtype(dtype):
        return column.astype(dtype) if value in (True, False) else None
    if pd.api.types.is_integer_dtype(dtype) and float(value) != int(float(value)):
        return column.astype(float)  # 40.5 among whole numbers stays 40.5
    return column.astype(dtype)


def _cannot(name: str, column: pd.Series, dtype: Any) -> InvalidInput:
    given = repr(column.iloc[0])
    return InvalidInput(
        f"row: {name} cannot be {given if len(given) <= 80 else given[:79] + '…'}.",
        remedy=f"The data holds {dtype} there.",
        field="row",
    )
