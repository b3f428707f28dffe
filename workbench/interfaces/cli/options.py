"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.core.errors import InvalidInput
from workbench.core.project import existing

if TYPE_CHECKING:
    from workbench.bench import Workbench

Project = Annotated[
    Path,
    typer.Option("--project", "-C", help="Project folder. Default: here, or the nearest parent that is one."),
]
Actor = Annotated[
    str, typer.Option("--as", metavar="NAME", help="Who acts. Default: workbench.toml, then the login name.")
]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="`name`, `name/3`, or `name@champion`.")]
Endpoint = Annotated[str, typer.Argument(metavar="ENDPOINT", help="The endpoint: the model's name.")]
Policy = Annotated[str, typer.Option("--policy", help="A file, or a name in policies/.", show_default=True)]


def asked(name: str, help: str) -> Any:
    """An option that is asked for when it is left out; where nobody can answer, that is an error.

    Args:
        name: of the option, without dashes.
        help: what it says in ``--help``.
    """

    def ask() -> str:
        try:
            return str(typer.prompt(name.capitalize(), err=True))
        except typer.Abort:
            if sys.stdin.isatty():
                raise
            print(file=sys.stderr)  # cron and CI: nobody is there to answer
            raise InvalidInput(f"{name}: it is not given.", remedy=f'Give --{name} "…"', field=name) from None

    return typer.Option(
        f"--{name}", help=f"{help} Asked for when left out.", default_factory=ask, show_default=False
    )


Reason = Annotated[str, asked("reason", "Why. It is kept in the journal.")]

HERE = Path()


def in_a_folder(path: Path | None) -> Path | None:
    """Refuse a file to write whose folder is not there, before the work is done."""
    if path is not None and not path.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {str(path.parent)!r}.")
    return path


def bench(project: Path, actor: str = "", *, make: bool = False) -> Workbench:
    """Open the project a command works on; only ``make`` makes one, so that a mistyped folder is noticed."""
    from workbench.bench import open

    return open(project if make else existing(project), actor=actor or None)
