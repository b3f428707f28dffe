"""Pictures of a performance audit: Vega-Lite with a hundred points at most inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.records import Figure, Measurement
from workbench.stats import ranking
from workbench.stats.intervals import wilson

Array = npt.NDArray[Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
_BINS = 10
_MOST_CLASSES = 12
"""Of a confusion table; the most frequent are shown."""


def roc(counts: Array) -> Figure:
    """True against false positive rate over all thresholds. ``counts`` from ``ranking.score_table``."""
    fpr, tpr = ranking.roc_points(counts)
    points = [
        {"fpr": round(x, 4), "tpr": round(y, 4)} for x, y in zip(fpr.tolist(), tpr.tolist(), strict=True)
    ]
    area = ranking.roc_auc(counts)[0]
    return Figure(
        title="ROC curve",
        description=f"True against false positive rate; the area under the curve is {area:.3f}.",
        spec=_against_diagonal(
            points, {"type": "line"}, ("fpr", "false positive rate"), ("tpr", "true positive rate")
        ),
    )


def calibration(scores: Array, counts: Array) -> Figure:
    """Share of positives against mean score in ten bins. Both arguments from ``ranking.score_table``."""
    place = np.minimum((scores * _BINS).astype(int), _BINS - 1)
    rows, positive = (np.bincount(place, weights, _BINS) for weights in (counts.sum(axis=1), counts[:, 1]))
    mean = np.bincount(place, scores * counts.sum(axis=1), _BINS) / np.maximum(rows, 1)
    low, high = wilson(positive, rows)
    points = [
        {
            "score": round(float(mean[b]), 4),
            "observed": round(float(positive[b] / rows[b]), 4),
            "low": round(float(low[b]), 4),
            "high": round(float(high[b]), 4),
            "n": int(rows[b]),
        }
        for b in np.flatnonzero(rows)
    ]
    worst = max(points, key=lambda p: abs(p["observed"] - p["score"]))
    spec = _against_diagonal(
        points, {"type": "point", "filled": True}, ("score", "mean score"), ("observed", "share of positives")
    )
    ends = {
        "x": spec["layer"][1]["encoding"]["x"],
        "y": {"field": "low", "type": "quantitative"},
        "y2": {"field": "high"},
    }
    spec["layer"].append({"mark": {"type": "rule", "color": "#1971c2"}, "encoding": ends})
    return Figure(
        title="Calibration",
        description=f"Share of positives against mean score in {len(points)} bins; furthest from the "
        f"diagonal where the mean score is {worst['score']:.2f} and {worst['observed']:.2f} are positive.",
        spec=spec,
    )


def confusion(table: Array, classes: tuple[Any, ...]) -> Figure:
    """Rows by truth and answer. ``table`` and ``classes`` from ``class_metrics.confusion_matrix``."""
    most = np.sort(np.argsort(-table.sum(axis=1), kind="stable")[:_MOST_CLASSES])
    names = [str(classes[i]) for i in most]
    cells = [
        {
            "truth": str(classes[i]),
            "answer": str(classes[j]),
            "rows": int(table[i, j]),
            "share": round(float(table[i, j] / max(table[i].sum(), 1)), 4),
        }
        for i in most
        for j in most
    ]
    right = np.trace(table) / table.sum()
    axes = {
        "x": {
            "field": "answer",
            "type": "nominal",
            "sort": names,
            "axis": {"orient": "top", "labelAngle": 0},
        },
        "y": {"field": "truth", "type": "nominal", "sort": names},
    }
    shade = {
        "field": "share",
        "type": "quantitative",
        "scale": {"scheme": "blues", "domain": [0, 1]},
        "legend": None,
    }
    ink = {"condition": {"test": "datum.share > 0.5", "value": "white"}, "value": "black"}
    return Figure(
        title="Confusion table",
        description=f"Rows by truth and answer; {right:.1%} of all are answered right.",
        spec={
            "$schema": _SCHEMA,
            "width": {"step": 64},
            "height": {"step": 36},
            "data": {"values": cells},
            "encoding": axes,
            "layer": [
                {"mark": "rect", "encoding": {"color": shade}},
                {
                    "mark": "text",
                    "encoding": {
                        "text": {"field": "rows", "type": "quantitative", "format": ","},
                        "color": ink,
                    },
                },
            ],
        },
    )


def residuals(y_true: Array, y_pred: Array) -> Figure:
    """Mean truth against mean answer in twenty bins of equally many rows."""
    parts = np.array_split(np.argsort(y_pred, kind="stable"), min(2 * _BINS, len(y_pred)))
    points = [
        {"answer": float(y_pred[i].mean()), "truth": float(y_true[i].mean()), "n": len(i)} for i in parts
    ]
    worst = max(points, key=lambda p: abs(p["answer"] - p["truth"]))
    return Figure(
        title="Truth against answer",
        description=f"Mean truth against mean answer in {len(points)} bins; furthest apart at "
        f"{worst['answer']:.4g}, where the truth is {worst['truth']:.4g}.",
        spec=_against_diagonal(
            points, {"type": "point", "filled": True}, ("answer", "mean answer"), ("truth", "mean truth")
        ),
    )


def segments(found: list[Measurement]) -> Figure:
    """How much worse the model is on each weak segment, the worst first."""
    points = [{"segment": m.slice, "value": m.value, "low": m.low, "high": m.high, "n": m.n} for m in found]
    names, worst = [m.slice for m in found], found[0]
    y = {"field": "segment", "type": "nominal", "sort": names, "title": None, "axis": {"labelLimit": 360}}
    x = {"type": "quantitative", "title": "more loss than on the other rows, with its interval"}
    point = {"type": "point", "filled": True, "size": 60, "opacity": 1, "color": "#1971c2"}
    return Figure(
        title="Weak segments",
        description=f"{len(found)} segments on which the model is worse than elsewhere; most in "
        f"{worst.slice}, by {worst.value:.3g}.",
        spec={
            "$schema": _SCHEMA,
            "width": 260,
            "height": {"step": 22},
            "data": {"values": points},
            "encoding": {"y": y},
            "layer": [
                {
                    "mark": {"type": "rule", "strokeWidth": 2, "color": "#1971c2"},
                    "encoding": {"x": {"field": "low", **x}, "x2": {"field": "high"}},
                },
                {"mark": point, "encoding": {"x": {"field": "value", **x}}},
            ],
        },
    )


def _against_diagonal(
    points: list[dict[str, Any]], mark: dict[str, Any], x: tuple[str, str], y: tuple[str, str]
) -> dict[str, Any]:
    ends = [f(p[axis] for p in points for axis in (x[0], y[0])) for f in (min, max)]
    line = [{"a": end, "b": end} for end in ends]

    def at(field: str, title: str | None) -> dict[str, Any]:
        return {"field": field, "type": "quantitative", "title": title, "scale": {"zero": False}}

    return {
        "$schema": _SCHEMA,
        "width": 260,
        "height": 220,
        "data": {"values": points},
        "layer": [
            {
                "data": {"values": line},
                "mark": {"type": "line", "strokeDash": [4, 4], "color": "#868e96"},
                "encoding": {"x": at("a", x[1]), "y": at("b", y[1])},
            },
            {
                "mark": {**mark, "color": "#1971c2"},
                "encoding": {"x": at(x[0], x[1]), "y": at(y[0], y[1]), "order": None},
            },
        ],
    }
