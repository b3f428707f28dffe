"""Quality of data by group: what is missing, and where labels look wrong, for everyone and every group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api import types as kinds

from workbench.audits.parts.shared.slices import Slices, escaped
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.stats.intervals import largest_difference, pair_confidence, wilson

Array = npt.NDArray[Any]

FEWEST = 20
"""Rows of a group that take part in a difference."""
_COLUMNS = 8
"""Columns whose groups are listed one by one: those that differ most."""
_ROWS = 20_000
"""Rows the cross-validated model is fitted on."""
_FOLDS = 3


@dataclass(frozen=True)
class Shares:
    """Shares of rows by group, and the greatest difference between groups."""

    slices: Slices
    confidence: float

    def measurements(self, metric: str, flagged: Array, *, of: str = "", note: str = "") -> list[Measurement]:
        """Measure how many rows are flagged, by group.

        Args:
            metric: its name.
            flagged: shape (n,), the rows of the slices.
            of: the column it is about, which then stands before the group.
            note: of every measurement.
        """
        found, before = [], f"{escaped(of)}: " if of else ""
        for family in self.slices.families:
            if family.columns == (of,):
                continue  # who is missing from the groups of a column by that column says nothing
            place = family.members.argmax(axis=0)[self.slices.cell]
            n = np.bincount(place, minlength=len(family.names))
            k = np.bincount(place, flagged, len(family.names))
            for name, count, size in zip(family.names, k, n, strict=True):
                if size:
                    found.append(
                        share(metric, f"{before}{name}", int(count), int(size), self.confidence, note=note)
                    )
            found.append(self._difference(metric, f"{before}{family.name}", k, n, family.groups))
        return found

    def _difference(self, metric: str, name: str, k: Array, n: Array, groups: tuple[str, ...]) -> Measurement:
        kept = np.flatnonzero(n >= FEWEST)
        common: dict[str, Any] = {"metric": f"{metric}_difference", "slice": name, "unit": "difference"}
        common["n"] = int(n[kept].sum())
        if len(kept) < 2:
            return Measurement(value=None, note=f"fewer than two groups have {FEWEST} rows", **common)
        rate = k[kept] / n[kept]
        low, high = wilson(k[kept], n[kept], pair_confidence(len(kept), self.confidence))
        value, least, most = largest_difference(rate, low, high)
        ends = [f"{rate[i]:.3f} ({groups[kept[i]]})" for i in (int(rate.argmin()), int(rate.argmax()))]
        few = len(groups) - len(kept)
        without = f"; {few} groups of fewer than {FEWEST} rows left out" if few else ""
        return Measurement(
            value=value, low=least, high=most, note=f"from {' to '.join(ends)}{without}", **common
        )


def share(metric: str, name: str, k: int, n: int, confidence: float, *, note: str = "") -> Measurement:
    """Return a share of rows with Wilson's interval."""
    low, high = wilson(k, n, confidence)
    ends = {"value": k / n, "low": low, "high": high}
    return Measurement(metric=metric, slice=name, n=n, unit="rate", note=note, **ends)


def missing_by_group(data: Dataset, shares: Shares) -> list[Measurement]:
    """Measure the share of missing values by group, of the columns where groups differ most."""
    found = []
    for name in data.features:
        missing = data.frame[name].isna().to_numpy()
        if missing.any():
            found.append(shares.measurements("missing_share", missing, of=name))
    found.sort(key=lambda of_column: -max((m.low or 0.0 for m in _differences(of_column)), default=0.0))
    listed = [m for of_column in found[:_COLUMNS] for m in of_column]
    return [*listed, *(m for of_column in found[_COLUMNS:] for m in _differences(of_column))]


def _differences(found: list[Measurement]) -> list[Measurement]:
    return [m for m in found if m.metric.endswith("_difference")]


@dataclass(frozen=True)
class Disagreement:
    """Rows whose label a cross-validated model confidently contradicts."""

    rows: Array
    """Which rows were looked at, shape (m,)."""
    flagged: Array
    """Shape (m,)."""


def confident_disagreement(data: Dataset, columns: list[str], seed: int) -> Disagreement | str:
    """Find labels that a model fitted on other rows contradicts with confidence.

    A row is flagged when another label is at least as likely as it is, on average, for rows that bear that
    label, and likelier than its own.

    Source: Northcutt, Jiang and Chuang, "Confident learning", 2021.

    Args:
        data: of a classification.
        columns: the model reads.
        seed: of the rows drawn and of the folds.

    Returns:
        The rows, or why it cannot be done.
    """
    place = {c: i for i, c in enumerate(data.classes)}
    label = np.array([place[value] for value in data.y.tolist()])
    rows = np.flatnonzero(np.bincount(label)[label] >= 2 * _FOLDS)
    if len(rows) > _ROWS:
        rows = np.sort(np.random.default_rng([seed, 13]).choice(rows, _ROWS, replace=False))
    kept, label = np.unique(label[rows], return_inverse=True)
    if len(rows) < 50 or len(kept) < 2 or len(kept) > 20 or min(np.bincount(label)) < _FOLDS:
        return "Labels were not held against a model: that takes 50 rows, 2 to 20 classes and 6 rows of each."
    if not columns:
        return "Labels were not held against a model: there is no feature to learn from."
    chance = _out_of_fold(_numbers(data.frame.iloc[rows], columns), label, seed)
    own = chance[np.arange(len(rows)), label]
    usual = np.array([chance[label == i, i].mean() for i in range(len(kept))])
    sure = np.where(chance >= usual, chance, -1.0)
    best = sure.argmax(axis=1)
    return Disagreement(rows, (best != label) & (sure.max(axis=1) > own))


def _out_of_fold(x: Array, label: Array, seed: int) -> Array:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    model = HistGradientBoostingClassifier(
        max_iter=40, max_leaf_nodes=15, early_stopping=False, random_state=seed
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    return np.asarray(cross_val_predict(model, x, label, cv=folds, method="predict_proba"))


def _numbers(frame: pd.DataFrame, columns: list[str]) -> Array:
    """Columns as numbers; categories by their number, which trees can part."""
    found = []
    for name in columns:
        column = frame[name]
        if kinds.is_numeric_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype):
            values = column.to_numpy(dtype=float, na_value=np.nan)
        elif kinds.is_datetime64_any_dtype(column.dtype) or kinds.is_timedelta64_dtype(column.dtype):
            values = np.where(column.isna(), np.nan, column.astype("int64").to_numpy(dtype=float))
        else:
            codes = pd.factorize(column.astype(object).map(str, na_action="ignore"), sort=True)[0]
            values = np.where(codes < 0, np.nan, codes.astype(float))
        found.append(_filled(values))
    return np.column_stack(found)


def _filled(values: Array) -> Array:
    """Gaps as a value below all others: scikit-learn fails when a fold has nothing else in a column."""
    known = np.isfinite(values)
    low = float(values[known].min(initial=0.0))
    return np.asarray(np.where(known, values, low - 1 - abs(low) / 2))
