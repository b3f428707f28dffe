"""One look at one subject for the data quality audit, part by part."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from workbench.audits.base import Subject
from workbench.audits.parts.data_quality import leakage
from workbench.audits.parts.data_quality.column_kinds import is_identifier
from workbench.audits.parts.data_quality.contract import Contract, contract_of, read_contract
from workbench.audits.parts.data_quality.contract_checks import contract_measurements
from workbench.audits.parts.data_quality.group_quality import (
    Disagreement,
    Shares,
    confident_disagreement,
    missing_by_group,
    share,
)
from workbench.audits.parts.data_quality.personal_data import ROWS, personal_data
from workbench.audits.parts.data_quality.row_hashes import Overlap, Repeats, overlap, repeats
from workbench.audits.parts.shared import verdicts
from workbench.audits.parts.shared.slices import Slices, slices_of
from workbench.audits.records import Measurement
from workbench.core.errors import MissingDependency
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.stats.independent import difference
from workbench.stats.intervals import normal_quantile, wilson

if TYPE_CHECKING:
    from workbench.audits.data_quality import DataQuality

_SUSPECT = 0.98
"""A single feature whose whole interval lies above this is named in a note."""
_SUSPECTS = (
    "Foretell the target nearly alone: {}. Ask of each whether its value is known before the outcome is; "
    "when it is, this is a strong feature and no leak."
)
_DOUBTED = (
    "label_disagreement_share: rows whose label a gradient boosting model, fitted on other rows without the "
    "sensitive columns, contradicts with confidence ({} rows). It is evidence for wrong labels, or for rows "
    "that are hard to tell apart; looking at some of them would settle which. In a group it may also mean "
    "that the features describe the group less well."
)


class Look:
    """One look at one subject: measurements part by part, and the notes they leave."""

    def __init__(self, audit: DataQuality, subject: Subject) -> None:
        self.audit, self.subject, self.data = audit, subject, _hashable(subject.data)
        self.reference = None if subject.reference is None else _hashable(subject.reference)
        self.notes: list[str] = []
        self.slices = slices_of(self.data, depth=audit.depth)
        frame = self.data.frame
        self.identifiers = [name for name in subject.data.features if is_identifier(frame[name])]
        self.constants = [
            name for name in subject.data.features if frame[name].nunique(dropna=False) == 1 < len(frame)
        ]

    def contract(self) -> list[Measurement]:
        """Hold the rows against what was agreed, or what the reference held."""
        contract = self._contract()
        if contract is None:
            self.notes.append("There is neither a contract nor a reference to infer one from.")
            return []
        try:
            found, notes = contract_measurements(
                contract,
                self.data.frame,
                confidence=self.audit.confidence,
                at_most=self.audit.violations_at_most,
                inferred=self.audit.contract is None,
            )
        except MissingDependency as missing:
            if self.audit.contract is not None:
                raise
            self.notes.append(f"The contract was not checked: {missing}")
            return []
        self.notes += notes
        return found

    def _contract(self) -> Contract | None:
        if self.audit.contract is not None:
            return read_contract(self.audit.contract)
        return None if self.reference is None else contract_of(self.reference)

    def rows(self) -> list[Measurement]:
        """Find rows that repeat one another or the reference."""
        names = self._telling(self.data)
        if not names:
            self.notes.append("No column tells rows apart: repeats were not looked for.")
            return []
        found = repeats(self.data.frame, names, self.data.target)
        return [*self._repeats(found), *self._overlap(names)]

    def _telling(self, data: Dataset) -> list[str]:
        """Columns that can make two rows the same: not those that number them."""
        return [name for name in data.features if name not in self.identifiers]

    def _repeats(self, found: Repeats) -> list[Measurement]:
        n, level = len(self.data), self.audit.confidence
        duplicate = share(
            "duplicate_share", "", int(found.duplicate.sum()), n, level, note="rows equal to an earlier row"
        )
        conflict = share(
            "conflicting_label_share",
            "",
            int(found.conflicting.sum()),
            n,
            level,
            note="rows alike in every feature, with different targets",
        )
        by_group = Shares(self.slices, level).measurements("conflicting_label_share", found.conflicting)
        outcome = _judged(duplicate.value, duplicate.low, self.audit.duplicates_at_most)
        return [duplicate.model_copy(update={"outcome": outcome}), conflict, *by_group]

    def _overlap(self, names: list[str]) -> list[Measurement]:
        reference = self.reference
        if reference is None:
            return []
        columns = [name for name in (*names, self.data.target) if name in reference.frame.columns]
        found, level = overlap(self.data.frame, reference.frame, columns), self.audit.confidence
        note = "rows that are in the reference"
        shown = share("train_test_overlap_share", "", found.there, found.rows, level, note=note)
        note = "rows of the reference that it holds twice: what a fresh row shows by chance"
        chance = share("reference_repeat_share", "", found.twice, found.reference_rows, level, note=note)
        return [self._beyond(found), shown, chance]

    def _beyond(self, found: Overlap) -> Measurement:
        """Overlap that repeats in the reference do not explain."""
        level, half = self.audit.confidence, normal_quantile((1 + self.audit.confidence) / 2) * found.error
        k, r = found.there / found.rows, found.twice / found.reference_rows
        low, high = wilson(found.twice, found.reference_rows, level)
        expected = (r, min(low, r - half), max(high, r + half))
        value, low, high = difference((k, *wilson(found.there, found.rows, level)), expected)
        return Measurement(
            metric="train_test_overlap_share_difference",
            value=value,
            low=low,
            high=high,
            n=found.rows,
            unit="difference",
            outcome=_judged(value, low, self.audit.overlap_at_most),
            note="overlap beyond what repeats in the reference explain",
        )

    def leaks(self) -> list[Measurement]:
        """Ask every feature alone for the target."""
        data = self.data
        columns = [c for c in self.subject.features if c in data.frame.columns and c != data.target]
        columns = [c for c in columns if c not in self.constants]
        copies = list(leakage.copies(data, columns, judged=self.subject.predictor.reads_rows))
        if len(data) < leakage.FEWEST:
            self.notes.append(f"Leakage was not looked for: fewer than {leakage.FEWEST} rows.")
            return copies
        level, at_most = self.audit.confidence, self.audit.leakage_at_most
        found = leakage.single_features(
            data, columns, seed=self.subject.seed, confidence=level, at_most=at_most
        )
        if suspects := [m.slice for m in found if (m.low or 0.0) > _SUSPECT]:
            self.notes.append(_SUSPECTS.format(", ".join(suspects[:8])))
        return [*copies, *found]

    def columns(self) -> list[Measurement]:
        """Name columns that say nothing, number rows, or hold personal data."""
        data, level = self.data, self.audit.confidence
        n = len(data.features)
        found = [
            Measurement(
                metric="constant_column_count", value=float(len(self.constants)), n=n, unit="columns"
            ),
            Measurement(
                metric="near_identifier_column_count", value=float(len(self.identifiers)), n=n, unit="columns"
            ),
        ]
        rows = len(data)
        found += [
            share("most_frequent_share", c, rows, rows, level, note="one value only") for c in self.constants
        ]
        for name in self.identifiers:
            known = data.frame[name].dropna()
            note = "nearly every row has a value of its own: it names rows, and cannot generalise"
            value = float(known.nunique() / len(known))
            found.append(
                Measurement(
                    metric="distinct_share", slice=name, value=value, n=len(known), unit="rate", note=note
                )
            )
        personal = personal_data(data.frame, seed=self.subject.seed, confidence=level)
        if len(data) > ROWS:
            self.notes.append(f"Personal data was looked for in {ROWS:,} rows, drawn by the seed.")
        if personal:
            names = ", ".join(dict.fromkeys(m.slice for m in personal))
            self.notes.append(f"Columns with signs of personal data: {names}. No value was kept.")
        return [*found, *personal]

    def groups(self) -> list[Measurement]:
        """Compare missing values and doubtful labels between groups."""
        shares = Shares(self.slices, self.audit.confidence)
        self.notes += self.slices.notes
        found = [self._missing(name) for name in self.data.features if self.data.frame[name].isna().any()]
        found += missing_by_group(self.data, shares)
        if self.data.task == "regression":
            self.notes.append("Labels were not held against a model: that is for classes.")
            return found
        columns = [c for c in self.subject.features if c in self.data.frame.columns]
        # Blind to the groups, or the model would learn a group's wrong labels as a rule of that group.
        blind = (*self.identifiers, *self.constants, *self.data.sensitive, self.data.target)
        columns = [c for c in columns if c not in blind]
        doubted = confident_disagreement(self.data, columns, self.subject.seed)
        if isinstance(doubted, str):
            self.notes.append(doubted)
            return found
        return [*found, *self._doubted(doubted)]

    def _missing(self, name: str) -> Measurement:
        missing = int(self.data.frame[name].isna().sum())
        return share("missing_share", name, missing, len(self.data), self.audit.confidence)

    def _doubted(self, doubted: Disagreement) -> list[Measurement]:
        self.notes.append(_DOUBTED.format(f"{len(doubted.rows):,}"))
        metric, level = "label_disagreement_share", self.audit.confidence
        everyone = share(metric, "", int(doubted.flagged.sum()), len(doubted.flagged), level)
        part = Slices(self.slices.cell[doubted.rows], self.slices.cells, self.slices.families)
        return [everyone, *Shares(part, level).measurements(metric, doubted.flagged)]


def _hashable(data: Dataset) -> Dataset:
    """The same rows with lists and the like as text, so that values can be told apart."""
    held = (list, dict, set, np.ndarray)
    names = [
        name
        for name in data.frame.columns
        if data.frame[name].dtype == object and any(isinstance(v, held) for v in data.frame[name])
    ]
    return (
        replace(data, frame=data.frame.assign(**{n: data.frame[n].map(str) for n in names}))
        if names
        else data
    )


def _judged(value: float | None, low: float | None, at_most: float | None) -> Outcome:
    """Counted within what is allowed: pass. Beyond it with its whole interval: fail."""
    if value is None or low is None:
        return Outcome.MEASURED
    return verdicts.at_most(at_most, low, value)
