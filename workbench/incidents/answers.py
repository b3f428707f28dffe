"""One version's answers to frozen rows: all rows in one call, and when that raises, which rows raise."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.core.errors import InvalidInput
from workbench.incidents.records import Incident
from workbench.models.predictors import Predictor
from workbench.models.records import Column, ModelVersion
from workbench.traffic.policy import DIGEST

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, Any]

#: Calls spent on telling failing rows from others by halving, before a sample is taken instead.
_CALLS = 512
#: Rows of that sample, asked one at a time.
_SAMPLE = 1_000
#: Rows asked one at a time of a version that raises on none of them together.
_SINGLES = 200
#: Single rows timed, and the seconds after which no more are.
_TIMED = 25
_TIMED_SECONDS = 0.5


@dataclass(frozen=True)
class Answers:
    """What a version answers, row by row."""

    answer: Array
    """Labels or numbers, shape (n,), dtype object; None where there is no answer."""
    answered: Array
    """Rows with an answer, shape (n,), bool."""
    failed: Array
    """Rows on which it raised, shape (n,), bool. Rows in neither were not asked."""
    error: str = ""
    """The first error, in one line."""
    singly: bool = False
    """True when rows were asked one at a time, those that failed in production first."""

    @property
    def asked(self) -> Array:
        """Rows that were asked, shape (n,), bool."""
        return np.asarray(self.answered | self.failed)

    @classmethod
    def given(cls, values: Array) -> Answers:
        """Answers for every row."""
        everywhere = np.ones(len(values), dtype=bool)
        return cls(values.astype(object), everywhere, ~everywhere)


def recorded(values: pd.Series) -> Answers:
    """What production answered; rows it could not answer are not asked about."""
    answered = values.notna().to_numpy()
    plain = values.astype(object).to_numpy().copy()
    plain[~answered] = None
    return Answers(plain, answered, np.zeros(len(values), dtype=bool))


def ask(predictor: Predictor, frame: pd.DataFrame) -> Answers:
    """Ask for all rows at once; when that raises, find the rows that do.

    Halves of a batch that raises are asked again, down to single rows. Where too many rows raise for that
    (512 calls), a sample of 1,000 rows drawn with seed 0 is asked one at a time and stands for all; the rest
    counts as not asked, so that shares stay unbiased and n tells.

    Args:
        predictor: of one version.
        frame: its input columns, as ``inputs`` gives them.
    """
    try:
        return Answers.given(predictor.predict(frame))
    except Exception as error:  # noqa: BLE001 - whatever a user's model raises is what is being counted
        first = in_one_line(error)
    found = _halve(predictor, frame, np.arange(len(frame)), _CALLS)
    if found is None:
        rows = np.random.default_rng(0).choice(len(frame), size=min(_SAMPLE, len(frame)), replace=False)
        found = {int(row): _single(predictor, frame, int(row)) for row in np.sort(rows)}
    answers = _gathered(found, len(frame))
    return answers if answers.error else replace(answers, error=f"only all rows together: {first}")


def ask_singly(predictor: Predictor, frame: pd.DataFrame, given: Answers, suspects: Array) -> Answers:
    """Ask up to 200 rows one at a time, as requests do: a model may answer rows together and raise on one.

    Args:
        predictor: of one version.
        frame: its input columns, as ``inputs`` gives them.
        given: what it answers to all rows together.
        suspects: rows to ask first, shape (n,), bool. The others are drawn with seed 0.

    Returns:
        ``given`` when no row raises. Else the answers of these rows; the rest counts as not asked, so that
        shares are of rows that were asked in the same way.
    """
    drawn = np.random.default_rng(0).permutation(len(frame))
    rows = drawn[np.argsort(~suspects[drawn], kind="stable")][:_SINGLES]
    answers = _gathered({int(row): _single(predictor, frame, int(row)) for row in rows}, len(frame))
    return replace(answers, singly=True) if answers.failed.any() else given


def inputs(frame: pd.DataFrame, version: ModelVersion) -> pd.DataFrame:
    """Return the columns a version reads, with the types it was trained on, as the gateway would pass them.

    What does not fit its type is left as it is: then the model says what it makes of it.
    """
    return frame[[c.name for c in version.columns]].assign(
        **{c.name: _as_trained(frame[c.name], c) for c in version.columns}
    )


def missing_columns(frame: pd.DataFrame, version: ModelVersion) -> list[str]:
    """Columns the version reads that the rows do not have, or only as digests."""
    names = (column.name for column in version.columns)
    return [name for name in names if name not in frame.columns or _only_digests(frame[name])]


def require_values(incident: Incident, versions: Sequence[ModelVersion]) -> None:
    """Let nobody ask versions of which every one reads what was never captured.

    Raises:
        InvalidInput: that is so; it names the column.
    """
    needed = [
        [column.name for column in version.columns if column.name in incident.redacted]
        for version in versions
    ]
    if not (needed and all(needed)):
        return
    name = needed[0][0]
    raise InvalidInput(
        f"{name}: no value of this column was captured (capture_redact, capture_subject), and every version "
        f"that is asked reads it: the rows of {incident.id} cannot be replayed.",
        remedy=f"Open an incident with rows=, from where {name!r} is kept, or take it out of capture_redact.",
        field=name,
    )


def _only_digests(cells: pd.Series) -> bool:
    """Whether capture wrote digests in the place of values."""
    return any(isinstance(cell, str) and cell.startswith(DIGEST) for cell in cells)


def median_latency_ms(
    predictor: Predictor, frame: pd.DataFrame, answers: Answers
) -> tuple[float | None, str]:
    """Median milliseconds for one row at a time, on up to 25 answered rows; None when there is none.

    None too when one of them raises, which it did not among others; the second says how.
    """
    rows = np.flatnonzero(answers.answered)
    if not len(rows):
        return None, ""
    rows = rows[np.linspace(0, len(rows) - 1, num=min(_TIMED, len(rows)), dtype=int)]
    times: list[float] = []
    for row in rows.tolist():
        start = time.perf_counter()
        try:
            predictor.predict(frame.iloc[[row]])
        except Exception as error:  # noqa: BLE001 - as in ask
            return None, in_one_line(error)
        times.append(time.perf_counter() - start)
        if sum(times) > _TIMED_SECONDS:
            break
    return float(np.median(times) * 1000), ""


def in_one_line(error: Exception) -> str:
    """Return the type and first line of an error."""
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}".removesuffix(": ")[:300]


_Found = dict[int, tuple[Any, str]]
"""By row: its answer and no error, or None and the error."""


def _gathered(found: _Found, n: int) -> Answers:
    """Row by row what was found, of ``n`` rows; no error when none raised."""
    values = np.full(n, None, dtype=object)
    answered, failed = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for row, (value, problem) in found.items():
        values[row], answered[row], failed[row] = value, not problem, bool(problem)
    return Answers(values, answered, failed, next((problem for _, problem in found.values() if problem), ""))


def _halve(predictor: Predictor, frame: pd.DataFrame, rows: Array, calls: int) -> _Found | None:
    """Ask ever smaller parts of ``rows``, which raise together. None when ``calls`` did not suffice."""
    found: _Found = {}
    waiting = [half for half in np.array_split(rows, 2) if len(half)]
    while waiting:
        if calls == 0:
            return None
        calls -= 1
        part = waiting.pop()
        try:
            values = predictor.predict(frame.iloc[part])
        except Exception as error:  # noqa: BLE001 - as in ask
            if len(part) == 1:
                found[int(part[0])] = (None, in_one_line(error))
            else:
                waiting += np.array_split(part, 2)[::-1]
        else:
            found |= {int(row): (value, "") for row, value in zip(part, values.astype(object), strict=True)}
    return found


def _single(predictor: Predictor, frame: pd.DataFrame, row: int) -> tuple[Any, str]:
    try:
        return predictor.predict(frame.iloc[[row]]).astype(object)[0], ""
    except Exception as error:  # noqa: BLE001 - as in ask
        return None, in_one_line(error)


def _as_trained(values: pd.Series, column: Column) -> pd.Series:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    number = is_numeric_dtype(values.dtype) and not is_bool_dtype(values.dtype)
    empty = not values.notna().any()
    if column.type in ("double", "long") and (number or empty):
        numbers = values.astype(float)
        whole = column.type == "long" and not numbers.isna().any() and bool((numbers % 1 == 0).all())
        return values.astype("int64") if whole else numbers
    if column.type == "string" and (empty or all(isinstance(v, str) for v in values.dropna().unique())):
        return values.astype("str")
    if column.type == "boolean" and is_bool_dtype(values.dtype) and not values.hasnans:
        return values.astype(bool)
    return values
