"""Near-duplicates in training data: rows of which many are almost the same, as one source would send them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.shared.encoded import is_number, number, sample, training_data
from workbench.audits.parts.shared.measured import of_estimate, of_nothing
from workbench.audits.records import Measurement
from workbench.stats import near_duplicates

Array = npt.NDArray[np.int64]

_CELL = 0.05
"""Numbers closer than this share of a standard deviation are almost the same."""
_MOST_ROWS = 200_000


def clusters_of(frame: pd.DataFrame, columns: Sequence[str], seed: int) -> Array:
    """Return the number of each row's cluster of near-identical rows, shape (n,)."""
    moves = np.array([is_number(frame[name]) for name in columns], dtype=bool)
    table = np.empty((len(frame), len(columns)))
    for i, name in enumerate(columns):
        if moves[i]:
            values = number(frame[name])
            known = values[~np.isnan(values)]
            table[:, i] = values / (_CELL * (float(known.std()) if known.size else 0.0) or 1.0)
        else:
            table[:, i] = pd.factorize(frame[name])[0]
    return near_duplicates.clusters(table, moves, np.random.default_rng([seed, 9]))


def measure(subject: Subject, columns: Sequence[str], most: int, confidence: float) -> list[Measurement]:
    """Share of training rows in clusters of more than ``most``, beside as many audited rows; their labels."""
    rng = np.random.default_rng([subject.seed, 10])
    reference = training_data(subject)
    places = sample(len(reference), _MOST_ROWS, rng)
    frame = reference.frame.iloc[places]
    cluster = clusters_of(frame, columns, subject.seed)
    count = Counting(most, confidence, rng)
    found = [count.share(cluster, "near_duplicate_share", "training rows")]
    if all(name in subject.data.frame.columns for name in columns):
        # Clusters grow with the rows: as many of either are compared.
        n = min(len(subject.data), len(frame))
        metric = "near_duplicate_share_of_equal_rows"
        audited = subject.data.frame.iloc[sample(len(subject.data), n, rng)]
        same = (
            cluster
            if n == len(frame)
            else clusters_of(frame.iloc[sample(len(frame), n, rng)], columns, subject.seed)
        )
        other = clusters_of(audited, columns, subject.seed)
        found.append(count.share(same, metric, "training rows", "rows=training"))
        found.append(count.share(other, metric, "audited rows: the floor", "rows=audited"))
    if reference.task == "classification":
        found.append(_purity(cluster, reference.y[places], most))
    return found


@dataclass(frozen=True)
class Counting:
    """What counts as a big cluster, and how surely."""

    most: int
    confidence: float
    rng: np.random.Generator

    def share(self, cluster: Array, metric: str, what: str, name: str = "") -> Measurement:
        """Share of rows in big clusters."""
        sizes = np.bincount(cluster)
        estimate = near_duplicates.share_above(sizes, self.most, self.rng, self.confidence)
        big = sizes[sizes > self.most]
        biggest = f", the biggest has {int(big.max())} rows" if big.size else ""
        note = f"{what}; {len(big)} clusters of more than {self.most} near-identical rows{biggest}"
        return of_estimate(metric, estimate, n=len(cluster), slice=name, note=note)


def _purity(cluster: Array, labels: npt.NDArray[Any], most: int) -> Measurement:
    """Share of rows in big clusters that bear the most frequent label of their cluster."""
    codes = pd.factorize(labels)[0]
    k = int(codes.max()) + 1
    table = np.bincount(cluster * k + codes, minlength=(int(cluster.max()) + 1) * k).reshape(-1, k)
    big = table[table.sum(axis=1) > most]
    metric, base = "near_duplicate_label_purity", np.bincount(codes).max() / len(codes)
    if not len(big):
        return of_nothing(metric, f"no cluster has more than {most} rows")
    rates = big.max(axis=1) / big.sum(axis=1)
    value = float(big.max(axis=1).sum() / big.sum())
    spread = 1.96 * float(np.std(rates, ddof=1)) / len(rates) ** 0.5 if len(rates) > 1 else 1.0
    note = (
        f"rows of {len(big)} clusters that bear their cluster's label; of all, {base:.3f} bear the usual one"
    )
    estimate = (value, max(value - spread, 0.0), min(value + spread, 1.0))
    return of_estimate(metric, estimate, n=int(big.sum()), note=note)
