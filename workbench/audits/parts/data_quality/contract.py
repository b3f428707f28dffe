"""A contract of data: what each column held in the training data, kept as YAML beside the code.

    name: credit
    rows: 26048
    columns:
      age: {type: integer, minimum: 17, maximum: 90, tolerated: 0.00035, missing_at_most: 0.00027}
      sex: {type: text, categories: [Female, Male], tolerated: 0.00027, missing_at_most: 0.00027}

``tolerated`` is the share of rows that may lie outside the range or the categories. When inferred, it is a
bound on what fresh rows of the same kind show: a range of n rows leaves about 2 / (n + 1) of the next ones
outside, and categories as large a share as were seen only once. A person who means a limit sets it to 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.data_quality.column_kinds import Kind, is_identifier, kind_of
from workbench.audits.parts.data_quality.personal_data import may_name_people
from workbench.core.documents import LabelLoader, parse_yaml, validated
from workbench.core.errors import InvalidInput
from workbench.core.records import Record
from workbench.datasets import Dataset
from workbench.stats.intervals import clopper_pearson

_SURE = 0.999
"""Level of the bounds that are inferred."""
_MOST_CATEGORIES = 200
"""A text column with more is free text: its values are not listed."""
_OFTEN_NEW = 0.05
"""Nor are they when a larger share of fresh rows could hold a value not seen before."""


class Column(Record):
    """What one column must hold."""

    type: Kind
    minimum: int | float | None = None
    maximum: int | float | None = None
    categories: tuple[str, ...] | None = None
    tolerated: float = 0.0
    """Share of the known values that may lie outside range or categories."""
    missing_at_most: float = 1.0
    """Share of the rows where it may be missing."""


class Contract(Record):
    """What a frame must hold."""

    name: str = "contract"
    rows: int = 0
    """How many rows it was inferred from; 0 when a person wrote it."""
    columns: Mapping[str, Column]


def infer_contract(data: Dataset) -> str:
    """Return the contract that ``data`` keeps, as YAML text to be read, corrected and kept beside the code.

    Values of columns that may name people, and of free text, are not listed.

    Args:
        data: the training data.

    Example:
        >>> Path("contracts/credit.yaml").write_text(infer_contract(train))  # doctest: +SKIP
    """
    import yaml

    spec = contract_of(data).model_dump(mode="json", exclude_none=True)
    text: str = yaml.safe_dump(spec, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
    return text


def contract_of(data: Dataset) -> Contract:
    """Return the same as a value."""
    names = [*data.features, data.target]
    return Contract(rows=len(data), columns={name: _inferred(data.frame[name]) for name in names})


def read_contract(text: str) -> Contract:
    """Read a contract from YAML text.

    Raises:
        InvalidInput: not YAML, an unknown key, a value of the wrong kind, a range that is empty.
    """
    content = parse_yaml(text.encode(), where="contract", field="contract", loader=LabelLoader)
    if not isinstance(content, dict):
        raise InvalidInput(
            f"contract: it is a {type(content).__name__}, not a mapping.",
            remedy="Begin with the one that infer_contract(data) writes.",
            field="contract",
        )
    contract = validated(Contract, content, where="contract", what="contract")
    for name, column in contract.columns.items():
        _require_sense(name, column)
    return contract


def _inferred(column: pd.Series) -> Column:
    known, n = column.dropna(), len(column)
    kind = kind_of(column)
    missing = _bound(n - len(known), n)
    if kind in ("integer", "number") and not is_identifier(column):
        numbers = known.to_numpy(dtype=float)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            number: Any = int if kind == "integer" else float
            ends = {"minimum": number(numbers.min()), "maximum": number(numbers.max())}
            # The two ends leave out as much of the next rows as if one in n had been seen outside.
            return Column(type=kind, **ends, tolerated=_tolerated(1, len(numbers)), missing_at_most=missing)
    if kind == "text":
        counted = known.astype(str).value_counts()
        once = int((counted == 1).sum())
        listed = len(counted) <= _MOST_CATEGORIES and once <= max(_OFTEN_NEW * len(known), 1)
        if listed and not may_name_people(column):
            names = tuple(sorted(map(str, counted.index)))
            tolerated = _tolerated(once, len(known))
            return Column(type=kind, categories=names, tolerated=tolerated, missing_at_most=missing)
    return Column(type=kind, missing_at_most=missing)


def _tolerated(count: int, n: int) -> float:
    """Upper bound on a rare share of which ``count`` of n were seen: Poisson, exact."""
    from scipy.special import gammainccinv

    return _short(min(1.0, float(gammainccinv(count + 1, 1 - _SURE)) / n))


def _bound(k: int, n: int) -> float:
    return _short(clopper_pearson(k, n, 2 * _SURE - 1)[1])


def _short(share: float) -> float:
    """Three digits, rounded up: it is read by people."""
    digits = 10.0 ** (2 - int(np.floor(np.log10(max(share, 1e-12)))))
    return min(1.0, float(f"{np.ceil(share * digits) / digits:.6g}"))


def _require_sense(name: str, column: Column) -> None:
    if column.minimum is not None and column.maximum is not None and column.minimum > column.maximum:
        _refuse(name, f"minimum {column.minimum:g} is above maximum {column.maximum:g}")
    numeric = column.minimum is not None or column.maximum is not None
    if numeric and column.type not in ("integer", "number"):
        _refuse(name, f"a range is for numbers, and the type is {column.type}")
    if column.categories is not None and column.type != "text":
        _refuse(name, f"categories are for text, and the type is {column.type}")
    if not (0 <= column.tolerated <= 1 and 0 <= column.missing_at_most <= 1):
        _refuse(name, "tolerated and missing_at_most are shares from 0 to 1")


def _refuse(name: str, why: str) -> None:
    raise InvalidInput(f"contract: {name}: {why}.", remedy="Correct the contract.", field="contract")
