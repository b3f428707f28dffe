"""What is remembered of a compiled copy: of which model, by which libraries, and how alike it answered."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from workbench.core.records import Record

Kind = Literal["", "onnx", "xgboost", "lightgbm"]


class Compared(Record):
    """How many rows of each origin both were asked."""

    example: int = 0
    """Input examples of the version."""
    training: int = 0
    """Rows of the kept training data."""
    drawn: int = 0
    """Rows drawn from the registered ranges and categories, a little beyond the ranges too; seed 0."""

    @property
    def rows(self) -> int:
        """All of them."""
        return self.example + self.training + self.drawn


class Compiled(Record):
    """A copy, or why there is none."""

    model: str
    """``name/version``."""
    digest: str
    """Of the model's files: the copy is of these bytes and no others."""
    kind: Kind = ""
    """What runs it; empty where the model itself answers."""
    way: str = ""
    """How its inputs are given: ``double matrix``, ``float columns`` …"""
    file_digest: str = ""
    libraries: dict[str, str] = {}
    """Versions that made it and ran the comparison; with others it is not used."""
    compared: Compared = Compared()
    labels_differing: int = 0
    """Rows with another label, of those not left to the model: none, in a copy that is used."""
    left_to_model: int = 0
    """Rows whose two likeliest labels lie so close that the copy leaves the answer to the model."""
    greatest_difference: float = 0.0
    """Of probabilities; for a regression of answers, as a share of the answer where that is above 1."""
    tolerance: float = 0.0
    """The greatest difference that was let through."""
    reason: str = ""
    """Why the model itself answers; empty where there is a copy."""
    by: str = ""
    time: datetime | None = None

    def __str__(self) -> str:
        if not self.kind:
            return f"{self.model} is not compiled, and answers itself: {self.reason}"
        return (
            f"{self.model} is compiled ({self.kind}, {self.way}): on {self.compared.rows:,} rows no label "
            f"differs, and no number by more than {self.greatest_difference:.1e} "
            f"(tolerance {self.tolerance:.0e}); {self.left_to_model} are too close to call and left to the "
            f"model. Of all such rows at most {3 / self.compared.rows:.2%} may differ (95 %)."
        )
