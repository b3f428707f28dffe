"""Cells of checked columns as pandas would have read them from the training file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from workbench.models.records import Column

if TYPE_CHECKING:
    import pandas as pd


def frame_of(columns: Sequence[Column], cells: Mapping[str, list[Any]]) -> pd.DataFrame:
    """Return cells as a frame of the types a model was trained on; None is a missing one."""
    import pandas as pd

    return pd.DataFrame({column.name: _array(column, cells[column.name]) for column in columns}, copy=False)


def _array(column: Column, cells: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    if column.type == "double":
        return np.array(cells, dtype=float)  # None becomes NaN
    if column.type == "string":
        return pd.array(cells, dtype="str")
    if None not in cells:
        return np.array(cells, dtype=np.int64 if column.type == "long" else bool)
    return np.array(cells, dtype=float if column.type == "long" else object)
