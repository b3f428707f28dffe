"""Does the model do what people wrote down: golden rows, minimum functionality, invariances, directions.

One verdict a case. Rows that a case brings along are all there is to try: their share is judged as it is.
Rows drawn from the audited data stand for more: where a case allows exceptions, its interval is judged.
"""

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
from workbench.audits.parts.behaviour.rows import drawn, given_rows, like, require_columns, rows_of
from workbench.audits.parts.shared.options import require_at_least
from workbench.audits.records import Measurement
from workbench.core.errors import InvalidInput, NotFound, WorkbenchError, nearest
from workbench.core.values import Outcome, worst
from workbench.stats.intervals import wilson

Array = np.ndarray[Any, Any]
Tried = tuple[Array, str]
"""Whether each row holds, shape (n,), and what the reader should know. A row that was drawn counts once."""

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
        require_at_least(self, sample=1)

    def reads(self, subject: Subject) -> list[str]:
        """What the model reads, and what a case names beside."""
        named = {
            c for case in self._readable() for c in (*case.where, *case.template, *case.replace, *case.add)
        }
        frame = subject.data.frame
        return list(dict.fromkeys([*subject.columns, *(c for c in frame.columns if c in named)]))

    def content(self) -> str:
        """What stands in the files of the cases."""
        return digest_of(self._readable())

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

    def _readable(self) -> list[Case]:
        try:
            return self._loaded()
        except WorkbenchError:
            return []  # ``measure`` says what is wrong with them

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
    if not holds.size:
        return _measured(
            case, value=None, n=0, outcome=Outcome.INCONCLUSIVE, note="No row of the data is such."
        )
    rate, n = float(holds.mean()), len(holds)
    interval = wilson(int(holds.sum()), n) if drawn(case, subject) else None
    said = (f"{_WORDS[case.kind]}, at least {case.at_least:g}", note, case.source)
    found: dict[str, Any] = {"value": rate, "n": n, "note": ". ".join(filter(None, said))}
    if interval:
        found |= {"low": interval[0], "high": interval[1]}
    return _measured(case, outcome=_outcome(rate, interval, case.at_least), **found)


def _outcome(rate: float, interval: tuple[float, float] | None, at_least: float) -> Outcome:
    low, high = (rate, rate) if interval is None or at_least == 1 else interval
    if low >= at_least:
        return Outcome.PASS
    return Outcome.FAIL if high < at_least else Outcome.INCONCLUSIVE


def _measured(case: Case, **found: Any) -> Measurement:
    return Measurement(metric="case_pass_rate", slice=case.name, unit="rate", **found)


def _golden(case: Case, subject: Subject, sample: int) -> Tried:  # noqa: ARG001 - rows are the case's own
    got = subject.predictor.predict(given_rows(case, subject))
    holds = _same(got, _expected(case, subject), case)
    wrong = np.flatnonzero(~holds)
    if not wrong.size:
        return holds, ""
    told = ", ".join(f"row {i + 1}: {got[i]} instead of {case.expected[i]}" for i in wrong[:_NAMED])
    return holds, told + (f" and {wrong.size - _NAMED} more" if wrong.size > _NAMED else "")


def _expected(case: Case, subject: Subject) -> Array:
    known = subject.predictor.classes
    for label in case.expected:
        if known and label not in known:
            raise InvalidInput(f"expected {label!r} is no answer of the model.", remedy=nearest(label, known))
    return np.array(case.expected, dtype=object if subject.data.task == "classification" else float)


def _minimum(case: Case, subject: Subject, sample: int) -> Tried:
    rows, times = rows_of(case, subject, sample)
    expected = _expected(case, subject)
    got = subject.predictor.predict(rows) if len(rows) else expected[:0]
    holds = _same(got, expected if len(expected) == len(rows) else np.repeat(expected, len(rows)), case)
    return _each(holds, times), _answered(got[~holds], subject)


def _each(holds: Array, times: int) -> Array:
    """Rows that hold with every combination, shape (n,)."""
    return np.asarray(holds.reshape(times, -1).all(axis=0))


def _answered(wrong: Array, subject: Subject) -> str:
    """What was answered instead, of labels: how often each."""
    if not wrong.size or subject.data.task == "regression":
        return ""
    counts = pd.Series(wrong).value_counts().head(_NAMED)
    return "instead: " + ", ".join(f"{label} {count} times" for label, count in counts.items())


def _invariance(case: Case, subject: Subject, sample: int) -> Tried:
    rows, times = rows_of(case, subject, sample)
    require_columns(case.replace, rows)
    if not len(rows):
        return np.zeros(0, dtype=bool), ""
    before = subject.predictor.predict(rows)
    choices = [v if isinstance(v, list | tuple) else [v] for v in case.replace.values()]
    holds = np.ones(len(rows), dtype=bool)
    for values in product(*choices):
        put = {c: [v] * len(rows) for c, v in zip(case.replace, values, strict=True)}
        changed = like(rows.assign(**put), subject.data.frame)
        holds &= _same(subject.predictor.predict(changed), before, case)
    return _each(holds, times), _unread(case.replace, subject)


def _directional(case: Case, subject: Subject, sample: int) -> Tried:
    rows, times = rows_of(case, subject, sample)
    require_columns(case.add, rows)
    if not len(rows):
        return np.zeros(0, dtype=bool), ""
    steps = {c: int(step) if step.is_integer() else step for c, step in case.add.items()}
    changed = rows.assign(**{c: rows[c] + step for c, step in steps.items()})
    sign = 1.0 if case.direction == "not_lower" else -1.0
    rise = sign * (_level(subject, changed) - _level(subject, rows))
    return _each(rise >= -case.tolerance, times), _unread(case.add, subject)


_KINDS: dict[str, Callable[[Case, Subject, int], Tried]] = {
    "golden": _golden,
    "minimum_functionality": _minimum,
    "invariance": _invariance,
    "directional": _directional,
}


_WORDS = {kind: kind.replace("_", " ") for kind in _KINDS}


def _level(subject: Subject, rows: pd.DataFrame) -> Array:
    """What may not go the wrong way: the score, else the number, else "is it the positive label"."""
    scores = subject.predictor.scores(rows)
    if scores is not None:
        return scores
    answers = subject.predictor.predict(rows)
    if subject.data.task == "regression":
        return answers
    if subject.data.positive is None:
        raise InvalidInput(
            "a direction needs scores, numbers or a positive label; this model has none.",
            remedy="Name the positive label with positive=.",
            field="positive",
        )
    return np.asarray(answers == subject.data.positive, dtype=float)


def _same(got: Array, wanted: Array, case: Case) -> Array:
    if got.dtype.kind == "f" and case.tolerance > 0:
        return np.asarray(np.abs(got - wanted.astype(float)) <= case.tolerance)
    return np.asarray(got == wanted, dtype=bool)


def _unread(columns: dict[str, Any], subject: Subject) -> str:
    read = subject.predictor.columns
    idle = [c for c in columns if read is not None and c not in read]
    return f"the model does not read {', '.join(idle)}" if idle else ""
