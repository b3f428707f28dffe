"""Columns on two sides, ready to be compared: what the model reads, the target, the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.datasets import Dataset

ANSWERS = ("prediction", "score")
"""What the answers of the model are called among the columns."""
_MOSTLY_DISTINCT = 0.5
"""A text column with more distinct values than this share of its rows is a name: it has no distribution."""


@dataclass(frozen=True)
class Pair:
    """One column on both sides: floats (also times) or categories, missing as missing."""

    reference: pd.Series
    current: pd.Series

    @classmethod
    def of(cls, reference: pd.Series, current: pd.Series) -> Pair:
        """Bring both sides to one kind, that of the reference. What is no number there is missing."""
        reference, current = reference.reset_index(drop=True), current.reset_index(drop=True)
        if _is_number(reference):
            return cls(_floats(reference), _floats(current))
        return cls(reference, current)

    @property
    def number(self) -> bool:
        """Floats, not categories."""
        return pd.api.types.is_float_dtype(self.reference.dtype)

    @cached_property
    def empty_in(self) -> tuple[str, ...]:
        """The sides on which every value is missing."""
        sides = {"reference": self.reference, "data": self.current}
        return tuple(side for side, column in sides.items() if not _something(column))

    @property
    def gaps(self) -> bool:
        """A value is missing on some side."""
        return bool(self.reference.hasnans or self.current.hasnans)


def pairs(subject: Subject, reference: Dataset, features: Sequence[str]) -> tuple[dict[str, Pair], list[str]]:
    """Return the columns that can be compared, by name, and notes on those that cannot.

    The answers of the model are ``prediction`` and, when it has one, ``score``.
    """
    now, before = subject.data.frame, reference.frame
    wanted = list(dict.fromkeys([*features, subject.data.target]))
    absent = [c for c in wanted if c not in before.columns or c not in now.columns]
    names = [c for c in wanted if c not in absent and _is_name(before[c])]
    notes = [
        f"{why}, not compared: {', '.join(columns)}."
        for why, columns in (("Only on one side", absent), ("Mostly distinct texts", names))
        if columns
    ]
    found = {c: Pair.of(before[c], now[c]) for c in wanted if c not in absent and c not in names}
    answers, note = _answers(subject, reference)
    return found | answers, notes + note


def _answers(subject: Subject, reference: Dataset) -> tuple[dict[str, Pair], list[str]]:
    """The model's answers on both sides: what moves here matters even when no single column moved far."""
    predictor, data = subject.predictor, subject.data

    def answered(column: str | None) -> bool:
        return predictor.reads_rows or column in reference.frame.columns

    if not answered(data.prediction):
        return {}, [f"The reference has no column {data.prediction!r}: predictions are not compared."]
    sides: dict[str, Callable[[], tuple[Any, Any]]] = {
        "prediction": lambda: (subject.reference_answers, subject.answers)
    }
    if answered(data.score):
        sides["score"] = lambda: (subject.reference_scores, subject.scores)
    found, notes = {}, []
    for name, ask in sides.items():
        try:
            before, now = ask()
        except Exception as error:  # noqa: BLE001 - whatever a model raises; the columns can be compared still
            notes.append(f"The model gave no {name} ({type(error).__name__}), which is not compared.")
            continue
        if before is not None and now is not None:
            found[name] = Pair.of(pd.Series(before), pd.Series(now))
    return found, notes


def _something(column: pd.Series) -> bool:
    """Whether any value is known; mostly the first rows tell."""
    return bool(column.iloc[:1000].notna().any() or column.notna().any())


def _is_number(column: pd.Series) -> bool:
    types = pd.api.types
    number = types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype)
    return number or types.is_datetime64_any_dtype(column.dtype)


def _floats(column: pd.Series) -> pd.Series:
    """Numbers as they are, times as seconds, anything else missing."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        naive = column.dt.tz_localize(None) if column.dt.tz is not None else column
        return (naive - pd.Timestamp(0)).dt.total_seconds()
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf":
        return column.astype("float64")
    return pd.to_numeric(column, errors="coerce").astype("Float64").astype("float64")


def _is_name(column: pd.Series) -> bool:
    if _is_number(column) or pd.api.types.is_bool_dtype(column.dtype):
        return False
    return bool(column.nunique() > max(10, _MOSTLY_DISTINCT * len(column)))
