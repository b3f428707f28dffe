"""A batch: the rows of one request, checked column by column against what the model expects.

Nothing is converted that could lose something: text is no number, a boolean is no number, an integer beyond
2^53 does not become a double, 3.0 may stand where a whole number is expected and 3.5 may not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from workbench.core.errors import nearest
from workbench.gateway.limits import Limits
from workbench.gateway.problems import Problem, shown, unprocessable, wrong_column
from workbench.gateway.unusual import Usual
from workbench.models.cells import frame_of
from workbench.models.records import Column

if TYPE_CHECKING:
    import pandas as pd

#: Up to here every integer is a double.
EXACT = 2**53
_LONG = range(-(2**63), 2**63)
#: Stands where an object has no such key; null is a value.
_ABSENT: Any = object()
_EXPECTED = {"double": "a number", "long": "a whole number", "string": "text", "boolean": "true or false"}


@dataclass(frozen=True)
class Schema:
    """The columns an endpoint reads."""

    own: tuple[Column, ...]
    """The signature of the version that answers, in order."""
    more: tuple[Column, ...] = ()
    """What only a candidate or shadow reads: may be sent, need not be."""
    limits: Limits | None = None
    """Of a request. None: the rows come from within."""

    @classmethod
    def of(
        cls, own: Sequence[Column], others: Iterable[Sequence[Column]] = (), limits: Limits | None = None
    ) -> Self:
        """The champion's columns, and what ``others`` would read beside them."""
        known = {column.name for column in own}
        more = {column.name: column for columns in others for column in columns if column.name not in known}
        optional = [column.model_copy(update={"required": False}) for column in more.values()]
        return cls(tuple(own), tuple(optional), limits)

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """Every column that may be sent, by name."""
        return {column.name: column for column in (*self.own, *self.more)}

    @cached_property
    def usual(self) -> Usual:
        """What training showed of every column that may be sent."""
        return Usual.of(self.by_name.values())

    def batch(self, values: Mapping[str, Sequence[Any]], n: int) -> Batch:
        """Check columns of ``n`` cells each.

        Raises:
            Problem: 413 too many rows or cells; 422 no rows, or a column is missing, unknown or of the wrong
                type: it is named.
        """
        self.admit(n)
        if n == 0:
            raise unprocessable("There are no rows.", remedy="Send at least one.")
        for name in values:
            if name not in self.by_name:
                raise wrong_column(name, "the model does not read it.", remedy=nearest(name, self.by_name))
        return Batch(n, {name: self._cells(column, values, n) for name, column in self.by_name.items()}, self)

    def batch_of_records(self, records: Sequence[Any]) -> Batch:
        """Check rows given as objects.

        Raises:
            Problem: as ``batch``, also 422 when a row is no object.
        """
        self.admit(len(records))
        for row, record in enumerate(records):
            if not isinstance(record, dict):
                raise unprocessable(f"Row {row} is no object of columns and values.")
            for name in record.keys() - self.by_name.keys():
                raise wrong_column(
                    name,
                    f"row {row} has it, and the model does not read it.",
                    remedy=nearest(name, self.by_name),
                )
        values = {}
        for name, column in self.by_name.items():
            cells = [record.get(name, _ABSENT) for record in records]
            if _ABSENT in cells:
                if column.required:
                    raise _missing(name, "" if len(records) == 1 else f" in row {cells.index(_ABSENT)}")
                cells = [None if cell is _ABSENT else cell for cell in cells]
            values[name] = cells
        return self.batch(values, len(records))

    def batch_of_rows(self, rows: Sequence[Any], names: Sequence[str] | None = None) -> Batch:
        """Check rows given as lists, of the columns ``names`` or of the signature in order.

        Raises:
            Problem: as ``batch`` and ``by_column``.
        """
        return self.batch(self.by_column(rows, names), len(rows))

    def by_column(self, rows: Sequence[Any], names: Sequence[str] | None = None) -> dict[str, Sequence[Any]]:
        """Return rows given as lists, unchecked but for their form, column by column.

        Raises:
            Problem: 413 too many rows or cells; 422 a row has another length, or a column is named twice.
        """
        self.admit(len(rows))
        names = [column.name for column in self.own] if names is None else names
        for row, cells in enumerate(rows):
            if not isinstance(cells, list) or len(cells) != len(names):
                found = f"{len(cells)} values" if isinstance(cells, list) else "no list of values"
                raise unprocessable(f"Row {row} is {found}; {len(names)} columns are expected.")
        if len(set(names)) != len(names):
            twice = next(name for name, times in Counter(names).items() if times > 1)
            raise wrong_column(twice, "it is named twice.")
        columns: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [[] for _ in names]
        return dict(zip(names, columns, strict=True))

    def admit(self, rows: int) -> None:
        """Let so many rows pass, before anything is made of them.

        Raises:
            Problem: 413 too many rows or cells.
        """
        if self.limits is not None:
            self.limits.check(rows, len(self.by_name))

    @staticmethod
    def _cells(column: Column, values: Mapping[str, Sequence[Any]], n: int) -> list[Any]:
        given = values.get(column.name)
        if given is None:
            if column.required:
                raise _missing(column.name)
            return [None] * n
        return check(column, given)


@dataclass(frozen=True)
class Batch:
    """Checked rows, as plain Python values by column; None where a value is missing."""

    n: int
    values: dict[str, list[Any]]
    schema: Schema

    def records(self) -> list[dict[str, Any]]:
        """The rows as they are captured."""
        names = list(self.values)
        return [dict(zip(names, row, strict=True)) for row in zip(*self.values.values(), strict=True)]

    def cells(self, columns: Sequence[Column]) -> dict[str, list[Any]]:
        """The rows by column, as a model of these ``columns`` expects them.

        Raises:
            Problem: a candidate needs a column the request lacks, or another type than the champion's.
        """
        cells = {}
        for column in columns:
            checked_as = self.schema.by_name.get(column.name)
            if checked_as is None:
                raise _missing(column.name)
            found = self.values[column.name]
            if (checked_as.type, checked_as.required) != (column.type, column.required):
                found = check(column, found)
            cells[column.name] = found
        return cells

    def frame(self, columns: Sequence[Column]) -> pd.DataFrame:
        """The rows as a model of these ``columns`` was trained to read them; raises as ``cells``."""
        return frame_of(columns, self.cells(columns))


def check(column: Column, values: Sequence[Any]) -> list[Any]:
    """Return the cells of one column as the Python type of the column, None where missing.

    Raises:
        Problem: 422 naming the column and the first row that does not fit.
    """
    fast = _all_plain(column, values)
    if fast is None and not column.required:
        fast = _some_plain(column, values)
    return fast if fast is not None else [_cell(column, row, value) for row, value in enumerate(values)]


def _all_plain(column: Column, values: Sequence[Any]) -> list[Any] | None:
    """The usual case in one pass each: all cells of the exact type. None when one must be looked at."""
    types = set(map(type, values))
    if column.type == "double" and types == {float}:
        return list(values) if all(map(math.isfinite, values)) else None
    if column.type == "double" and types == {int}:
        return list(map(float, values)) if min(values) >= -EXACT and max(values) <= EXACT else None
    if column.type == "string" and types == {str}:
        return list(values)
    if column.type == "boolean" and types == {bool}:
        return list(values)
    if column.type == "long" and types == {int}:
        return list(values) if min(values) in _LONG and max(values) in _LONG else None
    return None


def _some_plain(column: Column, values: Sequence[Any]) -> list[Any] | None:
    """As ``_all_plain``, with missing values between."""
    there = [value for value in values if value is not None]
    plain = _all_plain(column, there) if there else []
    if plain is None:
        return None
    rest = iter(plain)
    return [None if value is None else next(rest) for value in values]


def _cell(column: Column, row: int, value: Any) -> Any:
    """One cell, or the reason it does not fit."""
    if value is None:
        if column.required:
            raise wrong_column(column.name, f"row {row} is missing, and the model needs a value.")
        return None
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong_column(column.name, f"row {row} is {value}, which is no finite number.")
    if column.type == "string" and isinstance(value, str):
        return value
    if column.type == "boolean" and isinstance(value, bool):
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if column.type == "double" and number:
        return _double(column, row, value)
    if column.type == "long" and number:
        return _long(column, row, value)
    raise wrong_column(
        column.name, f"row {row} is {_kind(value)}, and the model expects {_EXPECTED[column.type]}."
    )


def _double(column: Column, row: int, value: float) -> float:
    if isinstance(value, int) and abs(value) > EXACT:
        raise wrong_column(
            column.name, f"row {row} is an integer beyond 2^53, which a double cannot hold exactly."
        )
    return float(value)


def _long(column: Column, row: int, value: float) -> int:
    if isinstance(value, float) and not (value.is_integer() and abs(value) <= EXACT):
        raise wrong_column(column.name, f"row {row} is {value}, and the model expects a whole number.")
    if int(value) not in _LONG:
        raise wrong_column(column.name, f"row {row} is an integer beyond 64 bits.")
    return int(value)


def _kind(value: Any) -> str:
    names = {
        str: "text",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), f"of type {shown(type(value).__name__)}")


def _missing(name: str, where: str = "") -> Problem:
    return wrong_column(name, f"it is missing{where}, and the model needs it.")
