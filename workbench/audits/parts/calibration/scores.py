"""Calibration of probabilities that say how likely something is: everyone, groups, classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Subject
from workbench.audits.parts.shared import verdicts
from workbench.audits.parts.shared.slices import Family, Slices, escaped
from workbench.audits.records import Measurement
from workbench.stats import calibration as stats
from workbench.stats.intervals import (
    largest_difference,
    mean_interval,
    normal_quantile,
    pair_confidence,
    wilson,
)

Array = npt.NDArray[Any]
Ends = tuple[float, float, float]

ECE = "expected_calibration_error"
IN_THE_LARGE = "calibration_in_the_large"
SLOPE = "calibration_slope"
BRIER = "brier_score_loss"

_MOST_CLASSES = 20
"""Classes measured one by one: the most frequent."""


@dataclass(frozen=True)
class Settings:
    """How it is measured and judged."""

    bins: int
    confidence: float
    at_most: float | None
    seed: int


@dataclass(frozen=True)
class Said:
    """What was said and what happened, row by row."""

    scores: Array
    """Probability of the event, shape (n,)."""
    happened: Array
    """Whether it happened, shape (n,)."""
    losses: Array
    """Brier loss of every row, shape (n,)."""
    event: str
    """What the observed share is called."""
    notes: tuple[str, ...] = ()

    def of(self, rows: Array) -> Said:
        """Return some of the rows."""
        return Said(self.scores[rows], self.happened[rows], self.losses[rows], self.event)

    def measurements(self, slices: Slices, settings: Settings) -> list[Measurement]:
        """Measure everyone, every group, and the greatest difference between the groups of a family."""
        found = [*_overall(self, settings)]
        for family in slices.families:
            place = family.members.argmax(axis=0)[slices.cell]
            groups = [self.of(np.flatnonzero(place == i)) for i in range(len(family.names))]
            for name, group in zip(family.names, groups, strict=True):
                found += _of_slice(group, name, settings)
            found += _differences(family, groups, settings)
        return found


def top_label(subject: Subject) -> Said:
    """Ask of more than two classes: is the likeliest label right as often as it says?"""
    probabilities, place = _table(subject)
    n, best = len(place), probabilities.argmax(axis=1)
    truth = np.zeros_like(probabilities)
    truth[np.flatnonzero(place >= 0), place[place >= 0]] = 1.0
    losses = ((probabilities - truth) ** 2).sum(axis=1) + (place < 0)  # a label it never gives: said 0
    note = (
        f"Of {probabilities.shape[1]} classes the top label is measured: the probability of the likeliest "
        "label against how often it is right. The Brier score is the sum over the classes, 0 to 2."
    )
    return Said(probabilities[np.arange(n), best], best == place, losses, "share right", (note,))


def classwise(subject: Subject, settings: Settings) -> Iterator[Measurement]:
    """Measure every class against all others, and their mean."""
    probabilities, place = _table(subject)
    count = np.bincount(place[place >= 0], minlength=probabilities.shape[1])
    most = np.sort(np.argsort(-count, kind="stable")[:_MOST_CLASSES])
    level, mean = 1 - (1 - settings.confidence) / len(most), []
    for i in most:
        bins = stats.equal_mass_bins(probabilities[:, i], place == i, settings.bins)
        name = f"{escaped(subject.data.target)}={escaped(str(subject.predictor.classes[i]))}"
        error = stats.calibration_error(bins, settings.confidence, seed=settings.seed)
        yield _error(error, len(place), name, None)
        mean.append(stats.calibration_error(bins, level, seed=settings.seed))
    value, low, high = (float(np.mean([getattr(e, end) for e in mean])) for end in ("value", "low", "high"))
    yield Measurement(
        metric=f"classwise_{ECE}",
        value=value,
        low=low,
        high=high,
        n=len(place),
        unit="score",
        note=f"mean over {len(most)} classes of each against all others",
    )


def _table(subject: Subject) -> tuple[Array, Array]:
    """Probabilities, shape (n, k), and the place of the truth among the classes, -1 for one not there."""
    probabilities = subject.probabilities
    assert probabilities is not None  # noqa: S101 - ``applies`` said so
    place = {label: i for i, label in enumerate(subject.predictor.classes)}
    return probabilities, np.array([place.get(label, -1) for label in subject.data.y.tolist()])


def _overall(said: Said, settings: Settings) -> Iterator[Measurement]:
    error = _calibration_error(said, settings.confidence, settings)
    n = len(said.scores)
    yield from _of_slice(said, "", settings)
    yield Measurement(
        metric=f"{ECE}_plugin",
        value=error.plug_in,
        n=n,
        unit="score",
        note=f"as counted in {error.bins} bins; the interval is that of {ECE}",
    )
    yield Measurement(
        metric=f"{ECE}_floor",
        value=error.floor,
        low=min(error.floor_low, error.floor),
        high=max(error.floor_high, error.floor),
        n=n,
        unit="score",
        note="what the plug-in value would be if every score were exactly right",
    )


def _of_slice(said: Said, name: str, settings: Settings) -> Iterator[Measurement]:
    n = len(said.scores)
    yield _error(_calibration_error(said, settings.confidence, settings), n, name, settings.at_most)
    for metric, measure in (*_MEANS.items(), (SLOPE, _slope)):
        value, low, high = measure(said, settings.confidence, settings)
        note = f"{said.event} less mean score" if metric == IN_THE_LARGE else ""
        if metric == SLOPE:
            note = _reading(value, low, high)
        yield Measurement(
            metric=metric,
            slice=name,
            value=None if np.isnan(value) else value,
            low=None if np.isnan(value) else low,
            high=None if np.isnan(value) else high,
            n=n,
            unit="difference" if metric == IN_THE_LARGE else "score",
            note=note,
        )


def _error(error: stats.CalibrationError, n: int, name: str, at_most: float | None) -> Measurement:
    return Measurement(
        metric=ECE,
        slice=name,
        value=error.value,
        low=error.low,
        high=error.high,
        n=n,
        unit="score",
        outcome=verdicts.at_most(at_most, error.low, error.high),
        note=f"{error.plug_in:.4f} counted in {error.bins} bin{'s' * (error.bins > 1)}; "
        f"perfect calibration would show {error.floor:.4f}",
    )


def _differences(family: Family, groups: list[Said], settings: Settings) -> Iterator[Measurement]:
    """The greatest difference between groups of enough rows, for every measure but the slope."""
    kept = [i for i, group in enumerate(groups) if len(group.scores) >= stats.ROWS_PER_BIN]
    left_out = [family.groups[i] for i in range(len(groups)) if i not in kept]
    without = f"; without {', '.join(left_out)}: fewer than {stats.ROWS_PER_BIN} rows" if left_out else ""
    n = sum(len(groups[i].scores) for i in kept)
    level = pair_confidence(len(kept), settings.confidence)
    for metric, measure in ((ECE, _ece), *_MEANS.items()):
        common = {"metric": f"{metric}_difference", "slice": family.name, "n": n, "unit": "difference"}
        if len(kept) < 2:
            note = f"fewer than two groups have {stats.ROWS_PER_BIN} rows"
            yield Measurement(**common, value=None, note=note)
            continue
        ends = np.array([measure(groups[i], level, settings) for i in kept])
        value, low, high = largest_difference(*ends.T)
        least, most = (kept[int(f(ends[:, 0]))] for f in (np.argmin, np.argmax))
        note = f"from {family.groups[least]} to {family.groups[most]}{without}"
        yield Measurement(**common, value=value, low=low, high=high, note=note)


def _calibration_error(said: Said, confidence: float, settings: Settings) -> stats.CalibrationError:
    bins = stats.equal_mass_bins(said.scores, said.happened, settings.bins)
    return stats.calibration_error(bins, confidence, seed=settings.seed)


def _ece(said: Said, confidence: float, settings: Settings) -> Ends:
    error = _calibration_error(said, confidence, settings)
    return error.value, error.low, error.high


def _in_the_large(said: Said, confidence: float, settings: Settings) -> Ends:  # noqa: ARG001 - one signature
    """Mean residual. Few rows: Wilson's interval of the share observed, which is never empty."""
    n, residuals = len(said.scores), said.happened - said.scores
    value, mean = float(residuals.mean()), float(said.scores.mean())
    if n < stats.ROWS_PER_BIN:
        low, high = wilson(float(said.happened.sum()), n, confidence)
        return value, low - mean, high - mean
    # Where nothing happened the residuals are too alike: the spread that the scores promise is a bound.
    spread = max(float(residuals.var(ddof=1)), float((said.scores * (1 - said.scores)).mean()))
    half = normal_quantile((1 + confidence) / 2) * (spread / n) ** 0.5
    return value, max(value - half, -1.0), min(value + half, 1.0)


def _brier(said: Said, confidence: float, settings: Settings) -> Ends:  # noqa: ARG001 - one signature
    value, low, high = mean_interval(said.losses, confidence)
    return value, max(low, 0.0), min(high, 2.0)


def _slope(said: Said, confidence: float, settings: Settings) -> Ends:  # noqa: ARG001 - one signature
    fitted = stats.calibration_slope(said.scores, said.happened, confidence)
    return (np.nan, np.nan, np.nan) if fitted is None else (fitted.slope, fitted.low, fitted.high)


def _reading(value: float, low: float, high: float) -> str:
    if np.isnan(value):
        return "no finite slope: one class only, scores all alike, or classes that a score parts"
    if high < 1:
        return "below 1: scores are too extreme"
    return "above 1: scores are too timid" if low > 1 else ""


_MEANS: dict[str, Callable[[Said, float, Settings], Ends]] = {BRIER: _brier, IN_THE_LARGE: _in_the_large}
