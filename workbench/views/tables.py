"""From a long list of measurements to tables a person reads: slices down, metrics across."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.audits.records import Evidence, Measurement
from workbench.views.summary import headlines

#: Columns that a page has room for.
WIDEST = 6

COLUMN, BETWEEN = "column", "between groups"

#: Figures that stand open under an audit's name.
FIRST = 6


@dataclass(frozen=True)
class Pivot:
    """One table. ``by`` names what its rows are; a slice has the greatest n of its cells."""

    by: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, int | None, tuple[Measurement | None, ...]], ...]


@dataclass(frozen=True)
class Sliced:
    """All measurements of one kind of slice, folded: ``by race``, ``by column``, ``between groups``."""

    label: str
    numbers: int
    pivots: tuple[Pivot, ...]


@dataclass(frozen=True)
class Tables:
    """How one evidence is laid out: the figures to read first, others of all rows, then by slice."""

    first: tuple[Measurement, ...]
    more: tuple[Measurement, ...]
    sliced: tuple[Sliced, ...]


def tables(evidence: Evidence) -> Tables:
    """Lay out one evidence."""
    overall = [m for m in evidence.measurements if not m.slice]
    ordered = list(dict.fromkeys((*headlines(evidence), *overall)))
    by_shape: dict[str, list[Measurement]] = {}
    between = _between(evidence)
    for m in evidence.measurements:
        if m.slice:
            by_shape.setdefault(BETWEEN if (m.metric, m.slice) in between else _shape(m), []).append(m)
    sliced = (Sliced(_label(title), len(found), _pivots(title, found)) for title, found in by_shape.items())
    return Tables(tuple(ordered[:FIRST]), tuple(ordered[FIRST:]), tuple(sliced))


def _between(evidence: Evidence) -> set[tuple[str, str]]:
    """Figures of a whole attribute whose groups are there too, unless other columns have the like."""
    families = {_shape(m) for m in evidence.measurements if "=" in m.slice}
    whole = [m for m in evidence.measurements if m.slice and "=" not in m.slice]
    of_columns = {m.metric for m in whole if m.slice not in families}
    return {(m.metric, m.slice) for m in whole if m.metric not in of_columns}


def _shape(m: Measurement) -> str:
    """Group slices that belong in one table: ``race=…`` with ``race=…``, intersections with intersections."""
    if "=" in m.slice:
        # A value may hold " & " itself; a part that names no column belongs to the value before it.
        return " & ".join(part.partition("=")[0] for part in m.slice.split(" & ") if "=" in part)
    return COLUMN


def _label(title: str) -> str:
    return {BETWEEN: BETWEEN, "against": "against other models"}.get(title, f"by {title}")


def _named(slice: str, title: str) -> str:
    """The slice without the names that its table's title says already."""
    parts = slice.split(" & ")
    if title in (COLUMN, BETWEEN) or len(parts) != title.count(" & ") + 1:
        return slice
    return " & ".join(part.partition("=")[2] for part in parts)


def _pivots(title: str, measurements: list[Measurement]) -> tuple[Pivot, ...]:
    """Tables of at most ``WIDEST`` columns; few slices with many metrics are turned on their side."""
    metrics = list(dict.fromkeys(m.metric for m in measurements))
    by_slice: dict[str, dict[str, Measurement]] = {}
    for m in measurements:
        by_slice.setdefault(m.slice, {})[m.metric] = m
    if len(by_slice) <= WIDEST < len(metrics):
        return (_turned(title, metrics, by_slice),)
    chunks = [metrics[i : i + WIDEST] for i in range(0, len(metrics), WIDEST)]
    return tuple(_pivot(title, chunk, by_slice) for chunk in chunks)


def _pivot(title: str, metrics: list[str], by_slice: dict[str, dict[str, Measurement]]) -> Pivot:
    rows = (
        (
            _named(name, title),
            max(m.n for m in cells.values()),
            tuple(cells.get(metric) for metric in metrics),
        )
        for name, cells in by_slice.items()
        if any(metric in cells for metric in metrics)
    )
    return Pivot("slice", tuple(metrics), tuple(rows))


def _turned(title: str, metrics: list[str], by_slice: dict[str, dict[str, Measurement]]) -> Pivot:
    rows = ((metric, None, tuple(cells.get(metric) for cells in by_slice.values())) for metric in metrics)
    return Pivot("metric", tuple(_named(name, title) for name in by_slice), tuple(rows))
