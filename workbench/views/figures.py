"""Figures: Vega-Lite specs made into SVG with nothing to fetch, in colours that follow the page."""

from __future__ import annotations

import math
from typing import Any

from workbench.audits.records import Figure
from workbench.releases.records import StageVerdict
from workbench.views.formats import visible

#: ``currentColor`` lets one SVG stand on a light and on a dark page.
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "currentColor",
        "gridOpacity": 0.15,
        # Labels that a wider font than the measured one would make touch.
        "labelSeparation": 6,
        "labelFlush": False,
        "titlePadding": 10,
    },
    "legend": {"labelColor": "currentColor", "titleColor": "currentColor", "offset": 28},
    "title": {"color": "currentColor"},
    "header": {"labelColor": "currentColor", "titleColor": "currentColor"},
    "text": {"color": "currentColor"},
    "rule": {"color": "currentColor"},
}


def svg(figure: Figure) -> str:
    """Draw a figure. Its description becomes the accessible name."""
    import vl_convert
    from markupsafe import escape

    config = {**_CONFIG, **figure.spec.get("config", {})}
    # The reader's font may be wider than the one that was measured with: leave room for it at the sides.
    padding = {"left": 36, "right": 32, "top": 5, "bottom": 5}
    drawn: str = vl_convert.vegalite_to_svg(_drawable({"padding": padding, **figure.spec, "config": config}))
    label = escape(_drawable(figure.description))
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _drawable(value: Any) -> Any:
    """The same JSON value, its text visible: one NUL in a group's name would abort the process that draws."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {key: _drawable(item) for key, item in value.items()}
    return [_drawable(item) for item in value] if isinstance(value, list | tuple) else value


def moved(verdict: StageVerdict) -> bool:
    """Whether there is anything to draw: while no arm has failed, evidence stays at naught."""
    return len(verdict.points) > 1 and any(p.log_e_worse or p.log_e_no_worse for p in verdict.points)


def release_figure(verdict: StageVerdict) -> Figure:
    """Evidence over requests against its threshold ln(1/α): the picture of a stage's verdict."""
    threshold = math.log(1 / verdict.alpha)
    series = [
        {"requests": p.n, "evidence": value, "test": test}
        for p in verdict.points
        for test, value in (("worse", p.log_e_worse), ("no worse", p.log_e_no_worse))
    ]
    x = {"field": "requests", "type": "quantitative", "title": "requests counted"}
    line = {
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": x,
            "y": {"field": "evidence", "type": "quantitative", "title": "evidence, ln E"},
            "color": {
                "field": "test",
                "title": "evidence that it is",
                "scale": {"domain": ["worse", "no worse"], "range": ["#d9480f", "#1971c2"]},
            },
            "strokeDash": {"field": "test", "legend": None},
        },
    }
    rule = {
        "data": {"values": [{"threshold": threshold}]},
        "mark": {"type": "rule", "strokeDash": [2, 2], "color": "currentColor"},
        "encoding": {"y": {"field": "threshold", "type": "quantitative"}},
    }
    return Figure(
        title=f"{verdict.stage}: {verdict.about}",
        description=f"Evidence over requests for {verdict.about} in {verdict.stage}; "
        f"a line that reaches {threshold:.2f} settles it. {verdict.sentence}",
        spec={
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "width": 420,
            "height": 140,
            "data": {"values": series},
            "layer": [line, rule],
        },
    )
