"""Pictures of an explanation: importance by column with its interval, and its change against the champion."""

from __future__ import annotations

from typing import Any

from workbench.audits.parts.explainability.explainers import Explanation
from workbench.audits.parts.shared.figures import BLUE, SCHEMA, rows_of, with_interval
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
    x = {"type": "quantitative", "title": title}
    return {
        "$schema": SCHEMA,
        "data": {"values": points},
        "width": 360,
        "height": {"step": 20},
        "encoding": {"y": rows_of("column", [p["column"] for p in points])},
        "layer": with_interval("value", x, colour=BLUE),
    }
