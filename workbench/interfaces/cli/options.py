"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
Reason = Annotated[str, typer.Option("--reason", help="Why. It is kept in the journal.", prompt=True)]

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
