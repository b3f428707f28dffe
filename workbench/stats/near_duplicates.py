"""Rows that are almost the same, found by hashing on shifted grids: linear in rows, no pair is compared."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.independent import Estimate

Array = npt.NDArray[Any]

_GRIDS = 4
_DRAWS = 500


def clusters(table: Array, moves: Array, rng: np.random.Generator) -> Array:
    """Group rows that share a cell on one of four randomly shifted grids, and whatever hangs together so.

    Rows closer than a grid's cell in every column share one with the chance Π (1 - distance / cell), on one
    of four grids almost surely; rows further apart in any column than a cell never do directly.

    Source: Datar and others, "Locality-sensitive hashing scheme based on p-stable distributions", 2004, with
    the axes as projections.

    Args:
        table: numbers in units of a cell, and codes, shape (n, d). Missing is NaN, and like itself.
        moves: True for columns that are shifted; codes are compared exactly, shape (d,).
        rng: shifts and hash weights are drawn from it.

    Returns:
        Number of each row's cluster, shape (n,), from 0.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(table)
    known = np.where(np.isnan(table), -(2.0**40), table)
    weights = rng.integers(1, 2**62, size=table.shape[1]) * 2 + 1
    rows, keys, start = [], [], n
    for _ in range(_GRIDS if moves.any() else 1):
        cells = np.floor(known + np.where(moves, rng.random(table.shape[1]), 0.0)).astype(np.int64)
        # Products overflow on purpose: a hash of 64 bits.
        _, key = np.unique((cells * weights).sum(axis=1), return_inverse=True)
        rows.append(np.arange(n))
        keys.append(start + key)
        start += int(key.max()) + 1 if n else 0
    edges = (np.ones(n * len(rows), dtype=np.int8), (np.concatenate(rows), np.concatenate(keys)))
    _, label = connected_components(coo_array(edges, shape=(start, start)), directed=False)
    return np.asarray(np.unique(label[:n], return_inverse=True)[1])


def share_above(sizes: Array, most: int, rng: np.random.Generator, confidence: float = 0.95) -> Estimate:
    """Share of rows in clusters of more than ``most`` rows, with a bootstrap over clusters.

    Rows of one cluster come together, so that clusters are drawn, not rows. Where no cluster is that big, the
    upper end is what one of ``most`` + 1 rows would be.

    Args:
        sizes: rows of each cluster, shape (c,).
        most: bigger ones count.
        rng: draws from it.
        confidence: level of the interval.
    """
    values, counts = np.unique(sizes, return_counts=True)
    big, n = values > most, float(sizes.sum())
    value = float((values * counts)[big].sum() / n)
    if not big.any():
        return 0.0, 0.0, min(1.0, (most + 1) / n)
    drawn = rng.multinomial(len(sizes), counts / counts.sum(), size=_DRAWS) * values
    shares = drawn[:, big].sum(axis=1) / np.maximum(drawn.sum(axis=1), 1)
    low, high = np.quantile(shares, [(1 - confidence) / 2, (1 + confidence) / 2])
    return value, min(float(low), value), max(float(high), value)
