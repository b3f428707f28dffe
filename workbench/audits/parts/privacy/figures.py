"""Pictures of a privacy audit: advantages beside the floor, the attacks' curves, agreement by questions."""

from __future__ import annotations

from typing import Any

from workbench.audits.parts.privacy.membership import Scored
from workbench.audits.parts.shared.figures import BLUE, RED, SCHEMA, line_at, rows_of, with_interval
from workbench.audits.records import Figure, Measurement
from workbench.stats import ranking

_LEAST_RATE = 5e-4
"""Where the logarithmic axes begin."""
_AGREEMENT = {
    "extraction_agreement": "asked the model",
    "extraction_agreement_unasked": "learned the truth",
    "extraction_agreement_constant": "best single answer",
}


def drawn(found: list[Measurement], attacks: list[Scored], floor: Scored, margin: float) -> list[Figure]:
    """At most three figures: advantages, the curves, and extraction where it was tried."""
    figures = [_advantages(found, margin), _curves([*attacks, floor])]
    points = [m for m in found if m.metric in _AGREEMENT]
    return [*figures, _extraction(points)] if points else figures


def _advantages(found: list[Measurement], margin: float) -> Figure:
    points = [
        {"attack": m.slice.partition("=")[2], "value": m.value, "low": m.low, "high": m.high}
        for m in found
        if m.metric == "membership_advantage"
    ]
    said = "; ".join(f"{p['attack']} {p['value']:.2f} ({p['low']:.2f} to {p['high']:.2f})" for p in points)
    x = {"type": "quantitative", "title": "advantage, TPR - FPR"}
    return Figure(
        title="How well members are told from others",
        description=f"Advantage of each attack and of the floor that never asks: {said}. "
        f"The margin is {margin:g}.",
        spec={
            "$schema": SCHEMA,
            "width": 360,
            "height": {"step": 26},
            "data": {"values": points},
            "encoding": {"y": rows_of("attack", None)},
            "layer": [*with_interval("value", x, colour=BLUE), line_at(margin, colour=RED)],
        },
    )


def _curves(attacks: list[Scored]) -> Figure:
    points, said = [], []
    for attack in attacks:
        _, table = ranking.score_table(attack.judged, attack.judged_member)
        fpr, tpr = ranking.roc_points(table, most=60)
        points += [
            {
                "attack": attack.name,
                "fpr": round(max(x, _LEAST_RATE), 5),
                "tpr": round(max(y, _LEAST_RATE), 5),
            }
            for x, y in zip(fpr.tolist(), tpr.tolist(), strict=True)
        ]
        said.append(f"{attack.name} {ranking.roc_auc(table)[0]:.2f}")
    return Figure(
        title="Members found against others taken for members",
        description=f"Both axes are logarithmic. Area under the curve: {', '.join(said)}.",
        spec={
            "$schema": SCHEMA,
            "width": 280,
            "height": 240,
            "data": {"values": points},
            "mark": {"type": "line"},
            "encoding": {
                "x": _log("fpr", "false positive rate"),
                "y": _log("tpr", "true positive rate"),
                "color": {"field": "attack", "type": "nominal", "sort": None, "title": None},
                "order": {"field": "fpr", "type": "quantitative"},
            },
        },
    )


def _log(field: str, title: str) -> dict[str, Any]:
    return {
        "field": field,
        "type": "quantitative",
        "title": title,
        "scale": {"type": "log", "domain": [_LEAST_RATE, 1]},
    }


def _extraction(found: list[Measurement]) -> Figure:
    points: list[dict[str, Any]] = [
        {
            "surrogate": _AGREEMENT[m.metric],
            "questions": int(m.slice.partition("=")[2]),
            "agreement": m.value,
            "low": m.low,
            "high": m.high,
        }
        for m in found
    ]
    most = max(p["questions"] for p in points)
    said = ", ".join(f"{p['surrogate']} {p['agreement']:.2f}" for p in points if p["questions"] == most)
    x = {"field": "questions", "type": "quantitative", "title": "questions", "scale": {"type": "log"}}
    y = {"type": "quantitative", "title": "agreement with the model", "scale": {"zero": False}}
    color = {"field": "surrogate", "type": "nominal", "sort": None, "title": None}
    return Figure(
        title="What questions rebuild of the model",
        description=f"Agreement with the model by questions asked; after {most}: {said}.",
        spec={
            "$schema": SCHEMA,
            "width": 320,
            "height": 200,
            "data": {"values": points},
            "encoding": {"x": x, "color": color},
            "layer": with_interval("agreement", y, on="y", mark={"type": "line", "point": True}),
        },
    )
