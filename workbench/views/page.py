"""Static HTML: a fragment for a cell, a whole file for a colleague. Escaped, no script, nothing to fetch."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from workbench.core import digests
from workbench.core.records import Shown
from workbench.views import decisions, endpoints, figures, formats, summary
from workbench.views.forecasts import expectations
from workbench.views.tables import tables
from workbench.views.text import headline
from workbench.views.whiskers import whisker

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _environment() -> Environment:
    """The one template engine: autoescape is on for every template, and an undefined name is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("workbench.views"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": formats.number,
        "interval": formats.interval,
        "count": formats.count,
        "moment": formats.moment,
        "duration": formats.duration,
        "change": formats.change,
        "sign": formats.sign,
        "value": formats.value,
        "short": digests.short,
        # The SVG is drawn by the chart library from JSON: text in it is escaped there.
        "svg": lambda figure: Markup(figures.svg(figure)),  # noqa: S704
    }
    environment.globals |= {
        "tables": tables,
        "whisker_of": whisker,
        "estimate": lambda m, unit=None: formats.estimate(
            m.value, m.low, m.high, m.unit if unit is None else unit
        ),
        "concerns": summary.concerns,
        "headlines": summary.headlines,
        "outcomes": summary.outcomes,
        "taken": summary.taken,
        "tally": summary.tally,
        "evidence_moved": figures.moved,
        "release_figure": figures.release_figure,
        "headline": headline,
        "told": endpoints.told,
        "expectations": expectations,
        "decision_lines": decisions.lines,
        "decision_notes": decisions.notes,
        "sought": decisions.sought,
        "bar_width": decisions.WIDTH,
    }
    return environment


def _finalize(value: Any) -> Any:
    """Every value on its way into a page. Markup is a subclass of text that stays markup."""
    return formats.visible(value) if type(value) is str else value


def fragment(record: Shown) -> str:
    """The record as an HTML fragment, styled by classes that start with ``wb-``."""
    return _environment().get_template("fragment.html.j2").render(record=record)


def html_page(record: Shown) -> str:
    """The record as one self-contained file."""
    return _environment().get_template("page.html.j2").render(record=record)
