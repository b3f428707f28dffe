"""What the figures of audits are drawn with: Vega-Lite, values with their intervals, a line at a margin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BLUE, GREY, GREEN, RED = "#1971c2", "#868e96", "#2f9e44", "#d9480f"

DOT = {"type": "point", "filled": True, "size": 60, "opacity": 1}
OUTCOMES = {
    "field": "outcome",
    "scale": {"domain": ["measured", "pass", "inconclusive", "fail"], "range": [BLUE, GREEN, GREY, RED]},
    "title": None,
}
"""Encoding of a point's colour by its ``outcome``."""


def with_interval(
    field: str,
    axis: Mapping[str, Any],
    *,
    on: Literal["x", "y"] = "x",
    colour: str | Mapping[str, Any] | None = None,
    mark: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Layers for a value of a row of data and the interval from its ``low`` to its ``high``.

    Args:
        field: name of the value.
        axis: what the encodings of value and ends share: type, title, scale.
        on: the axis they lie along.
        colour: of both marks, or its encoding; None where the chart's encoding says it.
        mark: of the value; default: a dot.
    """
    fixed = {"color": colour} if isinstance(colour, str) else {}
    encoded = {"color": colour} if isinstance(colour, Mapping) else {}
    return [
        {
            "mark": {"type": "rule", "strokeWidth": 2, **fixed},
            "encoding": {on: {"field": "low", **axis}, f"{on}2": {"field": "high"}, **encoded},
        },
        {"mark": {**(mark or DOT), **fixed}, "encoding": {on: {"field": field, **axis}, **encoded}},
    ]


def rows_of(field: str, order: Sequence[str] | None, *, label_limit: int | None = None) -> dict[str, Any]:
    """Encoding of the y axis where every name has a line of its own; ``order`` None: as the data stand."""
    y: dict[str, Any] = {"field": field, "type": "nominal", "sort": order, "title": None}
    return y if label_limit is None else {**y, "axis": {"labelLimit": label_limit}}


def line_at(value: float, *, colour: str = GREY) -> dict[str, Any]:
    """A dashed line across the chart, at a value of the x axis."""
    return {
        "mark": {"type": "rule", "strokeDash": [4, 4], "color": colour},
        "encoding": {"x": {"datum": value}, "y": {"value": 0}, "y2": {"value": {"expr": "height"}}},
    }


def against_diagonal(
    points: list[dict[str, Any]],
    x: tuple[str, str],
    y: tuple[str, str],
    *,
    mark: Mapping[str, Any] = DOT,
    ends: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """Spec of points beside the line where both axes are alike, with intervals where a point has ``low``.

    Args:
        points: the rows of data.
        x: field and title of the one axis.
        y: of the other.
        mark: of the points.
        ends: of the line; default: the least and the greatest value on either axis.
    """
    low, high = ends or [f(p[axis] for p in points for axis in (x[0], y[0])) for f in (min, max)]

    def at(field: str, title: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}}

    across, up = at(*x), at(*y)
    interval = {"x": across, "y": {**up, "field": "low"}, "y2": {"field": "high"}}
    return {
        "$schema": SCHEMA,
        "width": 260,
        "height": 220,
        "data": {"values": points},
        "layer": [
            {
                "data": {"values": [{"a": end, "b": end} for end in (low, high)]},
                "mark": {"type": "line", "strokeDash": [4, 4], "color": GREY},
                "encoding": {"x": at("a", x[1]), "y": at("b", y[1])},
            },
            *(
                [{"mark": {"type": "rule", "color": BLUE}, "encoding": interval}]
                if "low" in points[0]
                else []
            ),
            {"mark": {**mark, "color": BLUE}, "encoding": {"x": across, "y": up, "order": None}},
        ],
    }
