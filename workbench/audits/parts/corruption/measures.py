"""What came of the faults, as measurements: without a fault, per fault and place, per fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.corruption.faults import Faulty
from workbench.audits.parts.shared.measured import of_hits
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.intervals import mean_interval, wilson
from workbench.stats.paired import rate_difference

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Asked:
    """The sampled rows without a fault."""

    task: str
    y: Array
    """(n,) the truth."""
    answers: Array
    """(n,) what the model answers."""

    @property
    def metric(self) -> str:
        """What a fault costs is told in."""
        return "accuracy_score" if self.task == "classification" else "mean_absolute_error"

    @property
    def sign(self) -> float:
        """-1 where more is better, so that ``sign`` times a change is a loss."""
        return -1.0 if self.task == "classification" else 1.0

    def quality(self, answers: Array) -> Array:
        """Right or wrong as 1 and 0, or the absolute error, shape (n,)."""
        if self.task == "classification":
            return np.asarray(answers == self.y, dtype=float)
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray(np.abs(answers.astype(float) - self.y.astype(float)))

    def changed(self, answers: Array) -> Array:
        """Which answers are others. Numbers may differ by rounding, shape (n,)."""
        if self.task == "classification":
            return np.asarray(answers != self.answers, dtype=float)
        now, before = answers.astype(float), self.answers.astype(float)
        return np.asarray(~np.isclose(now, before, rtol=1e-9, atol=1e-12), dtype=float)


@dataclass(frozen=True)
class Tried:
    """One fault in one place and what came of it."""

    fault: str
    slice: str
    struck: int
    refused: str
    """``ValueError: …``; empty when the model answered."""
    changed: Array
    """(n,) 1 where the answer is another."""
    difference: Array
    """(n,) change of right or wrong, or of the absolute error."""

    @classmethod
    def of(cls, fault: Faulty, answer: Array | str, asked: Asked) -> Self:
        """Compare the answers to rows with a fault with those to the same rows without."""
        if isinstance(answer, str):
            nothing = np.zeros(0)
            return cls(fault.fault, fault.slice, fault.struck, answer, nothing, nothing)
        difference = asked.quality(answer) - asked.quality(asked.answers)
        return cls(fault.fault, fault.slice, fault.struck, "", asked.changed(answer), difference)


def without_fault(floor: Tried, asked: Asked, confidence: float) -> list[Measurement]:
    """Measure the sampled rows as they are, and what asking again changes by itself."""
    n, quality = len(asked.y), asked.quality(asked.answers)
    value, low, high = _mean(quality, confidence)
    if asked.task == "classification":
        low, high = wilson(float(quality.sum()), n, confidence)
    unit = "rate" if asked.task == "classification" else "target"
    clean = Measurement(
        metric=asked.metric,
        slice="fault=none",
        value=value,
        low=max(low, 0.0),
        high=high,
        n=n,
        unit=unit,
        note="of the sampled rows, without a fault",
    )
    if floor.refused:
        note = f"raises: {floor.refused}"
        return [clean, Measurement(metric="changed_answers", slice="fault=none", value=None, n=n, note=note)]
    note = "the floor: the same rows asked about again, among the others"
    return [clean, _changed(floor.changed, "fault=none", note, confidence)]


def _changed(changed: Array, slice: str, note: str, confidence: float) -> Measurement:
    return of_hits("changed_answers", changed, confidence=confidence, slice=slice, note=note)


def of_place(t: Tried, asked: Asked, level: float, at_most: float | None) -> list[Measurement]:
    """Measure one fault in one place, judged where ``at_most`` says what may be lost."""
    note = f"it struck {t.struck} of {len(asked.y)} rows"
    value, low, high = difference(t.difference, asked, level)
    loss = (value, low, high) if asked.sign > 0 else (-value, -high, -low)
    infinite = "" if np.isfinite(value) else "; an answer is infinite"
    cost = Measurement(
        metric=f"{asked.metric}_difference",
        slice=t.slice,
        value=value if not infinite else None,
        low=low if not infinite else None,
        high=high if not infinite else None,
        n=len(asked.y),
        unit="difference" if asked.task == "classification" else "target",
        outcome=_verdict(loss, at_most),
        note=note + infinite,
    )
    return [cost, _changed(t.changed, t.slice, note, level)]


def _verdict(loss: tuple[float, float, float], at_most: float | None) -> Outcome:
    _, low, high = loss
    if at_most is None:
        return Outcome.MEASURED
    if not np.isfinite(loss[0]) or low > at_most:
        return Outcome.FAIL
    return Outcome.PASS if high <= at_most else Outcome.INCONCLUSIVE


def of_refusal(t: Tried, asked: Asked) -> list[Measurement]:
    """Say how the model refused one fault in one place."""
    return _nothing(t.slice, asked, f"raises: {t.refused}")


def _nothing(slice: str, asked: Asked, note: str) -> list[Measurement]:
    common: dict[str, Any] = {"slice": slice, "value": None, "n": len(asked.y), "note": note}
    return [
        Measurement(metric=f"{asked.metric}_difference", **common),
        Measurement(metric="changed_answers", **common),
    ]


def difference(values: Array, asked: Asked, confidence: float) -> tuple[float, float, float]:
    """Mean change with its interval; for right or wrong from the rows on which the two disagree."""
    if asked.task != "classification" or not np.isin(values, (-1, 0, 1)).all():
        return _mean(values, confidence)
    gained, lost = (values > 0).sum(), (values < 0).sum()
    low, high = rate_difference(gained, lost, len(values), confidence)
    value = float(values.mean())
    return value, min(float(low), value), max(float(high), value)


def of_faults(found: Sequence[Tried], asked: Asked, confidence: float, *, images: bool) -> list[Measurement]:
    """Measure each fault over its places, worst first: means of each row's mean, so that rows stay pairs."""
    by_fault: dict[str, list[Tried]] = {}
    for t in found:
        by_fault.setdefault(t.fault, []).append(t)
    whole = [_summary(f"fault={fault}", places, asked, confidence) for fault, places in by_fault.items()]
    whole.sort(key=lambda pair: (pair[0].value is None, -asked.sign * (pair[0].value or 0.0)))
    if images and asked.task == "classification":
        whole.insert(0, [_mean_corruption_error(found, asked, confidence)])
    return [m for pair in whole for m in pair]


def _summary(slice: str, places: list[Tried], asked: Asked, confidence: float) -> list[Measurement]:
    answered = [t for t in places if not t.refused]
    refused = f"; raises in {len(places) - len(answered)}" if len(answered) < len(places) else ""
    n, metric = len(asked.y), f"{asked.metric}_difference"
    if not answered:
        return _nothing(slice, asked, f"raises in all {len(places)} places")
    note = f"mean of {len(answered)} places{refused}"
    value, low, high = difference(np.mean([t.difference for t in answered], axis=0), asked, confidence)
    changed = np.mean([t.changed for t in answered], axis=0)
    share, least, most = _mean(changed, confidence)
    if np.ptp(changed) == 0:  # all rows alike show no spread, and yet are not the whole world
        least, most = wilson(share * n, n, confidence)
    cost = Measurement(
        metric=metric,
        slice=slice,
        value=value,
        low=low,
        high=high,
        n=n,
        unit="difference" if asked.task == "classification" else "target",
        note=note if np.isfinite(value) else f"{note}; an answer is infinite",
    )
    rate = Measurement(
        metric="changed_answers",
        slice=slice,
        value=share,
        low=max(least, 0.0),
        high=min(most, 1.0),
        n=n,
        unit="rate",
        note=note,
    )
    return [cost, rate]


def _mean_corruption_error(found: Sequence[Tried], asked: Asked, confidence: float) -> Measurement:
    """Mean over corruptions of the mean error over severities; not relative to another model's."""
    common: dict[str, Any] = {"metric": "mean_corruption_error", "n": len(asked.y), "unit": "rate"}
    faults = sorted({t.fault for t in found})
    if any(t.refused for t in found):
        return Measurement(**common, value=None, note="the model raises on some of the images")
    wrong = 1 - asked.quality(asked.answers)
    each = [wrong - np.mean([t.difference for t in found if t.fault == fault], axis=0) for fault in faults]
    value, low, high = _mean(np.mean(each, axis=0), confidence)
    note = (
        f"mean of {len(faults)} corruptions at 5 severities, not divided by another model's; "
        f"without a fault {wrong.mean():.4f}"
    )
    return Measurement(**common, value=value, low=max(low, 0.0), high=min(high, 1.0), note=note)


def _mean(values: Array, confidence: float) -> tuple[float, float, float]:
    with np.errstate(invalid="ignore", over="ignore"):  # an answer may be infinite, or nearly
        return mean_interval(values, confidence)
