"""Pictures of a poisoning audit: how surely labels are wrong, and what the strongest stamps turn."""

from __future__ import annotations

import numpy as np

from workbench.audits.parts.poisoning.label_errors import LabelErrors
from workbench.audits.parts.poisoning.trigger import Search
from workbench.audits.parts.shared.figures import BLUE, SCHEMA, rows_of, with_interval
from workbench.audits.records import Figure

_BINS = 20


def drawn(errors: LabelErrors | str, triggers: Search | str, margin: float) -> list[Figure]:
    """One figure for each part that could be done."""
    figures = []
    if isinstance(errors, LabelErrors) and np.isfinite(errors.wrong).any():
        figures.append(_chances(errors))
    if isinstance(triggers, Search) and triggers.found:
        figures.append(_stamps(triggers, margin))
    return figures


def _chances(errors: LabelErrors) -> Figure:
    counts, edges = np.histogram(errors.wrong, bins=_BINS, range=(0, 1))
    bins = [
        {"from": round(float(edges[i]), 2), "to": round(float(edges[i + 1]), 2), "rows": int(counts[i])}
        for i in range(_BINS)
    ]
    return Figure(
        title="How surely labels are wrong",
        description=f"Training rows by the chance that their label is wrong; {int(errors.flagged.sum())} of "
        f"{len(errors.labels)} are likelier wrong than right.",
        spec={
            "$schema": SCHEMA,
            "width": 360,
            "height": 180,
            "data": {"values": bins},
            "mark": {"type": "bar", "color": BLUE},
            "encoding": {
                "x": {
                    "field": "from",
                    "type": "quantitative",
                    "bin": {"binned": True, "step": 1 / _BINS},
                    "title": "chance that the label is wrong",
                },
                "x2": {"field": "to"},
                "y": {
                    "field": "rows",
                    "type": "quantitative",
                    "scale": {"type": "symlog"},
                    "title": "training rows",
                },
            },
        },
    )


def _stamps(triggers: Search, margin: float) -> Figure:
    points = [
        {"answer": f"{one.target} by {one.stamp}", "what": what, "value": e[0], "low": e[1], "high": e[2]}
        for one in triggers.found
        for what, e in (
            ("strongest rare stamp", one.success),
            ("its own floor", one.floor),
            ("strongest common stamp", one.natural),
        )
    ]
    worst = max(triggers.found, key=lambda one: one.gain[0])
    x = {"type": "quantitative", "scale": {"domain": [0, 1]}, "title": "share of answers turned"}
    return Figure(
        title="What one stamp turns",
        description=f"{worst.stamp} turns {worst.success[0]:.0%} of answers to {worst.target}, its floor "
        f"{worst.floor[0]:.0%}; the margin is {margin:g}.",
        spec={
            "$schema": SCHEMA,
            "width": 320,
            "height": {"step": 36},
            "data": {"values": points},
            "encoding": {
                "y": rows_of("answer", None, label_limit=280),
                "yOffset": {"field": "what"},
                "color": {"field": "what", "type": "nominal", "title": None},
            },
            "layer": with_interval("value", x),
        },
    )
