"""From attacks to measurements with a verdict: on the interval of the advantage, never below the floor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workbench.audits.parts.privacy.attribute_inference import Inferred
from workbench.audits.parts.privacy.membership import Scored
from workbench.audits.parts.shared.measured import of_estimate, of_nothing, of_share
from workbench.audits.parts.shared.verdicts import at_most
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats import ranking
from workbench.stats.independent import Estimate, difference, rate_difference
from workbench.stats.intervals import clopper_pearson, wilson

_REPEATED_AT_MOST = 0.05
"""Share of audited rows beyond chance that may be training rows before nothing can pass."""


@dataclass(frozen=True)
class Judge:
    """Judges every attack by the same margin, against the same floor."""

    margin: float
    confidence: float
    verdicts: int
    """How many there will be: their intervals hold together."""
    floor: Scored
    repeated: tuple[int, int, float]
    """Audited rows that are training rows, of how many, and the share that chance explains."""

    @property
    def level(self) -> float:
        """Level of each interval with a verdict."""
        return 1 - (1 - self.confidence) / max(self.verdicts, 1)

    @cached_property
    def floor_advantage(self) -> Estimate:
        """What the attack that never asks achieves."""
        return rate_difference(*self.floor.best_counts(), self.level)

    @property
    def overlaps(self) -> bool:
        """Whether so many audited rows are training rows that non-members are no non-members."""
        k, n, chance = self.repeated
        return wilson(k, n)[0] > chance + _REPEATED_AT_MOST

    def doubts(self) -> list[str]:
        """Why a figure may say less about the model than it seems to."""
        k, n, chance = self.repeated
        doubts = []
        if self.overlaps:
            doubts.append(
                f"{k} of {n} audited rows are training rows ({chance:.1%} would be by chance): they are no "
                "non-members, and nothing can pass. Audit rows that the model has not seen."
            )
        if self.floor_advantage[1] > self.margin:
            doubts.append(
                f"Without asking the model, members are told apart with an advantage of "
                f"{self.floor_advantage[0]:.2f}: training and audited rows come from different sources, and "
                "nothing can pass. Audit rows drawn like the training rows."
            )
        return doubts

    def overlap(self) -> list[Measurement]:
        """How many non-members are members after all."""
        k, n, chance = self.repeated
        note = f"audited rows that are training rows, truth included; {chance:.1%} would be by chance"
        return [of_share("training_row_share", k, n, confidence=self.confidence, note=note)]

    def of_floor(self, rates: tuple[float, ...]) -> list[Measurement]:
        """The attack that never asks: its advantage, and what it finds at low false positive rates."""
        note = "reads rows and their truth, never asks the model"
        found = [_advantage("membership_advantage", self.floor, self.floor_advantage, note)]
        return found + [self._at(self.floor, rate, Outcome.MEASURED) for rate in rates]

    def of_attack(self, attack: Scored, rates: tuple[float, ...]) -> list[Measurement]:
        """Advantage, advantage over the floor, area under the curve, and what is found at low rates."""
        counts = attack.best_counts()
        advantage = rate_difference(*counts, self.level)
        none = (0.0, 0.0, 0.0)
        over = difference(advantage, self.floor_advantage if self.floor_advantage[0] > 0 else none)
        note = f"TPR {counts[0] / counts[1]:.3f}, FPR {counts[2] / counts[3]:.3f}; {_ATTACKS[attack.name]}"
        beyond = "beyond the attack that never asks"
        found = [
            _advantage("membership_advantage", attack, advantage, note, self._verdict(advantage, over)),
            _advantage("membership_advantage_over_floor", attack, over, beyond),
            self._area(attack),
        ]
        if len(np.unique(attack.known)) > 2:
            found += [self._at(attack, rate, None) for rate in rates]
        return found

    def of_attribute(self, attribute: str, inferred: Inferred | str) -> list[Measurement]:
        """What the model's answer adds to guessing an attribute, and what training on the row adds to it."""
        name, metric = f"attribute={attribute}", "attribute_inference_advantage"
        if isinstance(inferred, str):
            why = Outcome.INCONCLUSIVE
            return [of_nothing(metric, inferred, slice=name, unit="difference", outcome=why)]
        sides = (("training", inferred.trained), ("other", inferred.other))
        gains = [side.gain(self.level, inferred.values) for _, side in sides]
        found = [
            of_estimate(
                "attribute_inference_gain",
                gain,
                n=len(side.truth),
                slice=f"{name} & rows={kind}",
                unit="difference",
                note=side.said,
            )
            for (kind, side), gain in zip(sides, gains, strict=True)
        ]
        beyond = difference(gains[0], gains[1])
        advantage = of_estimate(
            metric,
            beyond,
            n=len(inferred.trained.truth),
            slice=name,
            unit="difference",
            outcome=at_most(self.margin, *beyond[1:]),
            note="what the answer gives away of training rows beyond what it does of others (Yeom)",
        )
        return [*found, advantage]

    def _verdict(self, advantage: Estimate, over: Estimate) -> Outcome:
        if over[1] > self.margin:
            return Outcome.FAIL
        clean = not self.overlaps and self.floor_advantage[1] <= self.margin
        return Outcome.PASS if clean and advantage[2] <= self.margin else Outcome.INCONCLUSIVE

    def _at(self, attack: Scored, at: float, outcome: Outcome | None) -> Measurement:
        """What an attack finds at a false positive rate: judged unless ``outcome`` is given."""
        metric, name = f"true_positive_rate_at_fpr_{at:g}", f"attack={attack.name}"
        counts = attack.counts_at(at)
        if counts is None:
            others = int((~attack.known_member).sum())
            return of_nothing(
                metric, f"needs {1 / at:,.0f} known non-members, there are {others}", slice=name
            )
        hits, members, wrong, others = counts
        return of_estimate(
            metric,
            (hits / members, *clopper_pearson(hits, members, self.level)),
            n=members,
            slice=name,
            outcome=self._verdict_at(at, counts) if outcome is None else outcome,
            note=f"{wrong} of {others} judged non-members are above the threshold",
        )

    def _verdict_at(self, at: float, counts: tuple[int, int, int, int]) -> Outcome:
        floor = self.floor.counts_at(at)
        advantage = rate_difference(*counts, self.level)
        if floor is None:  # as many are known to it as to any attack
            return Outcome.INCONCLUSIVE
        beyond = difference(advantage, rate_difference(*floor, self.level))
        return self._verdict(advantage, beyond)

    def _area(self, attack: Scored) -> Measurement:
        _, table = ranking.score_table(attack.judged, attack.judged_member)
        return of_estimate(
            "membership_roc_auc",
            ranking.roc_auc(table, self.confidence),
            n=len(attack.judged),
            slice=f"attack={attack.name}",
            unit="score",
            note="one half: members and others are ranked alike",
        )


_ATTACKS = {
    "gap": "a right answer is called a member: accuracy on training rows less accuracy on others",
    "loss": "a small loss is called a member (Yeom)",
    "black_box": "a classifier that learned from the model's answers",
    "label_only": "an answer that stays right while the row is shaken is called a member",
}


def _advantage(
    metric: str, attack: Scored, estimate: Estimate, note: str, outcome: Outcome = Outcome.MEASURED
) -> Measurement:
    return of_estimate(
        metric,
        estimate,
        n=len(attack.judged),
        slice=f"attack={attack.name}",
        unit="difference",
        outcome=outcome,
        note=note,
    )
