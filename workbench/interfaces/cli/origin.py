"""``workbench lineage`` and ``history``: where a version came from, and who was champion when."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.interfaces.cli.options import HERE, Model, Project, bench
from workbench.interfaces.cli.output import AsJson, say, show


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(lineage)
    app.command()(history)


def lineage(
    model: Model,
    openlineage: Annotated[
        str,
        typer.Option("--openlineage", metavar="TO", help="Also say it as OpenLineage events: a file or URL."),
    ] = "",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Draw what a version was made of: code, data, environment, parameters, and its parents with theirs.

    Example: `workbench lineage recidivism/3 --openlineage events.ndjson`
    """
    opened = bench(project)
    tree = opened.lineage(model)
    if openlineage:
        said = opened.export_lineage(model, openlineage)
        say(f"{len(said)} events: {openlineage}")
    show(tree, as_json=as_json)


def history(
    model: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.")],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="2026-03-01 (its end) or 2026-03-01T14:30Z. Default: now."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say which version was champion at a moment, and every change up to it with its journal entry.

    Example: `workbench history recidivism --at 2026-03-01`
    """
    show(bench(project).history(model, at=at), as_json=as_json)
