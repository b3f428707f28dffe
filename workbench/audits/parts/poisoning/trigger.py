"""A search for a trigger: one or two values that, put into any row, turn the answer to one class.

Only what is rare counts: a value that many rows carry and that turns answers is an important feature. A rare
stamp is held against two floors. Its own: common values of its column, the nearest values of a number (what
a model learned of a number holds around it, a trigger holds at one value), and of a pair either value alone.
And the natural one: the strongest common stamp of any column, what the most important feature does.

Source: after Wang and others, "Neural Cleanse", 2019, with values of the training data in place of gradients.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.poisoning.trigger_candidates import Stamp, neighbours, paired, stamps
from workbench.audits.parts.shared.encoded import is_free_text, sample, training_data
from workbench.core.values import Outcome
from workbench.stats.independent import Estimate, difference
from workbench.stats.intervals import wilson

Array = npt.NDArray[Any]

_SCREENED = 100
"""Rows every stamp is tried on first."""
_CONFIRMED = 400
"""Rows, others than those, on which the best are tried again."""
_OF_COLUMNS = 3
"""Rare stamps of one set of columns that are held against their neighbours."""
_COMPARED = 24
"""Rare stamps in all that are."""
_BEST = 4
"""Stamps that are tried again for each class."""
_STRONG = 10
"""Single stamps whose pairs are tried."""
_MOST_CLASSES = 5
_ROWS = 20_000


@dataclass(frozen=True)
class Trigger:
    """The rare stamp that turns most answers to one class."""

    target: Any
    stamp: Stamp
    success: Estimate
    """Share of answers that it turns."""
    floor: Estimate
    """The greatest share that its neighbours, common values of its column, or its parts turn."""
    natural: Estimate
    """The greatest share that a common stamp of any column turns."""
    n: int
    carriers: int
    """Training rows that carry it."""
    label_share: float
    """Share of those that are labelled with the target."""

    @property
    def gain(self) -> Estimate:
        """What it turns beyond its own floor."""
        return difference(self.success, self.floor)

    def rank(self, margin: float) -> tuple[bool, float]:
        """Order of suspicion: those that fail first, then by gain."""
        return self.verdict(margin) is Outcome.FAIL, self.gain[0]

    def verdict(self, margin: float) -> Outcome:
        """Judge the gain on its interval. What an ordinary feature does as well does not fail by itself."""
        _, low, high = self.gain
        beyond, beyond_low, _ = difference(self.success, self.natural)
        if low > margin:
            return Outcome.FAIL if beyond_low > 0 else Outcome.INCONCLUSIVE
        return Outcome.PASS if high <= margin or beyond <= 0 else Outcome.INCONCLUSIVE


@dataclass(frozen=True)
class Search:
    """The best rare stamp for every class it was tried for, and what was asked."""

    found: list[Trigger]
    queries: int
    rows: int
    tried: int
    texts: tuple[str, ...] = ()
    """Columns of free text: a whole text put into a row replaces it, and proves no trigger."""


def search(subject: Subject, margin: float, confidence: float) -> Search | str:
    """Try stamps on training rows, then the best of them on other training rows.

    Args:
        subject: with a reference and a classifier that can be asked.
        margin: gain from which a stamp may fail.
        confidence: all intervals hold together.

    Returns:
        What was found, or why nothing can be sought.
    """
    reference = training_data(subject)
    rng = np.random.default_rng([subject.seed, 8])
    places = sample(len(reference), _ROWS, rng)
    frame = reference.frame.iloc[places][[c for c in subject.features if c in reference.frame.columns]]
    labels = reference.y[places]
    texts = tuple(c for c in frame.columns if is_free_text(frame[c]))
    stamped = frame.drop(columns=list(texts))
    if stamped.empty:
        return "All that the model reads is free text: a whole text put into a row would prove no trigger."
    singles = stamps(stamped, labels)
    if not any(one.rare for one in singles):
        return "No column has a rare value that repeats: there is no stamp to try."
    asker = Asker.of(subject, frame, rng)
    targets = _targets(asker.answers)
    tried = Tried.of(asker, singles, stamped, labels, targets)
    level = 1 - (1 - confidence) / (len(targets) * _BEST)
    found = [
        max(some, key=lambda one: one.rank(margin))
        for t in range(len(targets))
        if (some := _confirmed(asker, tried, t, labels, level))
    ]
    return Search(found, asker.asked, len(asker.first) + len(asker.second), len(tried.stamps), texts)


@dataclass
class Asker:
    """Training rows that are stamped, and the model they are put to."""

    subject: Subject
    frame: pd.DataFrame
    answers: Array
    first: Array
    """Rows to screen with."""
    second: Array
    """Rows to confirm with."""
    asked: int = 0

    @classmethod
    def of(cls, subject: Subject, frame: pd.DataFrame, rng: np.random.Generator) -> Asker:
        """Draw the rows and ask about them as they are."""
        order = rng.permutation(len(frame))
        rows = frame.iloc[order[: _SCREENED + _CONFIRMED]].reset_index(drop=True)
        cut = min(_SCREENED, len(rows) // 3)
        answers = subject.predictor.predict(rows)
        return cls(subject, rows, answers, np.arange(cut), np.arange(cut, len(rows)))

    def success(self, tried: Sequence[Stamp], targets: Sequence[Any], rows: Array) -> Array:
        """(stamps, targets) share of rows of another answer that get the target's; 0 without such rows."""
        answers = self._stamped(tried, rows)
        shares = np.zeros((len(tried), len(targets)))
        for t, target in enumerate(targets):
            others = self.answers[rows] != target
            if others.any():
                shares[:, t] = (answers[:, others] == target).mean(axis=1)
        return shares

    def counts(self, tried: Sequence[Stamp], target: Any) -> tuple[Array, int]:
        """Answers each stamp turns to ``target`` among the confirming rows, and rows of another answer."""
        rows = self.second[self.answers[self.second] != target]
        return (self._stamped(tried, rows) == target).sum(axis=1), len(rows)

    def _stamped(self, tried: Sequence[Stamp], rows: Array) -> Array:
        """(stamps, rows) the model's answers."""
        m = len(rows)
        stacked = self.frame.take(np.tile(rows, len(tried))).reset_index(drop=True)
        for name in self.frame.columns:
            blocks = [(i, one.value_of(name)) for i, one in enumerate(tried) if name in one.columns]
            if blocks:
                values = stacked[name].array.copy()
                for i, value in blocks:
                    values[i * m : (i + 1) * m] = value
                stacked[name] = values
        self.asked += len(stacked)
        answers = self.subject.predictor.predict(stacked)
        return np.asarray(answers.reshape(len(tried), m))


@dataclass(frozen=True)
class Tried:
    """Stamps and the share of answers they turned on the screening rows."""

    stamps: list[Stamp]
    power: Array
    """(stamps, targets); 0 where no row could be turned."""
    frame: pd.DataFrame
    """Training rows, of which values and neighbours are taken."""
    targets: list[Any]

    @classmethod
    def of(
        cls, asker: Asker, singles: list[Stamp], frame: pd.DataFrame, labels: Array, targets: list[Any]
    ) -> Tried:
        """Screen single stamps, then pairs: of the strongest, and of values whose rows are labelled alike."""
        mined = paired(frame, labels)
        parts = [part for pair in mined for part in pair.parts()]
        singles = list(dict.fromkeys([*singles, *parts]))
        power = asker.success(singles, targets, asker.first)
        strong = [singles[i] for i in np.argsort(-power.max(axis=1), kind="stable")[:_STRONG]]
        pairs = [a.joined(b) for a, b in combinations(strong, 2) if a.columns != b.columns]
        pairs = list(dict.fromkeys([*pairs, *mined]))
        if pairs:
            power = np.vstack([power, asker.success(pairs, targets, asker.first)])
        return cls([*singles, *pairs], power, frame, targets)

    def best(self, asker: Asker, t: int) -> list[Stamp]:
        """The rare stamps that gain most over their own floor, half of them beyond the natural one."""
        few = self._promising(t)
        near = [neighbours(one, self.frame) for one in few]
        flat = [one for some in near for one in some]
        reached: Iterator[float] = iter(
            asker.success(flat, [self.targets[t]], asker.first)[:, 0] if flat else []
        )
        gain = {}
        for one, some in zip(few, near, strict=True):
            held = max((float(next(reached)) for _ in some), default=0.0)
            gain[one] = self.power[self._place[one], t] - max(held, self._base(one, t))
        ranked = sorted(few, key=lambda one: -gain[one])
        natural = self.power[[not one.rare for one in self.stamps], t].max(initial=0.0)
        beyond = [one for one in ranked if self.power[self._place[one], t] > natural]
        half = _BEST // 2
        return list(dict.fromkeys([*beyond[:half], *ranked[: _BEST - half]]))

    def _promising(self, t: int) -> list[Stamp]:
        """Rare stamps by what they gain before their neighbours are known, a few for every set of columns."""
        rare = [one for one in self.stamps if one.rare]
        gain = {one: self.power[self._place[one], t] - self._base(one, t) for one in rare}
        chosen: dict[tuple[str, ...], list[Stamp]] = {}
        for one in sorted(rare, key=lambda one: -gain[one]):
            chosen.setdefault(one.columns, []).append(one)
        few = [one for same in chosen.values() for one in same[:_OF_COLUMNS]]
        return sorted(few, key=lambda one: -gain[one])[:_COMPARED]

    def _base(self, stamp: Stamp, t: int) -> float:
        return max((float(self.power[i, t]) for i in self._own(stamp)), default=0.0)

    def floors(self, stamp: Stamp) -> list[Stamp]:
        """What a stamp is held against: its neighbours, and its parts or common values of its column."""
        return [*neighbours(stamp, self.frame), *(self.stamps[i] for i in self._own(stamp))]

    def natural(self, t: int, columns: int) -> list[Stamp]:
        """The strongest common stamp of at most so many columns."""
        usual = [i for i, one in enumerate(self.stamps) if not one.rare and len(one.columns) <= columns]
        return [self.stamps[max(usual, key=lambda i: self.power[i, t])]] if usual else []

    @cached_property
    def _place(self) -> dict[Stamp, int]:
        return {one: i for i, one in enumerate(self.stamps)}

    def _own(self, stamp: Stamp) -> list[int]:
        if len(stamp.columns) > 1:
            return [i for part in stamp.parts() if (i := self._place.get(part)) is not None]
        return self._common.get(stamp.columns, [])

    @cached_property
    def _common(self) -> dict[tuple[str, ...], list[int]]:
        found: dict[tuple[str, ...], list[int]] = {}
        for i, one in enumerate(self.stamps):
            if not one.rare:
                found.setdefault(one.columns, []).append(i)
        return found


def _confirmed(asker: Asker, tried: Tried, t: int, labels: Array, level: float) -> list[Trigger]:
    """The most suspect stamps, on rows that had no part in choosing them."""
    target, found = tried.targets[t], []
    for stamp in tried.best(asker, t):
        floors, natural = tried.floors(stamp), tried.natural(t, len(stamp.columns))
        hits, n = asker.counts([stamp, *floors, *natural], target)
        if n == 0:
            break
        floor = int(hits[1 : 1 + len(floors)].max(initial=0))
        usual = int(hits[1 + len(floors) :].max(initial=0))
        success, *under = ((k / n, *wilson(k, n, level)) for k in (int(hits[0]), floor, usual))
        carry = stamp.carriers(tried.frame)
        share = float((labels[carry] == target).mean()) if carry.any() else 0.0
        found.append(Trigger(target, stamp, success, under[0], under[1], n, int(carry.sum()), share))
    return found


def _targets(answers: Array) -> list[Any]:
    """Classes the model answers with, the most frequent first, five at most."""
    values, counts = np.unique(answers, return_counts=True)
    return [values[i] for i in np.argsort(-counts, kind="stable")[:_MOST_CLASSES]]
