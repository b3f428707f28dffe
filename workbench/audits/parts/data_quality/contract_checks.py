"""Violations of a contract: counted by pandera's checks, judged against what the contract tolerates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from workbench.audits.parts.data_quality.column_kinds import Kind, wrong_type
from workbench.audits.parts.data_quality.contract import Column, Contract
from workbench.audits.records import Measurement
from workbench.core.optional import require
from workbench.core.values import Outcome
from workbench.stats.intervals import clopper_pearson, wilson

if TYPE_CHECKING:
    from pandera.pandas import DataFrameSchema

_ALARM = 0.05
"""Chance that any clause of a contract that holds is said to be broken."""
_ALL_LISTED = 200
"""With more clauses only those that are not kept by every row are listed."""
_NAMES = {clause: f"{clause}_violation_share" for clause in ("type", "range", "category")}


@dataclass(frozen=True)
class Violation:
    """How many values break one clause of a contract."""

    column: str
    clause: str
    """``type``, ``range``, ``category`` or ``missing``."""
    count: int
    n: int
    tolerated: float


def schema_of(contract: Contract) -> DataFrameSchema:
    """Return the contract as a pandera schema, for use wherever pandera is.

    pandera fails at the first value outside; what is tolerated, and how much may be missing, is for
    ``violations`` to count and the audit to judge.

    Raises:
        MissingDependency: pandera is not installed.
    """
    pa = require("pandera.pandas", extra="audits")
    columns = {
        name: pa.Column(None, _checks(pa, column), nullable=column.missing_at_most > 0)
        for name, column in contract.columns.items()
    }
    schema: DataFrameSchema = pa.DataFrameSchema(columns, name=contract.name)
    return schema


def _checks(pa: Any, column: Column) -> list[Any]:
    found = [pa.Check(lambda values: ~pd.Series(wrong_type(values, column.type), values.index), name="type")]
    if column.minimum is not None or column.maximum is not None:
        low = -np.inf if column.minimum is None else column.minimum
        high = np.inf if column.maximum is None else column.maximum
        found.append(pa.Check.in_range(low, high, name="range"))
    if column.categories is not None:
        found.append(pa.Check.isin(list(column.categories), name="category"))
    return found


def violations(contract: Contract, frame: pd.DataFrame) -> list[Violation]:
    """Count what breaks the contract, clause by clause, with pandera's checks.

    Values of the wrong type are counted as that and not held against range or categories.

    Args:
        contract: whose columns that ``frame`` lacks are passed over.
        frame: never written to.
    """
    schema = schema_of(contract)
    found = []
    for name, column in contract.columns.items():
        if name not in frame.columns:
            continue
        values = frame[name]
        known = values[values.notna()]
        missing = len(values) - len(known)
        found.append(Violation(name, "missing", missing, len(values), column.missing_at_most))
        for check in schema.columns[name].checks:
            kept = (
                np.asarray(check(known).check_output, dtype=bool) if len(known) else np.empty(0, dtype=bool)
            )
            tolerated = 0.0 if check.name == "type" else column.tolerated
            found.append(Violation(name, str(check.name), int((~kept).sum()), len(kept), tolerated))
            if check.name == "type":
                known = _plain(known[kept], column.type)
    return found


def _plain(known: pd.Series, kind: Kind) -> pd.Series:
    """Values of the right type as pandera compares them best."""
    if kind in ("integer", "number"):
        return pd.Series(known.to_numpy(dtype=float), known.index)
    return known.astype(str) if kind == "text" else known


def contract_measurements(
    contract: Contract, frame: pd.DataFrame, *, confidence: float, at_most: float, inferred: bool
) -> tuple[list[Measurement], list[str]]:
    """Count and judge what breaks a contract.

    Args:
        contract: what was agreed.
        frame: never written to.
        confidence: level of Wilson's intervals.
        at_most: share that may break a clause which tolerates less.
        inferred: from a reference, whose further columns nobody promised here.

    Returns:
        Measurements, the summary first, and notes.

    Raises:
        MissingDependency: pandera is not installed.
    """
    found = violations(contract, frame)
    judged = [_measured(one, confidence, at_most, len(found)) for one in found]
    absent = [name for name in contract.columns if name not in frame.columns]
    lost = [] if inferred else [_absent(name, len(frame)) for name in absent]
    notes = [_HOW if inferred else _AGREED]
    if absent and inferred:
        notes.append(f"In the reference only: {', '.join(absent[:8])}{' …' if len(absent) > 8 else ''}.")
    listed = judged if len(judged) <= _ALL_LISTED else [m for m in judged if m.value]
    return [_summary([*judged, *lost], len(contract.columns)), *lost, *listed], notes


def _measured(found: Violation, confidence: float, at_most: float, clauses: int) -> Measurement:
    k, n = found.count, found.n
    metric = _NAMES.get(found.clause, "missing_share")
    if n == 0:
        return Measurement(metric=metric, slice=found.column, value=None, n=0, note="every value is missing")
    low, high = wilson(k, n, confidence)
    note = f"{k:,} of {n:,}"
    return Measurement(
        metric=metric,
        slice=found.column,
        value=k / n,
        low=low,
        high=high,
        n=n,
        unit="rate",
        outcome=_judged(found, at_most, clauses),
        note=f"{note}; tolerated {found.tolerated:.3g}" if found.tolerated else note,
    )


def _judged(found: Violation, at_most: float, clauses: int) -> Outcome:
    """Fail when chance explains no such share, over all clauses together."""
    share, allowed = found.count / found.n, max(found.tolerated, at_most)
    if share <= allowed:
        return Outcome.PASS
    if clopper_pearson(found.count, found.n, 1 - 2 * _ALARM / clauses)[0] > allowed:
        return Outcome.FAIL
    # What a contract tolerates is a bound on chance, and chance explains this; a stated margin is not.
    return Outcome.PASS if found.tolerated >= at_most else Outcome.INCONCLUSIVE


def _absent(name: str, rows: int) -> Measurement:
    return Measurement(
        metric="missing_column",
        slice=name,
        value=1.0,
        n=rows,
        unit="rate",
        outcome=Outcome.FAIL,
        note="the contract has it and the data has not",
    )


def _summary(judged: list[Measurement], columns: int) -> Measurement:
    broken = list(dict.fromkeys(m.slice for m in judged if m.outcome is Outcome.FAIL))
    return Measurement(
        metric="contract_violated_column_count",
        value=float(len(broken)),
        n=columns,
        unit="columns",
        note=f"broken by: {', '.join(broken[:12])}" if broken else f"{len(judged)} clauses were checked",
    )


_HOW = (
    "The contract is inferred from the reference: types, ranges, categories, share missing. Fresh rows of "
    "the same kind break it now and then; fail means more of them than that explains (chance of "
    "a false alarm over all clauses: at most about 5 %). infer_contract writes it as YAML to keep and "
    "correct."
)
_AGREED = "The contract is the one given; fail means that more rows break a clause than it tolerates."
