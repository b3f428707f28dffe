"""The reasons of one decision in plain words, the strongest first, in the manner of an adverse-action notice.

For example ``reason_codes(subject, 17).reasons[0].text``: "income is low (12,000; typical 40,000): pushed the
answer towards 'no'". A reason is what moved the model's output away from that of typical rows. It is no
cause: changing the column need not change the answer (``counterfactual`` asks that).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.counterfactual import askable, base_of
from workbench.audits.explanation_records import Reason, ReasonCodes
from workbench.audits.parts.explainability.explainers import Explanation, explain
from workbench.audits.parts.explainability.one_row import one_row, plain_value, said
from workbench.core.errors import InvalidInput

Array = np.ndarray[Any, Any]

_EVALUATIONS = 20_000
_TYPICAL_ROWS = 10_000


def reason_codes(subject: Subject, row: Any, *, most: int = 4, background: int = 100) -> ReasonCodes:
    """Say why a row gets the answer it gets.

    Args:
        subject: model and data; the reference, where there is one, says what is typical.
        row: place in the data, a mapping, a Series, or a frame of one row.
        most: reasons to give, and as many that push the other way.
        background: rows drawn from the reference that the row is compared with.

    Raises:
        InvalidInput: there is no model to ask, or the row does not fit the data.
        MissingDependency: never: without shap the model is asked instead, and a note says so.
    """
    if most < 1 or background < 1:
        name = "most" if most < 1 else "background"
        raise InvalidInput(f"{name} must be at least 1.", remedy="Leave it out for the default.", field=name)
    predictor, frame, base = askable(subject), one_row(subject, row), base_of(subject)
    rng = np.random.default_rng(subject.seed)
    order = rng.permutation(len(base))
    explanation = explain(
        predictor,
        frame,
        base.frame.iloc[order[:background]],
        tuple(subject.features),
        evaluations=_EVALUATIONS,
        rng=rng,
    )
    answer = plain_value(predictor.predict(frame)[0])
    typical = base.frame.iloc[order[:_TYPICAL_ROWS]]
    return _codes(subject, explanation, (frame, typical), answer, most)


def towards(explanation: Explanation, answers: Array, positive: Any) -> Array:
    """Contributions (n, d) signed so that above zero pushed towards the answer given.

    For a regression: away from the base, in the direction the prediction went.
    """
    values = explanation.contributions
    if not explanation.label:
        return np.asarray(values * np.where(explanation.output < explanation.base, -1.0, 1.0)[:, None])
    if positive is None:
        return values
    return np.asarray(values * np.where(answers == positive, 1.0, -1.0)[:, None])


def _codes(
    subject: Subject,
    explanation: Explanation,
    frames: tuple[pd.DataFrame, pd.DataFrame],
    answer: Any,
    most: int,
) -> ReasonCodes:
    frame, typical = frames
    positive = subject.predictor.positive
    values = explanation.contributions[0]
    pushed = towards(explanation, np.array([answer], dtype=object), plain_value(positive))[0]
    order = np.argsort(-np.abs(pushed), kind="stable")
    noise = 1e-9 * max(float(np.abs(pushed).max(initial=0.0)), 1e-300)
    fore = [j for j in order if pushed[j] > noise][:most]
    back = [j for j in order if pushed[j] < -noise][:most]
    ends = _ends(explanation, answer, subject)

    def reason(j: int) -> Reason:
        name = explanation.columns[j]
        side = pushed[np.sign(pushed) == np.sign(pushed[j])]
        told, usual = _told(frame[name], typical[name])
        return Reason(
            column=name,
            value=plain_value(frame[name].iloc[0]),
            typical=usual,
            contribution=float(values[j]),
            share=float(pushed[j] / side.sum()),
            text=f"{name} is {told}: {ends[0] if pushed[j] > 0 else ends[1]}{_size(explanation, values[j])}",
        )

    return ReasonCodes(
        answer=answer,
        about=explanation.about,
        unit=explanation.unit,
        output=float(explanation.output[0]),
        base=float(explanation.base[0]),
        reasons=tuple(reason(j) for j in fore),
        against=tuple(reason(j) for j in back),
        rest=float(values.sum() - values[[*fore, *back]].sum()),
        additivity_gap=float(explanation.gaps[0]),
        method=explanation.found.method,
        notes=_notes(explanation, fore),
        seed=subject.seed,
    )


def _ends(explanation: Explanation, answer: Any, subject: Subject) -> tuple[str, str]:
    """What pushing towards the answer, and pushing the other way, is called."""
    if not explanation.label:
        down = explanation.output[0] < explanation.base[0]
        ways = ("pushed the prediction up", "pushed the prediction down")
        return (ways[1], ways[0]) if down else ways
    others = [label for label in subject.predictor.classes if plain_value(label) != answer]
    away = f"towards {plain_value(others[0])!r}" if len(others) == 1 else f"away from {answer!r}"
    return f"pushed the answer towards {answer!r}", f"pushed the answer {away}"


def _size(explanation: Explanation, value: float) -> str:
    """By how much, where the unit is one that a reader knows."""
    return "" if explanation.label else f" by {said(abs(float(value)))}"


def _told(cell: pd.Series, typical: pd.Series) -> tuple[str, Any]:
    """``low (12,000; typical 40,000)`` and what is typical."""
    value, known = cell.iloc[0], typical.dropna()
    if not len(known):
        return said(value), None
    if not pd.api.types.is_numeric_dtype(typical.dtype) or known.nunique() <= 2:
        return _told_of_kind(value, known)
    usual = plain_value(known.sort_values().iloc[(len(known) - 1) // 2])
    if pd.isna(value):
        return f"missing (typical {said(usual)})", usual
    numbers, number = known.to_numpy(dtype=float), float(value)
    rank = float(((numbers < number).mean() + (numbers <= number).mean()) / 2)
    word = _word(rank)
    return (
        f"{word} ({said(value)}; typical {said(usual)})"
        if word
        else f"{said(value)} (typical {said(usual)})",
        usual,
    )


def _word(rank: float) -> str:
    """How unusual a number is among those seen, by its rank from 0 to 1: the outer twentieth, quarter."""
    for word, share in (("low", 1 - rank), ("high", rank)):
        if share >= 0.75:
            return f"very {word}" if share >= 0.95 else word
    return ""


def _told_of_kind(value: Any, known: pd.Series) -> tuple[str, Any]:
    usual = plain_value(known.mode().iloc[0])
    if pd.isna(value):
        return f"missing (most often {said(usual)})", usual
    share = float((known == value).mean())
    return f"{said(value)} ({share:.0%} of rows; most often {said(usual)})", usual


_MEANING = (
    "{} of the {}, against rows drawn from the reference. A reason moved the model's output; it is no cause "
    "in the world, and columns that go together share the credit."
)


def _notes(explanation: Explanation, fore: list[int]) -> tuple[str, ...]:
    notes = [_MEANING.format(explanation.found.method, explanation.about), *explanation.notes]
    if not fore:
        notes.append("No column pushed towards the answer: the model answers typical rows in the same way.")
    if not explanation.additive:
        notes.append("Contributions do not add up to the output: do not rely on these reasons.")
    return tuple(notes)
