"""Frozen rows as the rest needs them: labels, plain values, names of versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.incidents.answers import Array
from workbench.incidents.freeze import ERROR
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    import pandas as pd

    from workbench.models.registry import Registry


def truth_of(frame: pd.DataFrame, version: ModelVersion) -> Array:
    """Return the labels, shape (n,), dtype object; all missing when the rows have no target."""
    import numpy as np

    if version.target not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    return frame[version.target].astype(object).to_numpy()


def failed_in_production(frame: pd.DataFrame) -> Array:
    """Return the rows that production could not answer, shape (n,), bool."""
    import numpy as np

    if ERROR not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    told = frame[ERROR]
    return np.asarray(told.notna() & (told.astype(str) != ""), dtype=bool)


def plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as plain Python values, missing ones as None."""
    return [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]


def plain(value: Any) -> Any:
    """Return one value as JSON and YAML can write it."""
    if hasattr(value, "item"):
        value = value.item()
    missing = value is None or type(value).__name__ in ("NAType", "NaTType") or value != value  # noqa: PLR0124 - NaN
    return None if missing else value


def spread(rows: Array, most: int) -> Array:
    """Return at most ``most`` of the positions, evenly spread."""
    import numpy as np

    if len(rows) <= most:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, num=most, dtype=int)])


def resolve(registry: Registry, model: str, ref: str | int | ModelVersion) -> ModelVersion:
    """Return a version by any reference, or by what is short for one of ``model``: ``3``, ``"champion"``."""
    if isinstance(ref, int):
        return registry.version(f"{model}/{ref}")
    if isinstance(ref, str) and ref in registry.aliases(model):
        return registry.version(f"{model}@{ref}")
    return registry.version(ref)
