"""What everyday faults in the inputs do to the answers: gaps, wrong units, slipped columns, typos.

Each fault strikes one column (a swap: two) of a sample of rows, and the model answers these rows again. A
model that refuses a broken row with an error is said to raise: that is a finding, not an error of the audit,
and better than an answer that is silently wrong. With ``images`` the columns are pixels, and the faults are
the common corruptions of pictures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.corruption.answers import answers_of
from workbench.audits.parts.corruption.faults import FAULTS, Faulty, Place, places_of, strike
from workbench.audits.parts.corruption.image_corruptions import CORRUPTIONS, corruptions_of
from workbench.audits.parts.corruption.measures import Asked, Tried
from workbench.audits.parts.corruption.report import finding
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.core.errors import unknown

_MOST = 400
"""Faults in places that are tried; of more, so many are drawn at random."""


@dataclass(frozen=True)
class Corruption:
    """Every fault in every column that the model reads: which answers change, and what it costs."""

    name: ClassVar[str] = "corruption"

    faults: tuple[str, ...] | None = None
    """Which faults. Default: all: missing, unit_error, sign_flip, rounding, typo, shuffle, stale, swap; for
    images gaussian_noise, shot_noise, impulse_noise, speckle_noise, gaussian_blur, defocus_blur, motion_blur,
    brightness, contrast, pixelate."""
    rows: int = 1000
    """Rows struck, drawn at random."""
    share: float = 1.0
    """How severe: share of these rows that a fault strikes. Images are tried at severities 1 to 5 instead."""
    images: tuple[int, int] | None = None
    """Height and width, when the columns are the pixels of one image, row by row from the top."""
    at_most: float | None = None
    """Largest loss that passes: of accuracy, or a rise of the mean absolute error. Default: no verdict."""
    confidence: float = 0.95
    """Level of the intervals. With ``at_most`` they hold together."""

    def __post_init__(self) -> None:
        require_at_least(self, rows=1)
        require_between(self, 0, 1, "confidence")
        if not 0 < self.share <= 1:
            raise refusal(self, "share", "lie above 0 and not above 1", "Give 1 to strike every row.")
        if self.at_most is not None and not 0 <= self.at_most < np.inf:
            raise refusal(self, "at_most", "be a loss of 0 or more", "Give for example 0.05.")
        if self.images is not None and min(self.images) < 1:
            raise refusal(
                self, "images", "be a height and a width of at least 1", "Give for example [28, 28]."
            )
        if self.images is not None and self.share != 1:
            raise refusal(self, "share", "be left out beside images", "They have severities instead.")
        self._require_known_faults()

    def _require_known_faults(self) -> None:
        known = FAULTS if self.images is None else tuple(CORRUPTIONS)
        if self.faults is not None and not self.faults:
            raise refusal(self, "faults", "name at least one", f"There is: {', '.join(known)}.")
        for fault in self.faults or ():
            if fault in CORRUPTIONS and self.images is None:
                raise refusal(self, "faults", f"come with images to hold {fault!r}", "Give height and width.")
            if fault not in known:
                raise unknown("faults", "fault", fault, known)

    def reads(self, subject: Subject) -> list[str]:
        """What the model reads, and the truth."""
        return subject.columns

    def applies(self, subject: Subject) -> str:
        """Needs a model that answers new rows, and a column that it reads."""
        if not subject.predictor.reads_rows:
            return "Predictions are a column: there is no model to ask about broken rows."
        if not _columns(subject):
            return "The model reads no column of the data."
        return ""

    def measure(self, subject: Subject) -> Finding:
        """Strike a sample of the rows with each fault, and compare answers and truth before and after."""
        data, predictor = subject.data, subject.predictor
        rng = np.random.default_rng(subject.seed)
        chosen = np.sort(rng.choice(len(data), size=min(self.rows, len(data)), replace=False))
        rows = data.frame[predictor.columns] if predictor.columns else data.frame
        clean = rows.iloc[chosen].reset_index(drop=True)
        asked = Asked(data.task, data.y[chosen], subject.answers[chosen])
        columns, tried = _columns(subject), list[Tried]()
        places = [] if self.images else places_of(clean, columns, self.faults or FAULTS)
        drawn = _drawn(places, rng)
        for faults in self._faults(clean, columns, drawn, subject.seed):
            answers = answers_of(predictor.predict, clean, faults)
            tried += [Tried.of(fault, answer, asked) for fault, answer in zip(faults, answers, strict=True)]
        return finding(tried, asked, audit=self, left_out=len(places) - len(drawn), rows=len(data))

    def _faults(
        self, clean: pd.DataFrame, columns: list[str], places: list[Place], seed: int
    ) -> Iterator[list[Faulty]]:
        if self.images is None:
            yield [_none(clean), *strike(clean, places, share=self.share, seed=seed)]
            return
        yield [_none(clean)]
        for name in self.faults or CORRUPTIONS:  # one at a time: images are large
            yield list(corruptions_of(clean[columns], self.images, (name,), seed=seed))


def _columns(subject: Subject) -> list[str]:
    return [name for name in subject.features if name in subject.data.frame.columns]


def _none(clean: pd.DataFrame) -> Faulty:
    """The rows as they are, asked about like all others: the floor."""
    return Faulty("none", "", "", clean.iloc[:, :0], 0)


def _drawn(places: list[Place], rng: np.random.Generator) -> list[Place]:
    if len(places) <= _MOST:
        return places
    return [places[i] for i in np.sort(rng.choice(len(places), size=_MOST, replace=False))]
