"""From captured exchanges to counts: which request belongs to which step, and what was bad about it.

A request belongs to the step whose routing table decided it, so clocks that jump and captures that come late
do no harm. It is counted only once it is older than the gateway's time limit and the time a capture takes: a
slow answer that has not come yet would otherwise make a slow candidate look healthy.

Where the coin was thrown for an entity, the entity is what is counted: once under the coins of a release, at
its first request. Its later requests, and later steps with another share, have the same coin: they would
count one throw twice. Whose first request came in a hard time counts for no arm, also when it comes again.
In shadow, where no arm is chosen, it counts once too, because its pairs are alike.
Where the candidate answers everything, it counts once unless it was counted for the candidate under a coin:
what is judged there, the candidate's own failures, carries over from those steps.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from math import isclose
from typing import TYPE_CHECKING, Any, Literal

from workbench.releases.guardrails import group_counts
from workbench.releases.latency import slow_counts
from workbench.releases.plan_stages import PlanStage
from workbench.releases.state import State
from workbench.releases.tallies import CanaryTally, ShadowTally, Tally, plus
from workbench.releases.yardsticks import LEAST, thresholds

if TYPE_CHECKING:
    import pandas as pd

    from workbench.traffic import TrafficStore

#: Two floats this close (relatively) are the same answer: another order of summing moves the last digits.
_ROUNDING = 1e-9

#: The champion's answers of which the latency is remembered until thresholds are frozen.
_MOST_LATENCIES = 50 * LEAST

#: What a step does with a request: a copy of it, a coin for it, or all of it is the candidate's.
_Done = Literal["copied", "thrown", "given"]


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
        self._entities = _Entities()
        self._exchanges: Counter[int] = Counter()
        self._champion_ms: list[float] = []

    def read(self, state: State, now: datetime) -> tuple[Tally, ...]:
        """Count what has ripened since the last look and return the counts of every step entered."""
        new, self._cursor = self._traffic.after(state.release.endpoint, self._cursor)
        waiting = _joined(self._young, new).sort_values(["time", "request_id"], kind="stable")
        ripe = waiting["time"] <= now - self._age
        self._young = waiting[~ripe]
        for index, part in _by_stage(waiting[ripe], state):
            self._exchanges[index] += len(part)
            step = state.plan.steps[index]
            counted = self._entities.first(part, comparable(part, state, index), step, index)
            known = self._tallies.get(index, _empty(state, index))
            self._tallies[index] = plus(known, tally(counted, state, index))
            self._remember(counted, state)
        return tuple(self._tallies.get(i, _empty(state, i)) for i in range(len(state.since_table)))

    def again(self, index: int) -> int:
        """Return how many entities the candidate got in a step that an earlier one had counted."""
        return self._entities.again(index)

    def exchanges(self, index: int) -> int:
        """Return how many exchanges of a step there were, whether they counted or not."""
        return self._exchanges[index]

    def thresholds(self, state: State) -> tuple[tuple[float, ...], int]:
        """Return the thresholds of latency that could be frozen now, and the champion's answers behind them.

        Empty when the plan asks for none, when they are frozen, or when there is too little.
        """
        asked = state.plan.metrics.latency
        if asked is None or state.yardsticks.latency_ms:
            return (), 0
        return thresholds(self._champion_ms, asked.objective_ms), len(self._champion_ms)

    def _remember(self, counted: pd.DataFrame, state: State) -> None:
        if state.plan.metrics.latency is None or state.yardsticks.latency_ms:
            self._champion_ms.clear()
            return
        answered = counted[(counted["arm"] == "champion") & (counted["error"] == "")]
        room = _MOST_LATENCIES - len(self._champion_ms)
        self._champion_ms += answered["latency_ms"].iloc[:room].tolist()


class _Entities:
    """Which entities of a release were counted, and in which step, by what was done with their requests."""

    def __init__(self) -> None:
        self._counted: dict[_Done, dict[str, int]] = {"copied": {}, "thrown": {}, "given": {}}
        self._again: defaultdict[int, set[str]] = defaultdict(set)

    def first(
        self, came: pd.DataFrame, comparable: pd.DataFrame, step: PlanStage, index: int
    ) -> pd.DataFrame:
        """Leave out entities that were met before; a request without an entity is its own.

        Args:
            came: the exchanges of a step, in their order.
            comparable: those of them that compare something.
            step: the step.
            index: of the step.
        """
        done = _done(step)
        met = _met_under_coin(came, comparable, step) if done == "thrown" else comparable
        counted, units = self._counted[done], met["unit"]
        new = met[(units == "") | ~(units.isin(counted) | units.duplicated())]
        self._again[index].update(u for u in _given(met) if counted.get(u, index) != index)
        counted.update((unit, index) for unit in new["unit"] if unit)
        first = new[new["arm"] != "none"]
        if done == "thrown":
            self._counted["given"].update((unit, index) for unit in _given(first))
        return first

    def again(self, index: int) -> int:
        """How many entities the candidate got in a step that an earlier one had counted."""
        return len(self._again[index])


def _done(step: PlanStage) -> _Done:
    if step.kind == "shadow":
        return "copied"
    return "thrown" if step.share < 1 else "given"


def _met_under_coin(came: pd.DataFrame, comparable: pd.DataFrame, step: PlanStage) -> pd.DataFrame:
    """What compares something, and with it the entities that came in a hard time, which count for no arm.

    The champion's were answered then and may not come back; the candidate's were turned away, and do. Were
    they counted when they come again, the candidate would get more of them than its share.
    """
    of_this_coin = (came["share"] - step.share).abs() < _ROUNDING
    turned = (came["arm"] == "none") & (came["unit"] != "") & of_this_coin
    return came[came.index.isin(comparable.index) | turned]


def _given(exchanges: pd.DataFrame) -> set[str]:
    """The entities that the candidate got."""
    return set(exchanges.loc[exchanges["arm"] == "candidate", "unit"]) - {""}


def comparable(exchanges: pd.DataFrame, state: State, index: int) -> pd.DataFrame:
    """Return the exchanges of a step that compare something.

    Those of no arm (the caller named a version, it was taken out meanwhile, the gateway was too busy) and
    those of another coin count for nobody.

    Args:
        exchanges: one row a request, columns as in ``Exchange``.
        state: the release.
        index: the step.
    """
    step, candidate = state.plan.steps[index], version_number(state.release.candidate)
    if step.kind == "shadow":
        return exchanges[exchanges["arm"] == "champion"]
    thrown = exchanges[(exchanges["share"] - step.share).abs() < _ROUNDING]
    return thrown[
        (thrown["arm"] == "champion") | ((thrown["arm"] == "candidate") & (thrown["version"] == candidate))
    ]


def tally(exchanges: pd.DataFrame, state: State, index: int) -> Tally:
    """Count the exchanges of one step.

    Args:
        exchanges: from ``comparable``.
        state: the release.
        index: the step.
    """
    if state.plan.steps[index].kind == "shadow":
        return _shadow(exchanges, state)
    return _canary(exchanges, state, index)


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


def _shadow(requests: pd.DataFrame, state: State) -> ShadowTally:
    """Requests of the champion and, of those it answered, the copies that the candidate got."""
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


def _canary(thrown: pd.DataFrame, state: State, index: int) -> CanaryTally:
    """Requests by the arm the coin chose, whoever answered in the end."""
    candidate, champion = thrown[thrown["arm"] == "candidate"], thrown[thrown["arm"] == "champion"]
    guarded, yardsticks = state.plan.metrics.guardrails, state.yardsticks
    return CanaryTally(
        candidate_n=len(candidate),
        candidate_bad=int((candidate["error"] != "").sum()),
        champion_n=len(champion),
        champion_bad=int((champion["error"] != "").sum()),
        slow=slow_counts(candidate, champion, yardsticks.latency_in(index)),
        groups=group_counts(candidate, champion, guarded.column, yardsticks.groups) if guarded else {},
    )


def last_day(traffic: TrafficStore, endpoint: str, now: datetime) -> pd.DataFrame:
    """Return what was captured in the 24 hours before ``now``."""
    return traffic.frame(endpoint, now - timedelta(days=1), now)


def answered_by(exchanges: pd.DataFrame, version: int) -> list[float]:
    """Latencies, in milliseconds, of what a version answered itself as champion."""
    own = (exchanges["arm"] == "champion") & (exchanges["version"] == version) & (exchanges["error"] == "")
    return [float(ms) for ms in exchanges.loc[own, "latency_ms"]]


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
