"""The nearest change of one row that gets another answer, within what the data lets change.

For example ``counterfactual(subject, 17, wanted="yes", immutable=["age"]).candidates[0].changes``. It says
what the model would answer, not what a person can do nor what would follow if they did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.explanation_records import Candidate, Change, Counterfactual
from workbench.audits.parts.explainability.counterfactual_moves import Moves
from workbench.audits.parts.explainability.counterfactual_search import Ask, Search
from workbench.audits.parts.explainability.one_row import one_row, plain_value
from workbench.core.errors import InvalidInput, unknown
from workbench.datasets import Dataset
from workbench.models.predictors import Predictor

Array = np.ndarray[Any, Any]

_POOL = 2000
"""Rows seen from which values are taken, at most."""


def counterfactual(
    subject: Subject,
    row: Any,
    wanted: Any = None,
    *,
    immutable: Sequence[str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | tuple[float, float] | None = None,
    rising: Sequence[str] = (),
    falling: Sequence[str] = (),
    queries: int = 1000,
    most: int = 4,
) -> Counterfactual:
    """Find the nearest changes of a row that get another answer; the model confirms every one.

    Args:
        subject: model and data; the reference, where there is one, says what values were seen.
        row: place in the data, a mapping, a Series, or a frame of one row.
        wanted: the label to get, or ``(low, high)`` of a regression. Default: any other label.
        immutable: columns that must stay. Default: the sensitive ones.
        ranges: smallest and greatest value, by column; default: those seen.
        rising: columns that may only rise.
        falling: columns that may only fall.
        queries: questions to the model about changed rows, at most.
        most: candidates to return, at most.

    Raises:
        InvalidInput: there is no model to ask, nothing can be wanted or it is had already, an unknown column
            or label, or a row that does not fit the data.
    """
    if queries < 50 or most < 1:
        name, least = ("queries", 50) if queries < 50 else ("most", 1)
        raise InvalidInput(
            f"{name} must be at least {least}.", remedy="Leave it out for the default.", field=name
        )
    predictor = askable(subject)
    frame = one_row(subject, row)
    wanted = _goal(subject, wanted)
    answer = plain_value(predictor.predict(frame)[0])
    moves = moves_of(subject, immutable, ranges=ranges, rising=rising, falling=falling)
    search = searching(subject, frame, moves, queries, wanted=wanted)
    if search.ask(frame, np.zeros(1, dtype=int))[0][0]:
        raise InvalidInput(
            f"wanted: the row gets {answer!r} as it is.", remedy="Want another answer.", field="wanted"
        )
    points = search.run()[0][:most] if moves.columns else np.zeros((0, 0))
    return Counterfactual(
        answer=answer,
        wanted=list(wanted) if isinstance(wanted, tuple) else plain_value(wanted),
        candidates=_candidates(predictor, search, points, wanted),
        queries=int(search.spent.sum()),
        held=moves.held,
        notes=_notes(search, points),
    )


def askable(subject: Subject) -> Predictor:
    """Return the predictor, or refuse a column of predictions."""
    if not subject.predictor.reads_rows:
        raise InvalidInput(
            "model: predictions are a column; there is no model to ask about changed rows.",
            remedy="Give the model itself.",
            field="model",
        )
    return subject.predictor


def moves_of(subject: Subject, immutable: Sequence[str] | None, **constraints: Any) -> Moves:
    """Read what may change from the reference (from the data where it lacks a column of the model)."""
    features, base = list(subject.features), base_of(subject)
    for name in immutable or ():
        if name not in subject.data.frame.columns:
            raise unknown("immutable", "column", name, features)
    stay = subject.data.sensitive if immutable is None else immutable
    return Moves.of(base.frame, features, immutable=tuple(stay), **constraints)


def base_of(subject: Subject) -> Dataset:
    """The reference, or the data where there is none or it lacks a column that the model reads."""
    reference = subject.reference
    if reference is None or not set(subject.features) <= set(reference.frame.columns):
        return subject.data
    return reference


def searching(
    subject: Subject, frame: pd.DataFrame, moves: Moves, queries: int, *, wanted: Any = None
) -> Search:
    """Set up the search for rows ``frame``; ``wanted`` None: any label but their own."""
    predictor, base = subject.predictor, base_of(subject)
    rng = np.random.default_rng(subject.seed)
    chosen = rng.choice(len(base), size=min(_POOL, len(base)), replace=False)
    pool = base.frame.iloc[np.sort(chosen)]
    frame = frame if predictor.columns is None else frame[list(predictor.columns)]
    frame = frame.reset_index(drop=True)
    answers = np.asarray(predictor.predict(frame))
    answered = np.asarray(predictor.predict(pool))
    return Search(
        frame=frame,
        moves=moves,
        ask=_ask(predictor, answers, wanted),
        pool=moves.points(pool),
        pool_fits=np.stack([_fits(answered, own, wanted) for own in answers]),
        queries=queries,
    )


def _ask(predictor: Predictor, own: Array, wanted: Any) -> Ask:
    def ask(frame: pd.DataFrame, who: Array) -> tuple[Array, Array]:
        answers = np.asarray(predictor.predict(frame))
        fits = _fits(answers, own[who], wanted)
        if isinstance(wanted, tuple):
            return fits, -np.maximum(wanted[0] - answers, answers - wanted[1]).astype(float)
        probabilities = predictor.probabilities(frame)
        if probabilities is None:
            return fits, np.full(len(fits), np.nan)
        place = {label: i for i, label in enumerate(predictor.classes)}
        if wanted is not None:
            return fits, probabilities[:, place[wanted]]
        return fits, -probabilities[np.arange(len(who)), [place[label] for label in own[who]]]

    return ask


def _fits(answers: Array, own: Any, wanted: Any) -> Array:
    if isinstance(wanted, tuple):
        return np.asarray((answers >= wanted[0]) & (answers <= wanted[1]), dtype=bool)
    return np.asarray(answers != own if wanted is None else answers == wanted, dtype=bool)


def _goal(subject: Subject, wanted: Any) -> Any:
    """The label as the model spells it, or the bounds of a number; None: any other label."""
    if subject.predictor.task == "regression":
        return _bounds(wanted)
    classes = subject.predictor.classes or subject.data.classes
    if wanted is None:
        return None
    for label in classes if pd.api.types.is_scalar(wanted) else ():
        if label == wanted:
            return label
    raise unknown("wanted", "label", str(wanted), map(str, classes))


def _bounds(wanted: Any) -> tuple[float, float]:
    try:
        low, high = (float(end) for end in wanted)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not low <= high:
        raise InvalidInput(
            "wanted: of a regression, say between which two numbers the prediction should lie.",
            remedy="For example wanted=(100, 120).",
            field="wanted",
        )
    return low, high


def _candidates(predictor: Predictor, search: Search, points: Array, wanted: Any) -> tuple[Candidate, ...]:
    if not len(points):
        return ()
    made = search.moves.rows(search.frame.take(np.zeros(len(points), dtype=int)), points)
    origin = np.repeat(search.origin, len(points), axis=0)
    answers = predictor.predict(made)
    units = search.moves.units_changed(origin, points).sum(axis=1)
    distances = search.moves.distance(origin, points)
    scores = _scores(predictor, made, wanted)
    return tuple(
        Candidate(
            changes=_changes(search, made.iloc[[k]], points[k]),
            columns_changed=int(units[k]),
            distance=float(distances[k]),
            answer=plain_value(answers[k]),
            score=None if scores is None else float(scores[k]),
        )
        for k in range(len(points))
    )


def _scores(predictor: Predictor, made: pd.DataFrame, wanted: Any) -> Array | None:
    """Probability of the wanted label (of the one given where none was named), or None."""
    probabilities = None if isinstance(wanted, tuple) else predictor.probabilities(made)
    if probabilities is None:
        return None
    labels = predictor.predict(made) if wanted is None else [wanted] * len(made)
    place = {label: i for i, label in enumerate(predictor.classes)}
    return np.asarray(probabilities[np.arange(len(made)), [place[label] for label in labels]])


def _changes(search: Search, made: pd.DataFrame, point: Array) -> tuple[Change, ...]:
    names = search.moves.columns
    changed = np.flatnonzero(search.moves.changed(search.origin[0], point))
    return tuple(
        Change(
            column=names[j],
            before=plain_value(search.frame[names[j]].iloc[0]),
            after=plain_value(made[names[j]].iloc[0]),
        )
        for j in changed
    )


def _notes(search: Search, points: Array) -> tuple[str, ...]:
    if not search.moves.columns:
        return ("No column may change: all that the model reads is held.",)
    if len(points):
        return (_MEANING,)
    if search.spent.sum() >= search.queries:
        return (f"None found within {search.queries} queries; more may find one.",)
    return (_NO_MORE.format(int(search.spent.sum()), len(search.pool)),)


_NO_MORE = (
    "None found within {} queries, and the search had no more to try: single columns, and the values of near "
    "rows among {} seen. That is no proof that there is none."
)
_MEANING = (
    "Found by search: a nearer change may exist. It says what the model would answer about the changed row, "
    "not whether a person can make the change, nor that the rest of the row would stay as it is."
)
