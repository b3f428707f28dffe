"""How long a test that may be looked at at any time takes: units until the evidence suffices, simulated.

Evidence moves in one direction with each kind of event, so for every count of one kind there is a last count
of the other with which the threshold is still reached. A run is then a walk that meets this boundary, drawn
event by event; nothing is computed for the many requests at which nothing happened, and one that looks after
every request stops at the very same one. Where events are many the walk is drawn, and looked at, in strides
of half a per cent: a run stops that much later at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.core.errors import InvalidInput
from workbench.stats.sequential import log_e_order, log_e_ratios

Array = NDArray[np.float64]

#: Events of the first kind after which a run counts as not settled.
_MOST_EVENTS = 10**6
#: Events of the second kind, likewise.
_MOST_REST = 10**10

#: Events of the first kind that are drawn one by one, and how far apart looks are after them.
_ONE_BY_ONE = 400
_STRIDE = 0.005
#: Counts of which the boundary is worked out at once: most runs need no more.
_BLOCK = 200

_MOST_UNITS = 1e9

#: Looks at an ordering of two distributions: how far apart, and from which part of what is expected up to
#: how many times that.
_LOOKS_APART = 1.03
_FIRST_LOOK, _LAST_LOOK = 1 / 30, 20.0


class _Test(NamedTuple):
    """What is asked of the two kinds of event, as in ``log_e_ratio``, and at which level."""

    share: float
    alpha: float
    log_ratio: float
    sign: int


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
    bad, rest = _walk(random, runs, mine, _Test(share, alpha, log_ratio, sign))
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
    bad, good = _walk(random, runs, rate, _Test(objective, alpha, 0.0, sign))
    return Stops(bad + good, bad + good)


def until_order(
    candidate_over: ArrayLike,
    champion_over: ArrayLike,
    share: float,
    *,
    alpha: float,
    runs: int = 200,
    seed: int = 0,
) -> float:
    """Simulate comparisons of two distributions until ``log_e_order`` reaches ln(1/alpha).

    Args:
        candidate_over: chance that a unit of the candidate exceeds each threshold, these in ascending order.
        champion_over: likewise of the champion.
        share: probability that the coin gives the candidate.
        alpha: the level.
        runs: how many.
        seed: of the generator: the same numbers every time.

    Returns:
        Median of the candidate's units; infinite when half of the runs did not stop.
    """
    mine, theirs = (np.asarray(x, dtype=float) for x in (candidate_over, champion_over))

    def path(units: float) -> float:
        return log_e_order(units * share * mine[:, None], units * (1 - share) * theirs[:, None], [share])

    random, stops = np.random.default_rng(seed), np.full(runs, np.inf)
    going, units = np.arange(runs), 0
    given, over = np.zeros(runs, dtype=int), np.zeros((2, runs, len(mine)))
    for look in _looks(until_expected(path, alpha)):
        now = random.binomial(look - units, share, size=len(going))
        given += now
        over[0] += _exceeding(random, now, mine)
        over[1] += _exceeding(random, look - units - now, theirs)
        kernels = log_e_ratios(over[0].reshape(-1, 1), over[1].reshape(-1, 1), [share])
        log_e = np.logaddexp.reduce(kernels.reshape(-1, len(mine)), axis=1) - math.log(len(mine))
        hit, units = log_e >= math.log(1 / alpha), look
        stops[going[hit]] = given[hit]
        going, given, over = going[~hit], given[~hit], over[:, ~hit]
        if 2 * len(going) < runs:
            break  # the others stop later than the median
    return float(np.median(stops))


def _looks(expected: float) -> list[int]:
    """Counts of units at which a run is looked at, where so many are expected."""
    if not math.isfinite(expected):
        return []
    looks = math.ceil(math.log(_LAST_LOOK / _FIRST_LOOK, _LOOKS_APART))
    found = np.unique(np.ceil(expected * np.geomspace(_FIRST_LOOK, _LAST_LOOK, looks)))
    return [int(units) for units in found]


def _exceeding(random: np.random.Generator, units: NDArray[np.int_], over: Array) -> NDArray[np.int_]:
    """Of so many units of each run, how many exceed each threshold; shape (runs, thresholds)."""
    between = -np.diff(over, prepend=1.0, append=0.0)
    counts = random.multinomial(units, between)
    return np.asarray(counts[:, :0:-1].cumsum(axis=1)[:, ::-1])


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


def boundary(events: ArrayLike, share: float, alpha: float, log_ratio: float = 0.0, sign: int = +1) -> Array:
    """For counts of the candidate's events, how many of the champion still settle it, or settle it at last.

    Args:
        events: the counts, in ascending order.
        share: as ``log_e_ratio``.
        alpha: the level.
        log_ratio: as ``log_e_ratio``.
        sign: as ``log_e_ratio``.

    Returns:
        With sign +1 the greatest count of the champion with which the evidence reaches ln(1/alpha), -1 where
        there is none; with sign -1 the smallest, infinite where there is none. Shape of ``events``.
    """
    bad, test = np.asarray(events, dtype=float), _Test(share, alpha, log_ratio, sign)
    ends = _bisected(bad[[0, -1]], test, -1, _MOST_REST)
    edge = _bisected(bad, test, ends[0] - (sign < 0), ends[1] + (sign > 0))  # it grows with the events
    return edge if sign > 0 else np.where(edge < _MOST_REST, edge, np.inf)


def _bisected(bad: Array, test: _Test, low: float, high: float) -> Array:
    """The boundary where it is known to lie between two counts: one settles it, and the other does not."""
    threshold, share = math.log(1 / test.alpha), np.array([test.share])
    lows, highs = np.full_like(bad, low), np.full_like(bad, high)
    for _ in range(math.ceil(math.log2(max(high - low, 1)))):
        middle = np.floor((lows + highs) / 2)
        rest = np.maximum(middle, 0)
        settled = log_e_ratios(bad[:, None], rest[:, None], share, test.log_ratio, test.sign) >= threshold
        below = settled == (test.sign > 0)
        lows, highs = np.where(below, middle, lows), np.where(below, highs, middle)
    return lows if test.sign > 0 else highs


@lru_cache(maxsize=2)
def _blocks(sign: int) -> tuple[Array, ...]:
    """The counts of the first kind at which one looks: all (with sign +1 but none), and then in strides."""
    strides = math.ceil(math.log(_MOST_EVENTS / _ONE_BY_ONE) / math.log1p(_STRIDE))
    far = np.floor(np.geomspace(_ONE_BY_ONE, _MOST_EVENTS, strides + 1))[1:]
    counts = np.concatenate([np.arange(1.0 if sign > 0 else 0.0, _ONE_BY_ONE + 1), far])
    return tuple(counts[at : at + _BLOCK] for at in range(0, len(counts), _BLOCK))


@lru_cache(maxsize=512)
def _edge(block: int, test: _Test) -> Array:
    edge = boundary(_blocks(test.sign)[block], *test)
    edge.setflags(write=False)  # it is remembered
    return edge


def _walk(random: np.random.Generator, runs: int, chance: float, test: _Test) -> tuple[Array, Array]:
    """Counts of both kinds of event where each run meets the boundary; infinite where it does not."""
    bad, rest = np.full(runs, np.inf), np.full(runs, np.inf)
    if chance == 0:  # one kind never comes
        return (np.zeros(runs), np.full(runs, _edge(0, test)[0])) if test.sign < 0 else (bad, rest)
    going, came, before = np.arange(runs), 0.0, np.zeros((runs, 1))
    for block, counts in enumerate(_blocks(test.sign)):
        edge = _edge(block, test)
        until = counts + (test.sign < 0)  # one looks at the event itself, or just before the next
        gaps = random.negative_binomial(np.diff(until, prepend=came), chance, size=(len(going), len(until)))
        others = before + np.cumsum(gaps, axis=1)  # events of the second kind that came before
        if test.sign > 0:
            hit, reached = others <= edge, others
        else:
            hit = others >= edge
            reached = np.maximum(edge, np.concatenate([before, others[:, :-1]], axis=1))
        first, found = hit.argmax(axis=1), hit.any(axis=1)
        bad[going[found]] = counts[first[found]]
        rest[going[found]] = reached[found, first[found]]
        going, before, came = going[~found], others[~found, -1:], until[-1]
        if not len(going):
            break
    return bad, rest


def _require_shares(**rates: float) -> None:
    for name, rate in rates.items():
        if not 0 <= rate <= 1:
            raise InvalidInput(
                f"{name}: {rate:g} is no rate.", remedy="Give a number from 0 to 1.", field=name
            )
