"""Share of rows flipped within a distance, beside noise and what no attack can pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.shared.figures import BLUE, DOT, GREY, RED, SCHEMA
from workbench.audits.records import Figure

_MOST = 200
"""Steps of a curve: more cannot be told apart."""


def figure(distance: Array, radius: Array, noise_rate: float, budget: float) -> Figure:
    """Draw the curve of the attacks, the bound above it when there is one, and the floor at the budget."""
    share = float((distance <= budget * (1 + 1e-9)).mean())
    curves = _steps(distance, "found by attacks")
    certified = (radius > 0).any()
    if certified:
        reach = max(budget, float(np.max(distance[np.isfinite(distance)], initial=0.0)))
        curves += _steps(np.where(radius > reach, np.inf, radius), "at most, by the bound")
    x = {"field": "distance", "type": "quantitative", "title": "size of the change (standard deviations)"}
    y = {
        "field": "share",
        "type": "quantitative",
        "title": "share of rows flipped",
        "scale": {"domain": [0, 1]},
    }
    bound = f" The bound leaves room for {(radius < budget).mean():.0%}." if certified else ""
    return Figure(
        title="How small a change flips the answer",
        description=(
            f"{share:.0%} of {len(distance)} rows flip within {budget:g} standard deviations; "
            f"random noise of that length flips {noise_rate:.0%}.{bound}"
        ),
        spec={
            "$schema": SCHEMA,
            "width": 360,
            "height": 200,
            "layer": [_curve(curves, x, y), _noise(budget, noise_rate, x, y), _rule(budget, x)],
        },
    )


def _steps(distance: Array, what: str) -> list[dict[str, Any]]:
    reach = np.sort(distance[np.isfinite(distance)])
    every = max(1, len(reach) // _MOST)
    points = [{"distance": 0.0, "share": 0.0, "curve": what}]
    return points + [
        {"distance": round(float(d), 6), "share": (i + 1) / len(distance), "curve": what}
        for i, d in enumerate(reach)
        if (i + 1) % every == 0 or i == len(reach) - 1
    ]


def _curve(values: list[dict[str, Any]], x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    colour = {"field": "curve", "type": "nominal", "title": None, "scale": {"range": [BLUE, GREY]}}
    return {
        "data": {"values": values},
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {"x": x, "y": y, "color": colour, "strokeDash": {"field": "curve", "legend": None}},
    }


def _noise(budget: float, rate: float, x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"values": [{"distance": budget, "share": rate, "label": "noise"}]},
        "layer": [
            {"mark": {**DOT, "color": RED}},
            {
                "mark": {"type": "text", "align": "left", "dx": 8},
                "encoding": {"text": {"field": "label"}},
            },
        ],
        "encoding": {"x": x, "y": y},
    }


def _rule(budget: float, x: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"values": [{"distance": budget}]},
        "mark": {"type": "rule", "strokeDash": [4, 4]},
        "encoding": {"x": x},
    }
