"""Small values used by every room."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What came of measuring or judging. Could-not-measure is never a pass."""

    PASS = "pass"  # noqa: S105 - an outcome, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    """The data cannot settle it: too few rows, missing evidence, an interval across the bound."""
    ERROR = "error"
    """Something raised: stored as evidence, not as a low score."""
    MEASURED = "measured"
    """A number without a judgement: an audit measures, a gate judges."""


#: Exit codes of every command that ends in an outcome.
EXIT_CODES = {
    Outcome.PASS: 0,
    Outcome.MEASURED: 0,
    Outcome.FAIL: 1,
    Outcome.INCONCLUSIVE: 2,
    Outcome.ERROR: 3,
}


def worst(outcomes: list[Outcome]) -> Outcome:
    """Combine outcomes that must all hold: error, fail, inconclusive, measured, and pass only if all pass.

    Nothing at all is inconclusive: an empty list passes nothing.
    """
    order = (Outcome.ERROR, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.MEASURED, Outcome.PASS)
    return next((candidate for candidate in order if candidate in outcomes), Outcome.INCONCLUSIVE)


def best(outcomes: list[Outcome]) -> Outcome:
    """Combine outcomes of which one must hold: pass if one does; what was not settled might have held."""
    order = (Outcome.PASS, Outcome.MEASURED, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.FAIL)
    return next((candidate for candidate in order if candidate in outcomes), Outcome.INCONCLUSIVE)
