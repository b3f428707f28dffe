"""``workbench register`` and ``workbench audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.interfaces.cli.options import HERE, Actor, Project, bench, in_a_folder
from workbench.interfaces.cli.output import AsJson, finish, say, show
from workbench.interfaces.cli.steps import steps

Target = Annotated[str, typer.Option("--target", help="Column with the truth.")]
Sensitive = Annotated[
    list[str] | None,
    typer.Option("--sensitive", help="Column to compare groups by. Give it again for each."),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(register)
    app.command()(audit)
    app.command()(audits)


def register(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    model: Annotated[
        str, typer.Option("--model", help="File (.skops, .joblib, .pkl) or MLflow URI of the fitted model.")
    ],
    train: Annotated[Path, typer.Option("--train", help="CSV or Parquet file it was trained on.")],
    target: Target,
    sensitive: Sensitive = None,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Put a fitted model into the registry, with lineage and a digest of its bytes.

    A .pkl or .joblib file runs code when it is read: register only files you made or trust.

    Example: `workbench register recidivism --model model.joblib --train train.csv --target two_year_recid
    --sensitive race --sensitive sex`
    """
    from workbench.models.files import read_model

    version = bench(project, actor, make=True).register(
        read_model(model), name=name, train=train, target=target, sensitive=sensitive or ()
    )
    show(version, as_json=as_json)


def audit(
    model: Annotated[
        str | None, typer.Argument(metavar="MODEL", help="`name/3`; leave out with --prediction.")
    ] = None,
    on: Annotated[Path, typer.Option("--on", help="CSV or Parquet file with the target.")] = ...,  # type: ignore[assignment]
    suite: Annotated[
        str | None,
        typer.Option("--suite", help="A suite by name or YAML file, or audits separated by commas."),
    ] = None,
    prediction: Annotated[
        str | None, typer.Option("--prediction", help="Column that already holds predictions.")
    ] = None,
    score: Annotated[str | None, typer.Option("--score", help="Column with scores, 0 to 1.")] = None,
    target: Annotated[str | None, typer.Option("--target", help="Column with the truth.")] = None,
    sensitive: Sensitive = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Also write one self-contained page.", callback=in_a_folder),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of every random draw.")] = 0,
    n_jobs: Annotated[
        int, typer.Option("--n-jobs", help="Audits run side by side in so many processes; -1: one a core.")
    ] = 1,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Measure everything again, also what is known already.")
    ] = False,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Examine a model by a suite of audits, and keep the evidence. `workbench audits` says which there are.

    Example: `workbench audit recidivism/3 --on test.csv --html report.html`

    Example: `workbench audit --on scored.csv --prediction score_high --target y --sensitive race`
    """
    from workbench.auditing import audit as audit_alone
    from workbench.core.errors import InvalidInput

    audits = [name.strip() for name in suite.split(",")] if suite and "," in suite else suite
    if model is not None:
        with steps() as progress:
            report = bench(project, actor).audit(
                model, on=on, audits=audits, seed=seed, n_jobs=n_jobs, fresh=fresh, progress=progress
            )
    elif prediction is None or target is None:
        raise InvalidInput(
            "MODEL is missing.",
            remedy="Name a registered model, or give --prediction and --target for a column.",
            field="model",
        )
    else:
        with steps() as progress:
            report = audit_alone(
                data=on,
                target=target,
                sensitive=sensitive or (),
                prediction=prediction,
                score=score,
                audits=audits,
                seed=seed,
                n_jobs=n_jobs,
                progress=progress,
            )
    if html is not None:
        say(f"page: {report.to_html(html)}")
    show(report, as_json=as_json)
    finish(report.outcome)


def audits(
    name: Annotated[str | None, typer.Argument(help="One audit, for its options.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the audits, or say what one of them can be told in a suite.

    Example: `workbench audits robustness`
    """
    from workbench.audits.catalogue import catalogue, describe
    from workbench.audits.suite import shipped

    if name is not None:
        show(describe(name), as_json=as_json)
        return
    every = catalogue()
    if as_json:
        show(every, as_json=True)
        return
    width = max(len(one.name) for one in every)
    for one in every:
        print(f"{one.name:<{width}}  {one.summary}")
    print(f"\nsuites: {', '.join(shipped())}")
