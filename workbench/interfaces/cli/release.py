"""``workbench release``, ``rollback``, ``kill``, ``revive`` and ``gateway``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from workbench.core.values import Outcome
from workbench.interfaces.cli.options import HERE, Actor, Endpoint, Model, Policy, Project, Reason, bench
from workbench.interfaces.cli.output import AsJson, finish, say, show


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(release)
    app.command()(rollback)
    app.command()(kill)
    app.command()(revive)
    app.command()(gateway)


def release(
    model: Model,
    plan: Annotated[str, typer.Option("--plan", help="A file, or a name in plans/.")] = "canary",
    policy: Policy = "default",
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", help="Drive it here until it ends.", show_default=True)
    ] = True,
    timeout: Annotated[float, typer.Option("--timeout", help="Seconds to drive it at most.")] = 3600.0,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Move traffic to a version through the stages of a plan; goes on with an active release of that version.

    Exit 0 promoted, 1 aborted, rolled back or killed, 2 still running.

    Example: `workbench release recidivism/4 --plan plans/canary.yaml`
    """
    wb = bench(project, actor)
    version = wb.model(model)
    active = wb.releases.active(version.name)
    if active is not None and active.candidate == version.ref:
        now = active
    else:
        now = wb.release(model, plan=plan, policy=policy)
    for state in wb.watch(now, timeout=timeout) if watch else ():
        now = state
        say(f"{now.id}: {now.current.name}, {now.weight:.0%} of requests. {now.reason}")
    show(now, as_json=as_json)
    if not now.status.final:
        finish(Outcome.INCONCLUSIVE)
    finish(Outcome.PASS if now.status == "promoted" else Outcome.FAIL)


def rollback(
    endpoint: Endpoint, reason: Reason, project: Project = HERE, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Take the candidate out, or put the previous champion back.

    Example: `workbench rollback recidivism --reason "INC-1: scores out of range"`
    """
    show(bench(project, actor).rollback(endpoint, reason=reason), as_json=as_json)


def kill(
    endpoint: Endpoint, reason: Reason, project: Project = HERE, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Stop every model answer of an endpoint now: the declared fallback, or 503, instead.

    Example: `workbench kill recidivism --reason "legal hold"`
    """
    from workbench.gateway import read_table

    wb = bench(project, actor)
    wb.kill(endpoint, reason=reason)
    if read_table(wb.settings.state, endpoint) is None:  # in a hurry, names are mistyped
        say(f"warning: nothing was ever released to {endpoint}. Is that its name?")
    if as_json:
        show({"endpoint": endpoint, "killed": True, "reason": reason}, as_json=True)
    else:
        print(f"{endpoint} answers with no model. To undo: workbench revive {endpoint}")


def revive(
    endpoint: Endpoint, reason: Reason, project: Project = HERE, actor: Actor = "", as_json: AsJson = False
) -> None:
    """Let a killed endpoint answer again, with its champion.

    Example: `workbench revive recidivism --reason "hold lifted"`
    """
    bench(project, actor).revive(endpoint, reason=reason)
    if as_json:
        show({"endpoint": endpoint, "killed": False, "reason": reason}, as_json=True)
    else:
        print(f"{endpoint} answers again")


def gateway(
    endpoint: Endpoint,
    host: Annotated[str, typer.Option("--host", help="Address. Default: settings, 127.0.0.1.")] = "",
    port: Annotated[int, typer.Option("--port", help="Port; 0 picks a free one.")] = -1,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Serve an endpoint: Open Inference Protocol V2 and MLflow /invocations, every exchange captured.

    Example: `workbench gateway recidivism --port 8765`
    """
    from workbench.core.project import existing, open_settings
    from workbench.gateway.server import say as say_plainly
    from workbench.gateway.server import serve

    settings = open_settings(existing(project))
    serve(
        settings,
        endpoint,
        host=host or settings.gateway_host,
        port=settings.gateway_port if port < 0 else port,
        announce=_say_as_json if as_json else say_plainly,
    )


def _say_as_json(endpoint: str, url: str, champion: str) -> None:
    """One line of JSON when it serves, at once: whoever started it is waiting for it."""
    print(json.dumps({"endpoint": endpoint, "url": url, "champion": champion}), flush=True)
