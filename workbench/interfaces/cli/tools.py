"""``workbench playbook``, ``card``, ``verify``, ``status`` and ``lab``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.interfaces.cli.options import HERE, Actor, Model, Project, bench, in_a_folder
from workbench.interfaces.cli.output import AsJson, finish, say, show
from workbench.interfaces.cli.pack import verify_pack

if TYPE_CHECKING:
    from workbench.journal import Verification

playbooks = typer.Typer(
    help="Run parameterised notebooks, for a person or a scheduler.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    playbooks.command("run")(playbook_run)
    playbooks.command("list")(playbook_list)
    app.add_typer(playbooks, name="playbook")
    app.command()(status)
    app.command()(card)
    app.command()(verify)
    app.command()(lab)


def playbook_run(
    name: Annotated[str, typer.Argument(help="Name of the playbook, for example `release_gate`.")],
    parameter: Annotated[
        list[str] | None,
        typer.Option("-p", "--parameter", metavar="NAME=VALUE", help="JSON value or text. Again for each."),
    ] = None,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Run a playbook. Exit 0 pass, 1 fail, 2 inconclusive, 3 error; the executed notebook is kept.

    Example: `workbench playbook run release_gate -p model=recidivism/3 -p data=test.csv`
    """
    from workbench.playbooks import parse_parameters

    run = bench(project, actor).playbook(name, **parse_parameters(parameter or []))
    if as_json:
        show(run, as_json=True)
    else:
        print(f"{run.name}: {run.outcome}. {run.reason}")
        print(f"notebook: {run.notebook}")
        if run.report:
            print(f"report: {run.report}")
    finish(run.outcome)


def playbook_list(project: Project = HERE, as_json: AsJson = False) -> None:
    """List the playbooks with their parameters.

    Example: `workbench playbook list`
    """
    from workbench.core.project import find
    from workbench.playbooks import playbooks as known

    found = {book.name: book.parameters for book in known(find(project))}
    if as_json:
        show(found, as_json=True)
    for name, parameters in found.items() if not as_json else ():
        print(name)
        for key, default in parameters.items():
            print(f"  -p {key}={default}")


def status(project: Project = HERE, as_json: AsJson = False) -> None:
    """Models, verdicts, releases and incidents as they stand.

    Example: `workbench status`
    """
    show(bench(project).overview(), as_json=as_json)


def card(
    model: Model,
    out: Annotated[
        Path, typer.Option("--out", "-o", help="HTML file to write.", callback=in_a_folder)
    ] = Path("card.html"),
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Write the model card: one page for somebody who must decide.

    Example: `workbench card recidivism/4 -o card.html`
    """
    made = bench(project).card(model)
    made.to_html(out)
    say(f"page: {out}")
    if as_json:
        show(made, as_json=True)


def verify(
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(
            "--checkpoint",
            metavar="FILE",
            help="A checkpoint somebody else holds: a file, a folder or a git repository. Again for each.",
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="LINE", help="The public key it must be signed with. Again for each."),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option("--pack", metavar="FILE", help="Verify an evidence pack instead; needs no project."),
    ] = None,
    project: Project = HERE,
    as_json: AsJson = False,
) -> None:
    """Recompute the journal: every leaf, link, root and checkpoint. Exit 1 when anything does not hold.

    Then the gateway's own record of routes is held against it, to name what was never written.

    Example: `workbench verify --checkpoint grace.witness`
    """
    from workbench.core.project import existing, open_settings
    from workbench.interfaces.cli.reconciling import as_keys, outcome, reconciled, say_reconciliation
    from workbench.journal import VerifierKey
    from workbench.journal import verify as verify_journal

    if pack:
        verify_pack(pack, key or [], as_json=as_json)
    settings = open_settings(existing(project))
    keys = [VerifierKey.parse(line) for line in key or []]
    found = verify_journal(settings.journal, beside=settings.state, checkpoints=checkpoint or [], keys=keys)
    other = reconciled(settings)
    if as_json:
        show({**found.model_dump(mode="json"), **as_keys(other)}, as_json=True)
    else:
        _say_verification(found)
        say_reconciliation(other)
    finish(outcome(found.ok, other))


def _say_verification(found: Verification) -> None:
    for held in found.checkpoints:
        agrees = "agrees" if held.ok else "DIFFERS"
        signed = f"signed by {', '.join(held.signers)}" if held.signers else "signature not checked: no key"
        print(f"checkpoint {held.source}: {agrees}, {held.size} entries, {signed}")
    if found.ok:
        print(f"the journal holds: {found.size} entries, root {found.root}")
    for problem in found.problems:
        print(problem.sentence)
    if found.first_bad is not None:
        print(f"first bad entry: {found.first_bad}")


def lab(
    project: Project = HERE,
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Passed on to JupyterLab, after `--`.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open JupyterLab on this project, with the Model Workbench panel.

    Example: `workbench lab -- --no-browser --port 8888`
    """
    from workbench.core.project import open_settings

    root = open_settings(project).root
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", *(arguments or [])]
    if as_json:
        show({"project": str(root), "command": command}, as_json=True)
        sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - JupyterLab takes over this process, and its signals
