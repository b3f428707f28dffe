"""What a model expects: its input columns as training showed them, and an example that is nobody's row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from workbench.core.errors import InvalidInput
from workbench.models.checks import select
from workbench.models.predictors import predictor_of
from workbench.models.records import Column

if TYPE_CHECKING:
    import pandas as pd

    from workbench.datasets import Dataset

#: A text column with at most this many values is taken to have categories.
MOST_CATEGORIES = 50

#: A text value stands in the example only when at least this many rows share it: else it may be a name.
SHARED_BY = 10


def inputs_of(model: Any, train: Dataset) -> list[str]:
    """Return the columns the model reads, in order.

    An estimator fitted on a frame says which. One fitted without names reads all features, or all that are
    not sensitive, whichever has its width. A function is asked for a few rows without the sensitive columns:
    when it answers, it does not read them.

    Raises:
        InvalidInput: an estimator without names whose width fits neither.
    """
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    everything = train.features
    neutral = [name for name in everything if name not in train.sensitive]
    width = getattr(model, "n_features_in_", None)
    if width is None:
        return neutral if _answers(model, train, neutral) else everything
    for candidate in (everything, neutral):
        if len(candidate) == width:
            return candidate
    raise InvalidInput(
        f"model: it was fitted on {width} columns without names; train has {len(everything)} features.",
        remedy="Fit it on a DataFrame, or give train with exactly those columns and the target.",
        field="train",
    )


def columns_of(frame: pd.DataFrame, names: Sequence[str]) -> tuple[Column, ...]:
    """Describe the input columns by their training values.

    Raises:
        InvalidInput: a column holds something else than numbers, booleans or text.
    """
    inputs = select(frame, list(names))
    return tuple(_column(inputs[name]) for name in names)


def example_of(frame: pd.DataFrame, columns: Sequence[Column]) -> dict[str, Any]:
    """Return one made-up row: the median of numbers, the commonest text.

    Medians and modes of single columns, not a row of the training data: that could be a person's. A text
    that fewer than ten rows share is left empty for the same reason.
    """
    return {column.name: _typical(frame[column.name], column) for column in columns}


def mlflow_signature(columns: Sequence[Column], answers: Any) -> Any:
    """Return the same columns as an ``mlflow.models.ModelSignature``; the output is inferred from answers."""
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types.schema import ColSpec, DataType, Schema

    inputs = Schema([ColSpec(DataType[c.type], c.name, required=c.required) for c in columns])
    return ModelSignature(inputs=inputs, outputs=infer_signature(model_output=answers).outputs)


def _answers(function: Any, train: Dataset, columns: list[str]) -> bool:
    """Whether a function answers rows that have these columns only."""
    asked = predictor_of(function, task=train.task, classes=train.classes, columns=columns)
    try:
        asked.predict(train.frame.head(5))
    except Exception:  # noqa: BLE001 - whatever a user's function raises when a column is not there
        return False
    return True


def _column(values: pd.Series) -> Column:
    from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype

    name, required = str(values.name), not values.hasnans
    known = values.dropna()
    kind = known.dtype if not hasattr(known, "cat") else known.cat.categories.dtype
    if is_bool_dtype(kind):
        return Column(name=name, type="boolean", required=required)
    if is_integer_dtype(kind) or is_float_dtype(kind):
        numbers = known.astype(float)
        type: Literal["long", "double"] = "long" if is_integer_dtype(kind) else "double"
        return Column(
            name=name,
            type=type,
            required=required,
            low=float(numbers.min()) if len(numbers) else None,
            high=float(numbers.max()) if len(numbers) else None,
            integer=bool(len(numbers)) and bool((numbers % 1 == 0).all()),
        )
    if not all(isinstance(value, str) for value in known.unique()):
        raise InvalidInput(
            f"train: column {name!r} holds {values.dtype}, neither numbers, booleans nor text.",
            remedy="Convert it before the model: a date to days, mixed values to text.",
            field=name,
        )
    distinct = sorted(known.unique())
    few = 0 < len(distinct) <= MOST_CATEGORIES
    return Column(name=name, type="string", required=required, categories=tuple(distinct) if few else None)


def _typical(values: pd.Series, column: Column) -> Any:
    known = values.dropna()
    if column.type in ("double", "long"):
        median = float(known.astype(float).quantile(interpolation="nearest")) if len(known) else 0.0
        return int(median) if column.type == "long" else median
    counts = known.value_counts()
    if column.type == "boolean":
        return bool(counts.index[0]) if len(counts) else False
    return str(counts.index[0]) if len(counts) and counts.iloc[0] >= SHARED_BY else ""
