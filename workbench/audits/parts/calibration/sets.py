"""Split conformal sets from a model's answers, and how often they hold the truth, for everyone and by group.

Half of the rows, drawn by the seed, set the bound; the other half is what coverage is counted on. MAPIE makes
the sets where a model answers. Where only a column of scores is known, or too few rows for MAPIE, the same
sets come from the formula (``conformal_quantile``).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Subject
from workbench.audits.parts.shared.slices import Slices
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.calibration import conformal_quantile
from workbench.stats.intervals import largest_difference, mean_interval, pair_confidence, wilson

Array = npt.NDArray[Any]

FEWEST = 20
"""Rows without which nothing is split."""


@dataclass(frozen=True)
class Coverage:
    """What conformal sets cover."""

    measurements: list[Measurement]
    notes: list[str]
    libraries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sets:
    """The sets of the test rows."""

    rows: Array
    """Which rows of the data, shape (m,)."""
    covered: Array
    """Whether the set holds the truth, shape (m,)."""
    size: Array
    """Labels in the set, or the width of the interval, shape (m,)."""
    made_by: str
    calibrated_on: int
    """Rows that set the bound."""

    def interval(self, k: Any, n: Any, confidence: float) -> Any:
        """Wilson's interval of the coverage of sets made in this way.

        The bound is drawn too: given it, coverage is Beta about the level with the variance of a rate of as
        many rows as set it. So n counts as 1 / (1 / n + 1 / calibrated_on) rows.
        """
        effective = 1 / (1 / n + 1 / self.calibrated_on)
        return wilson(k / n * effective, effective, confidence)


def coverage(
    subject: Subject, slices: Slices, level: float, confidence: float, shortfall: float | None
) -> Coverage:
    """Measure coverage and size of the sets."""
    if len(subject.data) < FEWEST:
        return Coverage([], [f"Conformal sets were left out: they need at least {FEWEST} rows."])
    sets = conformal_sets(subject, level)
    kind = "regression" if subject.data.task == "regression" else "classification"
    counted = _Counted(sets, slices, kind, level, confidence, shortfall)
    note = _HOW.format(sets.made_by, f"{len(subject.data) - len(sets.rows):,}", f"{len(sets.rows):,}", level)
    libraries = ("mapie",) if sets.made_by == "MAPIE" else ()
    return Coverage(counted.measurements(), [note], libraries)


def conformal_sets(subject: Subject, level: float, *, mapie: bool = True) -> Sets:
    """Make the sets of half of the rows from the other half.

    Args:
        subject: with probabilities, or of a regression.
        level: coverage they are made for.
        mapie: False for the formula in any case.
    """
    n = len(subject.data)
    order = np.random.default_rng([subject.seed, 7]).permutation(n)
    calibration, test = np.sort(order[: n // 2]), np.sort(order[n // 2 :])
    table, truth = _answers(subject)
    enough = np.ceil((len(calibration) + 1) * level) <= len(calibration)
    if (
        mapie
        and enough
        and _sound(table, truth)
        and subject.predictor.reads_rows
        and find_spec("mapie") is not None
    ):
        return _by_mapie(table, truth, calibration, test, level)
    return _by_formula(table, truth, calibration, test, level)


def _answers(subject: Subject) -> tuple[Array, Array]:
    """Probabilities (n, k) and the truth's place among them, or numbers (n,) and the true ones."""
    if subject.data.task == "regression":
        return subject.answers.astype(float), subject.data.y.astype(float)
    place = {label: i for i, label in enumerate(subject.predictor.classes)}
    truth = np.array([place.get(label, -1) for label in subject.data.y.tolist()])
    table = np.asarray(subject.probabilities, dtype=float)
    total = table.sum(axis=1, keepdims=True)
    return table / np.where(total > 0, total, 1), truth


def _sound(table: Array, truth: Array) -> bool:
    """Whether MAPIE takes it: a label the model knows for every row, and rows that add up to 1."""
    return table.ndim == 1 or bool((truth >= 0).all() and np.allclose(table.sum(axis=1), 1))


def _by_formula(table: Array, truth: Array, calibration: Array, test: Array, level: float) -> Sets:
    if table.ndim == 1:
        distance = np.abs(truth - table)
        bound = conformal_quantile(distance[calibration], level)
        width = np.full(len(test), 2 * bound)
        return Sets(test, distance[test] <= bound, width, "the formula", len(calibration))
    own = np.where(truth >= 0, table[np.arange(len(table)), truth], -np.inf)
    bound = conformal_quantile(1 - own[calibration], level)
    size = (1 - table[test] <= bound).sum(axis=1)
    return Sets(test, (1 - own <= bound)[test], size, "the formula", len(calibration))


def _by_mapie(table: Array, truth: Array, calibration: Array, test: Array, level: float) -> Sets:
    """What is known is looked up by the number of the row, so the model is not asked again."""
    from workbench.audits.parts.calibration import mapie as known

    if table.ndim == 1:
        low, high = known.intervals(table, truth, calibration, test, level)
        inside = (low <= truth[test]) & (truth[test] <= high)
        return Sets(test, inside, high - low, "MAPIE", len(calibration))
    with warnings.catch_warnings():
        # Few rows may hold fewer labels than the model knows: that is no fault.
        warnings.filterwarnings("ignore", message=".*conformalization dataset has less labels")
        held = known.label_sets(table, truth, calibration, test, level)
    own = held[np.arange(len(test)), truth[test]]
    return Sets(test, own, held.sum(axis=1), "MAPIE", len(calibration))


@dataclass(frozen=True)
class _Counted:
    """Coverage and size of sets, by slice. The names are those of MAPIE's metrics."""

    sets: Sets
    slices: Slices
    kind: str
    level: float
    confidence: float
    shortfall: float | None

    def measurements(self) -> list[Measurement]:
        cell = self.slices.cell[self.sets.rows]
        found = self._of_slice("", np.ones(len(cell), dtype=bool))
        for family in self.slices.families:
            place = family.members.argmax(axis=0)[cell]
            for i, name in enumerate(family.names):
                found += self._of_slice(name, place == i)
            n = np.bincount(place, minlength=len(family.names))
            k = np.bincount(place, self.sets.covered, len(family.names))
            found.append(self._difference(family.name, k[n >= FEWEST], n[n >= FEWEST]))
        return found

    def _of_slice(self, name: str, here: Array) -> list[Measurement]:
        covered, size = self.sets.covered[here], self.sets.size[here].astype(float)
        common: dict[str, Any] = {"slice": name, "n": len(covered)}
        metrics = [f"{self.kind}_{what}_score" for what in ("coverage", "mean_width")]
        if len(covered) == 0:
            note = "no row of this group is in the test half"
            outcome = Outcome.MEASURED if self.shortfall is None else Outcome.INCONCLUSIVE
            return [Measurement(metric=metrics[0], value=None, note=note, outcome=outcome, **common)]
        low, high = self.sets.interval(float(covered.sum()), len(covered), self.confidence)
        found = Measurement(
            metric=metrics[0],
            value=float(covered.mean()),
            low=low,
            high=high,
            unit="rate",
            outcome=self._judged(low, high),
            **common,
        )
        return [found, _size(metrics[1], size, self.confidence, common)]

    def _judged(self, low: float, high: float) -> Outcome:
        if self.shortfall is None:
            return Outcome.MEASURED
        if low >= self.level - self.shortfall:
            return Outcome.PASS
        return Outcome.FAIL if high < self.level - self.shortfall else Outcome.INCONCLUSIVE

    def _difference(self, name: str, k: Array, n: Array) -> Measurement:
        common: dict[str, Any] = {
            "metric": f"{self.kind}_coverage_score_difference",
            "slice": name,
            "n": int(n.sum()),
            "unit": "difference",
        }
        if len(n) < 2:
            note = f"fewer than two groups have {FEWEST} rows in the test half"
            return Measurement(value=None, note=note, **common)
        low, high = wilson(k, n, pair_confidence(len(n), self.confidence))
        value, least, most = largest_difference(k / n, low, high)
        return Measurement(value=value, low=least, high=most, **common)


def _size(metric: str, size: Array, confidence: float, common: dict[str, Any]) -> Measurement:
    if not np.isfinite(size).all():
        note = "too few rows for this level: the interval has no end"
        return Measurement(metric=metric, value=None, note=note, **common)
    value, low, high = mean_interval(size, confidence)
    if not np.isfinite(low):
        return Measurement(metric=metric, value=value, unit="size", note="a single row", **common)
    return Measurement(metric=metric, value=value, low=min(low, value), high=high, unit="size", **common)


_HOW = (
    "Split conformal sets by {}: {} rows, drawn by the seed, set the bound and {} are counted, for a "
    "coverage of {:g}. Over all rows the level is met by construction when rows are exchangeable; what "
    "groups get is not, and is what to read. Coverage: Wilson, for sets made in this way, as both halves are "
    "drawn; differences: for the bound as it is."
)
