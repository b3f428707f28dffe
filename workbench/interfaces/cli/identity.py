"""``workbench whoami``: who acts, and in which roles."""

from __future__ import annotations

import typer

from workbench.interfaces.cli.options import HERE, Actor, Project, bench
from workbench.interfaces.cli.output import AsJson, show


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(whoami)


def whoami(project: Project = HERE, actor: Actor = "", as_json: AsJson = False) -> None:
    """Say who acts here, who says so, in which groups, and which roles that gives.

    Example: `workbench whoami`
    """
    from workbench.views.formats import visible

    found = bench(project, actor).whoami()
    if as_json:
        show(found, as_json=True)
        return
    groups = ", ".join(found.groups) or found.note or "none"
    roles = "\n".join(f"role: {role.name}, by {role.by}" for role in found.roles) or "roles: none"
    print(f"{visible(found.name)}, as {found.source} says\ngroups: {visible(groups)}\n{visible(roles)}")
