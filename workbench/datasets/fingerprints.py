"""The fingerprint of a frame: what evidence and lineage say the data was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from workbench.core.digests import of_json

if TYPE_CHECKING:
    import pandas as pd


def fingerprint(frame: pd.DataFrame) -> str:
    """Return the SHA-256 digest of names, dtypes and values, column by column.

    The order of rows and of columns matters; the index does not. A missing value is one value whatever its
    bits, so a frame read back from Parquet has the same fingerprint.
    """
    return of_columns(column_fingerprints(frame), rows=len(frame))


def column_fingerprints(frame: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return name, dtype and SHA-256 of the values of every column, in order."""
    columns = (frame.iloc[:, i] for i in range(frame.shape[1]))
    return [(str(column.name), str(column.dtype), _values(column)) for column in columns]


def of_columns(columns: Sequence[tuple[str, str, str]], *, rows: int) -> str:
    """Return the fingerprint of a frame from those of its columns."""
    return of_json({"rows": rows, "columns": [list(column) for column in columns]})


def _values(column: pd.Series) -> str:
    """Hex SHA-256 of one column's values."""
    import numpy as np

    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biufmM":
        values = column.to_numpy()
        if values.dtype.kind == "f":  # 0/0 and nan differ in the sign bit, and nobody means that
            values = np.where(np.isnan(values), np.array(np.nan, dtype=values.dtype), values)
        return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    if column.dtype == object:  # mixed: 1 and "1" are different values
        column = column.map(lambda value: f"{type(value).__name__}:{value}")
    codes, distinct = column.factorize()
    digest = hashlib.sha256(np.ascontiguousarray(codes, dtype=np.int64).tobytes())
    digest.update(json.dumps([str(value) for value in distinct]).encode())
    return digest.hexdigest()
