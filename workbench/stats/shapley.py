"""Shapley values by walks from a background row to the row explained, and how well two rankings agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Walks:
    """Orders in which columns are taken over from a background row, each walked forwards and backwards.

    The walk backwards makes the estimate exact where at most two columns act together. Sums of contributions
    are exact at any number of walks.

    Source: Castro, Gómez and Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009;
    backwards: Mitchell, Cooper, Frank and Holmes, "Sampling permutations for Shapley value estimation",
    2022.
    """

    order: Array
    """(n, m, d) one order of the d columns for each of n rows and m background rows."""

    @classmethod
    def drawn(cls, rows: int, background: int, columns: int, rng: np.random.Generator) -> Walks:
        """Draw one order for each pair of a row and a background row."""
        return cls(np.argsort(rng.random((rows, background, columns)), axis=-1))

    @property
    def taken(self) -> Array:
        """(n, m, 2, d + 1, d) bool: the columns taken over from the row explained at each step of a walk."""
        rank = np.argsort(self.order, axis=-1)
        both = np.stack([rank, self.order.shape[-1] - 1 - rank], axis=2)
        return np.asarray(both[:, :, :, None, :] < np.arange(self.order.shape[-1] + 1)[:, None])

    def contributions(self, values: Array) -> Array:
        """Return what each column adds, (n, m, d), from the model's values at each step, (n, m, 2, d + 1)."""
        steps = np.diff(values, axis=-1)
        rank = np.argsort(self.order, axis=-1)
        forwards = np.take_along_axis(steps[:, :, 0], rank, axis=-1)
        backwards = np.take_along_axis(steps[:, :, 1], self.order.shape[-1] - 1 - rank, axis=-1)
        return np.asarray((forwards + backwards) / 2)


def kendall_tau(first: Array, second: Array) -> float:
    """Kendall's τ-b of two rankings, -1 to 1; NaN where one of them ranks nothing (fewer than two values)."""
    from scipy.stats import kendalltau

    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    if len(first) == 2:  # where scipy's p-value, which nobody asks for, divides by zero
        return float(np.sign(np.diff(first) * np.diff(second))[0])
    return float(kendalltau(first, second, method="asymptotic").statistic)


def top_overlap(first: Array, second: Array, k: int) -> float:
    """Share of the k greatest of ``first`` that are among the k greatest of ``second``."""
    k = min(k, len(first))
    tops = [set(np.argsort(-values, kind="stable")[:k].tolist()) for values in (first, second)]
    return len(tops[0] & tops[1]) / k


def weighted_importance(values: Array, rows: Array, blocks: Array) -> Array:
    """Mean absolute contribution under weights of rows and of parts of the background.

    Args:
        values: contributions against each part of the background, (b, n, d).
        rows: weights, (B, n), each summing to 1.
        blocks: weights, (B, b), likewise.

    Returns:
        Importance under each of the B weightings, (B, d).
    """
    if values.shape[0] == 1:
        return np.asarray(rows @ np.abs(values[0]))
    return np.stack([w @ np.abs(np.tensordot(u, values, axes=1)) for w, u in zip(rows, blocks, strict=True)])
