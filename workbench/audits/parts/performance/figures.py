"""Pictures of a performance audit: Vega-Lite with a hundred points at most inside."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.shared.figures import BLUE, SCHEMA, against_diagonal, rows_of, with_interval
from workbench.audits.records import Figure, Measurement
from workbench.stats import ranking
from workbench.stats.intervals import wilson

Array = npt.NDArray[Any]

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
        spec=against_diagonal(
            points, ("fpr", "false positive rate"), ("tpr", "true positive rate"), mark={"type": "line"}
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
    return Figure(
        title="Calibration",
        description=f"Share of positives against mean score in {len(points)} bins; furthest from the "
        f"diagonal where the mean score is {worst['score']:.2f} and {worst['observed']:.2f} are positive.",
        spec=against_diagonal(points, ("score", "mean score"), ("observed", "share of positives")),
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
    return Figure(
        title="Confusion table",
        description=f"Rows by truth and answer; {right:.1%} of all are answered right.",
        spec=_table(cells, names),
    )


def _table(cells: list[dict[str, Any]], names: list[str]) -> dict[str, Any]:
    top = {"orient": "top", "labelAngle": 0}
    blues = {"scheme": "blues", "domain": [0, 1]}
    shade = {"field": "share", "type": "quantitative", "scale": blues, "legend": None}
    ink = {"condition": {"test": "datum.share > 0.5", "value": "white"}, "value": "black"}
    text = {"field": "rows", "type": "quantitative", "format": ","}
    return {
        "$schema": SCHEMA,
        "width": {"step": 64},
        "height": {"step": 36},
        "data": {"values": cells},
        "encoding": {
            "x": {"field": "answer", "type": "nominal", "sort": names, "axis": top},
            "y": {"field": "truth", "type": "nominal", "sort": names},
        },
        "layer": [
            {"mark": "rect", "encoding": {"color": shade}},
            {"mark": "text", "encoding": {"text": text, "color": ink}},
        ],
    }


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
        spec=against_diagonal(points, ("answer", "mean answer"), ("truth", "mean truth")),
    )


def segments(found: list[Measurement]) -> Figure:
    """How much worse the model is on each weak segment, the worst first."""
    points = [{"segment": m.slice, "value": m.value, "low": m.low, "high": m.high, "n": m.n} for m in found]
    names, worst = [m.slice for m in found], found[0]
    x = {"type": "quantitative", "title": "more loss than on the other rows, with its interval"}
    return Figure(
        title="Weak segments",
        description=f"{len(found)} segments on which the model is worse than elsewhere; most in "
        f"{worst.slice}, by {worst.value:.3g}.",
        spec={
            "$schema": SCHEMA,
            "width": 260,
            "height": {"step": 22},
            "data": {"values": points},
            "encoding": {"y": rows_of("segment", names, label_limit=360)},
            "layer": with_interval("value", x, colour=BLUE),
        },
    )
