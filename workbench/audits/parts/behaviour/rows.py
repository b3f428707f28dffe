"""The rows that a behaviour case is tried on: its own, a sample of the data, a template."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.cases import MOST_COMBINATIONS, Case
from workbench.core.errors import InvalidInput, unknown

Array = np.ndarray[Any, Any]


def drawn(case: Case, subject: Subject) -> bool:
    """Whether the rows are drawn from the audited data, and so stand for more."""
    return not case.rows and not _complete(case, subject)


def _complete(case: Case, subject: Subject) -> bool:
    """The template fills every column that the model reads."""
    return bool(case.template) and set(subject.features) <= set(case.template)


def rows_of(case: Case, subject: Subject, sample: int) -> tuple[pd.DataFrame, int]:
    """Return the rows that a case is tried on, and how often each comes: once for each combination.

    A row that is wrong with one combination is wrong; combinations that are the rows count for themselves.
    """
    combinations = list(product(*case.template.values()))
    if _complete(case, subject):
        if case.rows or case.where:
            raise InvalidInput(
                "the template fills every column: neither 'rows' nor 'where' has a meaning.",
                remedy="Leave a column out of the template, or leave them out.",
                field="template",
            )
        return like(pd.DataFrame(combinations, columns=list(case.template)), subject.data.frame), 1
    most = max(min(sample, MOST_COMBINATIONS // len(combinations)), 1)
    base = given_rows(case, subject) if case.rows else _sample(case, subject, most)
    require_columns(case.template, subject.data.frame)
    if not case.template:
        return base, 1
    repeated = pd.concat([base] * len(combinations), ignore_index=True)
    put = zip(case.template, zip(*combinations, strict=True), strict=True)
    filled = {c: [value for value in values for _ in range(len(base))] for c, values in put}
    return like(repeated.assign(**filled), subject.data.frame), len(combinations)


def _sample(case: Case, subject: Subject, most: int) -> pd.DataFrame:
    frame = subject.data.frame
    chosen = np.flatnonzero(_meets(case.where, frame))
    rng = np.random.default_rng(subject.seed)
    return frame.iloc[np.sort(rng.choice(chosen, size=min(most, len(chosen)), replace=False))]


def _meets(where: dict[str, Any], frame: pd.DataFrame) -> Array:
    """Which rows fulfil every condition, shape (n,). What is missing fulfils none."""
    require_columns(where, frame)
    meets = np.ones(len(frame), dtype=bool)
    for column, wanted in where.items():
        values = frame[column]
        if isinstance(wanted, dict):
            held = values.ge(wanted.get("at_least", -np.inf)) & values.le(wanted.get("at_most", np.inf))
        else:
            held = values.isin(wanted if isinstance(wanted, list | tuple) else [wanted])
        meets &= held.fillna(False).to_numpy(dtype=bool)  # noqa: FBT003 - pandas' signature
    return meets


def given_rows(case: Case, subject: Subject) -> pd.DataFrame:
    """Return the rows that the case brings along."""
    return like(pd.DataFrame(list(case.rows)), subject.data.frame)


def like(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns the dtypes the model was audited with. Whole-number columns with gaps stay as they are."""

    def fits(column: str) -> bool:
        dtype = frame[column].dtype
        return not (isinstance(dtype, np.dtype) and dtype.kind in "iub" and rows[column].isna().any())

    return rows.astype({c: frame[c].dtype for c in rows.columns if c in frame.columns and fits(c)})


def require_columns(columns: dict[str, Any], rows: pd.DataFrame) -> None:
    """Refuse a column that the rows do not have, with the nearest."""
    for column in columns:
        if column not in rows.columns:
            raise unknown("case", "column", column, rows.columns)
