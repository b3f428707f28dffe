"""What people hold data in, made a DataFrame without copying where that is possible."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.core.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

_FORMS = "Give a DataFrame, an Arrow table, a dict of lists, or the path of a CSV or Parquet file."


def read_frame(path: str | Path, *, text: Collection[str] = ()) -> pd.DataFrame:
    """Read ``.csv`` (also ``.csv.gz``) or ``.parquet``.

    Args:
        path: the file.
        text: columns of a CSV that are text even where they look like numbers: ids.

    Raises:
        InvalidInput: no such file, another ending, or not what its ending says.
    """
    import pandas as pd
    import pyarrow as pa

    path = Path(path).expanduser()
    if not path.is_file():
        raise InvalidInput(f"data: there is no file {path.name!r}.", remedy="Check the path.", field="data")
    endings = "".join(path.suffixes[-2:]).lower()
    try:
        if endings.endswith(".parquet"):
            return pd.read_parquet(path)
        if endings.endswith((".csv", ".csv.gz")):
            return pd.read_csv(path, dtype=dict.fromkeys(text, str))
    except (ValueError, OSError, pa.ArrowException) as error:  # what the two readers raise on a damaged file
        raise InvalidInput(
            f"data: {path.name} cannot be read: {str(error).splitlines()[0]}",
            remedy="Check that it is a UTF-8 CSV with a header, or a Parquet file.",
            field="data",
        ) from error
    raise InvalidInput(
        f"data: {path.name} is neither .csv nor .parquet.", remedy="Save it as one of them.", field="data"
    )


def to_frame(data: Any) -> pd.DataFrame:
    """Return ``data`` as a DataFrame with text column names: as it is, where it is one already.

    Args:
        data: DataFrame, path, pyarrow Table, any frame that narwhals knows (polars …), or a dict of lists.

    Raises:
        InvalidInput: another type, no columns or rows, or two columns of the same name.
    """
    frame = _as_pandas(data)
    if not all(isinstance(name, str) for name in frame.columns):
        frame = frame.set_axis([str(name) for name in frame.columns], axis="columns")
    repeated = frame.columns[frame.columns.duplicated()].unique()
    if len(repeated):
        names = ", ".join(repr(name) for name in repeated)
        raise InvalidInput(
            f"data: more than one column is named {names}.", remedy="Rename or drop them.", field="data"
        )
    if frame.empty:
        what = "rows" if len(frame.columns) else "columns"
        raise InvalidInput(f"data: it has no {what}.", remedy=_FORMS, field="data")
    return frame


def _as_pandas(data: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, str | Path):
        return read_frame(data)
    if isinstance(data, Mapping):
        return _from_columns(data)
    import narwhals as nw

    known = nw.from_native(data, pass_through=True, eager_only=True)
    if isinstance(known, nw.DataFrame):
        return known.to_pandas()
    raise InvalidInput(f"data: {type(data).__name__} is not a table.", remedy=_FORMS, field="data")


def _from_columns(columns: Mapping[Any, Any]) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.DataFrame(dict(columns))
    except ValueError as error:  # pandas: unequal lengths, or only scalars
        raise InvalidInput(
            f"data: {error}.", remedy="Give every column as a list of the same length.", field="data"
        ) from error
