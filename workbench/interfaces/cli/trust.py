"""``workbench checkpoint`` and ``key``."""

from __future__ import annotations

from typing import Annotated

import typer

from workbench.interfaces.cli.options import HERE, Actor, Project, bench
from workbench.interfaces.cli.output import AsJson, say, show


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(checkpoint)
    app.command()(key)


def checkpoint(
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="PLACE",
            help="Who gets it besides the `witnesses`: a folder, a git repository, a file. Again for each.",
        ),
    ] = None,
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only when an entry has waited too long for one: for cron.")
    ] = False,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Sign the journal as it is now and hand that out, so that others can hold you to it.

    Example: `workbench checkpoint --to ../audit-log --to /mnt/share/grace.witness`
    """
    from workbench.journal import VerifierKey
    from workbench.journal.keys import signer_of

    opened = bench(project, actor)
    if if_due and not opened.journal.checkpoint_is_due():
        say("no checkpoint is due")
        if as_json:
            print("null")
        return
    made = opened.checkpoint(to=to or [])
    places = [*opened.journal.holders(made), *(to or [])]
    line = str(VerifierKey.of(signer_of(opened.settings)))
    if as_json:
        show({"checkpoint": made, "handed_to": places, "key": line}, as_json=True)
        return
    print(f"checkpoint over {made.size} entries, root {made.root}")
    print(f"handed to: {', '.join(places) or 'nobody yet'}")
    print(f"public key: {line}")


def key(project: Project = HERE, actor: Actor = "", as_json: AsJson = False) -> None:
    """Print your public key, making your key when there is none.

    Example: `workbench key > ada.pub`
    """
    from workbench.journal import VerifierKey
    from workbench.journal.keys import signer_of

    settings = bench(project, actor).settings
    public = VerifierKey.of(signer_of(settings))
    if as_json:
        show({"person": settings.actor, "name": public.name, "key": str(public)}, as_json=True)
        return
    print(public)
    say("Whoever checks what you signed needs this line, once, from you and not from the project.")
