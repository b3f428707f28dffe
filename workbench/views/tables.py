"""From a long list of measurements to tables a person reads: slices down, metrics across."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.audits.records import Evidence, Measurement

#: Columns a pivot shows before the rest is left to "every number".
WIDEST = 6


@dataclass(frozen=True)
class Pivot:
    """One table: a row for each slice, a column for each metric."""

    title: str
    metrics: tuple[str, ...]
    rows: tuple[tuple[str, int, tuple[Measurement | None, ...]], ...]
    """Slice, greatest n of its cells, one measurement (or None) for each metric."""


@dataclass(frozen=True)
class Tables:
    """How one evidence is laid out."""

    overall: tuple[Measurement, ...]
    pivots: tuple[Pivot, ...]


def _shape(m: Measurement) -> str:
    """Group slices that belong in one table: ``race=…`` with ``race=…``, intersections with intersections."""
    if "=" in m.slice:
        # A value may hold " & " itself; a part that names no column belongs to the value before it.
        return " & ".join(part.partition("=")[0] for part in m.slice.split(" & ") if "=" in part)
    return "column"


def _pivot(title: str, measurements: list[Measurement]) -> Pivot:
    metrics = tuple(dict.fromkeys(m.metric for m in measurements))[:WIDEST]
    by_slice: dict[str, dict[str, Measurement]] = {}
    for m in measurements:
        by_slice.setdefault(m.slice, {})[m.metric] = m
    rows = tuple(
        (name, max(m.n for m in cells.values()), tuple(cells.get(metric) for metric in metrics))
        for name, cells in by_slice.items()
    )
    return Pivot(title, metrics, rows)


def tables(evidence: Evidence) -> Tables:
    """Lay out one evidence: overall numbers first, then a pivot for each kind of slice."""
    by_shape: dict[str, list[Measurement]] = {}
    for m in evidence.measurements:
        if m.slice:
            by_shape.setdefault(_shape(m), []).append(m)
    return Tables(
        overall=tuple(m for m in evidence.measurements if not m.slice),
        pivots=tuple(_pivot(title, found) for title, found in by_shape.items()),
    )
