"""Everyday faults in a table: which there are, where they can strike, and the rows as they leave them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.corruption.forms import FORMS, Form, categories_of, kind_of

Array = npt.NDArray[Any]

#: Every fault of a table, by name.
FAULTS = (*dict.fromkeys(form.fault for form in FORMS), "swap")

_MOST_PAIRS = 30
"""Pairs of columns that are swapped; neighbours first, for that is how columns slip."""


@dataclass(frozen=True)
class Faulty:
    """One fault in one place, and the columns as it leaves them."""

    fault: str
    """``unit_error``, ``swap`` …; for images ``gaussian_noise`` …"""
    place: str
    """``column=income``, ``columns=age and income``, ``severity=3``."""
    detail: str
    """Which of the fault's forms: ``×1000``; empty where there is one."""
    columns: pd.DataFrame
    """Those it touches, shape (n, k)."""
    struck: int
    """Rows it changed."""

    @property
    def slice(self) -> str:
        """As measurements name it."""
        what = " ".join(filter(None, (self.fault, self.detail)))
        return " & ".join(filter(None, (f"fault={what}", self.place)))

    def rows(self, clean: pd.DataFrame) -> pd.DataFrame:
        """Return all columns as the fault leaves them."""
        if self.columns.shape[1] == clean.shape[1]:
            return self.columns[list(clean.columns)]
        return clean.assign(**{str(name): column for name, column in self.columns.items()})


@dataclass(frozen=True)
class Place:
    """A fault's form and the column, or the two columns, that it is to strike."""

    fault: str
    columns: tuple[str, ...]
    form: Form | None = None
    """None: the two columns are swapped."""


def places_of(frame: pd.DataFrame, columns: list[str], faults: tuple[str, ...]) -> list[Place]:
    """Return every fault beside every column that it can strike.

    Args:
        frame: clean rows.
        columns: those that may be struck.
        faults: names from ``FAULTS``.
    """
    kinds = {column: kind_of(frame[column]) for column in columns}
    forms = [form for form in FORMS if form.fault in faults]
    single = [Place(f.fault, (c,), f) for f in forms for c in columns if kinds[c] in f.kinds]
    return single + [Place("swap", pair) for pair in (_pairs(frame, columns) if "swap" in faults else ())]


def strike(frame: pd.DataFrame, places: Sequence[Place], *, share: float, seed: int) -> Iterator[Faulty]:
    """Make the faults. One that leaves every value as it was is none and left out.

    Args:
        frame: clean rows, with an index from 0 to n - 1.
        places: from ``places_of``.
        share: of the rows that each fault strikes, drawn at random once for all.
        seed: of the draws.
    """
    hit = _hit(len(frame), share, seed)
    for place in places:
        whole = _struck(frame, place, seed)
        changed = {column: _put(frame[column], faulty, hit) for column, faulty in whole.items()}
        struck = np.zeros(len(frame), dtype=bool)
        for column, faulty in changed.items():
            struck |= _differs(frame[column], faulty)
        if struck.any():
            where = f"column{'s' * (len(place.columns) - 1)}={' and '.join(place.columns)}"
            detail = place.form.detail if place.form else ""
            yield Faulty(place.fault, where, detail, pd.DataFrame(changed), int(struck.sum()))


def _struck(frame: pd.DataFrame, place: Place, seed: int) -> dict[str, pd.Series]:
    """The columns with the fault in every row."""
    if place.form is None:
        a, b = place.columns
        return {a: frame[b], b: frame[a]}
    [column] = place.columns
    rng = np.random.default_rng([seed, *column.encode()])
    return {column: place.form.change(frame[column], rng)}


def _pairs(frame: pd.DataFrame, columns: list[str]) -> list[tuple[str, str]]:
    """Columns of one type, neighbours first."""
    types_of = [frame[column].dtype for column in columns]
    alike = (
        (columns[i], columns[i + apart])
        for apart in range(1, len(columns))
        for i in range(len(columns) - apart)
        if types_of[i] == types_of[i + apart]
    )
    return list(islice(alike, _MOST_PAIRS))


def _hit(rows: int, share: float, seed: int) -> Array:
    hit = np.zeros(rows, dtype=bool)
    count = max(round(share * rows), 1)
    hit[np.random.default_rng(seed).choice(rows, size=count, replace=False)] = True
    return hit


def _put(clean: pd.Series, faulty: pd.Series, hit: Array) -> pd.Series:
    """Take the faulty value where the row is hit."""
    if hit.all() or faulty.dtype == clean.dtype:
        return faulty if hit.all() else clean.where(~hit, faulty)
    if isinstance(faulty.dtype, pd.CategoricalDtype):
        mixed = clean.astype(object).where(~hit, faulty.astype(object))
        return mixed.astype(categories_of(mixed))
    return clean.astype(faulty.dtype).where(~hit, faulty)


def _differs(clean: pd.Series, faulty: pd.Series) -> Array:
    gone, now_gone = clean.isna().to_numpy(), faulty.isna().to_numpy()
    differs, both = gone != now_gone, ~gone & ~now_gone  # pandas' own missing value cannot be compared
    a, b = clean.to_numpy(dtype=object)[both], faulty.to_numpy(dtype=object)[both]
    differs[both] = np.asarray(a != b, dtype=bool)
    return np.asarray(differs)
