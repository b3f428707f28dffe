"""``Dataset``: a frame and the roles of its columns, checked once, so that no audit has to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from workbench.core.errors import InvalidInput, nearest, unknown
from workbench.datasets.fingerprints import column_fingerprints, of_columns
from workbench.datasets.labels import Task, classes_of, read_positive, read_task
from workbench.datasets.reading import to_frame

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: The group of rows whose sensitive value is missing.
MISSING = "missing"


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows with a truth. ``Dataset.of`` checks and makes it; the frame is the user's, never written to."""

    frame: pd.DataFrame
    target: str
    sensitive: tuple[str, ...] = ()
    positive: Any | None = None
    """The positive label of a binary target, as it stands in the frame; None otherwise."""
    task: Task = "classification"
    prediction: str | None = None
    """Column that already holds predictions."""
    score: str | None = None
    """Column that already holds the probability of the positive label."""
    notes: tuple[str, ...] = ()
    """What was assumed or left out, for the reader of a report."""

    @classmethod
    def of(
        cls,
        data: Any,
        *,
        target: str,
        sensitive: Sequence[str] = (),
        prediction: str | None = None,
        score: str | None = None,
        positive: Any = None,
        task: Task | None = None,
    ) -> Self:
        """Check ``data`` and give its columns their roles.

        Args:
            data: DataFrame, Arrow table, polars frame, dict of lists, or path of a CSV or Parquet file.
            target: column with the truth. Rows where it is missing are left out, and a note says how many.
            sensitive: columns to compare groups by.
            prediction: column that already holds predictions.
            score: column that already holds probabilities of the positive label, 0 to 1.
            positive: the positive of two labels. Default: 1, True or a word for yes; else the greater, with a
                note.
            task: default: read from the target (text, booleans and at most 20 whole numbers: classification).

        Raises:
            InvalidInput: a column is missing (naming the nearest), the target has one class, a prediction is
                missing or no label of the target, a score is not within 0 and 1 …
        """
        frame = to_frame(data)
        # The frame's names are text by now, so 3 names the column that was 3.
        target, *named = str(target), *([sensitive] if isinstance(sensitive, str) else sensitive)
        sensitive = tuple(dict.fromkeys(str(name) for name in named))
        prediction, score = (None if name is None else str(name) for name in (prediction, score))
        _require_columns(frame, target=target, sensitive=sensitive, prediction=prediction, score=score)
        frame, notes = _with_target(frame, target)
        if task is None:
            task = read_task(frame[target])
        elif task not in ("classification", "regression"):
            raise unknown("task", "task", task, ("classification", "regression"))
        if task == "classification":
            classes = _classes(frame, target)
            positive, note = read_positive(classes, positive)
            notes += [note] if note else []
            _check_labels(frame, prediction, classes)
        else:
            _require_no_positive(positive)
            _check_numbers(frame, "target", target)
            _check_numbers(frame, "prediction", prediction)
        _check_scores(frame, score)
        return cls(frame, target, sensitive, positive, task, prediction, score, tuple(notes))

    @cached_property
    def digest(self) -> str:
        """Fingerprint of the whole frame."""
        return of_columns([(n, *rest) for n, rest in self.column_digests.items()], rows=len(self))

    @cached_property
    def column_digests(self) -> dict[str, tuple[str, str]]:
        """Type and SHA-256 of the values of every column, by name, in order."""
        return {name: (dtype, values) for name, dtype, values in column_fingerprints(self.frame)}

    def only(self, columns: Sequence[str]) -> Self:
        """Return the same rows with fewer columns; names the frame does not have are passed over."""
        kept = [name for name in self.frame.columns if name in set(columns)]
        fewer = replace(self, frame=self.frame[kept])
        digests = {name: self.column_digests[name] for name in kept}
        fewer.__dict__["column_digests"] = digests
        return fewer

    @cached_property
    def y(self) -> np.ndarray:
        """The truth, shape (n,): labels as they stand in the frame, or numbers."""
        return plain(self.frame[self.target])

    @cached_property
    def classes(self) -> tuple[Any, ...]:
        """The labels of a classification target, sorted; empty for regression."""
        return classes_of(self.y) if self.task == "classification" else ()

    @property
    def features(self) -> list[str]:
        """Every column that is not target, prediction or score. Sensitive columns are among them."""
        roles = {self.target, self.prediction, self.score}
        return [name for name in self.frame.columns if name not in roles]

    def groups(self, column: str) -> np.ndarray:
        """Return the group of every row by one sensitive column, as text; missing values are ``missing``."""
        import numpy as np

        codes, names = self.frame[column].factorize()
        labels = np.array([*(str(name) for name in names), MISSING], dtype=object)
        return np.asarray(labels[codes])  # the code of a missing value is -1: the last label

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        return f"Dataset({len(self)} rows, target={self.target!r}, {len(self.features)} features)"


def plain(column: pd.Series) -> np.ndarray:
    """Return a column as NumPy holds it best: numbers as numbers, everything else as objects."""
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype

    if is_bool_dtype(column.dtype) and not column.hasnans:
        kind: Any = bool
    elif is_integer_dtype(column.dtype) and not column.hasnans:
        kind = "int64"
    elif is_bool_dtype(column.dtype) or is_integer_dtype(column.dtype) or is_float_dtype(column.dtype):
        return np.asarray(column.to_numpy(dtype=float, na_value=np.nan))
    else:
        kind = object
    return np.asarray(column.to_numpy(dtype=kind))


def _require_columns(
    frame: pd.DataFrame, *, target: str, sensitive: tuple[str, ...], prediction: str | None, score: str | None
) -> None:
    asked = [("target", target), *(("sensitive", name) for name in sensitive)]
    asked += [
        (role, name) for role, name in (("prediction", prediction), ("score", score)) if name is not None
    ]
    for role, name in asked:
        if name not in frame.columns:
            raise InvalidInput(
                f"{role}: column {name!r} is not in the data.",
                remedy=nearest(name, frame.columns),
                field=role,
            )
    for role, name in asked[1:]:
        if name == target and role != "sensitive":
            raise InvalidInput(
                f"{role}: column {name!r} is the target.", remedy="Name another column.", field=role
            )


def _with_target(frame: pd.DataFrame, target: str) -> tuple[pd.DataFrame, list[str]]:
    """Leave out the rows whose truth is missing; the frame itself when there is none."""
    missing = frame[target].isna().to_numpy()
    count = int(missing.sum())
    if count == 0:
        return frame, []
    if count == len(frame):
        raise InvalidInput(
            f"target: every value of {target!r} is missing.",
            remedy="Give rows whose truth is known.",
            field="target",
        )
    return frame[~missing], [f"{count} of {len(frame)} rows have no {target!r} and were left out."]


def _classes(frame: pd.DataFrame, target: str) -> tuple[Any, ...]:
    classes = classes_of(plain(frame[target]))
    if len(classes) == 1:
        raise InvalidInput(
            f"target: {target!r} has one class only, {classes[0]!r}.",
            remedy="Give rows of at least two classes.",
            field="target",
        )
    return classes


def _check_labels(frame: pd.DataFrame, prediction: str | None, classes: tuple[Any, ...]) -> None:
    if prediction is None:
        return
    if frame[prediction].isna().any():
        _missing("prediction", prediction, int(frame[prediction].isna().sum()))
    for label in classes_of(plain(frame[prediction])):
        if label not in classes:
            raise InvalidInput(
                f"prediction: {prediction!r} holds {label!r}, which is no value of the target.",
                remedy=f"Labels are {', '.join(map(repr, classes[:8]))}; for probabilities use score=.",
                field="prediction",
            )


def _check_numbers(frame: pd.DataFrame, role: str, column: str | None) -> None:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if column is None:
        return
    if is_bool_dtype(frame[column].dtype) or not is_numeric_dtype(frame[column].dtype):
        raise InvalidInput(
            f"{role}: {column!r} holds {frame[column].dtype}, not numbers.",
            remedy="Make it numeric, or give task='classification'.",
            field=role,
        )
    if frame[column].isna().any():
        _missing(role, column, int(frame[column].isna().sum()))


def _check_scores(frame: pd.DataFrame, score: str | None) -> None:
    if score is None:
        return
    _check_numbers(frame, "score", score)
    low, high = float(frame[score].min()), float(frame[score].max())
    if low < 0 or high > 1:
        raise InvalidInput(
            f"score: {score!r} reaches from {low:g} to {high:g}; a probability is between 0 and 1.",
            remedy="Rescale it, for example by its greatest possible value.",
            field="score",
        )


def _missing(role: str, column: str, count: int) -> None:
    raise InvalidInput(
        f"{role}: {count} values of {column!r} are missing.", remedy="Drop or fill those rows.", field=role
    )


def _require_no_positive(given: Any) -> None:
    if given is not None:
        raise InvalidInput(
            "positive: a regression target has no positive label.",
            remedy="Leave it out, or give task='classification'.",
            field="positive",
        )
