"""``workbench pack``, and what ``workbench verify --pack`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from workbench.core.values import Outcome
from workbench.interfaces.cli.options import HERE, Actor, Model, Project, bench, in_a_folder
from workbench.interfaces.cli.output import AsJson, finish, show


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(pack)


def pack(
    model: Model,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write.", callback=in_a_folder)] = Path(
        "pack.zip"
    ),
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Write the evidence about a version into one file, verified by a script that needs only Python.

    Example: `workbench pack recidivism/4 -o pack.zip`
    """
    show(bench(project, actor).pack(model, to=out), as_json=as_json)


def verify_pack(file: Path, keys: Sequence[str], *, as_json: bool) -> NoReturn:
    """Verify a pack as its own script does; exit 0 it holds, 1 it does not, 2 no key was given."""
    from workbench.governance.pack import verifier
    from workbench.journal import VerifierKey

    known = [verifier.Key.parse(str(VerifierKey.parse(line))) for line in keys]
    found = verifier.verify(file.read_bytes(), known)
    print(found.to_json() if as_json else "\n".join(found.lines()))
    finish({True: Outcome.PASS, False: Outcome.FAIL, None: Outcome.INCONCLUSIVE}[found.holds])
