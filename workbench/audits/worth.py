"""Whether a model is worth its complexity: against simpler models, column by column, and as it grows old.

Simpler models (a constant answer, a linear model, a tree of depth 4) are fitted on the reference and compared
on the same rows. Columns are shuffled, and left out of a refit, to see what they bring. Given a column of
times, the model is refitted on past windows and scored on later ones: what a version loses as it ages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.performance import simple_models
from workbench.audits.parts.performance.answers import Answers, own
from workbench.audits.parts.performance.comparison import against, gain, keep, verdicts
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.audits.parts.shared.verdicts import together
from workbench.audits.parts.worth.ablation import Ablation
from workbench.audits.parts.worth.ageing import Ageing
from workbench.audits.records import Measurement
from workbench.core.errors import unknown
from workbench.core.values import Outcome

Metric = Literal[
    "", "accuracy_score", "roc_auc_score", "log_loss", "mean_absolute_error", "root_mean_squared_error"
]

_BY_DEFAULT = ("roc_auc_score", "accuracy_score", "mean_absolute_error")


@dataclass(frozen=True)
class Worth:
    """Simpler models beside it, what each column brings, and how fast an older version goes stale."""

    name: ClassVar[str] = "worth"

    margin: float | None = None
    """How much better than every simpler model it must be, in units of the metric. The verdict: pass when its
    lead is shown to be greater, fail when it is shown to be smaller (a simpler model does as well)."""
    metric: Metric = ""
    """What the margin is about. Default: ROC AUC, else accuracy; of a regression the mean absolute error."""
    rows: int = 5_000
    """Most rows that columns are shuffled in, and that refits learn from."""
    refit_seconds: float = 10.0
    """Columns are left out of refits only if these would take no longer, judged by the first; 0: never."""
    time: str | None = None
    """Column that says when a row was: then it is measured how fast an older version goes stale."""
    windows: int = 12
    """Windows of equally many rows, in the order of time, that versions are fitted on and scored on."""
    confidence: float = 0.95
    """Level of the intervals."""

    def __post_init__(self) -> None:
        require_between(self, 0, 1, "confidence")
        require_at_least(self, rows=100)
        if self.margin is not None and not 0 <= self.margin < float("inf"):
            raise refusal(self, "margin", "be at least 0", "Give 0.01 of the metric, or leave it out.")
        if self.metric and self.margin is None:
            raise refusal(self, "metric", "come with a margin", "Give margin=0.01, or leave the metric out.")
        if not 0 <= self.refit_seconds <= 3600:
            raise refusal(self, "refit_seconds", "be from 0 to 3600", "Give 10; 0 refits nothing.")
        if not 3 <= self.windows <= 50:
            raise refusal(self, "windows", "be from 3 to 50", "Give 12.")

    def applies(self, subject: Subject) -> str:  # noqa: ARG002 - the contract's signature
        """Always: at the least a constant answer can be compared with."""
        return ""

    def reads(self, subject: Subject) -> list[str]:
        """What the model reads, the truth, and the times."""
        there = list(subject.data.frame.columns)
        if self.time is not None and self.time not in there:
            return there  # to name the nearest of them
        return [name for name in there if name in {*subject.columns, self.time}]

    def measure(self, subject: Subject) -> Finding:
        """Compare with simpler models, leave columns out, and look back."""
        data, frame = subject.data, subject.data.frame
        if self.time is not None and self.time not in frame.columns:
            raise unknown("time", "column", self.time, frame.columns)
        model = own(subject)
        simpler, notes = _simpler(subject)
        found = [m for rival in simpler for m in against(rival, model, data, self.confidence)]
        judged = [m if self.margin is None else self._judged(m, found) for m in found]
        missing = self._not_there(found, len(data))
        notes += [_OF_DIFFERENCES, *verdicts(found), *self._told(judged)]
        columns = Ablation(self.rows, self.refit_seconds, self.confidence).of(subject)
        figures, ageing = list(columns.figures), list[Measurement]()
        if self.time is not None:
            age = Ageing(self.time, self.windows, self.rows, self.confidence).of(subject)
            figures, ageing, notes = [*figures, *age.figures], age.measurements, [*notes, *age.notes]
        return Finding(
            [*judged, *missing, *columns.measurements, *ageing],
            figures=figures,
            notes=[*notes, *columns.notes],
            outcome=together([*judged, *missing]),
            libraries=("numpy", "pandas", "scikit-learn", "scipy"),
        )

    def _chosen(self, found: list[Measurement]) -> str:
        """The metric that the margin is about."""
        there = {m.metric for m in found}
        return self.metric or next(m for m in _BY_DEFAULT if f"{m}_difference" in there)

    def _judged(self, m: Measurement, found: list[Measurement]) -> Measurement:
        if self.margin is None or m.metric != f"{self._chosen(found)}_difference":
            return m
        _, low, high = gain(m)
        outcome = Outcome.PASS if low > self.margin else Outcome.INCONCLUSIVE
        return m.model_copy(update={"outcome": Outcome.FAIL if high < self.margin else outcome})

    def _not_there(self, found: list[Measurement], n: int) -> list[Measurement]:
        """The metric that was asked about cannot be had: what cannot be measured never passes."""
        name = f"{self.metric}_difference"
        if not self.metric or name in {m.metric for m in found}:
            return []
        note = "this model and this target have no such figure"
        return [Measurement(metric=name, value=None, n=n, outcome=Outcome.INCONCLUSIVE, note=note)]

    def _told(self, judged: list[Measurement]) -> list[str]:
        as_good = [m.slice.removeprefix("against=") for m in judged if m.outcome is Outcome.FAIL]
        open_ = [m.slice.removeprefix("against=") for m in judged if m.outcome is Outcome.INCONCLUSIVE]
        told = [_AS_GOOD.format(", ".join(as_good), self.margin)] if as_good else []
        return [*told, _OPEN.format(self.margin, ", ".join(open_))] if open_ else told


def _simpler(subject: Subject) -> tuple[list[Answers], list[str]]:
    found, notes = [simple_models.dummy(subject.data, subject.reference)], list[str]()
    if subject.reference is None:
        return found, [_NO_REFERENCE]
    keep(simple_models.linear(subject, subject.reference), "linear", found, notes)
    keep(simple_models.tree(subject, subject.reference), "tree", found, notes)
    return found, notes


_OF_DIFFERENCES = (
    "Differences are the model's figure less the simpler one's, on the same rows, with paired intervals "
    "(Bonett and Price, DeLong, central limit theorem); they take both models as they are, not what other "
    "training rows would have made of them."
)
_AS_GOOD = "A simpler model does as well: {} comes within {:g} of this one."
_OPEN = "Whether the lead is {:g} is open against: {}. More rows would settle it."
_NO_REFERENCE = "There is no reference to fit simpler models on: only a constant answer is compared with."
