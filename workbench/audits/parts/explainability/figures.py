"""Pictures of an explanation: importance by column with its interval, and its change against the champion."""

from __future__ import annotations

from typing import Any

from workbench.audits.parts.explainability.explainers import Explanation
from workbench.audits.records import Figure, Measurement

_MOST = 15


def importance(found: list[Measurement], explanation: Explanation) -> Figure:
    """The leading columns by mean |SHAP|."""
    points = _points(found, "mean_abs_shap")
    said = ", ".join(
        f"{p['column']} {p['value']:.3g} ({p['low']:.3g} to {p['high']:.3g})" for p in points[:5]
    )
    return Figure(
        title="What the model goes by",
        description=f"Mean absolute SHAP value of the {explanation.about}: {said}.",
        spec=_spec(points, f"mean |SHAP| ({explanation.unit})"),
    )


def change(found: list[Measurement]) -> list[Figure]:
    """Columns whose share changed most against the champion."""
    points = _points(found, "shap_importance_share_change")
    if not points:
        return []
    said = ", ".join(
        f"{p['column']} {p['value']:+.3g} ({p['low']:+.3g} to {p['high']:+.3g})" for p in points[:5]
    )
    return [
        Figure(
            title="Change of importance against the champion",
            description=f"Change of the share of all importance, this model less the champion: {said}.",
            spec=_spec(points, "change of share"),
        )
    ]


def _points(found: list[Measurement], metric: str) -> list[dict[str, Any]]:
    shown = [m for m in found if m.metric == metric and m.value is not None][:_MOST]
    return [{"column": m.slice, "value": m.value, "low": m.low, "high": m.high} for m in shown]


def _spec(points: list[dict[str, Any]], title: str) -> dict[str, Any]:
    order = [p["column"] for p in points]
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": points},
        "width": 360,
        "height": {"step": 20},
        "encoding": {"y": {"field": "column", "type": "nominal", "sort": order, "title": None}},
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 2, "color": "#1971c2"},
                "encoding": {
                    "x": {"field": "low", "type": "quantitative", "title": title},
                    "x2": {"field": "high"},
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": "#1971c2"},
                "encoding": {"x": {"field": "value", "type": "quantitative"}},
            },
        ],
    }
