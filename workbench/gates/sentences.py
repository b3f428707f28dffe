"""How a rule and its numbers read. A reader must be able to check the comparison from the sentence alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workbench.gates.policy import Rule

if TYPE_CHECKING:
    from workbench.audits.records import Measurement

_ENDS = {"estimate": "estimate", "lower": "lower bound", "upper": "upper bound"}
_SIGNS = {"at_least": "≥", "at_most": "≤"}
_HOLDS = {"at_least": "meets the minimum", "at_most": "is within the limit"}
_BREAKS = {"at_least": "is below the minimum", "at_most": "is above the limit"}


def rule_words(rule: Rule, slice: str | None = None) -> str:
    """Return the rule in words, for one of the slices it covers."""
    if rule.limit is None:
        return f"{rule.audit}: outcome pass"
    what = measured(rule, rule.slice if slice is None else slice)
    of_end = "" if rule.end == "estimate" else f"{_ENDS[rule.end]} of "
    return f"{rule.audit}: {of_end}{what} {_SIGNS[rule.direction]} {_limit(rule.limit)}"


def group_words(rule: Rule) -> str:
    """Return the words of a group."""
    return f"{'any' if rule.any else 'all'} of {len(rule.group)}"


def measured(rule: Rule, slice: str) -> str:
    """Return what a rule compares with its limit, for one slice."""
    other = {"champion": " less the champion's", "baseline": " less the constant answer's"}
    return named(f"{rule.metric}{other.get(rule.than or '', '')}", slice)


def named(metric: str, slice: str) -> str:
    """Return ``metric for slice``, or the metric alone for overall."""
    return f"{metric} for {slice}" if slice else metric


def comparison(rule: Rule, found: Measurement, value: float, limit: float, *, holds: bool) -> str:
    """Return the sentence of a rule that holds or breaks."""
    digits = _digits(value, limit)
    compared = f"{_ENDS[rule.end]} {value:,.{digits}f}"
    verb = (_HOLDS if holds else _BREAKS)[rule.direction]
    what = measured(rule, found.slice)
    return f"{what}: {compared} {verb} {limit:,.{digits}f} ({_numbers(found, digits)})."


def undecided(rule: Rule, found: Measurement, interval: tuple[float, float, float], limit: float) -> str:
    """Return the sentence of a rule whose limit lies in the interval (low, estimate, high)."""
    low, _, high = interval
    digits = max(_digits(low, limit), _digits(high, limit))
    return (
        f"{measured(rule, found.slice)}: the limit {limit:,.{digits}f} lies inside the interval "
        f"({_numbers(found, digits)}). {_what_would_settle(interval, found.n, limit)}"
    )


def _what_would_settle(interval: tuple[float, float, float], n: int, limit: float) -> str:
    """Say how many rows would; an interval narrows with the square root of n."""
    low, estimate, high = interval
    reach = high - estimate if estimate <= limit else estimate - low
    distance = abs(estimate - limit)
    if distance * 30 <= reach:  # more than 900 times the rows
        return "The estimate is so close to the limit that more rows are unlikely to settle it."
    needed = math.ceil(n * (reach / distance) ** 2)
    step = 10 ** max(len(str(needed)) - 2, 0)
    return f"About {math.ceil(needed / step) * step:,} rows would settle it."


def _numbers(found: Measurement, digits: int) -> str:
    estimate, n = f"estimate {found.value:,.{digits}f}", f"n {found.n:,}"
    if found.low is None or found.high is None:
        return f"{estimate}, {n}"
    return f"{estimate}, {found.low:,.{digits}f} to {found.high:,.{digits}f}, {n}"


def _digits(value: float, limit: float) -> int:
    """Decimals, at least three, at which the two differ in print if they do, and neither reads as zero."""
    for digits in range(3, 12):
        shown = [round(number, digits) for number in (value, limit)]
        legible = all(shown) or not all((value, limit))
        if legible and (shown[0] != shown[1] or value == limit):
            return digits
    return 12


def _limit(limit: float) -> str:
    short = f"{limit:,.2f}"
    return short if float(short.replace(",", "")) == limit else f"{limit:g}"
