"""One chunk: its rows are checked as a request's are, answered as a request is, or put aside with the reason.

Rows are asked together. Where one of them does not fit, or the model cannot answer them, each is asked alone,
so that one bad row costs no other its answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.core.settings import Settings
from workbench.gateway import scoring
from workbench.gateway.answers import Answer, Answerer
from workbench.gateway.batch import Batch, Schema
from workbench.gateway.problems import Problem
from workbench.models.records import ModelVersion
from workbench.releases.batch.reading import Rows

#: What this process has open, by digest and place: one model at a time.
_MODELS: dict[tuple[str, Path], Answerer] = {}


@dataclass(frozen=True)
class Scored:
    """What came of a chunk."""

    number: int
    rows: list[int]
    """Numbers of the rows that were answered."""
    predictions: list[Any]
    scores: list[float] | None
    rejected: list[tuple[int, str]]
    """Numbers of the others, and why."""


@dataclass(frozen=True)
class Order:
    """What a worker scores with."""

    model: ModelVersion
    folder: Path
    settings: Settings
    isolated: bool
    """Open it in a process of its own: the model runs code that who acts has not run before."""


def score(order: Order, rows: Rows) -> Scored:
    """Score a chunk. Runs in a worker, which opens the model once.

    Raises:
        Tampered: the files are not those that were registered, or their signature does not hold.
        NotFound: the files are gone.
    """
    answerer = _opened(order)
    schema = Schema(order.model.columns)
    fitting, rejected = _fitting(schema, rows)
    answered: list[tuple[int, Any, float | None]] = []
    answer, reason = _answer(answerer, _batch(schema, [cells for _, cells in fitting]), order.model)
    if answer is not None:
        answered = list(zip([at for at, _ in fitting], *_columns(answer), strict=True))
    elif len(fitting) == 1:
        rejected.append((fitting[0][0], reason))
    else:
        for at, cells in fitting:
            alone, reason = _answer(answerer, _batch(schema, [cells]), order.model)
            if alone is None:
                rejected.append((at, reason))
            else:
                predictions, scores = _columns(alone)
                answered.append((at, predictions[0], scores[0]))
    return _scored(rows.number, answered, sorted(rejected))


def _scored(
    number: int, answered: list[tuple[int, Any, float | None]], rejected: list[tuple[int, str]]
) -> Scored:
    scores = [score for *_, score in answered]
    return Scored(
        number,
        [at for at, *_ in answered],
        [prediction for _, prediction, _ in answered],
        [score for score in scores if score is not None] if None not in scores else None,
        rejected,
    )


def _columns(answer: Answer) -> tuple[Sequence[Any], Sequence[float | None]]:
    return answer.predictions, answer.scores or [None] * len(answer.predictions)


def _fitting(schema: Schema, rows: Rows) -> tuple[list[tuple[int, dict[str, Any]]], list[tuple[int, str]]]:
    """The rows that the model's columns take, and those they do not take, with the reason."""
    numbered = list(enumerate(rows.cells, start=rows.first))
    fitting = [(at, _known(schema, rows, cells)) for at, cells in numbered if len(cells) == len(rows.names)]
    short = [
        (at, f"the row has {len(cells)} cells, and the header names {len(rows.names)} columns.")
        for at, cells in numbered
        if len(cells) != len(rows.names)
    ]
    try:
        _batch(schema, [cells for _, cells in fitting])
    except Problem:
        wrong = {at: why for at, cells in fitting if (why := _problem(schema, cells))}
        return [one for one in fitting if one[0] not in wrong], [*short, *wrong.items()]
    return fitting, short


def _known(schema: Schema, rows: Rows, cells: list[Any]) -> dict[str, Any]:
    """A row's cells by column, those left out that the model does not read."""
    known = {}
    for name, cell in zip(rows.names, cells, strict=True):
        column = schema.by_name.get(name)
        if column is not None:
            known[name] = scoring.cell_of(column, cell) if rows.text else cell
    return known


def _problem(schema: Schema, cells: dict[str, Any]) -> str:
    """Why a row does not fit; empty when it does."""
    try:
        _batch(schema, [cells])
    except Problem as problem:
        return problem.message.replace(": row 0 ", ": it ")
    return ""


def _batch(schema: Schema, rows: list[dict[str, Any]]) -> Batch | None:
    return schema.batch_of_records(rows) if rows else None


def _answer(answerer: Answerer, batch: Batch | None, model: ModelVersion) -> tuple[Answer | None, str]:
    if batch is None:
        return Answer([], None), ""
    try:
        return answerer.answer(batch.cells(model.columns), batch.n, scores=True), ""
    except Exception as error:  # noqa: BLE001 - a model may raise anything; that is what is told
        return None, f"the model could not answer: {one_line(error)}"


def one_line(error: Exception) -> str:
    """Return what a model said in one line that moves no cursor."""
    first = (str(error).splitlines() or [""])[0]
    return "".join(c if c.isprintable() else "\ufffd" for c in f"{type(error).__name__}: {first}"[:300])


def _opened(order: Order) -> Answerer:
    """The model of this worker, opened once; its bytes are checked then."""
    key = (order.model.digest, order.folder)
    if key not in _MODELS:
        from workbench.models.attestations import verify_signature
        from workbench.models.loading import load_version

        predictor = load_version(
            order.model,
            order.folder,
            check=lambda digests: verify_signature(order.model, digests, order.settings, serving=True),
            isolated=order.isolated,
        )
        _MODELS.clear()
        _MODELS[key] = Answerer(order.model, predictor)
    return _MODELS[key]
