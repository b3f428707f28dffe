"""``workbench compile``: a copy of a version that answers the same, sooner."""

from __future__ import annotations

import typer

from workbench.interfaces.cli.options import HERE, Actor, Model, Project, bench
from workbench.interfaces.cli.output import AsJson, show


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("compile")(compile_)


def compile_(model: Model, project: Project = HERE, actor: Actor = "", as_json: AsJson = False) -> None:
    """Compile a version for serving, compare the copy with it on thousands of rows, and keep it if alike.

    Where there can be no copy, this says why: the model itself answers then, as before.

    Example: `workbench compile recidivism/3`
    """
    show(bench(project, actor).compile(model), as_json=as_json)
