"""From captured exchanges to counts: which request belongs to which stage, and what was bad about it.

A request belongs to the stage whose routing table decided it, so clocks that jump and captures that come late
do no harm. It is counted only once it is older than the gateway's time limit and the time a capture takes: a
slow answer that has not come yet would otherwise make a slow candidate look healthy.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from math import isclose
from typing import TYPE_CHECKING, Any

from workbench.releases.analysis import CanaryTally, ShadowTally, Tally, plus
from workbench.releases.state import State

if TYPE_CHECKING:
    import pandas as pd

    from workbench.traffic import TrafficStore

#: Two floats this close (relatively) are the same answer: another order of summing moves the last digits.
_ROUNDING = 1e-9


class Ledger:
    """Running counts of one release. A memory of what was read, no more: a new one reads it all again.

    Args:
        traffic: where exchanges are captured.
        cursor: place in the traffic when the release opened.
        age: how old an exchange must be to count.
    """

    def __init__(self, traffic: TrafficStore, cursor: str, age: timedelta) -> None:
        self._traffic = traffic
        self._cursor = cursor
        self._age = age
        self._tallies: dict[int, Tally] = {}
        self._young: pd.DataFrame | None = None

    def read(self, state: State, now: datetime) -> tuple[Tally, ...]:
        """Count what has ripened since the last look and return the counts of every stage entered."""
        new, self._cursor = self._traffic.after(state.release.endpoint, self._cursor)
        waiting = _joined(self._young, new)
        ripe = waiting["time"] <= now - self._age
        self._young = waiting[~ripe]
        for index, part in _by_stage(waiting[ripe], state):
            known = self._tallies.get(index, _empty(state, index))
            self._tallies[index] = plus(known, tally(part, state, index))
        return tuple(self._tallies.get(i, _empty(state, i)) for i in range(len(state.since_table)))


def tally(exchanges: pd.DataFrame, state: State, index: int) -> Tally:
    """Count the exchanges of one stage.

    Args:
        exchanges: one row a request, columns as in ``Exchange``; those that are no comparison are left out.
        state: the release.
        index: the stage.
    """
    if state.plan.steps[index].kind == "shadow":
        return _shadow(exchanges, state)
    return _canary(exchanges, state, state.plan.steps[index].share)


def same(left: list[Any], right: list[Any], tolerance: float) -> bool:
    """Return True when two models gave one request the same answer, row by row."""
    return len(left) == len(right) and all(
        _same_value(a, b, tolerance) for a, b in zip(left, right, strict=True)
    )


def _same_value(left: Any, right: Any, tolerance: float) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return same(left, right, tolerance)
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in (left, right)]
    return isclose(left, right, rel_tol=_ROUNDING, abs_tol=tolerance) if all(numbers) else bool(left == right)


def _shadow(exchanges: pd.DataFrame, state: State) -> ShadowTally:
    """Requests of the champion and, of those it answered, the copies that the candidate got."""
    requests = exchanges[exchanges["arm"] == "champion"]
    champion_bad, candidate_bad = requests["error"] != "", requests["shadow_error"] != ""
    copied = requests["shadow_version"] == version_number(state.release.candidate)
    pairs = ~champion_bad & copied.fillna(value=False) & (candidate_bad | requests["shadow_outputs"].notna())
    both = requests[pairs & ~candidate_bad]
    disagreement = state.plan.metrics.disagreement
    tolerance = disagreement.tolerance if disagreement else 0.0
    answers = zip(both["outputs"], both["shadow_outputs"], strict=True)
    return ShadowTally(
        requests=len(requests),
        champion_bad=int(champion_bad.sum()),
        pairs=int(pairs.sum()),
        candidate_bad=int((pairs & candidate_bad).sum()),
        differ=sum(not same(ours, theirs, tolerance) for ours, theirs in answers),
    )


def _canary(exchanges: pd.DataFrame, state: State, share: float) -> CanaryTally:
    """Requests by the arm the coin chose, whoever answered in the end; only those thrown with this share."""
    thrown = exchanges[(exchanges["share"] - share).abs() < _ROUNDING]
    number = version_number(state.release.candidate)
    candidate = thrown[(thrown["arm"] == "candidate") & (thrown["version"] == number)]
    champion = thrown[thrown["arm"] == "champion"]
    return CanaryTally(
        candidate_n=len(candidate),
        candidate_bad=int((candidate["error"] != "").sum()),
        champion_n=len(champion),
        champion_bad=int((champion["error"] != "").sum()),
    )


def version_number(ref: str) -> int:
    """Return the number of ``name/version``."""
    return int(ref.rpartition("/")[2])


def _by_stage(exchanges: pd.DataFrame, state: State) -> Iterator[tuple[int, pd.DataFrame]]:
    """Split by the stage whose table decided: the last one that began before that version."""
    stages = [bisect_left(state.since_table, version) - 1 for version in exchanges["table_version"]]
    for index, part in groupby(sorted(range(len(stages)), key=stages.__getitem__), key=stages.__getitem__):
        if index >= 0:
            yield index, exchanges.iloc[list(part)]


def _joined(young: pd.DataFrame | None, new: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    if young is None or young.empty:
        return new
    return young if new.empty else pd.concat([young, new], ignore_index=True)


def _empty(state: State, index: int) -> Tally:
    return ShadowTally() if state.plan.steps[index].kind == "shadow" else CanaryTally()
