"""How a dry run reads: what each verdict takes, in the words that its text and its page share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from workbench.views.formats import count, duration


def forecast_headline(forecast: Any) -> str:
    """One line: whom it is about, how long it would take, and which stages would not make it."""
    late, takes = ", ".join(step.name for step in forecast.late), duration(forecast.minutes)
    about = takes if takes.startswith("under") else f"about {takes}"
    end = f"{late} would probably not pass before the deadline, which ends the release" if late else about
    return f"Dry run of {forecast.plan} for {forecast.candidate} on {forecast.endpoint}: {end}"


def expectations(step: Any) -> Iterator[str]:
    """One line for each verdict of a step."""
    unit = "pairs" if step.kind == "shadow" else "requests to the candidate"
    for one in step.expected:
        about = f"{one.metric} of {one.group}" if one.group else one.metric
        verdict = "proved worse" if one.verdict == "worse" else "proved good"
        needed = one.expectation if one.median is None else one.median
        if needed is None:
            takes = "not to be expected"
        else:
            takes = f"about {count(needed)} {unit}"
            takes += f", {duration(one.minutes)}" if one.minutes is not None else ""
        yield f"{about} {verdict} if {one.when}: {takes}"
