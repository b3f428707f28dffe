"""``workbench register``, ``audit``, ``audits`` and ``explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench.interfaces.cli.options import HERE, Actor, Model, Project, bench, in_a_folder
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
    app.command()(waive)
    app.command()(audit)
    app.command()(audits)
    app.command()(explain)


def register(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    model: Annotated[
        str, typer.Option("--model", help="File (.skops, .onnx, .joblib, .pkl), MLflow folder or URI.")
    ],
    train: Annotated[Path, typer.Option("--train", help="CSV or Parquet file it was trained on.")],
    target: Target,
    sensitive: Sensitive = None,
    source: Annotated[
        str, typer.Option("--source", help="The query or address that the training data came from.")
    ] = "",
    parent: Annotated[
        list[str] | None,
        typer.Option("--parent", help="Version it was made from, `name/2`. Give it again for each."),
    ] = None,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Put a fitted model into the registry, with lineage and a digest of its bytes.

    A .pkl or .joblib file runs code when it is read, so that it needs a waiver: `workbench waive`.

    Example: `workbench register recidivism --model model.skops --train train.csv --target two_year_recid
    --sensitive race --sensitive sex`
    """
    version = bench(project, actor, make=True).register(
        model,
        name=name,
        train=train,
        target=target,
        sensitive=sensitive or (),
        source=source,
        parents=parent or (),
    )
    show(version, as_json=as_json)


def waive(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept for ever.")],
    until: Annotated[str, typer.Option("--until", help="The last day it holds: 2027-01-31.")],
    kind: Annotated[str, typer.Option("--kind", help="What is waived.")] = "pickle",
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Answer for a model that comes as a pickle, until a day: reading one runs what it holds.

    Example: `workbench waive recidivism --kind pickle --reason "bought, no other format" --until 2027-01-31`
    """
    show(bench(project, actor, make=True).waive(name, kind=kind, reason=reason, until=until), as_json=as_json)


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
    elif prediction is not None and target is None:
        raise InvalidInput("--target is missing.", remedy="Name the column with the truth.", field="target")
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


def explain(
    model: Model,
    row: Annotated[
        str,
        typer.Option("--row", help="A JSON object of columns and values, a file that holds one, or a place."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", help="CSV or Parquet file that a place counts in. Default: the kept training data."
        ),
    ] = None,
    wanted: Annotated[
        str | None,
        typer.Option("--wanted", help="The label to get; of a regression `low,high`. Default: any other."),
    ] = None,
    immutable: Annotated[
        list[str] | None,
        typer.Option("--immutable", help="Column that must stay. Default: the sensitive ones."),
    ] = None,
    rising: Annotated[list[str] | None, typer.Option("--rising", help="Column that may only rise.")] = None,
    falling: Annotated[list[str] | None, typer.Option("--falling", help="Column that may only fall.")] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Also write one self-contained page.", callback=in_a_folder),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of every random draw.")] = 0,
    project: Project = HERE,
    actor: Actor = "",
    as_json: AsJson = False,
) -> None:
    """Say why one row gets its answer, and which nearest change gets another. Nothing is kept.

    Example: `workbench explain recidivism/3 --row '{"age": 40, "priors_count": 2}' --wanted 0`

    Example: `workbench explain recidivism@champion --row row.json --immutable age --html decision.html`
    """
    from workbench.interfaces.cli.rows import read_row, read_wanted

    given = read_row(row)
    opened = bench(project, actor)
    version = opened.model(model)
    decision = opened.explain(
        version,
        given,
        data=data,
        wanted=None if wanted is None else read_wanted(wanted, version),
        immutable=immutable or None,
        rising=rising or (),
        falling=falling or (),
        seed=seed,
    )
    if html is not None:
        say(f"page: {decision.to_html(html)}")
    show(decision, as_json=as_json)
