"""How small a change of the numbers turns the model's answer: ART's HopSkipJump beside random noise.

An attack that fails proves nothing by itself, so every figure stands beside its floor: random moves of the
same length on the same rows. An attack that does not beat them was mis-set: the audit is then inconclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from workbench.audits import hopskipjump
from workbench.audits.attacked import NOISE, Target, noise, starts
from workbench.audits.base import Finding, Subject
from workbench.audits.gather import Array
from workbench.audits.records import Figure, Measurement
from workbench.audits.space import Space
from workbench.core.errors import InvalidInput, unknown
from workbench.core.values import Outcome
from workbench.stats.intervals import wilson

_REPLICATES = 2000


@dataclass(frozen=True)
class Robustness:
    """Decision-based attack on numeric columns, within whole numbers, ranges and columns that must stay."""

    name: ClassVar[str] = "robustness"

    rows: int = 100
    """Rows attacked, drawn at random."""
    budget: float = 0.5
    """Length of a move that counts as small: L2 over the columns, in standard deviations of each."""
    queries: int = 500
    """Most questions to the model about one row."""
    immutable: tuple[str, ...] | None = None
    """Columns that must stay. Default: the sensitive ones. Text, switches, one-hot groups always stay."""
    scale: dict[str, float] = field(default_factory=dict)
    """Size of one unit by column, instead of its standard deviation."""

    def __post_init__(self) -> None:
        for option, least in (("rows", 1), ("queries", 50)):
            if getattr(self, option) < least:
                raise InvalidInput(f"robustness: {option} must be at least {least}.", field=option)
        if not self.budget > 0:
            raise InvalidInput("robustness: budget must be positive.", field="budget")

    def applies(self, subject: Subject) -> str:
        """Needs a classifier that can be asked, and a number it reads."""
        if subject.data.task != "classification":
            return "A regression has no decision to flip."
        if not subject.predictor.reads_rows:
            return "Predictions are a column: there is no model to ask about changed rows."
        if not self._space(subject).columns:
            return "No numeric column may move."
        return ""

    def measure(self, subject: Subject) -> Finding:
        """Attack a sample of rows and the same rows with noise."""
        target = Target.of(subject, self.rows, self._space(subject))
        searches = {
            i: hopskipjump.Search(target.space, target.origin[i], start, self.queries)
            for i, start in starts(target, subject).items()
        }
        order = list(searches)
        hopskipjump.attack(
            list(searches.values()),
            lambda rows, moved: target.flips(np.array(order)[rows], moved),
            seed=subject.seed,
        )
        asked = target.asked
        distance = np.full(len(target.frame), np.inf)
        if order:  # the model is asked once more about what was found: only what flips again counts
            best = np.array([searches[i].best for i in order])
            again = target.flips(np.array(order), best)
            distance[order] = np.where(again, [searches[i].distance for i in order], np.inf)
        floor = noise(target, self.budget, subject.seed)
        return _finding(self, target, distance, floor, asked)

    def _space(self, subject: Subject) -> Space:
        base = subject.reference or subject.data
        read = subject.predictor.columns or subject.data.features
        features = [name for name in read if name in base.frame.columns]
        immutable = subject.data.sensitive if self.immutable is None else self.immutable
        for name in self.immutable or ():
            if name not in subject.data.frame.columns:
                raise unknown("immutable", "column", name, features)
        return Space.of(base.frame, features, immutable=immutable, scale=self.scale)


def _finding(audit: Robustness, target: Target, distance: Array, floor: Array, asked: int) -> Finding:
    n, near = len(distance), distance <= audit.budget
    gain, gain_low, gain_high = _mean_of_rows(near - floor)
    noise_rate, noise_low, noise_high = _mean_of_rows(floor)
    within = f"a move of at most {audit.budget:g} standard deviations (L2)"
    measurements = [
        _rate("clean_accuracy", target.correct, "of the attacked rows"),
        _rate("adversarial_accuracy", target.correct & ~near, f"right, and stays so under {within}"),
        _rate("attack_success_rate", near, f"flipped by {within}"),
        Measurement(
            metric="noise_success_rate",
            value=noise_rate,
            low=noise_low,
            high=noise_high,
            n=n,
            unit="rate",
            note=f"flipped by one random move of the same length, mean of {NOISE} a row",
        ),
        Measurement(
            metric="attack_gain_over_noise",
            value=gain,
            low=gain_low,
            high=gain_high,
            n=n,
            unit="difference",
            note="paired by row",
        ),
        _median_distance(distance),
        Measurement(
            metric="model_queries", value=asked, n=n, unit="queries", note="spent by the attack on all rows"
        ),
    ]
    doubt = _doubt(distance, floor, gain_low, audit.budget)
    return Finding(
        measurements=measurements,
        figures=[_figure(distance, noise_rate, audit.budget)],
        notes=[*([doubt] if doubt else []), *_notes(target.space, n)],
        outcome=Outcome.INCONCLUSIVE if doubt else Outcome.MEASURED,
        libraries=("adversarial-robustness-toolbox", "numpy"),
    )


def _doubt(distance: Array, floor: Array, gain_low: float, budget: float) -> str:
    """Why the attack proves nothing, or an empty string."""
    if not np.isfinite(distance).any():
        return "The attack found no change of the answer at any distance; the success rate proves nothing."
    if floor.any() and gain_low <= 0:
        return (
            f"The attack is no better than noise of length {budget:g}: attack more rows, allow more queries, "
            "or choose a smaller budget."
        )
    return ""


def _rate(metric: str, hits: Array, note: str) -> Measurement:
    low, high = wilson(int(hits.sum()), len(hits))
    return Measurement(
        metric=metric,
        value=float(hits.mean()),
        low=low,
        high=high,
        n=len(hits),
        unit="rate",
        note=note,
    )


def _mean_of_rows(values: Array) -> tuple[float, float, float]:
    """Mean with its 95 % bootstrap interval over rows."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(len(values), size=(_REPLICATES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(values.mean()), float(low), float(high)


def _median_distance(distance: Array) -> Measurement:
    """Median over all attacked rows. A row that nothing flipped is further than any that was."""
    rng = np.random.default_rng(0)
    n, middle = len(distance), (len(distance) - 1) // 2
    ordered = np.sort(distance)
    drawn = np.sort(rng.integers(n, size=(_REPLICATES, n)), axis=1)[:, middle]
    low, high = np.quantile(drawn, (0.025, 0.975), method="nearest")
    flipped = int(np.isfinite(distance).sum())
    note = f"smallest change found that flips; {flipped} of {n} rows flipped at some distance"
    return Measurement(
        metric="median_flip_distance",
        value=_finite(ordered[middle]),
        low=_finite(ordered[low]),
        high=_finite(ordered[high]),
        n=n,
        unit="sd",
        note=note if np.isfinite(ordered[middle]) else f"{note}: more than half did not",
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _notes(space: Space, n: int) -> list[str]:
    whole = [c for c, i in zip(space.columns, space.integer, strict=True) if i]
    stays = f" Whole numbers stay whole: {_listed(whole)}." if whole else ""
    held: dict[str, list[str]] = {}
    for column, why in space.held.items():
        held.setdefault(why, []).append(column)
    notes = [
        f"HopSkipJump on {n} rows drawn at random. It needs only answers: flat scores hide nothing from it.",
        f"Moved: {_listed(space.columns)}, within the values seen.{stays}",
    ]
    stay = "; ".join(f"{_listed(columns)} ({why})" for why, columns in held.items())
    return [*notes, f"Held fixed: {stay}."] if stay else notes


def _listed(names: Sequence[str], most: int = 12) -> str:
    return ", ".join(map(str, names[:most])) + (f" and {len(names) - most} more" if len(names) > most else "")


def _figure(distance: Array, noise_rate: float, budget: float) -> Figure:
    """Share of rows flipped within a distance, beside what noise of the budget's length flips."""
    reach = np.sort(distance[np.isfinite(distance)])
    steps = [{"distance": 0.0, "share": 0.0}]
    steps += [{"distance": float(d), "share": (i + 1) / len(distance)} for i, d in enumerate(reach)]
    share = float((distance <= budget).mean())
    x = {"field": "distance", "type": "quantitative", "title": "size of the change (L2, standard deviations)"}
    y = {
        "field": "share",
        "type": "quantitative",
        "title": "share of rows flipped",
        "scale": {"domain": [0, 1]},
    }
    return Figure(
        title="How small a change flips the answer",
        description=(
            f"{share:.0%} of {len(distance)} rows flip within {budget:g} standard deviations; "
            f"random noise of that length flips {noise_rate:.0%}."
        ),
        spec={
            "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
            "width": 360,
            "height": 200,
            "layer": [
                {
                    "data": {"values": steps},
                    "mark": {"type": "line", "interpolate": "step-after", "color": "#1971c2"},
                    "encoding": {"x": x, "y": y},
                },
                {
                    "data": {"values": [{"distance": budget, "share": noise_rate, "label": "noise"}]},
                    "layer": [
                        {"mark": {"type": "point", "filled": True, "size": 70, "color": "#d9480f"}},
                        {
                            "mark": {"type": "text", "align": "left", "dx": 8},
                            "encoding": {"text": {"field": "label"}},
                        },
                    ],
                    "encoding": {"x": x, "y": y},
                },
                {
                    "data": {"values": [{"distance": budget}]},
                    "mark": {"type": "rule", "strokeDash": [4, 4]},
                    "encoding": {"x": x},
                },
            ],
        },
    )
