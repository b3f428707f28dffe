"""Pictures of a calibration audit: reliability, and the groups beside one another."""

from __future__ import annotations

from typing import Any

from workbench.audits.parts.calibration.scores import IN_THE_LARGE, Said
from workbench.audits.parts.shared.figures import (
    BLUE,
    SCHEMA,
    against_diagonal,
    line_at,
    rows_of,
    with_interval,
)
from workbench.audits.parts.shared.slices import Slices
from workbench.audits.records import Figure, Measurement
from workbench.stats.calibration import equal_mass_bins
from workbench.stats.intervals import wilson

_MOST_GROUPS = 20
_FIGURES = 2
"""Sensitive columns with a picture."""


def reliability(said: Said, bins: int, confidence: float) -> Figure:
    """What happened against what was said, with Wilson's interval in every bin."""
    binned = equal_mass_bins(said.scores, said.happened, bins)
    low, high = wilson(binned.observed * binned.n, binned.n, confidence)
    columns = {"score": binned.said, "observed": binned.observed, "low": low, "high": high}
    points = [
        {**{name: round(float(values[b]), 4) for name, values in columns.items()}, "n": int(binned.n[b])}
        for b in range(len(binned.n))
    ]
    worst = max(points, key=lambda p: abs(p["observed"] - p["score"]))
    missed = sum(not p["low"] <= p["score"] <= p["high"] for p in points)
    return Figure(
        title="Reliability",
        description=f"{said.event[0].upper()}{said.event[1:]} against mean score in {len(points)} bins of "
        f"about equally many rows; in {missed} of them the score lies outside the interval. Furthest apart "
        f"where the mean score is {worst['score']:.2f} and the {said.event} {worst['observed']:.2f}.",
        spec=against_diagonal(points, ("score", "mean score"), ("observed", said.event), ends=(0, 1)),
    )


def by_group(found: list[Measurement], slices: Slices) -> list[Figure]:
    """Calibration in the large of the groups of each sensitive column, the largest groups only."""
    of = {m.slice: m for m in found if m.metric == IN_THE_LARGE}
    figures = []
    for family in [f for f in slices.families if len(f.columns) == 1][:_FIGURES]:
        largest = sorted(zip(family.names, family.groups, strict=True), key=lambda g: -of[g[0]].n)
        points = [
            {"group": group, "value": m.value, "low": m.low, "high": m.high, "n": m.n}
            for name, group in largest[:_MOST_GROUPS]
            if (m := of[name]).value is not None
        ]
        if not points:
            continue
        ordered = sorted(points, key=lambda p: float(p["value"] or 0.0))
        least, most = ordered[0], ordered[-1]
        figures.append(
            Figure(
                title=f"Calibration in the large by {family.name}",
                description=f"Observed less said, from {least['value']:+.3f} ({least['group']}) to "
                f"{most['value']:+.3f} ({most['group']}); 0 is calibrated, above 0 the score is too low.",
                spec=_bars(points),
            )
        )
    return figures


def _bars(points: list[dict[str, Any]]) -> dict[str, Any]:
    x = {"type": "quantitative", "title": "observed less said, with its interval"}
    return {
        "$schema": SCHEMA,
        "width": 320,
        "height": {"step": 20},
        "data": {"values": points},
        "encoding": {"y": rows_of("group", [p["group"] for p in points])},
        "layer": [*with_interval("value", x, colour=BLUE), line_at(0)],
    }
