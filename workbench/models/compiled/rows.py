"""The rows that a copy and its model are asked: the input examples, training rows, and rows drawn by a seed.

Drawn rows know what was registered of a column and nothing else: its range, its categories, whether a value
may be missing. The ends of ranges, the next double beyond them and nought are among them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.models import reference_data
from workbench.models.compiled.base import NotCompiled
from workbench.models.compiled.cells import Compared as Known
from workbench.models.compiled.cells import bounds
from workbench.models.compiled.records import Compared
from workbench.models.records import Column, ModelVersion

if TYPE_CHECKING:
    import numpy as np

DRAWN = 3000
TRAINING = 3000

Cells = dict[str, list[Any]]


def rows_of(version: ModelVersion, state: Path) -> tuple[Cells, Compared]:
    """Return every row to compare on, and how many are of which origin.

    Raises:
        NotCompiled: a text has no list of values, so that nothing can be drawn for it.
    """
    for column in version.columns:
        if column.type == "string" and column.categories is None:
            raise NotCompiled(f"No list of values is registered for the text {column.name!r}.")
    example, training = examples(version), _training(version, state)
    drawn = _drawn(version.columns)
    rows = {c.name: [*example[c.name], *training[c.name], *drawn[c.name]] for c in version.columns}
    count = Compared(example=_n(example), training=_n(training), drawn=_n(drawn))
    return rows, count


def examples(version: ModelVersion) -> Cells:
    """Return the input examples, of those that have only values that a copy may answer."""
    known = Known(version.columns)
    rows = [row for row in version.input_example if known.holds({name: [row[name]] for name in row})]
    return {column.name: [row.get(column.name) for row in rows] for column in version.columns}


def _n(cells: Cells) -> int:
    return len(next(iter(cells.values()), []))


def _training(version: ModelVersion, state: Path) -> Cells:
    """Rows of the kept training data that lack no text."""
    import pandas as pd

    kept = reference_data.read(version, state)
    if kept is None:
        return {column.name: [] for column in version.columns}
    frame = kept.frame[[column.name for column in version.columns]]
    texts = [column.name for column in version.columns if column.type == "string"]
    frame = frame[~frame[texts].isna().any(axis=1)]
    frame = frame.sample(min(TRAINING, len(frame)), random_state=0)
    cast = {"double": float, "long": int, "string": str, "boolean": bool}
    return {
        c.name: [None if pd.isna(cell) else cast[c.type](cell) for cell in frame[c.name].tolist()]
        for c in version.columns
    }


def _drawn(columns: tuple[Column, ...]) -> Cells:
    import numpy as np

    rng = np.random.default_rng(0)
    drawn = {}
    for column in columns:
        cells = _cells(column, rng)
        if not column.required and column.type != "string":
            gone = rng.random(DRAWN) < 0.1
            cells = [None if out else cell for cell, out in zip(cells, gone.tolist(), strict=True)]
        drawn[column.name] = cells
    return drawn


def _cells(column: Column, rng: np.random.Generator) -> list[Any]:
    if column.type == "boolean":
        return list((rng.random(DRAWN) < 0.5).tolist())
    if column.type == "string":
        return [column.categories[i] for i in rng.integers(len(column.categories or ()), size=DRAWN).tolist()]  # type: ignore[index]
    return _numbers(column, rng)


def _numbers(column: Column, rng: np.random.Generator) -> list[Any]:
    """Seven of ten within the training range, two up to ``bounds``, one at an edge."""
    import numpy as np

    if column.low is None or column.high is None:
        return [None] * DRAWN
    low, high = column.low, column.high
    least, most = bounds(column)
    part = rng.random(DRAWN)
    inside, wide = rng.uniform(low, high, DRAWN), rng.uniform(least, most, DRAWN)
    if column.integer:
        inside = np.rint(inside)
    beside = (np.nextafter(low, least), np.nextafter(high, most))
    edges = [edge for edge in (low, high, least, most, *beside, 0.0) if least <= edge <= most]
    values = np.where(part < 0.7, inside, np.where(part < 0.9, wide, rng.choice(edges, DRAWN)))
    if column.type == "long":
        return [int(value) for value in np.clip(np.rint(values), np.ceil(least), np.floor(most)).tolist()]
    return list(values.tolist())
