"""When two answers count as different, and what share of rows does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.audits.records import Measurement
from workbench.incidents.answers import Answers, Array
from workbench.models.records import Task
from workbench.stats.intervals import wilson

#: Numbers further apart than this part of the first answers' standard deviation are different answers: two
#: trainings of a regression never agree to the last digit.
_APART = 0.1


def unlike(first: Answers, second: Answers, task: Task) -> Array:
    """Rows that both answered, differently. Shape (n,), bool. Labels differ when they are not equal."""
    both = first.answered & second.answered
    if task == "regression":
        return _further(first, second, both, tolerance(first))
    return np.asarray(both & (first.answer != second.answer), dtype=bool)


def tolerance(first: Answers) -> float:
    """How far apart two numbers may be and still count as the same answer as ``first``'s."""
    known = first.answer[first.answered].astype(float)
    return _APART * float(np.std(known)) if len(known) else 0.0


def rate(metric: str, part: int, n: int, note: str = "") -> Measurement:
    """A share with its Wilson interval; None when n is 0."""
    if n == 0:
        return Measurement(metric=metric, value=None, n=0, unit="rate", note=note or "no such rows")
    low, high = wilson(part, n)
    return Measurement(metric=metric, value=part / n, low=low, high=high, n=n, unit="rate", note=note)


def disagreement(first: Answers, second: Answers, task: Task) -> float | None:
    """Share of the rows both answered that they answered differently.

    None when there is none, and when words would have to be compared as numbers.
    """
    if task == "regression" and not all(are_numbers(one.answer[one.answered]) for one in (first, second)):
        return None
    both = int((first.answered & second.answered).sum())
    return float(unlike(first, second, task).sum() / both) if both else None


def any_unlike(answers: Sequence[Answers], task: Task) -> Array:
    """Rows on which some version answers unlike the first, or fails where the first answers. Shape (n,)."""
    first = answers[0]
    apart = [
        unlike(first, other, task) | (first.answered ^ other.answered) & other.asked for other in answers
    ]
    return np.asarray(np.logical_or.reduce(apart))


def are_numbers(values: Array) -> bool:
    """Whether every value is a number, or says one."""
    try:
        _numbers(values)
    except (TypeError, ValueError):
        return False
    return True


def _further(first: Answers, second: Answers, both: Array, least: float) -> Array:
    apart = np.zeros(len(both), dtype=bool)
    gap = np.abs(_numbers(first.answer[both]) - _numbers(second.answer[both]))
    apart[both] = gap > max(least, 1e-9)
    return apart


def _numbers(values: Any) -> Array:
    return np.asarray(values, dtype=float)
