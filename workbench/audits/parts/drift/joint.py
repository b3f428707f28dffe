"""Can a classifier tell the data from the reference? It sees how columns go together: none shows that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.drift.pairs import Pair
from workbench.audits.parts.shared import verdicts
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.stats.ranking import roc_auc, score_table
from workbench.stats.two_sample import cross_fitted_confidence, folds, ranks_within, roc_auc_drop

Array = np.ndarray[Any, Any]

FEWEST = 100
"""Rows of a side below which no classifier is tried."""
_FOLDS = 3
_LEVEL = cross_fitted_confidence(0.95, _FOLDS)
_CATEGORIES = 200
"""Categories that the classifier tells apart; rarer ones count as one."""
_NAMED = 5
"""Columns named as those that carry the difference."""


@dataclass(frozen=True)
class Joint:
    """A sample of both sides, and what classifiers that had not seen a row said of it."""

    second: Array
    """True for rows of the data, shape (n,)."""
    rows: Array
    """Number of each row in its frame, shape (n,)."""
    chance: Array
    """Probability of being a row of the data, shape (n,)."""
    ranks: Array
    drops: dict[str, Array]
    """The ranks when one column is shuffled, by column."""

    @property
    def measurements(self) -> list[Measurement]:
        """How much of the area is lost without each column, for those that carry most."""
        n = len(self.second)
        found = [
            (roc_auc_drop(self.ranks, ranks, self.second, _LEVEL), name) for name, ranks in self.drops.items()
        ]
        most = sorted(found, key=lambda drop: -drop[0][0])[:_NAMED]
        return [
            Measurement(
                metric="domain_classifier_roc_auc_drop",
                slice=name,
                value=value,
                low=low,
                high=high,
                n=n,
                unit="difference",
                note="loss of area when this column is shuffled, on rows held out",
            )
            for (value, low, high), name in most
        ]

    def verdict(self, margin: float) -> Measurement:
        """The area under the ROC curve, judged against ``margin``."""
        value, low, high = roc_auc(score_table(self.ranks, self.second)[1], _LEVEL)
        n, side = len(self.second), int(self.second.sum())
        return Measurement(
            metric="domain_classifier_roc_auc",
            value=value,
            low=low,
            high=high,
            n=n,
            unit="score",
            outcome=verdicts.at_most(margin, low, high),
            note=f"{n - side} rows of the reference, {side} of the data; 0.5: cannot be told apart",
        )


def examine(pairs: Mapping[str, Pair], *, rows: int, margin: float, seed: int) -> Joint | None:
    """Train classifiers on parts of a sample of both sides and ask each about the part it has not seen.

    Args:
        pairs: the columns it may look at, all of the same rows.
        rows: of either side, at most.
        margin: columns are shuffled only when the area may lie above it.
        seed: of sample, folds, shuffles and classifiers.

    Returns:
        None when there is no column, or fewer than 100 rows on a side.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    if not pairs:
        return None
    first = next(iter(pairs.values()))
    rng = np.random.default_rng(seed)
    size = min(len(first.reference), len(first.current), rows)
    if size < FEWEST:
        return None
    before = np.sort(rng.permutation(len(first.reference))[:size])
    now = np.sort(rng.permutation(len(first.current))[:size])
    table, categorical = _table(pairs, before, now)
    second = np.repeat([False, True], size)
    fold = folds(second, _FOLDS, rng)
    with threadpool_limits(1, user_api="openmp"):  # its threads wait for each other on a busy machine
        models = [_fit(table[fold != k], second[fold != k], categorical, seed) for k in range(_FOLDS)]
        chance = _asked(models, table, fold)
        joint = Joint(second, np.concatenate([before, now]), chance, ranks_within(chance, fold), {})
        if joint.verdict(margin).outcome is not Outcome.PASS:
            for i, name in enumerate(pairs):
                shuffled = _shuffled(table, i, fold, rng)
                joint.drops[name] = ranks_within(_asked(models, shuffled, fold), fold)
    return joint


def too_few() -> Measurement:
    """What is said when ``examine`` could not look."""
    return Measurement(
        metric="domain_classifier_roc_auc",
        value=None,
        n=0,
        unit="score",
        outcome=Outcome.INCONCLUSIVE,
        note=f"needs a column with values and {FEWEST} rows on either side",
    )


def _table(pairs: Mapping[str, Pair], before: Array, now: Array) -> tuple[Array, Array]:
    """Columns of both samples as floats, categories as codes, shape (2 rows, columns), and which are such."""
    columns = [_column(pair, before, now) for pair in pairs.values()]
    return np.column_stack(columns), np.array([not pair.number for pair in pairs.values()])


def _column(pair: Pair, before: Array, now: Array) -> Array:
    sides = pair.reference.iloc[before], pair.current.iloc[now]
    if pair.number:
        values = np.concatenate([side.to_numpy(dtype=float, na_value=np.nan) for side in sides])
        return np.where(np.isfinite(values), values, np.nan)
    missing = np.concatenate([side.isna().to_numpy() for side in sides])
    texts = pd.Series(np.concatenate([side.astype(str).to_numpy(dtype=object) for side in sides]))
    rank = texts[~missing].value_counts()
    codes = texts.map(pd.Series(np.arange(len(rank)), index=rank.index)).to_numpy(dtype=float)
    return np.where(missing, np.nan, np.minimum(codes, _CATEGORIES))


def _fit(table: Array, second: Array, categorical: Array, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        categorical_features=categorical if categorical.any() else None,
        early_stopping=False,
        random_state=seed,
    )
    return model.fit(table, second)


def _asked(models: list[Any], table: Array, fold: Array) -> Array:
    chance = np.empty(len(table))
    for k, model in enumerate(models):
        chance[fold == k] = model.predict_proba(table[fold == k])[:, 1]
    return chance


def _shuffled(table: Array, column: int, fold: Array, rng: np.random.Generator) -> Array:
    """The table with one column shuffled within each fold, so that no classifier sees a row of its own."""
    shuffled = table.copy()
    for k in np.unique(fold):
        rows = np.flatnonzero(fold == k)
        shuffled[rows, column] = table[rng.permutation(rows), column]
    return shuffled
