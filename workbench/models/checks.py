"""What must hold of a model, of what it is given, and of what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.core.errors import InvalidInput, WorkbenchError, nearest
from workbench.datasets.labels import read_positive

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def require_model(model: Any) -> None:
    """Refuse what cannot answer: a class, an unfitted estimator, something without ``predict``.

    Raises:
        InvalidInput: with field ``model`` and what to give instead.
    """
    if isinstance(model, type):
        raise InvalidInput(
            f"model: {model.__name__} is a class, not a fitted model.",
            remedy=f"Make one and fit it: {model.__name__}().fit(X, y).",
            field="model",
        )
    if type(model).__name__ == "Booster":
        raise InvalidInput(
            "model: a bare Booster answers with raw scores, not with labels, and not every one takes rows.",
            remedy="Give the estimator around it (XGBClassifier, LGBMClassifier …), or a function.",
            field="model",
        )
    if hasattr(model, "predict"):
        _require_fitted(model)
    elif hasattr(model, "fit") or not callable(model):
        raise InvalidInput(
            f"model: a {type(model).__name__} is not a model: it has no predict method.",
            remedy="Give a fitted estimator, a function of a DataFrame, or an MLflow URI.",
            field="model",
        )


def _require_fitted(model: Any) -> None:
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if not (isinstance(model, BaseEstimator) or hasattr(model, "__sklearn_is_fitted__")):
        return  # no convention says how to tell; a trial prediction will
    try:
        check_is_fitted(model)
    except NotFittedError as error:
        raise InvalidInput(
            f"model: this {type(model).__name__} is not fitted.",
            remedy="Call .fit(...) first.",
            field="model",
        ) from error


def select(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the columns a model reads, in its order.

    Raises:
        InvalidInput: naming the first missing column and the nearest there is.
    """
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        more = f" ({len(missing)} columns are missing)" if len(missing) > 1 else ""
        raise InvalidInput(
            f"data: the model reads column {missing[0]!r}, which is not there{more}.",
            remedy=nearest(missing[0], frame.columns),
            field=missing[0],
        )
    return frame if list(frame.columns) == columns else frame[columns]


def positive_of(classes: tuple[Any, ...], given: Any) -> Any:
    """Return the positive label as the model spells it.

    Raises:
        InvalidInput: the model cannot answer with the label the data calls positive.
    """
    if given is not None and classes and given not in classes:
        raise InvalidInput(
            f"model: it answers {', '.join(map(repr, classes[:8]))}, and the positive label is {given!r}.",
            remedy="Give the target the labels the model was trained on, or the right positive=.",
            field="positive",
        )
    return read_positive(classes, given)[0] if len(classes) == 2 else None


def checked(answers: Any, *, n: int, label: str) -> np.ndarray:
    """Return a model's answers as an array of shape (n,).

    Raises:
        WorkbenchError: another length or shape, or a missing value, naming which.
    """
    import numpy as np
    import pandas as pd

    values = np.asarray(answers)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    _require_shape(values, (n,), label)
    _require_known(np.isnan(values) if values.dtype.kind == "f" else np.asarray(pd.isna(values)), label)
    return values


def checked_table(answers: Any, *, n: int, k: int, label: str) -> np.ndarray:
    """Return a model's probabilities as an array of shape (n, k).

    Raises:
        WorkbenchError: another shape, or a missing value, naming which row.
    """
    import numpy as np

    values = np.asarray(answers, dtype=float)
    _require_shape(values, (n, k), label)
    _require_known(np.isnan(values).any(axis=1), label)
    return values


def _require_shape(values: np.ndarray, shape: tuple[int, ...], label: str) -> None:
    if values.shape != shape:
        wanted = "one answer" if len(shape) == 1 else f"{shape[1]} probabilities, one a label,"
        raise WorkbenchError(
            f"{label} answered with shape {values.shape} for {shape[0]} rows.",
            remedy=f"A model must give {wanted} for every row.",
            field="model",
        )


def _require_known(missing: np.ndarray, label: str) -> None:
    """Refuse rows, given as booleans of shape (n,), whose answer is missing."""
    if missing.any():
        raise WorkbenchError(
            f"{label} answered NaN for {int(missing.sum())} of {len(missing)} rows, "
            f"first for row {int(missing.argmax())}.",
            remedy="Look at the missing values in that row: the model does not handle them.",
            field="model",
        )


def plain_classes(classes: Any) -> tuple[Any, ...]:
    """Return labels as plain Python values."""
    return tuple(label.item() if hasattr(label, "item") else label for label in classes)


def labels_of(values: np.ndarray, classes: tuple[Any, ...], label: str, *, strict: bool = True) -> np.ndarray:
    """Return answers as labels of the target, ``True`` as 1 where its labels are numbers.

    Raises:
        WorkbenchError: one is no label, a probability for instance (unless not ``strict``).
    """
    import pandas as pd

    if values.dtype == bool and classes and isinstance(classes[0], int | float):
        values = values.astype(type(classes[0]))
    strangers = [
        value for value in plain_classes(pd.unique(values)) if strict and classes and value not in classes
    ]
    if strangers:
        raise WorkbenchError(
            f"{label} answered {strangers[0]!r}, which is no label of the target.",
            remedy=f"Answer with one of {', '.join(map(repr, classes[:8]))}; "
            "for probabilities give an object with predict and predict_proba.",
            field="model",
        )
    return values
