"""Does one group move while the whole stands still? The columns of each group, against the group before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.audits.base import Subject
from workbench.audits.parts.drift import columns as drift_columns
from workbench.audits.parts.drift.columns import Method
from workbench.audits.parts.drift.pairs import Pair
from workbench.audits.parts.shared.slices import escaped
from workbench.audits.records import Measurement
from workbench.core.values import Outcome, worst

Array = np.ndarray[Any, Any]

_ROWS = 100_000
"""Rows of a side that are looked at."""
_GROUPS = 20
"""Groups of a sensitive column, the largest; and cells that moved, named one by one."""
_FEWEST = 100
"""Rows of a group on either side; with fewer it is shown, and not judged."""


@dataclass(frozen=True)
class _Sides:
    reference: Array
    current: Array


def examine(
    subject: Subject, pairs: Mapping[str, Pair], *, method: Method, margin: float, bins: int, alpha: float
) -> tuple[list[Measurement], list[str]]:
    """Return for each group the share of its columns that moved, and the columns that did; and notes.

    All columns of all groups are judged together, so that ``alpha`` holds for the lot.
    """
    sides, notes = _sides(subject)
    groups, small, more = _groups(subject, sides)
    notes += more
    effects = {
        (group, name): drift_columns.effect(_part(pair, rows), method, bins=bins, seed=subject.seed)
        for group, rows in groups.items()
        for name, pair in pairs.items()
        if not _empty(pair, rows)
    }
    told = drift_columns.judged({_cell(*key): e for key, e in effects.items()}, margin=margin, alpha=alpha)
    by_group: dict[str, list[tuple[str, Measurement]]] = {group: [] for group in groups}
    for (group, name), measured in zip(effects, told, strict=True):
        by_group[group].append((name, measured))
    shares = [_share(group, cells, groups[group]) for group, cells in by_group.items()]
    moved = sorted((m for m in told if m.outcome is Outcome.FAIL), key=lambda m: -(m.value or 0.0))
    if len(moved) > _GROUPS:
        notes.append(f"{len(moved)} columns moved within groups; the {_GROUPS} that moved most are shown.")
    return [*shares, *moved[:_GROUPS], *small], notes


def _share(group: str, cells: list[tuple[str, Measurement]], rows: _Sides) -> Measurement:
    named = [m.model_copy(update={"slice": name}) for name, m in cells]
    found = drift_columns.share(named, worst([m.outcome for m in named]), group)
    return found.model_copy(update={"n": len(rows.current)})


def _sides(subject: Subject) -> tuple[_Sides, list[str]]:
    """Places of the rows that are looked at."""
    reference, rng = subject.reference, np.random.default_rng(subject.seed)
    sizes = (0 if reference is None else len(reference), len(subject.data))
    places = [np.sort(rng.permutation(n)[:_ROWS]) if n > _ROWS else np.arange(n) for n in sizes]
    notes = [f"Groups are compared on {_ROWS:,} rows a side, drawn."] if max(sizes) > _ROWS else []
    return _Sides(*places), notes


def _groups(subject: Subject, sides: _Sides) -> tuple[dict[str, _Sides], list[Measurement], list[str]]:
    """The groups to be judged, those too small, and notes on what was left out."""
    found: dict[str, _Sides] = {}
    small: list[Measurement] = []
    notes: list[str] = []
    reference = subject.reference
    for column in subject.data.sensitive:
        if reference is None or column not in reference.frame.columns:
            notes.append(f"The reference has no column {column!r}: its groups are not compared.")
            continue
        before = reference.groups(column)[sides.reference]
        now = subject.data.groups(column)[sides.current]
        names, sizes = np.unique(now.astype(str), return_counts=True)
        largest = names[np.argsort(-sizes, kind="stable")]
        if len(largest) > _GROUPS:
            notes.append(f"{column} has {len(largest)} groups; the {_GROUPS} largest are compared.")
        for name in largest[:_GROUPS]:
            rows = _Sides(sides.reference[before == name], sides.current[now == name])
            group = f"{escaped(column)}={escaped(str(name))}"
            if min(len(rows.reference), len(rows.current)) >= _FEWEST:
                found[group] = rows
            else:
                small.append(_too_small(group, rows))
    return found, small, notes


def _too_small(group: str, rows: _Sides) -> Measurement:
    return Measurement(
        metric="drifted_columns_share",
        slice=group,
        value=None,
        n=len(rows.current),
        unit="rate",
        outcome=Outcome.INCONCLUSIVE,
        note=f"too small to judge: {len(rows.reference)} rows before, {len(rows.current)} now",
    )


def _cell(group: str, column: str) -> str:
    return f"{group} & column={escaped(column)}"


def _part(pair: Pair, rows: _Sides) -> Pair:
    return Pair(pair.reference.iloc[rows.reference], pair.current.iloc[rows.current])


def _empty(pair: Pair, rows: _Sides) -> bool:
    return bool(_part(pair, rows).empty_in)
