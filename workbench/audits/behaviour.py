"""Does the model do what people wrote down: golden rows, invariances, directions; one verdict a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from pydantic import PlainSerializer

from workbench.audits.base import Finding, Subject
from workbench.audits.cases import Case, digest_of, load_cases
from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput, NotFound, nearest, unknown
from workbench.core.values import Outcome, worst

Array = np.ndarray[Any, Any]
Tried = tuple[Array, str]
"""Whether each row holds, shape (n,), and what the reader should know."""

_NAMED = 5
"""Failing rows that a note names."""


def _without_rows(given: str | tuple[Case | str, ...]) -> Any:
    """What evidence keeps of the cases: evidence is shown to people who may not see rows."""
    if isinstance(given, str):
        return given
    return [e if isinstance(e, str) else {"name": e.name, "digest": digest_of([e])} for e in given]


@dataclass(frozen=True)
class Behaviour:
    """Behaviour cases, from files or given. See ``workbench.audits.cases`` for what a case looks like."""

    name: ClassVar[str] = "behaviour"

    cases: Annotated[str | tuple[Case | str, ...], PlainSerializer(_without_rows)] = ()
    """A folder or file of cases, or a list of cases, folders and files."""
    sample: int = 200
    """Rows of the audited data, drawn at random, that a case without rows is tried on."""

    def __post_init__(self) -> None:
        if self.sample < 1:
            raise InvalidInput("behaviour: sample must be at least 1.", field="sample")

    def applies(self, subject: Subject) -> str:
        """Needs cases, and a model that answers new rows."""
        if not self.cases:
            return "There are no behaviour cases."
        if not subject.predictor.reads_rows:
            return "Predictions are a column: there is no model to ask about the cases."
        return ""

    def measure(self, subject: Subject) -> Finding:
        """Try every case. One that cannot be tried is an error of its own and stops no other."""
        cases = self._loaded()
        if not cases:
            return Finding([], outcome=Outcome.INCONCLUSIVE, notes=[f"No behaviour case in {self.cases!r}."])
        tried = [_try(case, subject, self.sample) for case in cases]
        passed = sum(m.outcome is Outcome.PASS for m in tried)
        outcome = worst([m.outcome for m in tried])
        overall = Measurement(
            metric="cases_passed", value=passed / len(tried), n=len(tried), unit="rate", outcome=outcome
        )
        return Finding([overall, *tried], outcome=outcome, notes=[f"{len(cases)} cases, {digest_of(cases)}."])

    def _loaded(self) -> list[Case]:
        entries = (self.cases,) if isinstance(self.cases, str) else self.cases
        return [case for e in entries for case in ([e] if isinstance(e, Case) else _from_path(e))]


def _from_path(path: str) -> list[Case]:
    if not Path(path).exists():
        raise NotFound(
            f"cases: there is no {path!r}.",
            remedy="Give the folder or file of the cases.",
            field="cases",
        )
    return load_cases(path)


def _try(case: Case, subject: Subject, sample: int) -> Measurement:
    try:
        holds, note = _KINDS[case.kind](case, subject, sample)
    except Exception as error:  # noqa: BLE001 - a model that dies on a case has failed to answer it
        note = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        return _measured(case, value=None, n=0, outcome=Outcome.ERROR, note=note)
    rate = float(holds.mean())
    outcome = Outcome.PASS if rate >= case.at_least else Outcome.FAIL
    said = (f"{case.kind}, at least {case.at_least:g}", note, case.source)
    return _measured(case, value=rate, n=len(holds), outcome=outcome, note=". ".join(filter(None, said)))


def _measured(case: Case, **found: Any) -> Measurement:
    return Measurement(metric="case_pass_rate", slice=case.name, unit="rate", **found)


def _golden(case: Case, subject: Subject, sample: int) -> Tried:  # noqa: ARG001 - rows are the case's own
    known = subject.predictor.classes
    for label in case.expected:
        if known and label not in known:
            raise InvalidInput(f"expected {label!r} is no answer of the model.", remedy=nearest(label, known))
    got = subject.predictor.predict(_rows(case, subject))
    labels = subject.data.task == "classification"
    holds = _same(got, np.array(case.expected, dtype=object if labels else float), case)
    wrong = np.flatnonzero(~holds)
    if not wrong.size:
        return holds, ""
    told = ", ".join(f"row {i + 1}: {got[i]} instead of {case.expected[i]}" for i in wrong[:_NAMED])
    return holds, told + (f" and {wrong.size - _NAMED} more" if wrong.size > _NAMED else "")


def _invariance(case: Case, subject: Subject, sample: int) -> Tried:
    rows = _rows_or_sample(case, subject, sample)
    _require(case.replace, rows)
    before = subject.predictor.predict(rows)
    choices = [v if isinstance(v, list | tuple) else [v] for v in case.replace.values()]
    holds = np.ones(len(rows), dtype=bool)
    for values in product(*choices):
        put = {c: [v] * len(rows) for c, v in zip(case.replace, values, strict=True)}
        changed = _like(rows.assign(**put), subject.data.frame)
        holds &= _same(subject.predictor.predict(changed), before, case)
    return holds, _unread(case.replace, subject)


def _directional(case: Case, subject: Subject, sample: int) -> Tried:
    rows = _rows_or_sample(case, subject, sample)
    _require(case.add, rows)
    steps = {c: int(step) if step.is_integer() else step for c, step in case.add.items()}
    changed = rows.assign(**{c: rows[c] + step for c, step in steps.items()})
    sign = 1.0 if case.direction == "not_lower" else -1.0
    rise = sign * (_level(subject, changed) - _level(subject, rows))
    return rise >= -case.tolerance, _unread(case.add, subject)


_KINDS: dict[str, Callable[[Case, Subject, int], Tried]] = {
    "golden": _golden,
    "invariance": _invariance,
    "directional": _directional,
}


def _level(subject: Subject, rows: pd.DataFrame) -> Array:
    """What may not go the wrong way: the score, else the number, else "is it the positive label"."""
    scores = subject.predictor.scores(rows)
    if scores is not None:
        return scores
    answers = subject.predictor.predict(rows)
    if subject.data.task == "regression":
        return answers
    if subject.data.positive is None:
        raise InvalidInput("a direction needs scores, numbers or a positive label; this model has none.")
    return np.asarray(answers == subject.data.positive, dtype=float)


def _same(got: Array, wanted: Array, case: Case) -> Array:
    if got.dtype.kind == "f" and case.tolerance > 0:
        return np.asarray(np.abs(got - wanted.astype(float)) <= case.tolerance)
    return np.asarray(got == wanted, dtype=bool)


def _rows_or_sample(case: Case, subject: Subject, sample: int) -> pd.DataFrame:
    if case.rows:
        return _rows(case, subject)
    frame = subject.data.frame
    rng = np.random.default_rng(subject.seed)
    return frame.iloc[np.sort(rng.choice(len(frame), size=min(sample, len(frame)), replace=False))]


def _rows(case: Case, subject: Subject) -> pd.DataFrame:
    return _like(pd.DataFrame(list(case.rows)), subject.data.frame)


def _like(rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Give columns the dtypes the model was audited with. Whole-number columns with gaps stay as they are."""

    def fits(column: str) -> bool:
        dtype = frame[column].dtype
        return not (isinstance(dtype, np.dtype) and dtype.kind in "iub" and rows[column].isna().any())

    return rows.astype({c: frame[c].dtype for c in rows.columns if c in frame.columns and fits(c)})


def _require(columns: dict[str, Any], rows: pd.DataFrame) -> None:
    for column in columns:
        if column not in rows.columns:
            raise unknown("case", "column", column, rows.columns)


def _unread(columns: dict[str, Any], subject: Subject) -> str:
    read = subject.predictor.columns
    idle = [c for c in columns if read is not None and c not in read]
    return f"the model does not read {', '.join(idle)}" if idle else ""
