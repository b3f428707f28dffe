"""How long a test that may be looked at at any time takes: units until the evidence suffices, simulated.

Evidence moves in one direction with each kind of event, so for every count of one kind there is a last count
of the other with which the threshold is still reached. A run is then a walk that meets this boundary, drawn
event by event; nothing is computed for the many requests at which nothing happened, and one that looks after
every request stops at the very same one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench.core.errors import InvalidInput
from workbench.stats.sequential import log_e_ratios

Array = NDArray[np.float64]

#: Events of the first kind after which a run counts as not settled.
_MOST_EVENTS = 1500
#: Events of the second kind, likewise.
_MOST_REST = 10**7

_MOST_UNITS = 1e9


class Stops(NamedTuple):
    """Where simulated runs stopped; infinite for those that did not."""

    candidate: Array
    """Units of the candidate, shape (runs,)."""
    units: Array
    """Units of both arms, likewise."""

    @property
    def median(self) -> float:
        """Median of the candidate's units; infinite when half of the runs did not stop."""
        return float(np.median(self.candidate))


def until_settled(
    candidate_rate: float,
    champion_rate: float,
    share: float,
    *,
    alpha: float,
    log_ratio: float = 0.0,
    sign: int = +1,
    runs: int = 1000,
    seed: int = 0,
) -> Stops:
    """Simulate comparisons of two rates until ``log_e_ratio`` reaches ln(1/alpha).

    Args:
        candidate_rate: chance that a unit of the candidate has an event.
        champion_rate: likewise of the champion.
        share: probability that the coin gives the candidate.
        alpha: the level.
        log_ratio: δ0 of the null hypothesis.
        sign: +1 stops when the candidate is proved worse, -1 when it is proved no worse.
        runs: how many.
        seed: of the generator: the same numbers every time.

    Raises:
        InvalidInput: a rate or a share that is none.
    """
    _require_shares(candidate_rate=candidate_rate, champion_rate=champion_rate)
    either = share * candidate_rate + (1 - share) * champion_rate
    never = np.full(runs, np.inf)
    if either == 0:
        return Stops(never, never)
    random = np.random.default_rng(seed)
    mine = share * candidate_rate / either
    bad, rest = _walk(random, runs, mine, boundary(share, alpha, log_ratio, sign), sign)
    stopped = np.isfinite(bad)
    events = np.where(stopped, bad + rest, 1).astype(int)
    quiet = random.negative_binomial(events, either) if either < 1 else np.zeros(runs, dtype=int)
    of_quiet = share * (1 - candidate_rate) / (1 - either) if either < 1 else 0.0
    candidate = np.where(stopped, bad, 0) + random.binomial(quiet, of_quiet)
    return Stops(
        np.where(stopped, candidate, np.inf).astype(float), np.where(stopped, events + quiet, np.inf)
    )


def until_objective(
    rate: float, objective: float, *, alpha: float, sign: int = +1, runs: int = 1000, seed: int = 0
) -> Stops:
    """Simulate units of one rate until ``log_e_objective`` reaches ln(1/alpha); arguments as there.

    Raises:
        InvalidInput: a rate that is none.
    """
    _require_shares(rate=rate)
    random = np.random.default_rng(seed)
    bad, good = _walk(random, runs, rate, boundary(objective, alpha, 0.0, sign), sign)
    return Stops(bad + good, bad + good)


def until_expected(log_e: Callable[[float], float], alpha: float) -> float:
    """Return the units after which the evidence would suffice if every count were just what is expected.

    Args:
        log_e: ln E as a function of the units so far.
        alpha: the level.

    Returns:
        Units; infinite when a billion would not do.
    """
    threshold = math.log(1 / alpha)
    if log_e(_MOST_UNITS) < threshold:
        return math.inf
    low, high = 1.0, _MOST_UNITS
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if log_e(middle) >= threshold else (middle, high)
    return high


@lru_cache(maxsize=64)
def boundary(share: float, alpha: float, log_ratio: float = 0.0, sign: int = +1) -> Array:
    """For 0, 1, 2 … events of the candidate, how many of the champion still settle it, or settle it at last.

    Returns:
        With sign +1 the greatest count of the champion with which the evidence reaches ln(1/alpha), -1 where
        there is none; with sign -1 the smallest. Shape (events,).
    """
    bad = np.arange(_MOST_EVENTS + 1, dtype=float)
    threshold = math.log(1 / alpha)

    def settled(rest: Array) -> NDArray[np.bool_]:
        return log_e_ratios(bad[:, None], rest[:, None], np.array([share]), log_ratio, sign) >= threshold

    low, high = np.full_like(bad, -1), np.full_like(bad, _MOST_REST)
    for _ in range(math.ceil(math.log2(_MOST_REST + 1)) + 1):
        middle = np.floor((low + high) / 2)
        on_the_low_side = settled(np.maximum(middle, 0)) == (sign > 0)
        low, high = np.where(on_the_low_side, middle, low), np.where(on_the_low_side, high, middle)
    edge = low if sign > 0 else high
    edge.setflags(write=False)  # it is remembered
    return edge


def _walk(
    random: np.random.Generator, runs: int, chance: float, edge: Array, sign: int
) -> tuple[Array, Array]:
    """Counts of both kinds of event where each run meets the boundary; infinite where it does not."""
    if chance == 0:  # one kind never comes
        return (np.zeros(runs), np.full(runs, edge[0])) if sign < 0 else (np.full(runs, np.inf),) * 2
    gaps = random.geometric(chance, size=(runs, len(edge))) - 1
    before = np.cumsum(gaps, axis=1)  # events of the second kind until the first, second … of the first
    if sign > 0:
        hit = before[:, :-1] <= edge[1:]
        reached = before[:, :-1]
    else:
        hit = before >= edge
        reached = np.maximum(edge, np.concatenate([np.zeros((runs, 1)), before[:, :-1]], axis=1))
    first, found = hit.argmax(axis=1), hit.any(axis=1)
    rest = reached[np.arange(runs), first]
    return np.where(found, first + (sign > 0), np.inf), np.where(found, rest, np.inf)


def _require_shares(**rates: float) -> None:
    for name, rate in rates.items():
        if not 0 <= rate <= 1:
            raise InvalidInput(
                f"{name}: {rate:g} is no rate.", remedy="Give a number from 0 to 1.", field=name
            )
