"""How small a change of the numbers turns the model's answer, beside random noise and a proven bound.

An attack that fails proves nothing by itself, so every figure stands beside its floor: random moves of the
same length on the same rows. An attack that does not beat them was mis-set: the audit is then inconclusive.
Where the model can be opened, a bound says how far no attack can succeed: exact for linear models, sound for
tree ensembles.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.robustness import report as robustness_report
from workbench.audits.parts.robustness.attacked import Target, noise, starts
from workbench.audits.parts.robustness.bounds import falsify
from workbench.audits.parts.robustness.evasion import ATTACKS, Attacked, Attempt
from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.gradient_attack import Slope
from workbench.audits.parts.robustness.linear_bound import linear_bound
from workbench.audits.parts.robustness.opened import open_model
from workbench.audits.parts.robustness.space import Space
from workbench.audits.parts.robustness.tree_bound import tree_bound
from workbench.audits.parts.robustness.verdict import Result
from workbench.audits.parts.shared.options import (
    refusal,
    require_at_least,
    require_one_direction,
    require_positive,
)
from workbench.core.errors import unknown
from workbench.stats.norm_balls import Norm

_PAST = 1 + 1e-6
"""A bound looks a little past the budget: a row is safe when nothing as long as the budget flips it."""


@dataclass(frozen=True)
class Robustness:
    """Attacks that keep to the data: whole numbers, ranges, one-hot groups, columns that must stay."""

    name: ClassVar[str] = "robustness"

    rows: int = 100
    """Rows attacked, drawn at random."""
    budget: float = 0.5
    """Length of a move that counts as small: over the columns, in standard deviations of each."""
    queries: int = 500
    """Most questions of one attack to the model about one row."""
    attacks: tuple[str, ...] = ()
    """hopskipjump, boundary, decision_tree, fgm, pgd, zoo. Default: those that fit the model."""
    at_most: float | None = None
    """Greatest share of rows that may flip within the budget. Default: no verdict."""
    norm: Norm = "l2"
    """How a move over several columns is measured: l2 or linf (the greatest of them)."""
    immutable: tuple[str, ...] | None = None
    """Columns that must stay. Default: the sensitive ones. Text and switches always stay."""
    rising: tuple[str, ...] = ()
    """Columns that may only rise, such as an age."""
    falling: tuple[str, ...] = ()
    """Columns that may only fall."""
    ranges: dict[str, tuple[float, float]] | tuple[float, float] = field(default_factory=dict)
    """Smallest and greatest value, by column or for all. Default: those seen."""
    scale: dict[str, float] | float = field(default_factory=dict)
    """Size of one unit, by column or for all, instead of the standard deviation."""
    one_hot: tuple[tuple[str, ...], ...] | None = None
    """Groups of 0/1 columns of which one is set; changing which is one unit. Default: those found."""

    def __post_init__(self) -> None:
        require_at_least(self, rows=1, queries=50)
        require_positive(self, "budget")
        if self.at_most is not None and not 0 <= self.at_most < 1:
            raise refusal(self, "at_most", "be at least 0 and below 1", "1 would allow everything.")
        for name in self.attacks:
            if name not in ATTACKS:
                raise unknown("attacks", "attack", name, ATTACKS)
        require_one_direction(self, self.rising, self.falling)

    def applies(self, subject: Subject) -> str:
        """Needs a classifier that can be asked, and a number it reads."""
        if subject.data.task != "classification":
            return "A regression has no decision to flip."
        if not subject.predictor.reads_rows:
            return "Predictions are a column: there is no model to ask about changed rows."
        if not self._space(subject).columns:
            return "No numeric column may move."
        return ""

    def reads(self, subject: Subject) -> list[str]:
        """Features, target and predictions, and the sensitive columns: they stay."""
        named = [name for name in self.immutable or () if name in subject.data.frame.columns]
        return list(dict.fromkeys([*subject.columns, *subject.data.sensitive, *named]))

    def measure(self, subject: Subject) -> Finding:
        """Attack a sample of rows, move the same rows at random, and bound what any attack could do."""
        target = Target.of(subject, self.rows, self._space(subject))
        opened = open_model(target, seed=subject.seed)
        slope = Slope.of(target, opened) if opened else None
        known = starts(target, subject)
        attacked = Attacked(target, known, opened, slope, self.budget, self.queries, subject.seed)
        before = target.asked
        tried = {name: attacked.attempt(name) for name in self.attacks or attacked.default()}
        attempts = [found for found in tried.values() if isinstance(found, Attempt)]
        bound = None
        if opened:
            bound = linear_bound(target, opened) or tree_bound(target, opened, _PAST * self.budget)
        result = Result(
            budget=self.budget,
            at_most=self.at_most,
            target=target,
            attempts=attempts,
            refused={name: why for name, why in tried.items() if isinstance(why, str)},
            floor=noise(target, self.budget, subject.seed),
            bound=bound,
            broken=falsify(bound, target, _points(attempts), seed=subject.seed) if bound else 0,
            queries=before + sum(attempt.queries for attempt in attempts),
            starts=before,
            moves_answer=bool(known) or any(np.isfinite(a.distance).any() for a in attempts),
        )
        return robustness_report.finding(result)

    def _space(self, subject: Subject) -> Space:
        base = subject.reference or subject.data
        features = [name for name in subject.features if name in base.frame.columns]
        immutable = subject.data.sensitive if self.immutable is None else self.immutable
        for name in self.immutable or ():
            if name not in subject.data.frame.columns:
                raise unknown("immutable", "column", name, features)
        return Space.of(
            base.frame,
            features,
            immutable=immutable,
            scale=self.scale,
            ranges=self.ranges,
            rising=self.rising,
            falling=self.falling,
            one_hot=self.one_hot,
            norm=self.norm,
        )


def _points(attempts: list[Attempt]) -> list[Array]:
    return [np.where(np.isfinite(a.distance)[:, None], a.points, np.nan) for a in attempts]
