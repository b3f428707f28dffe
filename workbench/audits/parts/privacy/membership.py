"""Was this row trained on? Attacks that ask the model, and the floor: the same question without asking it.

Members are rows of the training data, non-members rows of the audited data. Half of either is known to the
attacker, who learns from it, thresholds included; the other half judges, so no figure is fitted to its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.data_quality.row_hashes import hash_rows
from workbench.audits.parts.robustness.space import Space, matrix
from workbench.audits.parts.shared.encoded import Encoding, boosted, sample, training_data
from workbench.stats.membership import best_threshold, threshold_at

Array = npt.NDArray[Any]

_SCALES = (0.01, 0.5)
"""Least and greatest noise of the label-only attack, in standard deviations."""
_LABEL_ONLY_ROWS = 1000
"""Members, and as many others, that the label-only attack asks about in either half."""


@dataclass(frozen=True)
class Scored:
    """An attack's scores of the known and of the judged rows, higher for likelier members."""

    name: str
    known: Array
    known_member: Array
    judged: Array
    judged_member: Array

    def best_counts(self) -> tuple[int, int, int, int]:
        """``counts`` at the threshold of the greatest advantage on the known rows."""
        return self.counts(best_threshold(self.known, self.known_member))

    def counts(self, threshold: float) -> tuple[int, int, int, int]:
        """Members found, members, non-members taken for members, non-members: of the judged rows."""
        said = self.judged > threshold
        member = self.judged_member
        return int(said[member].sum()), int(member.sum()), int(said[~member].sum()), int((~member).sum())

    def counts_at(self, false_positive_rate: float) -> tuple[int, int, int, int] | None:
        """The same at a false positive rate; None when too few known non-members tell where that is."""
        others = self.known[~self.known_member]
        if len(others) * false_positive_rate < 1 - 1e-9:
            return None
        return self.counts(threshold_at(others, false_positive_rate))


@dataclass(frozen=True)
class Trial:
    """Members and non-members, and what the model says of them."""

    subject: Subject
    sides: tuple[pd.DataFrame, pd.DataFrame]
    """What the model reads of the members, and of the others: each in its own column types."""
    member: Array
    """(n,) True for members."""
    known: Array
    """(n,) True for the half from which the attacker learns."""
    truth: Array
    answers: Array
    probabilities: Array | None

    @classmethod
    def of(cls, subject: Subject, rows: int) -> Trial:
        """Draw at most ``rows`` members and as many others, and ask the model about them once."""
        rng = np.random.default_rng(subject.seed)
        known = [training_data(subject), subject.data]
        n = min(rows, *(len(side) for side in known))
        columns = [name for name in subject.features if name in known[0].frame.columns]
        places = [rng.permutation(len(side))[:n] for side in known]
        drawn = list(zip(known, places, strict=True))
        sides = tuple(side.frame[columns].iloc[at].reset_index(drop=True) for side, at in drawn)
        chances = [p for side in sides if (p := subject.predictor.probabilities(side)) is not None]
        return cls(
            subject=subject,
            sides=(sides[0], sides[1]),
            member=np.arange(2 * n) < n,
            known=np.tile(np.arange(n) < n // 2, 2),
            truth=np.concatenate([side.y[at] for side, at in drawn]),
            answers=np.concatenate([subject.predictor.predict(side) for side in sides]),
            probabilities=np.concatenate(chances) if len(chances) == 2 else None,
        )

    @property
    def classification(self) -> bool:
        """Whether there are labels rather than numbers."""
        return self.subject.data.task == "classification"

    @cached_property
    def correct(self) -> Array:
        """(n,) whether the model answers with the truth."""
        return np.asarray(self.answers == self.truth, dtype=bool)

    @cached_property
    def loss(self) -> Array | None:
        """(n,) log loss of the truth, or the absolute error of a number; None when only labels are given."""
        if not self.classification:
            return np.asarray(np.abs(self.answers.astype(float) - self.truth.astype(float)))
        if self.probabilities is None:
            return None
        return np.asarray(-np.log(np.maximum(self._of_truth(self.probabilities), 1e-15)))

    def signals(self) -> Array:
        """What an attacker reads in the answers, shape (n, k), never the row itself."""
        if not self.classification:
            error = self.answers.astype(float) - self.truth.astype(float)
            return np.column_stack([error, np.abs(error), self.answers.astype(float)])
        parts = [self.correct.astype(float), *(_codes(side) for side in (self.truth, self.answers))]
        if self.probabilities is not None and self.loss is not None:
            p = np.sort(self.probabilities, axis=1)[:, ::-1]
            entropy = -(p * np.log(np.maximum(p, 1e-15))).sum(axis=1)
            rest = np.where(self.correct, p[:, min(1, p.shape[1] - 1)], p[:, 0])
            parts += [self.loss, self._of_truth(self.probabilities) - rest, entropy, *p[:, :3].T]
        return np.column_stack(parts)

    def scored(self, name: str, scores: Array) -> Scored:
        """Put an attack's scores of all rows into known and judged."""
        known, member = self.known, self.member
        return Scored(name, scores[known], member[known], scores[~known], member[~known])

    def learned(self, name: str, table: Array, categorical: Array) -> Scored:
        """Scores of a classifier that learns from the known rows to tell members.

        Its scores of the known rows come from fits that did not see them, or its thresholds would be its
        memory.
        """
        seed, member, known = self.subject.seed, self.member, np.flatnonzero(self.known)
        scores = np.empty(len(member))

        def fit(rows: Array) -> Any:
            return boosted(table[rows], member[rows], categorical=categorical, seed=seed)

        fold = np.arange(len(known)) % 3
        for one in range(3):
            held = known[fold == one]
            scores[held] = fit(known[fold != one]).predict_proba(table[held])[:, 1]
        judged = np.flatnonzero(~self.known)
        scores[judged] = fit(known).predict_proba(table[judged])[:, 1]
        return self.scored(name, scores)

    def _of_truth(self, probabilities: Array) -> Array:
        """(n,) the probability the model gives to the truth; 0 for a label it does not know."""
        classes = self.subject.predictor.classes
        found = np.zeros(len(self.truth))
        for k, label in enumerate(classes):
            rows = self.truth == label
            found[rows] = probabilities[rows, k]
        return found


def floor(trial: Trial) -> Scored:
    """The attack that never asks the model: can rows and their truth alone be told apart?"""
    frame = pd.concat(trial.sides, ignore_index=True)
    encoding = Encoding.of(frame, list(frame.columns))
    truth = _codes(trial.truth) if trial.classification else trial.truth.astype(float)
    table = np.column_stack([encoding.codes(frame), truth])
    return trial.learned("floor", table, np.append(encoding.categorical, False))


def attacks(trial: Trial, perturbations: int) -> list[Scored]:
    """Every attack that this model's answers allow, the cheapest first."""
    found = [trial.scored("gap", trial.correct.astype(float))] if trial.classification else []
    if trial.loss is not None:
        found.append(trial.scored("loss", -trial.loss))
    signals = trial.signals()
    found.append(trial.learned("black_box", signals, np.zeros(signals.shape[1], dtype=bool)))
    if trial.classification:
        found.append(label_only(trial, perturbations))
    return found


def label_only(trial: Trial, perturbations: int) -> Scored:
    """How long an answer stays right while the row is shaken: longer for rows that were trained on.

    Numbers get noise of 1 to 50 % of a standard deviation within the values seen, other columns now and then
    the value of another row. Only answers are read.

    Source: Choquette-Choo and others, "Label-only membership inference attacks", 2021 (noise robustness).
    """
    rng = np.random.default_rng([trial.subject.seed, 1])
    n, half = len(trial.sides[0]), len(trial.sides[0]) // 2
    rows = np.concatenate([np.arange(half)[:_LABEL_ONLY_ROWS], np.arange(half, n)[:_LABEL_ONLY_ROWS]])
    scores = np.concatenate(
        [_steadiness(trial, rows, of_members=side, times=perturbations, rng=rng) for side in (True, False)]
    )
    both = np.concatenate([rows, n + rows])
    known, member = trial.known[both], trial.member[both]
    # The answer as it is weighs most: whether a row that is wrong now stays wrong says little.
    scores += trial.correct[both]
    return Scored("label_only", scores[known], member[known], scores[~known], member[~known])


def _steadiness(
    trial: Trial, rows: Array, *, of_members: bool, times: int, rng: np.random.Generator
) -> Array:
    """Share of right answers among ``times`` shaken copies of each of the rows of one side."""
    side = trial.sides[0 if of_members else 1]
    truth = trial.truth[rows if of_members else len(trial.sides[0]) + rows]
    frame = side.iloc[rows].reset_index(drop=True)
    space = Space.of(side, list(frame.columns))
    shaken = [_shaken(frame, space, scale, rng) for scale in np.geomspace(*_SCALES, times)]
    answers = trial.subject.predictor.predict(pd.concat(shaken, ignore_index=True))
    return np.asarray((answers.reshape(times, -1) == truth).mean(axis=0))


def _shaken(frame: pd.DataFrame, space: Space, scale: float, rng: np.random.Generator) -> pd.DataFrame:
    origin = matrix(frame, space.columns)
    shaken = space.rows(frame, space.place(origin, np.asarray(scale * rng.standard_normal(origin.shape))))
    for name in space.held:
        rows = np.arange(len(frame))
        swapped = rng.random(len(frame)) < scale / 4
        rows[swapped] = rng.integers(len(frame), size=int(swapped.sum()))
        shaken[name] = frame[name].take(rows).array
    return shaken


def repeated(subject: Subject, rows: int) -> tuple[int, int, float]:
    """How many of the audited rows are training rows, of how many, and the share that chance explains.

    Chance: how many training rows have a twin among the other training rows.
    """
    reference, data = training_data(subject), subject.data
    columns = [name for name in subject.features if name in reference.frame.columns] + [data.target]
    trained = hash_rows(reference.frame, columns)
    rng = np.random.default_rng([subject.seed, 2])
    asked = hash_rows(data.frame.iloc[sample(len(data), rows, rng)], columns)
    _, place, times = np.unique(trained, return_inverse=True, return_counts=True)
    return int(np.isin(asked, trained).sum()), len(asked), float((times[place] > 1).mean())


def _codes(labels: Array) -> Array:
    """(n,) a number for each label."""
    return np.asarray(pd.factorize(labels, sort=False)[0], dtype=float)
