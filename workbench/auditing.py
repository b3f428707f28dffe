"""Auditing, with a project or without: data gets its roles, a suite runs, its evidence becomes a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from workbench.core import plugins
from workbench.core.clock import Clock, SystemClock
from workbench.core.errors import InvalidInput

if TYPE_CHECKING:
    from workbench.audits.records import Report
    from workbench.audits.runner import Memory, Progress
    from workbench.datasets import Dataset
    from workbench.models.predictors import Predictor
    from workbench.models.records import ModelVersion, Task


def audit(
    model: Any = None,
    data: Any = None,
    *,
    target: str,
    sensitive: Sequence[str] = (),
    prediction: str | None = None,
    score: str | None = None,
    reference: Any = None,
    positive: Any = None,
    task: Task | None = None,
    audits: Any = None,
    seed: int = 0,
    n_jobs: int = 1,
    progress: Progress | None = None,
) -> Report:
    """Audit a model on data with no project and nothing kept.

    Args:
        model: a fitted estimator, a function of a frame, an MLflow URI, or None when a column of ``data``
            already holds the predictions.
        data: a DataFrame, an Arrow table, or the path of a CSV or Parquet file.
        target: column with the truth.
        sensitive: columns whose groups, and intersections of groups, are compared.
        prediction: column that holds predictions (then ``model`` is not needed).
        score: column that holds scores of the positive class, 0 to 1.
        reference: the data the model was trained on, for drift and for the ranges of an attack.
        positive: the positive label; default 1, True, or the greater of two.
        task: ``classification`` or ``regression``; default: read from the target.
        audits: None for the default suite, names, ``{name: options}``, or the path of a YAML suite.
        seed: of every random draw.
        n_jobs: audits run side by side in so many processes, -1 for one a core. The numbers are the same.
        progress: called with an ``audits.Step`` when an audit starts and when it has finished. Default: a bar
            in the cell of a notebook.

    Returns:
        A ``Report``: a card in a cell, ``frame()`` a table, ``to_html(path)`` one file. Interrupted
        (Ctrl-C), it holds what was finished, and the stopped audit is inconclusive.

    Raises:
        InvalidInput: a column is missing, the target has one class, the model is not fitted …

    Example:
        >>> wb.audit(pipeline, test, target="two_year_recid", sensitive=["race", "sex"])  # doctest: +SKIP
        >>> wb.audit(data=scored, target="y", prediction="score_high")  # doctest: +SKIP
    """
    from workbench.datasets import Dataset
    from workbench.models.predictors import predictor_of

    if data is None:
        raise InvalidInput(
            "data: nothing to audit on.", remedy="Give a DataFrame, or the path of a file.", field="data"
        )
    roles: dict[str, Any] = {
        "target": target,
        "sensitive": (sensitive,) if isinstance(sensitive, str) else tuple(sensitive),
        "positive": positive,
        "task": task,
    }
    dataset = Dataset.of(data, **roles, prediction=prediction, score=score)
    predictor = predictor_of(model, data=dataset)
    trained_on = None if reference is None else Dataset.of(reference, **roles)
    given = "model, data" if prediction is None else f"data=data, prediction={prediction!r}"
    call = f"wb.audit({given}, target={target!r}, sensitive={list(dataset.sensitive)!r}, seed={seed})"
    return examine(
        predictor,
        dataset,
        trained_on,
        audits=audits,
        seed=seed,
        made_by="",
        code=f"import workbench as wb\n\n{call}",
        n_jobs=n_jobs,
        progress=progress,
    )


def examine(
    predictor: Any,
    data: Dataset,
    reference: Dataset | None,
    *,
    audits: Any,
    seed: int,
    made_by: str,
    code: str,
    n_jobs: int,
    progress: Progress | None,
    model: ModelVersion | None = None,
    champion: tuple[ModelVersion, Predictor] | None = None,
    memory: Memory | None = None,
    clock: Clock | None = None,
) -> Report:
    """Run a suite and gather its evidence: the one way, with a project or without.

    Stopped from the keyboard, the report is what was finished, the stopped audit last and inconclusive.
    """
    from workbench.audits import AuditsInterrupted, assemble, load_suite, run
    from workbench.audits.base import Subject

    clock = clock or SystemClock()
    in_service, in_service_predictor = champion or (None, None)
    subject = Subject(predictor, data, reference, in_service_predictor, seed)
    suite = load_suite(audits)
    try:
        evidence = run(
            subject,
            suite,
            made_by=made_by,
            clock=clock,
            model=model,
            champion=in_service,
            memory=memory,
            n_jobs=n_jobs,
            progress=progress or plugins.load("views", "progress")(),
        )
    except AuditsInterrupted as stopped:
        evidence = stopped.evidence
    return assemble(subject, evidence, suite=suite, title="Audit", model=model, code=code, clock=clock)
