"""What a threshold costs: accuracy against the gaps between groups, from a table of scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.shared.figures import BLUE, DOT, RED, SCHEMA
from workbench.audits.parts.shared.slices import Slices
from workbench.audits.records import Figure
from workbench.stats import counts
from workbench.stats.group_scores import Bins

Array = npt.NDArray[Any]

_THRESHOLDS = 25
_COLUMNS = 2
_FEWEST = 30
"""Rows of either truth that a group needs to take part: the extremes of smaller ones are noise."""
_SCORES = {"accuracy_score": "accuracy", "balanced_accuracy_score": "balanced accuracy"}
_GAPS = {"demographic_parity_difference": "demographic parity", "equalized_odds_difference": "equalized odds"}


def trade_off(table: Array, bins: Bins, slices: Slices, answers: Array) -> list[Figure]:
    """Draw the curve for each sensitive column; nothing where no two groups have rows enough.

    Args:
        table: counts by cell, truth and bin, shape (cells, 2, bins).
        bins: of the scores; a threshold is the least score of a bin, and the same for every group.
        slices: whose cells these are.
        answers: counts by cell, truth and answer, shape (cells, 2, 2): the point in use.
    """
    panels = dict(list(sweep(table, bins, slices).items())[:_COLUMNS])
    if not panels:
        return []
    in_use = _panels(counts.of_slices(answers, slices.members)[None], slices, np.array([np.nan]))
    said = " ".join(_said(column, points) for column, points in panels.items())
    rows = [p for points in panels.values() for p in points]
    rows += [{**in_use[column][0], "threshold": None, "in use": True} for column in panels]
    return [
        Figure(
            title="Accuracy against gaps, over thresholds",
            description=f"Lines move one threshold for everyone; dots are the answers as they are. {said}",
            spec=_spec(rows),
        )
    ]


def sweep(table: Array, bins: Bins, slices: Slices) -> dict[str, list[dict[str, Any]]]:
    """Return, by sensitive column, scores and gaps at up to 25 thresholds, ascending."""
    of_slices = counts.of_slices(table, slices.members)
    reached = of_slices[..., ::-1].cumsum(axis=-1)[..., ::-1]
    at = np.unique(np.linspace(0, len(bins.least) - 1, _THRESHOLDS).round().astype(int))
    taken = np.moveaxis(reached[..., at], -1, 0)
    return _panels(np.stack([of_slices.sum(axis=-1) - taken, taken], axis=-1), slices, bins.least[at])


def _panels(table: Array, slices: Slices, thresholds: Array) -> dict[str, list[dict[str, Any]]]:
    """Points by sensitive column from counts (thresholds, slices, 2, 2), of groups with rows enough."""
    rates = counts.rates(table, undefined=0.0)
    enough, start, panels = (table[0].sum(axis=-1) >= _FEWEST).all(axis=-1), 1, {}
    for family in slices.families:
        here = np.arange(start, start + len(family.names))
        here, start = here[enough[here]], start + len(family.names)
        if len(family.columns) == 1 and len(here) > 1:
            gaps = counts.spreads({name: rate[:, here] for name, rate in rates.items()})
            panels[family.name] = _points(family.name, thresholds, rates, gaps)
    return panels


def _points(
    column: str, thresholds: Array, rates: dict[str, Array], gaps: dict[str, Array]
) -> list[dict[str, Any]]:
    of = {said: rates[m][:, 0] for m, said in _SCORES.items()}
    of |= {said: gaps[m] for m, said in _GAPS.items()}
    return [
        {
            "column": column,
            "threshold": float(f"{threshold:.4g}"),
            **{said: round(float(values[i]), 3) for said, values in of.items()},
        }
        for i, threshold in enumerate(thresholds)
    ]


def _said(column: str, points: list[dict[str, Any]]) -> str:
    """Name the best balanced accuracy, and the least gap within two points of it."""
    best = max(points, key=lambda p: p["balanced accuracy"])
    near = [p for p in points if p["balanced accuracy"] >= best["balanced accuracy"] - 0.02]
    least = min(near, key=lambda p: p["equalized odds"])
    return (
        f"{column}: balanced accuracy is best at {best['threshold']:g} with {best['balanced accuracy']:.3f} "
        f"and an equalized odds difference of {best['equalized odds']:.3f}; within 0.02 of that the least is "
        f"{least['equalized odds']:.3f} at {least['threshold']:g}."
    )


def _spec(rows: list[dict[str, Any]]) -> dict[str, Any]:
    colours = {"domain": list(_GAPS.values()), "range": [BLUE, RED]}
    encoding = {
        "x": {"field": "gap", "type": "quantitative", "title": "difference between groups"},
        "y": {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": False}},
        "color": {"field": "definition", "type": "nominal", "title": None, "scale": colours},
        "strokeDash": {"field": "score", "type": "nominal", "title": None},
    }
    dots = {key: value for key, value in encoding.items() if key != "strokeDash"}
    return {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "transform": [
            {"fold": list(_GAPS.values()), "as": ["definition", "gap"]},
            {"fold": list(_SCORES.values()), "as": ["score", "value"]},
        ],
        "facet": {"column": {"field": "column", "type": "nominal", "title": None}},
        "spec": {
            "width": 220,
            "height": 180,
            "layer": [
                {
                    "transform": [{"filter": "!datum['in use']"}],
                    "mark": {"type": "line", "strokeWidth": 1.5},
                    "encoding": {**encoding, "order": {"field": "threshold", "type": "quantitative"}},
                },
                {
                    "transform": [{"filter": "datum['in use']"}],
                    "mark": DOT,
                    "encoding": dots,
                },
            ],
        },
    }
