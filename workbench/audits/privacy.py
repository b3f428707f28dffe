"""What the model gives away of the rows it was trained on, and of itself.

The training data (``reference``) are the members, the audited data the non-members. Every figure of an attack
stands beside what the same attacker achieves without asking the model, and verdicts are on the advantage,
TPR - FPR, never on accuracy. An attack is a lower bound: a better one may find more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.privacy import figures as privacy_figures
from workbench.audits.parts.privacy import membership
from workbench.audits.parts.privacy.attribute_inference import infer
from workbench.audits.parts.privacy.extraction import Stolen, extract
from workbench.audits.parts.privacy.memorisation import memorised
from workbench.audits.parts.privacy.verdicts import Judge
from workbench.audits.parts.shared.measured import of_estimate, of_hits
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.audits.parts.shared.verdicts import together
from workbench.audits.records import Measurement
from workbench.core.errors import unknown
from workbench.stats.paired import rate_difference

_LEAST_ROWS = 40
_LOW_FPR = (0.01, 0.001)


@dataclass(frozen=True)
class Privacy:
    """Membership and attribute inference, memorised records, and what questions rebuild of the model."""

    name: ClassVar[str] = "privacy"

    rows: int = 4000
    """Most training rows, and as many others, that membership is tried on; half teaches, half judges."""
    advantage_at_most: float = 0.1
    """Margin of the verdicts: TPR - FPR that an attack may reach by asking the model."""
    confidence: float = 0.95
    """Level of the intervals. Those with a verdict hold together, the others each for itself."""
    perturbations: int = 16
    """Shaken copies of a row that the label-only attack asks about."""
    attributes: tuple[str, ...] | None = None
    """Columns whose values are inferred. Default: the sensitive ones."""
    budgets: tuple[int, ...] = (100, 1000, 5000)
    """Questions the extraction attack may ask."""

    def __post_init__(self) -> None:
        require_at_least(self, rows=_LEAST_ROWS, perturbations=2)
        require_between(self, 0, 1, "advantage_at_most", "confidence")
        if not self.budgets or min(self.budgets) < 10:
            raise refusal(
                self, "budgets", "be numbers of questions, each at least 10", "Give for example [100, 1000]."
            )

    def applies(self, subject: Subject) -> str:
        """Needs training rows and others, and a model that can be asked about both."""
        if subject.reference is None:
            return "There are no training data to tell from other rows: give them as reference."
        if not subject.predictor.reads_rows:
            return "Predictions are a column: there is no model to ask."
        missing = [name for name in subject.features if name not in subject.reference.frame.columns]
        if missing:
            return f"The training data lack the column {missing[0]!r}."
        if min(len(subject.reference), len(subject.data)) < _LEAST_ROWS:
            return f"Fewer than {_LEAST_ROWS} rows of training data, or of others: no attack can be judged."
        for name in self.attributes or ():
            if name not in subject.data.frame.columns:
                raise unknown("attributes", "column", name, subject.data.frame.columns)
        return ""

    def reads(self, subject: Subject) -> list[str]:
        """Features, truth, and the attributes inferred."""
        return list(dict.fromkeys([*subject.columns, *self._attributes(subject)]))

    def measure(self, subject: Subject) -> Finding:
        """Attack from every side, each beside its floor."""
        trial = membership.Trial.of(subject, self.rows)
        floor, attacks = membership.floor(trial), membership.attacks(trial, self.perturbations)
        attributes = self._attributes(subject)
        judge = Judge(
            margin=self.advantage_at_most,
            confidence=self.confidence,
            verdicts=len(attacks) * (1 + len(_LOW_FPR)) + len(attributes),
            floor=floor,
            repeated=membership.repeated(subject, self.rows),
        )
        found = judge.overlap() + judge.of_floor(_LOW_FPR)
        for attack in attacks:
            found += judge.of_attack(attack, _LOW_FPR)
        for name in attributes:
            found += judge.of_attribute(name, infer(subject, name, 2 * self.rows))
        found += memorised(trial, self.confidence)
        stolen = extract(subject, self.budgets)
        found += _of_extraction(stolen, self.confidence)
        return Finding(
            found,
            figures=privacy_figures.drawn(found, attacks, floor, self.advantage_at_most),
            notes=[*judge.doubts(), *self._notes(subject, trial, stolen)],
            outcome=together(found),
            libraries=("numpy", "scikit-learn"),
        )

    def _attributes(self, subject: Subject) -> tuple[str, ...]:
        chosen = subject.data.sensitive if self.attributes is None else self.attributes
        return tuple(dict.fromkeys(name for name in chosen if name != subject.data.target))

    def _notes(self, subject: Subject, trial: membership.Trial, stolen: list[Stolen]) -> list[str]:
        n = len(trial.sides[0])
        notes = [
            _OF_ROWS.format(n, n),
            _OF_VERDICTS.format(self.advantage_at_most, self.confidence),
            _OF_LIMITS,
        ]
        if trial.classification and trial.probabilities is None:
            notes.append("The model gives no probabilities: attacks that read them are left out.")
        if not stolen:
            notes.append("Too few rows to try an extraction.")
        elif left := [q for q in self.budgets if q not in {one.queries for one in stolen}]:
            notes.append(f"{len(subject.data)} rows do not allow {', '.join(map(str, left))} questions.")
        return notes


_OF_ROWS = (
    "{} training rows and {} others, drawn at random; the attacker learns from half of either and is "
    "judged on the other half. Members are the rows of the reference: if the model was trained on others,"
    " this says nothing about them."
)
_OF_VERDICTS = (
    "Pass: the interval of the advantage lies under {0:g}, and rows alone do not tell members. Fail: the "
    "advantage beats that of the attack that never asks by more than {0:g}. Intervals of verdicts hold "
    "together at {1:.0%} (Bonferroni; Newcombe, Clopper and Pearson, Bonett and Price)."
)
_OF_LIMITS = (
    "An attack is a lower bound. Shadow models (LiRA), gradients and poisoned training data were not "
    "tried, and a single record may be exposed where the mean of all is not."
)


def _of_extraction(stolen: list[Stolen], confidence: float) -> list[Measurement]:
    found = []
    for one in stolen:
        name, n = f"queries={one.queries}", len(one.asked)
        sides = (
            ("extraction_agreement", one.asked, "a surrogate that learned the model's answers"),
            ("extraction_agreement_unasked", one.unasked, "one that learned the truth of the same rows"),
            ("extraction_agreement_constant", one.constant, "the best single answer: the floor"),
        )
        found += [
            of_hits(metric, hits, confidence=confidence, slice=name, note=note)
            for metric, hits, note in sides
        ]
        gained, lost = (one.asked & ~one.unasked).sum(), (one.unasked & ~one.asked).sum()
        low, high = rate_difference(gained, lost, n, confidence)
        gain = (float(gained - lost) / n, float(low), float(high))
        note = "agreement that asking the model adds, paired by row"
        found.append(of_estimate("extraction_gain", gain, n=n, slice=name, unit="difference", note=note))
    return found
