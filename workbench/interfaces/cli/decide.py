"""``workbench gate`` and ``workbench approve``."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.interfaces.cli.options import HERE, Actor, Model, Policy, Project, bench
from workbench.interfaces.cli.output import AsJson, finish, show


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(gate)
    app.command()(approve)


def gate(
    model: Model,
    policy: Policy = "default",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Judge the kept evidence by a policy. Exit 0 pass, 1 fail, 2 inconclusive, 3 error.

    Example: `workbench gate recidivism/3 --policy policies/credit.yaml`
    """
    verdict = bench(project, actor).gate(model, policy)
    show(verdict, as_json=as_json)
    finish(verdict.outcome)


def approve(
    model: Model,
    note: Annotated[str, typer.Option("--note", help="Why you approve. It is kept.", prompt=True)],
    role: Annotated[str | None, typer.Option("--role", help="The role you act in.")] = None,
    policy: Policy = "default",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say yes to these bytes under this policy. The author is refused.

    Example: `workbench approve recidivism/3 --note "harm reviewed with the owners" --as grace`
    """
    approval = bench(project, actor).approve(model, note=note, policy=policy, role=role)
    if as_json:
        show(approval, as_json=True)
    else:
        print(f"{approval.by} approved {approval.model} as {approval.role}")
