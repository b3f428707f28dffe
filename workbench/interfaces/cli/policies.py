"""``workbench policy`` and ``finding``: what is asked of versions, and what stands against them."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.core.values import Outcome
from workbench.interfaces.cli.options import HERE, Actor, Model, Project, asked, bench
from workbench.interfaces.cli.output import AsJson, finish, show

policies = typer.Typer(help="What is asked of versions, reviewed like code.", no_args_is_help=True)
findings = typer.Typer(help="What somebody must fix or answer for.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `workbench finding list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    policies.command("diff")(diff)
    policies.command("list")(list_policies)
    policies.command("show")(show_policy)
    findings.command("open")(open_)
    findings.command("accept")(accept)
    findings.command("fix")(fix)
    findings.command("list")(list_findings)
    app.add_typer(policies, name="policy")
    app.add_typer(findings, name="finding")


def diff(
    old: Annotated[str, typer.Argument(help="A file, a name, or `name@digest` of a text that was used.")],
    new: Annotated[str, typer.Argument(help="The same.")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Say which versions would get another verdict, on the evidence there is. Exit 0: none, 1: some.

    Example: `workbench policy diff credit@1f3b09aa policies/credit.yaml`
    """
    found = bench(project).policy_diff(old, new)
    show(found, as_json=as_json)
    finish(Outcome.PASS if found.same else Outcome.FAIL)


def list_policies(project: Project = HERE, as_json: AsJson = False) -> None:
    """List the texts of policies that a gate has judged by, and the built-in ones.

    Example: `workbench policy list`
    """
    from workbench.gates.policy import POLICIES

    book = bench(project).decisions.policies
    used = [one for name in book.names() for one in book.of(name)]
    if as_json:
        show({"used": [one.ref for one in used], "built_in": POLICIES.built_in()}, as_json=True)
        return
    for one in used:
        print(f"{one.ref}  version {one.version}, {len(one.policy.rules)} rules. {one.policy.description}")
    print(f"built in: {', '.join(POLICIES.built_in())}")


def show_policy(
    policy: Annotated[str, typer.Argument(help="A file, a name, or `name@digest` of a text that was used.")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Print a policy as YAML, with its digest.

    Example: `workbench policy show credit@1f3b09aa`
    """
    import yaml

    found = bench(project).decisions.policy(policy)
    if as_json:
        show(found, as_json=True)
        return
    content = found.model_dump(mode="json", exclude_defaults=True)
    print(f"# {found.digest}")
    print(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), end="")


def open_(
    model: Model,
    title: Annotated[str, typer.Argument(help="What was found, in a sentence.")],
    severity: Annotated[str, typer.Option("--severity", help="low, medium, high or critical.")] = "medium",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Write down what was found in a version.

    Example: `workbench finding open recidivism/3 "Ages above 90 are years of birth" --severity high`
    """
    show(bench(project, actor).open_finding(model, title, severity=severity), as_json=as_json)  # type: ignore[arg-type]


def accept(
    finding: Id,
    reason: Annotated[str, asked("reason", "Why it may stay. It is kept.")],
    until: Annotated[str, typer.Option("--until", help="The last day it counts as accepted: 2027-01-31.")],
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Answer for a finding until a day, on which it is open again. The author of the version is refused.

    Example: `workbench finding accept finding/recidivism#0 --reason "nobody is above 90" --until 2027-01-31`
    """
    show(bench(project, actor).accept_finding(finding, reason=reason, until=until), as_json=as_json)


def fix(
    finding: Id,
    version: Annotated[str, typer.Option("--version", help="The version in which it is gone: `name/4`.")],
    note: Annotated[str, asked("note", "What was done, and how it was checked.")],
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say that a finding is gone from a later version on.

    Example: `workbench finding fix finding/recidivism#0 --version recidivism/4 --note "ages are parsed"`
    """
    show(bench(project, actor).fix_finding(finding, version=version, note=note), as_json=as_json)


def list_findings(
    model: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.")],
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """List the findings about a model, oldest first.

    Example: `workbench finding list recidivism`
    """
    found = bench(project).findings(model)
    if as_json:
        show([one.model_dump(mode="json") for one in found], as_json=True)
        return
    for one in found:
        print(one)
    if not found:
        print("none was written down")
