"""``workbench batch``: the rows of a file, scored by the champion."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.core.values import Outcome
from workbench.interfaces.cli.options import HERE, Actor, Project, bench
from workbench.interfaces.cli.output import AsJson, finish, say, show

if TYPE_CHECKING:
    from workbench.releases.batch import Done


class Backend(StrEnum):
    """Where chunks are scored."""

    LOKY = "loky"
    RAY = "ray"


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command("batch")(batch)


def batch(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="`name` or `name@champion`; another version with --any.")
    ],
    data: Annotated[Path, typer.Option("--data", metavar="FILE", help="CSV or Parquet file to score.")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="CSV or Parquet file to write.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was not finished.")] = False,
    any_version: Annotated[bool, typer.Option("--any", help="Let another version answer.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", help="Processes that score at once.")] = 1,
    backend: Annotated[
        Backend, typer.Option("--backend", help="On this machine, or on a Ray cluster.")
    ] = Backend.LOKY,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Score every row of a file by the code that answers requests, and tell the journal.

    Rows that do not fit are put into a file beside the output, with number and reason. Exit 0 all were
    scored, 1 some were rejected, 130 stopped: go on with --resume.

    Example: `workbench batch recidivism --data 2024.csv --to 2024-scored.parquet --jobs 2`
    """
    run = bench(project, actor).score(
        model,
        data,
        to=to,
        resume=resume,
        any_version=any_version,
        jobs=jobs,
        backend=backend.value,
        progress=_say_progress,
    )
    show(run, as_json=as_json)
    finish(Outcome.FAIL if run.rejected else Outcome.PASS)


def _say_progress(done: Done) -> None:
    say(f"{done.scored + done.rejected} of {done.of} rows, {done.rejected} rejected")
