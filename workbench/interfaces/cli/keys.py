"""``workbench gateway-key``: who may call the gateway."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.interfaces.cli.options import HERE, Actor, Project, bench
from workbench.interfaces.cli.output import AsJson, say, show

group = typer.Typer(help="Who may call the gateway, for what, how often, until when.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group.command("add")(add)
    group.command("list")(list_)
    group.command("revoke")(revoke)
    app.add_typer(group, name="gateway-key")


def add(
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", help="The endpoint; '*': every one of the project.")
    ],
    name: Annotated[str, typer.Option("--name", help="Whose key it is. A name has one.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="infer (default), label, metrics or admin. Again for each."),
    ] = None,
    days: Annotated[int, typer.Option("--days", help="It ends after so many.", show_default=True)] = 90,
    per_minute: Annotated[
        int | None, typer.Option("--per-minute", help="Requests. Default: gateway_per_minute.")
    ] = None,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Make a key and print its secret, once: only a hash of it is kept.

    Example: `workbench gateway-key add recidivism --name intake --scope infer --scope label --days 90`
    """
    key, secret = bench(project, actor).gateway_keys.add(
        endpoint, name=name, scopes=scope or ["infer"], days=days, per_minute=per_minute
    )
    if as_json:
        show({"key": key, "secret": secret}, as_json=True)
        return
    print(secret)
    say(str(key))
    say("This secret is not shown again. Callers send it as: Authorization: Bearer <secret>")


def list_(project: Project = HERE, as_json: AsJson = False) -> None:
    """List the keys that were not revoked.

    Example: `workbench gateway-key list`
    """
    opened = bench(project)
    keys, now = opened.gateway_keys.list(), opened.clock.now()
    if as_json:
        show(list(keys), as_json=True)
        return
    for key in keys:
        print(f"{key}{' (ended)' if key.ended(now) else ''}")
    if not keys:
        say("there is none: workbench gateway-key add")


def revoke(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Its name or id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why. It is kept in the journal.")] = "",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Take a key back: running gateways refuse it within a second.

    Example: `workbench gateway-key revoke intake --reason "left the team"`
    """
    gone = bench(project, actor).gateway_keys.revoke(key, reason=reason)
    if as_json:
        show(gone, as_json=True)
    else:
        print(f"{gone.name} ({gone.id}) opens nothing any more")
