"""Whether a model's probabilities mean what they say, for everyone and for every sensitive group.

Reliability, expected calibration error (free of the bias that few rows give it), Brier score, calibration in
the large and slope; and the coverage of split conformal sets, which are made of the same probabilities. More
than two classes are measured by the top label (is the likeliest label right as often as it says) and class by
class. Of a regression the coverage of conformal intervals is measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.calibration import figures
from workbench.audits.parts.calibration.scores import ECE, Said, Settings, classwise, top_label
from workbench.audits.parts.calibration.sets import FEWEST, coverage
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.audits.parts.shared.slices import slices_of
from workbench.audits.records import Measurement
from workbench.core.values import Outcome, worst

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Calibration:
    """Calibration error, Brier score, slope and conformal coverage, overall and by group."""

    name: ClassVar[str] = "calibration"

    at_most: float | None = None
    """Expected calibration error that everyone and every group may have. Default: no verdict on it."""
    bins: int = 15
    """Bins of equally many rows; fewer where one would have less than 20 rows."""
    level: float = 0.9
    """Coverage that the conformal sets are made for."""
    shortfall: float | None = None
    """How far a coverage may stay below ``level``. Default: no verdict on it."""
    depth: int = 1
    """How many sensitive columns are crossed at most; 1 for no crossings."""
    confidence: float = 0.95
    """Level of the intervals."""

    def __post_init__(self) -> None:
        require_between(self, 0, 1, "at_most", "level", "confidence")
        require_at_least(self, bins=1, depth=1)
        if self.shortfall is not None and not 0 <= self.shortfall < self.level:
            raise refusal(
                self, "shortfall", "be at least 0 and below level", "Write 0.02 to allow 88 % at level 0.9."
            )

    def applies(self, subject: Subject) -> str:
        """Needs probabilities, or numbers."""
        if subject.data.task == "regression":
            few = len(subject.data) < FEWEST
            return f"Conformal intervals need at least {FEWEST} rows." if few else ""
        if subject.probabilities is None:
            return "The model gives no probabilities: name a score column, or a model with predict_proba."
        return ""

    def reads(self, subject: Subject) -> list[str]:
        """The columns it rests on."""
        return list(dict.fromkeys([*subject.columns, *subject.data.sensitive]))

    def measure(self, subject: Subject) -> Finding:
        """Hold what was said against what happened."""
        slices = slices_of(subject.data, depth=self.depth)
        regression = subject.data.task == "regression"
        if not regression and (strange := _strange(subject.probabilities)) != "":
            return Finding([], notes=[strange], outcome=Outcome.INCONCLUSIVE)
        sets = coverage(subject, slices, self.level, self.confidence, self.shortfall)
        if regression:
            return self._finding(sets.measurements, [], [*sets.notes, *slices.notes], sets.libraries)
        settings = Settings(self.bins, self.confidence, self.at_most, subject.seed)
        said = self._said(subject)
        found = [*said.measurements(slices, settings), *self._by_class(subject, settings)]
        notes = [_HOW.format(self.bins, 100 * self.confidence), *said.notes, *sets.notes, *slices.notes]
        drawn = [figures.reliability(said, self.bins, self.confidence), *figures.by_group(found, slices)]
        return self._finding([*found, *sets.measurements], drawn, notes, sets.libraries)

    def _said(self, subject: Subject) -> Said:
        """Probabilities and what happened, as a question of yes or no."""
        data, scores = subject.data, subject.scores
        if data.positive is not None and scores is not None:
            happened = np.asarray(data.y == data.positive, dtype=bool)
            return Said(scores.astype(float), happened, (scores - happened) ** 2, "share of positives")
        return top_label(subject)

    def _by_class(self, subject: Subject, settings: Settings) -> Iterator[Measurement]:
        # A slice is named target=label, which is that of a group when the target is a sensitive column too.
        if subject.data.positive is None and subject.data.target not in subject.data.sensitive:
            yield from classwise(subject, settings)

    def _finding(
        self, found: list[Measurement], drawn: list[Any], notes: list[str], libraries: tuple[str, ...]
    ) -> Finding:
        judged: list[Outcome] = [m.outcome for m in found if m.outcome is not Outcome.MEASURED]
        asked = self.at_most is not None or self.shortfall is not None
        return Finding(
            measurements=found,
            figures=drawn,
            notes=notes,
            outcome=worst(judged) if judged or asked else Outcome.MEASURED,
            libraries=("numpy", *libraries),
        )


def _strange(probabilities: Array | None) -> str:
    """Why these are no probabilities, or nothing."""
    if probabilities is None:
        return "The model gives no probabilities."
    low, high = float(probabilities.min()), float(probabilities.max())
    if low < -1e-6 or high > 1 + 1e-6:
        return f"The model's scores reach from {low:.3g} to {high:.3g}: they are no probabilities."
    return ""


_HOW = (
    "Expected calibration error: at most {} bins of equally many rows; the value is free of the bias upwards "
    f"that noise gives the plug-in value, which {ECE}_plugin is, beside the floor that perfect calibration "
    "would show on these rows. Intervals hold at {:g} %, each for itself: by test inversion (calibration "
    "error), central limit theorem (Brier score, calibration in the large), sandwich variance (slope); "
    "differences between groups: all pairs together, so that noise among many groups is no difference. A "
    "good value here says nothing about rows of another kind, nor about single people."
)
