"""Windows of a stream, one by one, against what came before: which has changed, at a stated rate of alarms.

A window is counts in cells: of a column's bins, of truth and answer, of truth and a column's bins. What is
known of the past adds up, so no row is read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from workbench.stats.divergence import pearson
from workbench.stats.intervals import normal_quantile

Array = npt.NDArray[Any]

_LARGE = 1000.0
"""Statistics above this: the root is close to normal, and the exact inversion slow."""


@dataclass(frozen=True)
class Look:
    """What one window showed in one table of counts."""

    value: float
    """Chi-square distance from what it was compared with; NaN when there was nothing to compare."""
    low: float
    high: float
    alarm: bool
    """The interval lies beyond the margin: a change."""
    still: bool
    """The interval lies within the margin: no change that matters."""
    since: int
    """The first window it was compared with; -1: the reference."""


def watch(
    windows: Iterable[Sequence[Array]],
    *,
    margin: float,
    horizon: int,
    reference: Sequence[Array | None] = (),
    restart: bool = False,
    false_alarms: float = 0.05,
) -> Iterator[list[Look]]:
    """Look at windows as they come, each a list of tables of counts.

    A table raises an alarm when the low end of its distance lies above the margin. The chance that this end
    is too high is ``false_alarms / (horizon · tables)``: a stream without change raises any alarm at all
    within ``horizon`` windows with a chance of at most ``false_alarms``. High ends have a tail of 2.5 % each.

    Args:
        windows: one array of counts a table, in the same cells each time, shape (k,).
        margin: the distance that matters; at 0 any change does.
        horizon: how many windows share the false alarms.
        reference: counts before the first window, one a table. None, or no reference at all: the first
            window is what the next is compared with.
        restart: compare with all that came since the last alarm, so that one change is found after another.
            Without, every window is compared with the reference.
        false_alarms: chance of any alarm while nothing changes.
    """
    known: list[tuple[Array | None, int]] = [(table, -1) for table in reference]
    for i, tables in enumerate(windows):
        known = known or [(None, -1)] * len(tables)
        tail = false_alarms / max(horizon * len(tables), 1)
        looks = [
            _nothing() if past is None else look(past, counts, margin=margin, tail=tail, since=since)
            for (past, since), counts in zip(known, tables, strict=True)
        ]
        yield looks
        again = restart and any(found.alarm for found in looks)
        known = [
            (counts, i) if past is None or again else (past + counts, since) if restart else (past, since)
            for (past, since), counts in zip(known, tables, strict=True)
        ]


def look(known: Array, counts: Array, *, margin: float, tail: float, since: int = -1) -> Look:
    """Compare the counts of one window with those known, both of shape (k,).

    The distance is Σ (p - q)² / r over the cells, for the shares p before, q now and r of both together:
    Pearson's statistic by N = n m / (n + m), about the PSI where either is small. The statistic follows a
    noncentral chi-square distribution with noncentrality N times the true distance, which inverted gives the
    interval: its low end is above 0 exactly when Pearson's test rejects at ``tail``.

    Source: Pearson, 1900; Kent and Hainsworth, "Confidence intervals for the noncentral chi-squared
    distribution", 1995.
    """
    found = pearson(known, counts)
    if found is None:
        return _nothing(since)
    distance, rows, df = found
    if df == 0:  # all the same, before and now
        return Look(0.0, 0.0, 0.0, alarm=False, still=True, since=since)
    low = min(_noncentrality(distance * rows, df, 1 - tail) / rows, distance)
    high = max(_noncentrality(distance * rows, df, 0.025) / rows, distance)
    return Look(distance, low, high, alarm=low > margin, still=high <= margin, since=since)


def _nothing(since: int = -1) -> Look:
    return Look(float("nan"), 0.0, float("inf"), alarm=False, still=False, since=since)


def _noncentrality(statistic: float, df: int, share: float) -> float:
    """The noncentrality with which a chi-square is below ``statistic`` with chance ``share``; at least 0."""
    from scipy.special import chdtr, chndtrinc

    if statistic > _LARGE:
        root = max(0.0, statistic**0.5 - normal_quantile(share))
        return float(max(0.0, root**2 - df + 1))
    if chdtr(df, statistic) <= share:
        return 0.0
    return float(chndtrinc(statistic, df, share))
