"""``workbench incident``, ``replay`` and ``bisect``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.interfaces.cli.options import HERE, Actor, Project, bench
from workbench.interfaces.cli.output import AsJson, finish, show

Incident = Annotated[str, typer.Argument(metavar="INCIDENT", help="`INC-1`.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(incident)
    app.command()(replay)
    app.command()(bisect)


def incident(
    title: Annotated[str, typer.Argument(help="What went wrong, for people.")],
    endpoint: Annotated[str, typer.Option("--endpoint", help="Whose traffic.")] = "",
    window: Annotated[
        str,
        typer.Option("--window", help='`"last 30 minutes"`, or `SINCE/UNTIL` in ISO 8601.'),
    ] = "",
    alert: Annotated[str, typer.Option("--alert", help="Freeze the window of this alert.")] = "",
    rows: Annotated[Path | None, typer.Option("--rows", help="CSV or Parquet file of rows.")] = None,
    model: Annotated[str, typer.Option("--model", help="Whose versions are suspects.")] = "",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Freeze the exchanges that somebody must answer for, with a digest.

    Example: `workbench incident "everybody refused" --endpoint recidivism --window "last 30 minutes"`
    """
    opened = bench(project, actor).open_incident(
        title,
        window=(tuple(window.split("/")) if "/" in window else window) or None,
        alert=alert or None,
        rows=rows,
        endpoint=endpoint,
        model=model,
    )
    show(opened, as_json=as_json)


def replay(
    incident: Incident,
    against: Annotated[
        list[str] | None, typer.Option("--against", help="A version; again for each. Default: all.")
    ] = None,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Score the frozen rows on versions and compare.

    Example: `workbench replay INC-1 --against recidivism/2 --against recidivism/3`
    """
    show(bench(project, actor).replay(incident, against or ()), as_json=as_json)


def bisect(
    incident: Incident,
    kind: Annotated[str, typer.Option("--failure", help="disagreement, error, or metric.")] = "disagreement",
    metric: Annotated[str, typer.Option("--metric", help="With --failure metric, on labelled rows.")] = "",
    above: Annotated[float | None, typer.Option("--above", help="Bad when above this.")] = None,
    below: Annotated[float | None, typer.Option("--below", help="Bad when below this.")] = None,
    reference: Annotated[
        int | None, typer.Option("--reference", help="Version taken as right. Default: the oldest.")
    ] = None,
    save: Annotated[str, typer.Option("--save-case", help="Save it as a behaviour case of this name.")] = "",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Find the first version that shows the failure. Exit 0 when found, 2 when the rows cannot tell.

    Example: `workbench bisect INC-1 --failure disagreement --above 0.1 --save-case priors-in-hundreds`
    """
    from workbench.core.errors import unknown
    from workbench.incidents.records import Failure

    kinds = ("disagreement", "error", "metric")
    if kind not in kinds:
        raise unknown("failure", "kind of failure", kind, kinds)
    failure = Failure(kind=kind, metric=metric, above=above, below=below, reference=reference)
    wb = bench(project, actor)
    report = wb.bisect(incident, failure)
    show(report, as_json=as_json)
    if save and report.last_good is not None:
        wb.save_case(incident, name=save, expected_from=report.last_good)
    finish(report.outcome)
