"""Whether the data can be trusted: its contract, repeated rows, leaks, personal data, quality by group.

Counts are facts about these rows. An interval is for what more rows of the same kind would show, and a
verdict of *fail* is given only when the whole interval lies beyond what is allowed.

In these measurements ``slice`` is the name of a column; ``column: group`` where a column is compared between
groups. No value of a cell is ever written, only names of columns and groups.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.data_quality.contract import read_contract
from workbench.audits.parts.data_quality.figures import figures
from workbench.audits.parts.data_quality.look import Look
from workbench.audits.parts.shared.options import refusal, require_at_least, require_between
from workbench.audits.parts.shared.verdicts import together
from workbench.audits.records import Measurement
from workbench.core.documents import SUFFIXES
from workbench.core.errors import InvalidInput, nearest


@dataclass(frozen=True)
class DataQuality:
    """Contract violations, repeated rows, train/test overlap, leakage, personal data, quality by group."""

    name: ClassVar[str] = "data_quality"

    contract: str | None = None
    """Path of a YAML contract, or its text, which is what is kept. Default: inferred from the reference."""
    violations_at_most: float = 0.0
    """Share of a column's values that may break its contract, where the contract does not tolerate more."""
    overlap_at_most: float = 0.01
    """Share of rows that may be in the reference, beyond what repeats in the reference explain."""
    duplicates_at_most: float | None = None
    """Share of rows that may repeat another row. Default: no verdict on it."""
    leakage_at_most: float | None = None
    """ROC AUC, balanced accuracy or R² that one feature may reach by itself. Default: no verdict on it."""
    depth: int = 1
    """How many sensitive columns are crossed at most; 1 for no crossings."""
    confidence: float = 0.95
    """Level of the intervals."""

    def __post_init__(self) -> None:
        for option in ("violations_at_most", "overlap_at_most", "duplicates_at_most", "leakage_at_most"):
            if (given := getattr(self, option)) is not None and not 0 <= given < 1:
                raise refusal(self, option, "be at least 0 and below 1", "Write 0.01 to allow 1 %.")
        require_at_least(self, depth=1)
        require_between(self, 0, 1, "confidence")
        if self.contract is not None:
            text = _text_of(self.contract)
            read_contract(text)
            # The text, not the path: evidence holds what was agreed, and a changed file is another audit.
            object.__setattr__(self, "contract", text)

    def applies(self, subject: Subject) -> str:  # noqa: ARG002 - the contract's signature
        """Always: rows are all it needs."""
        return ""

    def measure(self, subject: Subject) -> Finding:
        """Look at rows, columns and groups."""
        look = Look(self, subject)
        named: dict[tuple[str, str], Measurement] = {}
        for m in (*look.contract(), *look.rows(), *look.leaks(), *look.columns(), *look.groups()):
            named.setdefault((m.metric, m.slice), m)  # the contract's verdict on what is missing comes first
        found = list(named.values())
        return Finding(
            measurements=found,
            figures=figures(found),
            notes=[_HOW.format(100 * self.confidence), *look.notes],
            outcome=together(found),
            libraries=("numpy", "pandas", "pandera", "scikit-learn"),
        )


def _text_of(contract: str) -> str:
    """The contract's text, from its path or as it is."""
    if not isinstance(contract, str) or not contract.strip():
        raise _no_path("infer_contract(train) writes one.")
    if "\n" in contract:
        return contract
    path = Path(contract).expanduser()
    if path.suffix not in SUFFIXES or not path.is_file():
        there = [str(p) for p in path.parent.glob("*.y*ml")]
        raise _no_path(nearest(contract, there), f", and {contract!r} is none")
    return path.read_text("utf-8")


def _no_path(remedy: str, more: str = "") -> InvalidInput:
    return refusal(DataQuality, "contract", f"be the path of a YAML file{more}", remedy)


_HOW = (
    "Shares: Wilson at {:g} %, each for itself, for more rows of the same kind; the counts are facts about "
    "these rows. Differences between groups hold for all pairs together. It cannot tell whether a value that "
    "keeps its contract is true, nor find personal data that has no form of its own, such as names in text."
)
