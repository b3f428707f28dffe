"""Pictures of a data quality audit: what each feature foretells alone, and what breaks the contract."""

from __future__ import annotations

from typing import Any

from workbench.audits.parts.shared.figures import OUTCOMES, SCHEMA, rows_of, with_interval
from workbench.audits.records import Figure, Measurement

_SHOWN = 15


def figures(found: list[Measurement]) -> list[Figure]:
    """Draw what there is to see: at most two figures."""
    alone = [m for m in found if m.metric.startswith("single_feature_") and m.value is not None]
    broken = [m for m in found if m.metric.endswith("_violation_share") and m.value]
    drawn = []
    if alone:
        shown = sorted(alone, key=lambda m: -(m.value or 0.0))[:_SHOWN]
        metric = shown[0].metric.removeprefix("single_feature_")
        drawn.append(
            Figure(
                title="What each feature foretells alone",
                description=f"{metric} of single features on rows they have not seen; the best is "
                f"{shown[0].slice} with {shown[0].value:.3f}. Close to 1 asks for an explanation.",
                spec=_points([_point(m, m.slice) for m in shown], metric),
            )
        )
    if broken:
        shown = sorted(broken, key=lambda m: -(m.value or 0.0))[:_SHOWN]
        drawn.append(
            Figure(
                title="What breaks the contract",
                description=f"Share of values outside the contract; most in {shown[0].slice}, "
                f"{shown[0].value:.2%}.",
                spec=_points([_point(m, _clause(m)) for m in shown], "share of values"),
            )
        )
    return drawn


def _clause(m: Measurement) -> str:
    return f"{m.slice}: {m.metric.removesuffix('_violation_share')}"


def _point(m: Measurement, name: str) -> dict[str, Any]:
    return {"name": name, "value": m.value, "low": m.low, "high": m.high, "outcome": str(m.outcome)}


def _points(points: list[dict[str, Any]], title: str) -> dict[str, Any]:
    x = {"type": "quantitative", "title": f"{title}, with its interval", "scale": {"zero": False}}
    return {
        "$schema": SCHEMA,
        "width": 320,
        "height": {"step": 20},
        "data": {"values": points},
        "encoding": {"y": rows_of("name", [p["name"] for p in points]), "color": OUTCOMES},
        "layer": with_interval("value", x),
    }
