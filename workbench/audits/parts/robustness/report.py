"""What attacks, noise and bound say together: a finding with its notes and its figure."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.audits.base import Finding
from workbench.audits.parts.robustness import measures
from workbench.audits.parts.robustness.figure import figure
from workbench.audits.parts.robustness.space import Space
from workbench.audits.parts.robustness.verdict import (
    Result,
    certified,
    doubt_of,
    doubt_of_all,
    judged,
    proven,
)
from workbench.audits.records import Measurement
from workbench.core.values import Outcome


def finding(result: Result) -> Finding:
    """Make the finding."""
    target, distance = result.target, result.distance
    near = result.near(distance)
    within = f"a move of at most {result.budget:g} ({_norm(target.space)})"
    doubt = doubt_of_all(result)
    verdict = judged(result, near, doubt)
    best = measures.rate("attack_success_rate", near, f"flipped by {within}, by any of the attacks")
    measurements = [
        measures.rate("clean_accuracy", target.correct, "of the attacked rows"),
        measures.rate("adversarial_accuracy", target.correct & ~near, f"right, and stays so under {within}"),
        best.model_copy(update={"outcome": verdict}),
        measures.floor_of(result),
        measures.gain(near, result.floor),
        measures.median("median_flip_distance", distance, "smallest change found that flips"),
        *measures.of_bound(result),
        *[m for attempt in result.attempts for m in measures.of_attempt(attempt, result)],
        *[measures.missing(name, why, len(near)) for name, why in result.refused.items()],
        Measurement(
            metric="model_queries",
            value=result.queries,
            n=len(near),
            unit="queries",
            note=f"spent by the attacks on all rows, {result.starts:,} of them to find points to start from",
        ),
    ]
    noise_rate = float(result.floor.mean())
    return Finding(
        measurements=measurements,
        figures=[figure(distance, certified(result), noise_rate, result.budget)],
        notes=[*([doubt] if doubt else []), *_notes(result)],
        outcome=Outcome.ERROR if result.broken else verdict,
        libraries=("adversarial-robustness-toolbox", "numpy", "scikit-learn"),
    )


_BY_BOUND = "That few enough rows flip is proven by the bound; it does not rest on what the attacks found."


def _notes(result: Result) -> list[str]:
    space, n = result.target.space, len(result.floor)
    names = ", ".join(attempt.name for attempt in result.attempts)
    what = (
        f"{names or 'No attack'} on {n} rows drawn at random. What is found was seen to flip; what is not "
        "found may be there. Wilson intervals for rates; bootstrap over rows for means and medians."
    )
    notes = [what, _moved(space)]
    notes += [f"{name}: not done. {why}" for name, why in result.refused.items()]
    if not doubt_of_all(result):  # else they are said already
        notes += [doubt for attempt in result.attempts if (doubt := doubt_of(attempt, result))]
    if result.bound is not None and not result.broken:
        notes.append(f"{result.bound.note} Tried on random points inside the balls: none flips.")
        notes += [_BY_BOUND] if proven(result) else []
    held = _held(space)
    return [*notes, held] if held else notes


def _moved(space: Space) -> str:
    whole = [c for c, i in zip(space.columns, space.integer, strict=True) if i and not _in_group(space, c)]
    parts = [f"Moved: {_listed(space.columns)}, within the ranges, measured as {_norm(space)}."]
    parts += [f"Whole numbers stay whole: {_listed(whole)}."] if whole else []
    for sign, verb in ((1, "rise"), (-1, "fall")):
        named = [c for c, d in zip(space.columns, space.direction, strict=True) if d == sign]
        parts += [f"May only {verb}: {_listed(named)}."] if named else []
    groups = [_listed([space.columns[i] for i in group]) for group in space.groups]
    parts += [f"One-hot, one is set: {'; '.join(groups)}."] if groups else []
    return " ".join(parts)


def _in_group(space: Space, column: str) -> bool:
    return any(space.columns.index(column) in group for group in space.groups)


def _held(space: Space) -> str:
    held: dict[str, list[str]] = {}
    for column, why in space.held.items():
        held.setdefault(why, []).append(column)
    stay = "; ".join(f"{_listed(columns)} ({why})" for why, columns in held.items())
    return f"Held fixed: {stay}." if stay else ""


def _norm(space: Space) -> str:
    return "standard deviations, L2" if space.norm == "l2" else "standard deviations, Linf"


def _listed(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")
