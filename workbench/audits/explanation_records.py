"""What is said about one decision: its reasons, and the nearest change that gets another answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from workbench.core.records import Record, Shown


class Reason(Record):
    """One column's part in one decision."""

    column: str
    value: Any
    """What stands in the row; None when it is missing."""
    typical: Any
    """Median of a number, most frequent value of anything else, in the reference."""
    contribution: float
    """Signed, in ``ReasonCodes.unit``: above zero it raised the output that is explained."""
    share: float
    """Of everything that pushed in the same direction, 0 to 1."""
    text: str
    """One plain sentence: ``income is low (12,000; typical 40,000): pushed the answer towards 'no'``."""


class ReasonCodes(Record):
    """Why one row got its answer, as the model sees it: the strongest reasons first.

    ``base`` plus every contribution is ``output``; ``rest`` is what the columns not listed add.
    """

    answer: Any
    about: str
    """What was explained: ``log-odds of 'yes'``, ``probability of 'yes'``, ``prediction``."""
    unit: str
    output: float
    base: float
    """Mean output over the background rows that the row is compared with."""
    reasons: tuple[Reason, ...]
    """What pushed towards the answer; for a regression, away from the base."""
    against: tuple[Reason, ...]
    """What pushed the other way."""
    rest: float
    additivity_gap: float
    """|base + contributions - output|: how far the explanation misses the output it explains."""
    method: str
    notes: tuple[str, ...] = ()
    seed: int = 0


class Change(Record):
    """One column of a counterfactual."""

    column: str
    before: Any
    after: Any


class Candidate(Record):
    """A changed row that gets the wanted answer: the model was asked about exactly this row."""

    changes: tuple[Change, ...]
    columns_changed: int
    """A one-hot group counts once."""
    distance: float
    """L2: numbers in standard deviations of their column, one for every category that changes."""
    answer: Any
    score: float | None = None
    """Probability of that answer, where the model gives one."""


class Counterfactual(Record):
    """The nearest changes found, fewest columns first. Without candidates: none was found in ``queries``."""

    answer: Any
    wanted: Any
    """A label, ``[low, high]`` of a regression, or None for any other answer."""
    candidates: tuple[Candidate, ...]
    queries: int
    """Rows the model was asked about."""
    held: dict[str, str]
    """Columns that stay, and why."""
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether any change within the constraints gets the wanted answer."""
        return bool(self.candidates)


class Decision(Shown):
    """What a registered version answers for one row, why, and the nearest change that gets another answer.

    It holds values of that row, because its owner asked: show it to whom the row may be shown. It is no
    evidence, and the project keeps none of it.
    """

    view: ClassVar[str] = "decision"

    model: str
    """``name/version``."""
    model_digest: str
    target: str
    answer: Any
    score: float | None = None
    """Probability of that answer, where the model gives one."""
    reasons: ReasonCodes
    change: Counterfactual | None = None
    """None for a regression of which no answer was wanted: a note says so."""
    notes: tuple[str, ...] = ()
    time: datetime
    asked_by: str
    code: str = ""
    """The Python that makes it again. The row is a plain name in it, so that code can be passed on."""
