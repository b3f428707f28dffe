"""``workbench traffic send`` and ``workbench traffic label``."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from workbench.core.errors import Refused, Unavailable, nearest
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.interfaces.cli.options import HERE, Actor, Endpoint, Project, bench
from workbench.interfaces.cli.output import AsJson, finish, say, show

group = typer.Typer(help="Send requests to a gateway; say what turned out to be true.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group.command("send")(send)
    group.command("label")(label)
    app.add_typer(group, name="traffic")


def send(
    endpoint: Endpoint,
    data: Annotated[Path, typer.Option("--data", help="CSV or Parquet file; its rows are sent in turn.")],
    rate: Annotated[float, typer.Option("--rate", help="Requests a second, answered or not.")] = 10.0,
    seconds: Annotated[float, typer.Option("--seconds", help="For so long.")] = 60.0,
    url: Annotated[
        str, typer.Option("--url", help="Default: the gateway of this endpoint on this machine.")
    ] = "",
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Send requests at a rate, one a row, and count what comes back. Ctrl-C stops it and counts.

    A request's latency counts from when it was due. Exit 0 all answered, 1 some were not, 130 stopped.

    Example: `workbench traffic send recidivism --data test.csv --rate 50 --seconds 30`
    """
    from workbench.core.project import existing, open_settings
    from workbench.datasets.reading import to_frame
    from workbench.models.references import require_name
    from workbench.traffic.load import send_load

    require_name(endpoint, field="endpoint")
    url = url or _of_this_machine(open_settings(existing(project)), endpoint)
    rows = [{str(name): value for name, value in row.items()} for row in to_frame(data).to_dict("records")]
    load = send_load(url, endpoint, rows, rate=rate, seconds=seconds, progress=_say_progress)
    show(load, as_json=as_json)
    if load.stopped:
        raise typer.Exit(130)
    finish(Outcome.FAIL if load.failed else Outcome.PASS)


def label(
    source: Annotated[
        Path,
        typer.Option("--from", metavar="FILE", help="CSV or Parquet file: request_id, label, maybe row."),
    ],
    endpoint: Annotated[
        str, typer.Option("--endpoint", help="Whose requests; needed where several have the same ids.")
    ] = "",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say what was true of captured requests: every line of a file, or none when one does not fit.

    Example: `workbench traffic label --from outcomes.csv`
    """
    show(bench(project, actor).traffic.label_many(source, endpoint=endpoint), as_json=as_json)


def _of_this_machine(settings: Settings, endpoint: str) -> str:
    """Where the endpoint's gateway listens; another machine is asked only when somebody says so."""
    from workbench.gateway import read_status, running

    status = read_status(settings.state, endpoint)
    if status is None:
        others = [other.endpoint for other in running(settings.state)]
        meant = f"{nearest(endpoint, others)} " if others else ""
        raise Unavailable(
            f"No gateway of {endpoint} runs here.",
            remedy=f"{meant}Start it: workbench gateway {endpoint}. Or say where it is: --url",
            field="endpoint",
        )
    if not _is_loopback(urlsplit(status.url).hostname or ""):
        raise Refused(
            f"The gateway of {endpoint} listens at {status.url}, which others may share.",
            remedy=f"Send a load there only if you mean to: --url {status.url}",
            field="url",
        )
    return status.url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _say_progress(done: int, failed: int, total: int) -> None:
    say(f"{done:,} of {total:,} requests, {failed:,} failed")
