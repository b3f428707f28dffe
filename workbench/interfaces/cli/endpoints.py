"""``workbench rollback``, ``kill``, ``revive``, ``gateway``, ``drill`` and ``up``: endpoints."""

from __future__ import annotations

import json
import warnings
from contextlib import suppress
from typing import Annotated

import typer

from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.interfaces.cli.options import HERE, Actor, Endpoint, Project, Reason, bench
from workbench.interfaces.cli.output import AsJson, finish, say, show


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(rollback)
    app.command()(kill)
    app.command()(revive)
    app.command()(gateway)
    app.command()(drill)
    app.command()(up)


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
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        bench(project, actor).kill(endpoint, reason=reason)
    for one in told:  # in a hurry, names are mistyped
        say(f"warning: {one.message}")
    if as_json:
        show({"endpoint": endpoint, "killed": True, "reason": reason}, as_json=True)
    else:
        print(f'{endpoint} answers with no model. To undo: workbench revive {endpoint} --reason "…"')


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
    _require_known(settings, endpoint)
    serve(
        settings,
        endpoint,
        host=host or settings.gateway_host,
        port=settings.gateway_port if port < 0 else port,
        announce=_say_as_json if as_json else say_plainly,
    )


def _require_known(settings: Settings, endpoint: str) -> None:
    """Refuse a mistyped name. What was released is served with every database down; so is any name then.

    Raises:
        InvalidInput: it is no name.
        NotFound: nothing was released to it, and no such model was registered.
    """
    from workbench.core.clock import SystemClock
    from workbench.gateway import routed
    from workbench.journal.opening import open_journal
    from workbench.models.known import require_model
    from workbench.models.references import require_name

    if require_name(endpoint, field="endpoint") in routed(settings.state):
        return
    with suppress(Unavailable), open_journal(settings, SystemClock()) as journal:
        require_model(journal, endpoint, field="endpoint")


def _say_as_json(endpoint: str, url: str, champion: str) -> None:
    """One line of JSON when it serves, at once: whoever started it is waiting for it."""
    print(json.dumps({"endpoint": endpoint, "url": url, "champion": champion}), flush=True)


def drill(endpoint: Endpoint, project: Project = HERE, actor: Actor = "", as_json: AsJson = False) -> None:
    """Go to the standby of an endpoint and come back, on captured requests, and measure the seconds.

    While `workbench up` or `release run` drives the endpoint, that is asked to do it, and waited for.

    Exit 0 no request failed, 1 some did, 2 nothing could be measured.

    Example: `workbench drill recidivism`
    """
    done = bench(project, actor).drill(endpoint, progress=say)
    show(done, as_json=as_json)
    finish(done.outcome)


def up(
    endpoints: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ENDPOINT…", help="Serve these, too, though nothing was released to them yet."
        ),
    ] = None,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Serve every endpoint of the project and drive its releases, and start again what ends. Ctrl-C ends all.

    One line for each thing that happens; `ready` once every endpoint answers.

    Example: `workbench up`
    """
    from workbench.core.project import existing, open_settings
    from workbench.supervising import Supervisor

    settings = open_settings(existing(project), actor=actor or None)
    for endpoint in endpoints or ():
        _require_known(settings, endpoint)
    Supervisor(settings, endpoints or (), say=_say_event_as_json if as_json else _say_event).run()


def _say_event(event: str, what: str, sentence: str) -> None:
    print(f"{event:<11}{what}{': ' if sentence else ''}{sentence}", flush=True)


def _say_event_as_json(event: str, what: str, sentence: str) -> None:
    print(json.dumps({"event": event, "what": what, "sentence": sentence}), flush=True)
