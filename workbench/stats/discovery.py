"""Many tests at once: p-values become q-values, which bound the share of false ones among what is reported.

Reporting what has q ≤ 0.05 means: among such reports, at most 5 % are false in the mean. A test that was not
done (NaN) stays NaN and does not count.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def benjamini_hochberg(p: npt.ArrayLike) -> Array:
    """q-values that hold for independent tests, and for those that depend positively on each other.

    Source: Benjamini and Hochberg, "Controlling the false discovery rate", 1995.

    Args:
        p: p-values, shape (k,), in any order.

    Returns:
        The smallest rate at which each would be reported, shape (k,).
    """
    return _stepped_up(np.asarray(p, dtype=float))


def benjamini_yekutieli(p: npt.ArrayLike) -> Array:
    """q-values that hold whatever way the tests depend on each other; Σ 1/i times as large.

    Source: Benjamini and Yekutieli, "The control of the false discovery rate … under dependency", 2001.

    Args:
        p: p-values, shape (k,), in any order.

    Returns:
        The smallest rate at which each would be reported, shape (k,).
    """
    p = np.asarray(p, dtype=float)
    tests = int((~np.isnan(p)).sum())
    return _stepped_up(p, float((1 / np.arange(1, tests + 1)).sum()))


def _stepped_up(p: Array, factor: float = 1.0) -> Array:
    """The least of factor · p · k / rank over this and all greater p-values, at most 1."""
    q, known = np.full(p.shape, np.nan), ~np.isnan(p)
    k = int(known.sum())
    order = np.argsort(p[known], kind="stable")
    scaled = factor * p[known][order] * k / np.arange(1, k + 1)
    stepped = np.empty(k)
    stepped[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    q[known] = stepped
    return q
