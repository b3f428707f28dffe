"""The picture of mitigations: accuracy against the gap between groups, the model among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.audits.parts.shared.figures import DOT, SCHEMA
from workbench.audits.records import Figure, Measurement

_ACCURACY = "balanced_accuracy_score"


def beside_the_model(found: list[Measurement], column: str, gaps: Sequence[str]) -> list[Figure]:
    """Draw balanced accuracy against each gap, a point for the model and each mitigation, with intervals."""
    of = {(m.metric, m.slice): m for m in found}
    points = [
        {
            "what": where.removeprefix("mitigation=") or "the model",
            "definition": gap.removesuffix("_difference").replace("_", " "),
            **_ends("gap", of[gap, where]),
            **_ends("accuracy", of[_ACCURACY, where]),
        }
        for gap in gaps
        for where in dict.fromkeys(m.slice for m in found)
    ]
    said = "; ".join(
        f"{p['what']}: {p['definition']} difference {p['gap']:.3f} at balanced accuracy {p['accuracy']:.3f}"
        for p in points
    )
    return [
        Figure(title=f"Mitigations beside the model, by {column}", description=f"{said}.", spec=_spec(points))
    ]


def _ends(name: str, m: Measurement) -> dict[str, float | None]:
    ends = {name: m.value, f"{name}_low": m.low, f"{name}_high": m.high}
    return {key: None if value is None else round(value, 4) for key, value in ends.items()}


def _spec(points: list[dict[str, Any]]) -> dict[str, Any]:
    def at(field: str, title: str) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}}

    x, y = at("gap", "difference between groups"), at("accuracy", "balanced accuracy")
    colour = {"field": "what", "type": "nominal", "title": None}
    across = {"x": {**x, "field": "gap_low"}, "x2": {"field": "gap_high"}, "y": y, "color": colour}
    along = {"x": x, "y": {**y, "field": "accuracy_low"}, "y2": {"field": "accuracy_high"}, "color": colour}
    return {
        "$schema": SCHEMA,
        "data": {"values": points},
        "facet": {"column": {"field": "definition", "type": "nominal", "title": None}},
        "spec": {
            "width": 220,
            "height": 180,
            "layer": [
                {"mark": "rule", "encoding": across},
                {"mark": "rule", "encoding": along},
                {
                    "mark": DOT,
                    "encoding": {"x": x, "y": y, "color": colour},
                },
            ],
        },
    }
