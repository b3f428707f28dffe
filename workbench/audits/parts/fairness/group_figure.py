"""The picture of a fairness audit: rates of the groups of each sensitive column, with their intervals."""

from __future__ import annotations

from typing import Any

from workbench.audits.parts.shared.figures import BLUE, SCHEMA, rows_of, with_interval
from workbench.audits.parts.shared.slices import Slices
from workbench.audits.records import Figure, Measurement

_SHOWN = ("selection_rate", "false_positive_rate", "false_negative_rate", "accuracy_score", "mean_error")
_PANELS = 3
_MOST_GROUPS = 15


def rates_by_group(found: list[Measurement], slices: Slices) -> list[Figure]:
    """One figure for each sensitive column: a panel a metric, a line a group, the largest groups only."""
    of = {(m.metric, m.slice): m for m in found}
    metrics = [metric for metric in _SHOWN if (metric, "") in of][:_PANELS]
    figures = []
    for family in (f for f in slices.families if len(f.columns) == 1):
        lines = sorted(
            zip(family.names, family.groups, strict=True), key=lambda line: -of["count", line[0]].n
        )
        lines = lines[:_MOST_GROUPS]
        points = [
            {"metric": metric, "group": group, "value": m.value, "low": m.low, "high": m.high, "n": m.n}
            for metric in metrics
            for name, group in lines
            if (m := of[metric, name]).value is not None
        ]
        groups = [group for _, group in lines]
        figures.append(
            Figure(title=f"By {family.name}", description=_said(points), spec=_spec(points, metrics, groups))
        )
    return figures


def _said(points: list[dict[str, Any]]) -> str:
    """Name the groups at either end of every panel."""
    sentences = []
    for metric in dict.fromkeys(p["metric"] for p in points):
        panel = [p for p in points if p["metric"] == metric]
        least, most = min(panel, key=lambda p: p["value"]), max(panel, key=lambda p: p["value"])
        sentences.append(
            f"{metric} from {least['value']:.3g} ({least['group']}) to {most['value']:.3g} ({most['group']})"
        )
    return f"{'; '.join(sentences)}." if sentences else "No rate could be computed."


def _spec(points: list[dict[str, Any]], metrics: list[str], groups: list[str]) -> dict[str, Any]:
    x = {"type": "quantitative", "scale": {"zero": False}, "title": "with its interval"}
    return {
        "$schema": SCHEMA,
        "data": {"values": points},
        "facet": {"column": {"field": "metric", "type": "nominal", "title": None, "sort": metrics}},
        "resolve": {"scale": {"x": "independent"}},
        "spec": {
            "width": 180,
            "height": {"step": 20},
            "encoding": {"y": rows_of("group", groups)},
            "layer": with_interval("value", x, colour=BLUE),
        },
    }
