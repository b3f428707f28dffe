"""Whether a ranking of columns comes out again: on other rows, after training again, for the champion."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.explainability.explainers import Explanation, untouched_draws
from workbench.audits.parts.explainability.importance import MOST_COLUMNS, Importance, shares
from workbench.audits.records import Measurement
from workbench.models.predictors import Predictor, predictor_of
from workbench.stats.shapley import kendall_tau, top_overlap, weighted_importance

Array = np.ndarray[Any, Any]

REFIT_ROWS = 200
"""Rows on which models trained again are compared."""
_DRAWS = 200


def resampled(found: Importance, top_k: int) -> list[Measurement]:
    """Agreement of the ranking with those of rows and background drawn again."""
    values = found.explanation.found.values
    parts = values.shape[0]
    rng = np.random.default_rng([found.seed, 1])
    rows = found.weights[:_DRAWS]
    blocks = rng.multinomial(parts, np.full(parts, 1 / parts), size=len(rows)) / parts
    drawn = weighted_importance(values, rows, blocks)
    what = "rows and background drawn again" if parts > 1 else "rows drawn again; there is no background"
    return _agreement(found, drawn, "resampled", top_k, f"median over {len(rows)} draws; {what}")


def refits(subject: Subject, times: int) -> tuple[list[Predictor], list[str]]:
    """Train clones of the model on rows of the reference drawn again, and say what did not work."""
    model, reference = subject.predictor.model, subject.reference
    if reference is None:
        return [], ["refits needs a reference to train on: not done."]
    if not hasattr(model, "get_params") or not hasattr(model, "fit"):
        return [], [f"A {type(model).__name__} cannot be trained again: refits not done."]
    trained: list[Predictor] = []
    rng = np.random.default_rng([subject.seed, 2])
    failed: list[str] = []
    for _ in range(times):
        try:
            trained.append(_trained(subject, rng))
        except Exception as error:  # noqa: BLE001 - somebody's fit may raise anything: that is the finding
            failed.append(type(error).__name__)
    notes = [f"{len(failed)} of {times} refits raised {failed[0]} and are left out."] if failed else []
    return trained, notes


def refitted(
    found: Importance, explained: Sequence[Explanation], top_k: int, confidence: float, notes: list[str]
) -> Finding:
    """Agreement of the ranking with those of models trained again, and how far shares move."""
    if not explained:
        return Finding([], notes=notes)
    drawn = np.stack([np.abs(e.contributions).mean(axis=0) for e in explained])
    note = f"median over {len(explained)} models trained on rows drawn again"
    measurements = _agreement(found, drawn, "refitted", top_k, note)
    tail = (1 - confidence) / 2
    for j in np.argsort(-found.value, kind="stable")[:MOST_COLUMNS]:
        share = shares(drawn)[:, j]
        low, middle, high = np.quantile(share, (tail, 0.5, 1 - tail))
        measurements.append(
            Measurement(
                metric="shap_importance_share_refitted",
                slice=found.explanation.columns[j],
                value=float(middle),
                low=float(low),
                high=float(high),
                n=len(explained),
                unit="share",
                note="median and quantiles over models trained again; n counts models",
            )
        )
    return Finding(measurements, notes=[*notes, _REFITS])


def against_champion(
    found: Importance, other: Explanation, top_k: int
) -> tuple[list[Measurement], list[str]]:
    """Change of every share against the champion, on the same rows."""
    columns = tuple(dict.fromkeys([*found.explanation.columns, *other.columns]))
    n = min(len(found.explanation.output), len(other.output))
    weights = (
        np.random.default_rng([found.seed, 3]).multinomial(n, np.full(n, 1 / n), size=len(found.drawn)) / n
    )
    mine, theirs = (_spread(e, columns)[:n] for e in (found.explanation, other))
    value = shares(mine.mean(axis=0)) - shares(theirs.mean(axis=0))
    drawn = shares(weights @ mine) - shares(weights @ theirs)
    measurements = []
    for j in np.argsort(-np.abs(value), kind="stable")[:MOST_COLUMNS]:
        low, high = found.interval(drawn[:, j], float(value[j]))
        measurements.append(
            Measurement(
                metric="shap_importance_share_change",
                slice=columns[j],
                value=float(value[j]),
                low=low,
                high=high,
                n=n,
                unit="difference",
                note=_only_one(columns[j], found.explanation, other),
            )
        )
    both = (mine.mean(axis=0), theirs.mean(axis=0))
    pairs = list(zip(weights @ mine, weights @ theirs, strict=True))
    taus = np.array([kendall_tau(*pair) for pair in pairs])
    overlaps = np.array([top_overlap(*pair, top_k) for pair in pairs])
    measurements += [
        _tau(found, kendall_tau(*both), taus, what="champion", note=_SAME_ROWS, n=n),
        _overlap(found, top_overlap(*both, top_k), overlaps, what="champion", note=_SAME_ROWS, n=n),
    ]
    methods = {found.explanation.found.method, other.found.method}
    differ = f" They were explained differently ({'; '.join(sorted(methods))})." if len(methods) > 1 else ""
    return measurements, [f"{_CHAMPION}{differ}"]


def _agreement(found: Importance, drawn: Array, what: str, top_k: int, note: str) -> list[Measurement]:
    taus = np.array([kendall_tau(found.value, row) for row in drawn])
    overlaps = np.array([top_overlap(found.value, row, top_k) for row in drawn])
    known = taus[np.isfinite(taus)]
    tau = float(np.median(known)) if len(known) else float("nan")
    n = len(found.weights[0]) if what == "resampled" else len(drawn)
    k = min(top_k, len(found.value))
    leading = f"of the {k} leading columns; {note}"
    return [
        _tau(found, tau, taus, what=what, note=f"agreement of rankings, 1 is the same; {note}", n=n),
        _overlap(found, float(np.median(overlaps)), overlaps, what=what, note=leading, n=n),
    ]


def _tau(found: Importance, tau: float, drawn: Array, *, what: str, note: str, n: int) -> Measurement:
    known = drawn[np.isfinite(drawn)]
    if not np.isfinite(tau) or not len(known):
        note = "one column, or columns of equal importance: there is no ranking"
        return Measurement(metric="kendall_tau", slice=what, value=None, n=n, note=note)
    low, high = found.interval(known, tau)
    return Measurement(
        metric="kendall_tau", slice=what, value=tau, low=low, high=high, n=n, unit="correlation", note=note
    )


def _overlap(found: Importance, value: float, drawn: Array, *, what: str, note: str, n: int) -> Measurement:
    low, high = found.interval(drawn, value)
    return Measurement(
        metric="top_k_overlap", slice=what, value=value, low=low, high=high, n=n, unit="share", note=note
    )


def _trained(subject: Subject, rng: np.random.Generator) -> Predictor:
    from sklearn.base import clone

    reference, predictor = subject.reference, subject.predictor
    assert reference is not None  # noqa: S101 - checked by refits
    model = clone(predictor.model)
    seeds = {
        key: int(rng.integers(2**31)) for key in sorted(model.get_params()) if key.endswith("random_state")
    }
    model.set_params(**seeds)
    drawn = rng.integers(len(reference), size=len(reference))
    with untouched_draws():
        model.fit(predictor.inputs(reference.frame.iloc[drawn]), reference.y[drawn])
    return predictor_of(model, data=reference, columns=predictor.columns)


def _spread(explanation: Explanation, columns: Sequence[str]) -> Array:
    """(n, d) absolute contributions in these columns; 0 for a column that the model does not read."""
    place = {name: j for j, name in enumerate(explanation.columns)}
    absolute = np.abs(explanation.contributions)
    none = np.zeros(len(absolute))
    return np.column_stack([absolute[:, place[c]] if c in place else none for c in columns])


def _only_one(column: str, mine: Explanation, theirs: Explanation) -> str:
    if column not in theirs.columns:
        return "the champion does not read it"
    return "" if column in mine.columns else "only the champion reads it"


_REFITS = (
    "Models trained again on rows drawn again: where rankings change, the explanation is of this training "
    "rather than of the data. Fewer distinct rows are drawn than there are: the models differ more for it."
)
_SAME_ROWS = "this model and the champion, on the same rows drawn again"
_CHAMPION = (
    "Changes are of shares, this model less the champion, the same rows drawn again for both. They say that "
    "models go by different columns, not which of them is right."
)
