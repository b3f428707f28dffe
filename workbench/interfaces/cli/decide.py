"""``workbench gate``, ``request``, ``approve``, ``reject``, ``revoke`` and ``freshness``."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.core.values import Outcome
from workbench.interfaces.cli.options import HERE, Actor, Model, Policy, Project, asked, bench
from workbench.interfaces.cli.output import AsJson, finish, show

Role = Annotated[str | None, typer.Option("--role", help="The role you act in.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (gate, request, approve, reject, revoke, freshness):
        app.command()(command)


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


def request(
    model: Model,
    note: Annotated[str, asked("note", "Why it should be released. It is kept.")],
    policy: Policy = "default",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Ask for approval, and show what whoever decides will see: the version beside the champion.

    Whoever asks cannot approve.

    Example: `workbench request recidivism/3 --note "better on the old"`
    """
    show(bench(project, actor).request_approval(model, note=note, policy=policy), as_json=as_json)


def approve(
    model: Model,
    note: Annotated[str, asked("note", "Why you approve. It is kept.")],
    role: Role = None,
    policy: Policy = "default",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say yes to these bytes under this policy, signed with your own key. The author is refused.

    Example: `workbench approve recidivism/3 --note "harm reviewed with the owners" --as grace`
    """
    show(bench(project, actor).approve(model, note=note, policy=policy, role=role), as_json=as_json)


def reject(
    model: Model,
    note: Annotated[str, asked("note", "Why you reject it. It is kept.")],
    role: Role = None,
    policy: Policy = "default",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say no to these bytes under this policy: nothing is released until that is taken back.

    Example: `workbench reject recidivism/3 --note "the ages are years of birth" --as grace`
    """
    show(bench(project, actor).reject(model, note=note, policy=policy, role=role), as_json=as_json)


def revoke(
    approval: Annotated[str, typer.Argument(metavar="ID", help="As `workbench freshness` lists it.")],
    note: Annotated[str, asked("note", "Why. It is kept.")],
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Take an approval or a rejection back: for whoever gave it, and for others in that role.

    Example: `workbench revoke approval/recidivism/3#1 --note "the data was wrong" --as grace`
    """
    show(bench(project, actor).revoke(approval, note=note), as_json=as_json)


def freshness(
    model: Model, policy: Policy = "default", project: Project = HERE, as_json: AsJson = False
) -> None:
    """What evidence, verdict and approvals rest on, and how to renew what is stale. Exit 0 holds, 2 stale.

    Example: `workbench freshness recidivism@champion --policy credit`
    """
    found = bench(project).freshness(model, policy)
    show(found, as_json=as_json)
    finish(Outcome.INCONCLUSIVE if found.stale else Outcome.PASS)
