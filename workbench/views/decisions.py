"""From contributions to a column of numbers that adds up, with a bar beside each."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workbench.audits.explanation_records import Counterfactual, Decision, Reason
from workbench.views.formats import places, signed, value

#: Width that all bars together span.
WIDTH = 150


@dataclass(frozen=True)
class Bar:
    """Where a bar starts, how wide it is, and where zero lies, all within ``WIDTH``."""

    start: float
    width: float
    zero: float


@dataclass(frozen=True)
class Line:
    """One line of the sum: what it is, its number, and whether it pushed towards the answer."""

    text: str
    number: str
    bar: Bar | None = None
    towards: bool = False


def lines(decision: Decision) -> tuple[Line, ...]:
    """From typical rows over every reason to this row: the numbers add up to the last."""
    codes = decision.reasons
    listed: list[tuple[Reason, bool]] = [(r, True) for r in codes.reasons]
    listed += [(r, False) for r in codes.against]
    parts = [r.contribution for r, _ in listed] + [codes.rest]
    digits = places([codes.base, codes.output, *parts])
    bars = _bars(parts)
    found = [Line("typical rows, on average", signed(codes.base, digits))]
    found += [
        Line(r.text, signed(r.contribution, digits), bar, towards)
        for (r, towards), bar in zip(listed, bars, strict=False)
    ]
    if any(character in "123456789" for character in signed(codes.rest, digits)):
        found.append(Line("all other columns", signed(codes.rest, digits), bars[-1]))
    return (*found, Line("this row", signed(codes.output, digits)))


def _bars(parts: list[float]) -> list[Bar]:
    drawn = [part if math.isfinite(part) else 0.0 for part in parts]
    low, high = min(0.0, *drawn), max(0.0, *drawn)
    unit = WIDTH / (high - low or 1.0)
    zero = -low * unit
    return [Bar(zero + min(0.0, part) * unit, abs(part) * unit, zero) for part in drawn]


def sought(change: Counterfactual) -> str:
    """What a change was looked for to get, in words."""
    if change.wanted is None:
        return "another answer"
    if isinstance(change.wanted, list | tuple):
        return f"a prediction from {value(change.wanted[0])} to {value(change.wanted[1])}"
    return f"the answer “{value(change.wanted)}”"


def notes(decision: Decision) -> tuple[str, ...]:
    """Every note, of the reasons and the change as well."""
    return (*decision.notes, *decision.reasons.notes, *(decision.change.notes if decision.change else ()))
