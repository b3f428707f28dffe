"""The pictures of a drift audit: how far each column moved, and what the windows showed."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.audits.parts.drift.windows import Watched
from workbench.audits.parts.shared.figures import (
    GREEN,
    GREY,
    OUTCOMES,
    RED,
    SCHEMA,
    line_at,
    rows_of,
    with_interval,
)
from workbench.audits.records import Figure, Measurement

_SHOWN = 20
"""Columns in the figure."""
_COLOUR = {**OUTCOMES, "scale": {"domain": ["pass", "inconclusive", "fail"], "range": [GREEN, GREY, RED]}}


def columns(effects: Sequence[Measurement], method: str, margin: float) -> list[Figure]:
    """The columns that moved most, each with its interval, beside the margin."""
    shown = sorted((m for m in effects if m.value is not None), key=lambda m: -(m.value or 0.0))[:_SHOWN]
    if not shown:
        return []
    bars = [
        {"column": m.slice, "effect": m.value, "low": m.low, "high": m.high, "outcome": str(m.outcome)}
        for m in shown
    ]
    x = {"type": "quantitative", "title": f"{method}, with its interval"}
    first = shown[0]
    return [
        Figure(
            title="How far each column has moved",
            description=f"{first.slice} moved most, {method} {first.value:.3g}; the margin is {margin:g}.",
            spec={
                "$schema": SCHEMA,
                "width": 360,
                "height": {"step": 20},
                "data": {"values": bars},
                "encoding": {"y": rows_of("column", [m.slice for m in shown])},
                "layer": [*with_interval("effect", x, colour=_COLOUR), line_at(margin)],
            },
        )
    ]


def windows(watched: Watched) -> list[Figure]:
    """How the model did in each window, in the colour of what the window showed."""
    told = [(w, w.performance) for w in watched.windows if w.performance is not None]
    if not told:
        return []
    points = [
        {
            "window": w.number,
            "value": m.value,
            "low": m.low,
            "high": m.high,
            "outcome": "fail" if w.relation else "pass" if w.settled else "inconclusive",
        }
        for w, m in told
    ]
    metric = told[0][1].metric
    changed = [str(w.number) for w in watched.windows if w.relation]
    found = f"a change in window {', '.join(changed)}" if changed else "no change found"
    y = {"type": "quantitative", "title": f"{metric}, with its interval", "scale": {"zero": False}}
    return [
        Figure(
            title="The model in each window",
            description=f"{metric} in {len(points)} windows; {found}.",
            spec={
                "$schema": SCHEMA,
                "width": 480,
                "height": 220,
                "data": {"values": points},
                "encoding": {"x": {"field": "window", "type": "ordinal", "title": "window"}},
                "layer": with_interval("value", y, on="y", colour=_COLOUR),
            },
        )
    ]
