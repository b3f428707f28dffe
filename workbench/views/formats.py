"""Numbers for people: one place decides digits, units and the sign for each outcome."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from workbench.core.values import Outcome

#: Shape and word together: colour is never the only sign.
SIGNS = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✕",
    Outcome.INCONCLUSIVE: "?",
    Outcome.ERROR: "!",
    Outcome.MEASURED: "·",
}

_PERCENT_UNITS = ("rate", "share")
_WHOLE_UNITS = ("queries", "count", "rows")
_COUNTED_UNITS = ("columns", "size")
"""Whole numbers most of the time, but a mean of them is not."""

_NAMED_UNITS = ("ms", "s", "MB", "rows/s", "sd")
"""Units that stand behind their number."""

_MOST_DECIMALS = 6
"""Smaller numbers are written with a power of ten."""

#: Control characters, which steer a terminal and which no XML file can hold, and the marks that turn the
#: direction of all text that follows: a title must not rewrite the line it stands in.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def visible(text: str) -> str:
    """Text from outside with a replacement character for what acts on a page without being seen."""
    return _UNSEEN.sub("\ufffd", text)


def number(value: float | None, unit: str = "", beside: Iterable[float | None] = ()) -> str:
    """One value with the digits its unit deserves; an em dash when there is none.

    Args:
        value: what to write.
        unit: of a measurement.
        beside: values that stand in the same line, its interval's ends: all get the same decimal places.
    """
    if value is None or not math.isfinite(value):
        return "—"
    if unit in _PERCENT_UNITS:
        return f"{value * 100:z.1f} %"
    if unit == "difference":
        return f"{value * 100:z.1f} pp"
    digits = _decimals([value, *(v for v in beside if v is not None)], unit)
    if digits > _MOST_DECIMALS:
        return re.sub(r"e([+-])0", r"e\1", f"{value:.1e}") if value else "0"
    return f"{value:z,.{digits}f}".replace(",", "\u2009")


def _decimals(values: list[float], unit: str) -> int:
    """Places that all of some values get: none from a thousand on, two digits of what is small."""
    known = [abs(value) for value in values if math.isfinite(value)]
    greatest = max(known)
    whole = all(float(value).is_integer() for value in known)
    if unit in _WHOLE_UNITS or greatest >= 1000 or (whole and unit in _COUNTED_UNITS):
        return 0
    if greatest >= 100:
        return 1
    return 3 if greatest == 0 or greatest >= 0.001 else 1 - math.floor(math.log10(greatest))


def estimate(value: float | None, low: float | None, high: float | None, unit: str = "") -> tuple[str, str]:
    """A value with its unit, and its interval with the same decimals: ``("44.9 %", "[42.1, 47.6]")``."""
    text = number(value, unit, (low, high))
    suffix = f" {unit}" if unit in _NAMED_UNITS and text != "—" else ""
    return text + suffix, interval(low, high, unit, value)


def signed(value: float, places: int) -> str:
    """A contribution, its sign always shown: ``+1.20``."""
    if not math.isfinite(value):
        return "—"
    return f"{value:+,.{places}f}".replace(",", "\u2009")


def change(value: float, unit: str = "") -> str:
    """A difference of two figures of one unit, its sign always shown; of rates in percentage points."""
    text = number(abs(value), "difference" if unit in _PERCENT_UNITS else unit)
    sign = "−" if value < 0 else "+"
    return text if text == "—" else f"{sign}{text}"


def places(values: Iterable[float]) -> int:
    """Decimal places that give the greatest of some values three digits, so that they stand in one column."""
    greatest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return 3 if greatest == 0 else min(12, max(0, 2 - math.floor(math.log10(greatest))))


def value(given: Any) -> str:
    """One value of a row: text as it stands, a number with at most six digits that are not its whole part."""
    if given is None:
        return "missing"
    if isinstance(given, bool) or not isinstance(given, int | float):
        return str(given)
    if not math.isfinite(given):
        return "—"
    if abs(given) < 1e15 and (float(given).is_integer() or abs(given) >= 1e5):
        return f"{given:,.0f}".replace(",", "\u2009")
    return re.sub(r"e([+-])0", r"e\1", f"{given:.6g}")


def interval(low: float | None, high: float | None, unit: str = "", value: float | None = None) -> str:
    """``[42.1, 47.6]`` in the unit and with the decimals of the value, empty when there is no interval."""
    if low is None or high is None:
        return ""
    ends = (number(end, unit, (low, high, value)) for end in (low, high))
    return f"[{', '.join(end.removesuffix(' %').removesuffix(' pp') for end in ends)}]"


def count(value: int | None) -> str:
    """A count with thin spaces between thousands."""
    return "—" if value is None else f"{value:,}".replace(",", "\u2009")


def moment(value: datetime | None) -> str:
    """A time to the second, in UTC."""
    return "—" if value is None else value.strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(minutes: float | None) -> str:
    """A stretch of time with two digits in the unit that suits it: ``37 min``, ``2.5 h``, ``12 d``."""
    if minutes is None or not math.isfinite(minutes):
        return "never"
    for unit, length in (("d", 1440.0), ("h", 60.0)):
        if minutes >= 1.5 * length:
            text = f"{minutes / length:,.{int(minutes < 10 * length)}f} {unit}"
            return text.replace(",", "\u2009")
    return f"{minutes:.0f} min" if minutes >= 1 else "under a minute"


def sign(outcome: Outcome | str) -> str:
    """The shape that stands beside an outcome's word."""
    return SIGNS[Outcome(outcome)]
