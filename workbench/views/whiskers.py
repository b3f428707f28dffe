"""A value and its interval on a scale: zero to one, or minus one to one where something is negative."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.audits.records import Measurement

#: Width of the scale.
WIDTH = 120

_UNITS = ("rate", "share", "score", "difference")


@dataclass(frozen=True)
class Whisker:
    """Where the value, its interval's ends and zero lie within ``WIDTH``. ``zero`` None: at the left end."""

    value: float
    low: float
    high: float
    zero: float | None


def whisker(m: Measurement) -> Whisker | None:
    """Place a measurement on the scale of its unit; None where there is none or the value is beyond."""
    if m.value is None or m.unit not in _UNITS or not -1 <= m.value <= 1:
        return None
    low = m.value if m.low is None else max(-1.0, m.low)
    high = m.value if m.high is None else min(1.0, m.high)
    start = -1.0 if min(m.value, low) < 0 else 0.0
    unit = WIDTH / (1 - start)
    at = [(x - start) * unit for x in (m.value, low, high)]
    return Whisker(at[0], at[1], at[2], zero=-start * unit if start else None)
