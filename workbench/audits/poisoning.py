"""Whether training data were tampered with: wrong labels, triggers, near-duplicates, rows of great weight.

Evidence holds counts and shares, never rows: it is read by people who may not see rows. The owner of the data
gets the positions of suspect rows from ``suspects``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.poisoning import figures as poisoning_figures
from workbench.audits.parts.poisoning import influence, near_duplicates, sources
from workbench.audits.parts.poisoning.label_errors import SURE, LabelErrors, Planted, examine, plant
from workbench.audits.parts.poisoning.records import of_labels, of_planted, of_triggers
from workbench.audits.parts.poisoning.trigger import Search, search
from workbench.audits.parts.shared.encoded import training_data
from workbench.audits.parts.shared.options import require_at_least, require_between
from workbench.audits.parts.shared.verdicts import together
from workbench.audits.records import Measurement
from workbench.core.errors import unknown
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of


@dataclass(frozen=True)
class Poisoning:
    """Wrong labels, a backdoor's trigger, near-duplicates and weighty rows in the training data."""

    name: ClassVar[str] = "poisoning"

    rows: int = 20_000
    """Most training rows whose labels and influence are examined."""
    label_errors_at_most: float = 0.05
    """Margin of the verdict on the share of wrong labels."""
    trigger_gain_at_most: float = 0.5
    """Margin of the verdict on answers that one rare stamp turns, beyond what its floor turns."""
    planted: float = 0.05
    """Share of labels that are turned on a copy, to see how many of them the search would find."""
    cluster: int = 10
    """Near-identical rows that are not yet suspect."""
    source: str | None = None
    """Column that says where each training row comes from."""
    confidence: float = 0.95
    """Level of the intervals, each for itself."""

    def __post_init__(self) -> None:
        require_at_least(self, rows=100, cluster=1)
        require_between(self, 0, 1, "label_errors_at_most", "trigger_gain_at_most", "confidence")
        require_between(self, 0, 0.5, "planted")

    def applies(self, subject: Subject) -> str:
        """Needs training data."""
        if subject.reference is None:
            return "There are no training data to examine: give them as reference."
        if self.source is not None and self.source not in subject.reference.frame.columns:
            raise unknown("source", "column", self.source, subject.reference.frame.columns)
        if not self._columns(subject):
            return "The training data have no column that the model reads."
        return ""

    def reads(self, subject: Subject) -> list[str]:
        """Features and truth, groups for the labels, and the source."""
        more = () if self.source is None else (self.source,)
        return list(dict.fromkeys([*subject.columns, *subject.data.sensitive, *more]))

    def measure(self, subject: Subject) -> Finding:
        """Examine the training data from every side."""
        reference, columns = training_data(subject), self._columns(subject)
        errors, planted = self._labels(reference, columns, subject.seed)
        margin, confidence = self.label_errors_at_most, self.confidence
        found = of_labels(errors, reference, margin=margin, confidence=confidence)
        found += of_planted(planted, confidence)
        triggers = self._triggers(subject)
        found += of_triggers(triggers, self.trigger_gain_at_most)
        found += near_duplicates.measure(subject, columns, self.cluster, self.confidence)
        found += influence.measure(subject, columns, self.rows, self.confidence)
        found += influence.spectral(subject, self.confidence, self.rows)
        if self.source is not None:
            found += sources.measure(reference, self.source, self.confidence)
        return Finding(
            found,
            figures=poisoning_figures.drawn(errors, triggers, self.trigger_gain_at_most),
            notes=self._notes(errors, triggers, found),
            outcome=together(found),
            libraries=("numpy", "scikit-learn", "scipy"),
        )

    def _labels(
        self, reference: Dataset, columns: list[str], seed: int
    ) -> tuple[LabelErrors | str, Planted | str]:
        if reference.task != "classification":
            why = "Numbers have no wrong class: wrong labels are sought in classes."
            return why, why
        return (
            examine(reference, columns, rows=self.rows, seed=seed),
            plant(reference, columns, self.planted, rows=self.rows, seed=seed),
        )

    def _triggers(self, subject: Subject) -> Search | str:
        if subject.data.task != "classification":
            return "A regression has no class that a trigger could turn answers to."
        if not subject.predictor.reads_rows:
            return "Predictions are a column: there is no model to show a trigger to."
        there = training_data(subject).frame.columns
        missing = [name for name in subject.features if name not in there]
        if missing:
            return f"The training data lack the column {missing[0]!r}."
        return search(subject, self.trigger_gain_at_most, self.confidence)

    def _columns(self, subject: Subject) -> list[str]:
        """What the model reads of the training data."""
        there = training_data(subject).frame.columns
        roles = {subject.data.target, subject.data.prediction, subject.data.score, self.source}
        return [c for c in subject.features if c in there and c not in roles]

    def _notes(
        self, errors: LabelErrors | str, triggers: Search | str, found: list[Measurement]
    ) -> list[str]:
        notes = []
        if isinstance(errors, LabelErrors):
            notes.append(_OF_LABELS.format(len(errors.labels)))
            if errors.overlap:
                notes.append(
                    "Even among the surest rows fewer labels differ the surer a row is: classes overlap "
                    "everywhere, and what differs may be chance rather than error. No precision is stated."
                )
            if errors.left_out:
                notes.append(f"{errors.left_out} rows of classes too rare to learn were left out.")
        notes += [part for part in (errors, triggers) if isinstance(part, str)]
        if isinstance(triggers, Search):
            notes.append(_OF_TRIGGERS.format(triggers.tried, triggers.rows))
            if triggers.texts:
                notes.append(f"No trigger was sought in free text: {', '.join(triggers.texts)}.")
            if any(m.metric == "trigger_gain" and m.outcome is Outcome.FAIL for m in found):
                notes.append(
                    "A rare value that decides alone may be a genuine rule: look at the training rows that "
                    "carry it before calling it a backdoor."
                )
        notes.append(_NOT_TRIED)
        return notes


_OF_LABELS = (
    "Labels of {} training rows, by gradient-boosted trees that did not see the row (4 folds). Share of "
    "wrong labels: among the rows that surely belong to a class, without regard to their own label. Where"
    " classes overlap even there it is too high, so that it can pass, or stay inconclusive, but not fail;"
    " where labels go wrong by a rule that other columns tell it is too low: look at the groups, which "
    "have sure rows of their own. Confident learning is beside it: it counts overlap as errors. Clopper "
    "and Pearson, weighted (Zou and Donner)."
)
_OF_TRIGGERS = (
    "{} stamps of one or two values were tried on {} training rows: screened on one part, judged on the "
    "other (Wilson, all together). Fail: a rare stamp turns more answers than the strongest common one, "
    "and beats its own floor by more than the margin; inconclusive: it beats only its own. Its own floor:"
    " common and neighbouring values of its column, or of a pair each value alone."
)
_NOT_TRIED = (
    "Not tried: poison that keeps its labels and looks like all other rows, and triggers of three or more"
    " columns, or of values that occur in no training row. suspects() gives the owner of the data the "
    "positions of the rows behind these counts."
)


def suspects(
    data: Dataset, model: Any = None, *, rows: int = 20_000, cluster: int = 10, seed: int = 0
) -> pd.DataFrame:
    """Return the suspect training rows, for the owner of the data: positions and scores, no contents.

    Args:
        data: training rows with their truth.
        model: a fitted model, for its influence; None to go by the rows' neighbours.
        rows: most rows whose labels and influence are examined.
        cluster: near-identical rows that are not yet suspect.
        seed: of every draw.

    Returns:
        One line a suspect row, the likeliest wrong label first: ``position`` in ``data.frame``,
        ``label_wrong`` (chance), ``near_duplicates`` (rows like it, itself among them), ``influence`` (Cook's
        distance times n / 4, above 1 is much; or the share of neighbours with another label). What was not
        examined is NaN.
    """
    predictor = None if model is None else predictor_of(model, data=data)
    columns = list(data.features) if predictor is None or predictor.columns is None else predictor.columns
    table = pd.DataFrame({"position": np.arange(len(data))})
    table["label_wrong"] = np.nan
    if data.task == "classification":
        errors = examine(data, columns, rows=rows, seed=seed)
        if isinstance(errors, LabelErrors):
            table.loc[errors.positions, "label_wrong"] = errors.wrong
    group = near_duplicates.clusters_of(data.frame, columns, seed)
    table["near_duplicates"] = np.bincount(group)[group]
    table["influence"] = np.nan
    weight = influence.influence_of(data, columns, predictor, rows=rows, seed=seed)
    strong = weight.disagreement if weight.cooks is None else weight.cooks * len(weight.cooks) / 4
    if strong is not None:
        table.loc[weight.positions, "influence"] = strong
    suspect = (
        (table["label_wrong"] >= SURE) | (table["near_duplicates"] > cluster) | (table["influence"] >= 1)
    )
    order = ["label_wrong", "near_duplicates", "influence"]
    return table[suspect].sort_values(order, ascending=False, kind="stable").reset_index(drop=True)
