"""Tests that hold whenever one looks: evidence for "worse" and for "no worse", request by request.

A p-value looked at again and again rejects a healthy candidate sooner or later. The numbers here are
e-values: under the null hypothesis ``E`` is a non-negative martingale that starts at 1, so by Ville's
inequality P(there is a time t with E_t >= 1/alpha) <= alpha, for finite samples and any stopping rule. All
functions return natural logarithms, because ten million events overflow a float otherwise.

Conditions: each unit is assigned by an independent coin with a known probability; a unit counts at most one
event; both arms are counted at the same age (a slow candidate looks healthy while its failures are still
young).

Source: Ville, 1939; Ramdas and others, "Game-theoretic statistics and safe anytime-valid inference", 2023.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.core.errors import InvalidInput

Array = NDArray[np.float64]

_FORESIGHT = 1000.0
"""Beyond this many times the requests so far, "about how many more" is no useful answer."""


@cache
def _mixture() -> tuple[Array, Array]:
    """The alternatives d_k and the logarithm of their weights, w_k proportional to exp(-d_k²/2)."""
    distances = np.linspace(0.05, 3.0, 60)
    log_weights = -(distances**2) / 2
    return distances, log_weights - np.logaddexp.reduce(log_weights)


def _log_odds(share: Array, log_ratio: Array) -> tuple[Array, Array]:
    """Return ln θ and ln(1-θ) for θ = ρe^δ / (1-ρ+ρe^δ)."""
    log_candidate, log_champion = np.log(share) + log_ratio, np.log1p(-share)
    total = np.logaddexp(log_candidate, log_champion)
    return log_candidate - total, log_champion - total


@lru_cache(maxsize=256)
def _per_event(shares: tuple[float, ...], log_ratio: float, sign: int) -> tuple[Array, Array]:
    """What one event of each arm adds to the log-likelihood ratio, by step and alternative."""
    rho, distances = np.array(shares), _mixture()[0]
    null, null_rest = _log_odds(rho, np.full_like(rho, log_ratio))
    alternative, rest = _log_odds(rho[:, None], (log_ratio + sign * distances)[None, :])
    return alternative - null[:, None], rest - null_rest[:, None]


def log_e_ratio(
    bad_candidate: ArrayLike,
    bad_champion: ArrayLike,
    share: ArrayLike,
    log_ratio: float = 0.0,
    sign: int = +1,
) -> float:
    """Evidence about the ratio of two event rates, of a candidate and a champion.

    Given that an event happened, the chance that it was the candidate's is θ = ρe^δ / (1-ρ+ρe^δ), with ρ the
    coin's share and δ the log risk ratio; base rates common to both arms cancel, however they burst. Against
    60 alternatives δ0 ± d the likelihood ratios are averaged, so E is a test martingale under the null's
    boundary and below 1 in expectation inside it; by Ville's inequality it may be looked at after every
    request, and ρ may change between weight steps.

    Args:
        bad_candidate: events of the candidate, one number or one for each weight step.
        bad_champion: events of the champion, likewise.
        share: probability that the coin gave the candidate, likewise; strictly between 0 and 1.
        log_ratio: δ0, the log risk ratio of the null hypothesis.
        sign: +1 tests RR <= e^δ0 (large E: the candidate is worse), -1 tests RR >= e^δ0 (large E: no worse).

    Returns:
        ln E. 0.0 with no events. Reject at level alpha when it is at least ln(1/alpha).

    Raises:
        InvalidInput: a share outside (0, 1), a negative count, or a sign that is neither +1 nor -1.
    """
    c, s, rho = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(x, dtype=float)) for x in (bad_candidate, bad_champion, share))
    )
    return float(log_e_ratios(c[None], s[None], rho, log_ratio, sign)[0])


def log_e_ratios(
    bad_candidate: ArrayLike,
    bad_champion: ArrayLike,
    share: ArrayLike,
    log_ratio: float = 0.0,
    sign: int = +1,
) -> Array:
    """``log_e_ratio`` of many looks at once, or of many places where one looks.

    Args:
        bad_candidate: events of the candidate, shape (looks, steps).
        bad_champion: events of the champion, likewise.
        share: probability that the coin gave the candidate, shape (steps,).
        log_ratio: as ``log_e_ratio``.
        sign: as ``log_e_ratio``.

    Returns:
        ln E of each look, shape (looks,). It holds 60 numbers a look in memory.

    Raises:
        InvalidInput: as ``log_e_ratio``.
    """
    c, s, rho = (np.asarray(x, dtype=float) for x in (bad_candidate, bad_champion, share))
    _check(c, s, rho, sign)
    of_candidate, of_champion = _per_event(tuple(rho.tolist()), log_ratio, sign)
    ratios = c @ of_candidate + s @ of_champion + _mixture()[1]
    highest = ratios.max(axis=1)
    log_e: Array = highest + np.log(np.exp(ratios - highest[:, None]).sum(axis=1))
    log_e[(c + s).sum(axis=1) == 0] = 0.0  # exactly, not but for the rounding of the weights
    return log_e


def log_e_order(slow_candidate: ArrayLike, slow_champion: ArrayLike, share: ArrayLike) -> float:
    """Evidence that a candidate's values are greater, from how often both arms exceed a few thresholds.

    The thresholds are frozen before the first unit. While the candidate's values are stochastically no
    greater than the champion's, the kernel of every threshold is a test martingale, and so is their mean.
    Nothing is asked of moments or of the shape.

    Args:
        slow_candidate: units of the candidate above each threshold, shape (thresholds, steps).
        slow_champion: likewise of the champion.
        share: probability that the coin gave the candidate, shape (steps,).

    Returns:
        ln E. Reject at level alpha when it is at least ln(1/alpha).

    Raises:
        InvalidInput: as ``log_e_ratio``.
    """
    kernels = log_e_ratios(slow_candidate, slow_champion, share)
    return float(np.logaddexp.reduce(kernels) - math.log(len(kernels)))


def log_e_objective(bad: ArrayLike, good: ArrayLike, p0: float, sign: int = +1) -> float:
    """Evidence about an absolute rate of independent units: ``log_e_ratio`` with ρ the objective.

    Args:
        bad: units with an event.
        good: units without.
        p0: the objective, strictly between 0 and 1.
        sign: +1 tests rate <= p0 (large E: above the objective), -1 tests rate >= p0 (large E: below it).

    Returns:
        ln E, as ``log_e_ratio``.
    """
    return log_e_ratio(bad, good, p0, 0.0, sign)


def log_e_sample_ratio(counts: ArrayLike, shares: ArrayLike, prior: float = 100.0) -> float:
    """Evidence that the arms did not get the shares the coin promised (k arms, Dirichlet mixture a = 100 θ).

    Args:
        counts: units by arm, shape (k,).
        shares: promised shares, shape (k,), summing to 1.
        prior: concentration of the Dirichlet around the promise.

    Returns:
        ln E; when it reaches ln(1/0.001) the evidence of the release is void.
    """
    n, theta = np.asarray(counts, dtype=float), np.asarray(shares, dtype=float)
    a = prior * theta
    gamma = np.vectorize(math.lgamma, otypes=[float])
    log_marginal = math.lgamma(a.sum()) - math.lgamma(a.sum() + n.sum()) + (gamma(a + n) - gamma(a)).sum()
    return float(log_marginal - (n * np.log(theta)).sum())


def rate_interval(bad: float, n: float, alpha: float = 0.05) -> tuple[float, float]:
    """Confidence sequence for one rate: holds at every n at once (beta mixture B(½, ½)).

    An always-valid interval is wider than a fixed one: about 1.9 times Wilson's at 1,000 units.

    Args:
        bad: units with an event, S.
        n: units.
        alpha: chance that the truth is ever outside.

    Returns:
        The ends of {p : ln B(½+S, ½+n-S) - ln B(½, ½) - S ln p - (n-S) ln(1-p) < ln(1/alpha)}.
    """
    if n == 0:
        return 0.0, 1.0
    bound = math.log(1 / alpha) - (_log_beta(0.5 + bad, 0.5 + n - bad) - _log_beta(0.5, 0.5))
    estimate = bad / n

    def outside(p: float) -> bool:
        return -_xlogy(bad, p) - _xlogy(n - bad, 1 - p) >= bound

    return _edge(outside, 0.0, estimate), _edge(outside, 1.0, estimate)


def _edge(outside: Callable[[float], bool], far: float, near: float) -> float:
    """Bisect between a point outside the set and the estimate inside it."""
    if far == near:
        return far
    for _ in range(60):
        middle = (far + near) / 2
        far, near = (middle, near) if outside(middle) else (far, middle)
    return far


def _xlogy(x: float, p: float) -> float:
    if x == 0:
        return 0.0
    return -math.inf if p <= 0 else x * math.log(p)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def requests_needed(log_e: Callable[[float], float], requests: int, alpha: float) -> int | None:
    """About how many more requests settle it, if they are like those so far.

    Args:
        log_e: ln E as a function of a factor on the counts so far, for example
            ``lambda m: log_e_ratio(c * m, s * m, share)``.
        requests: how many there were.
        alpha: the level; it is settled at ln(1/alpha).

    Returns:
        0 when it is settled; None when a thousand times the requests so far would not do: then the data lean
        neither way, or the other.
    """
    threshold = math.log(1 / alpha)
    if log_e(1.0) >= threshold:
        return 0
    if requests == 0 or log_e(_FORESIGHT) < threshold:
        return None
    low, high = 1.0, _FORESIGHT
    for _ in range(16):  # to a ten-thousandth: it is an estimate
        middle = math.sqrt(low * high)
        low, high = (low, middle) if log_e(middle) >= threshold else (middle, high)
    return math.ceil(requests * (high - 1))


def _check(candidate: Array, champion: Array, share: Array, sign: int) -> None:
    if sign not in (1, -1):
        raise InvalidInput(
            f"sign: it is +1 or -1, not {sign}.", remedy="Give 1 where more is worse.", field="sign"
        )
    if not ((share > 0) & (share < 1)).all():
        raise InvalidInput(
            "share: it lies strictly between 0 and 1.",
            remedy="Leave out steps in which one arm got everything: they say nothing.",
            field="share",
        )
    if not ((candidate >= 0) & (champion >= 0)).all():
        raise InvalidInput(
            "Counts of events are not negative.", remedy="Count them again.", field="bad_candidate"
        )
