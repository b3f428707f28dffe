"""How far a distribution is from a reference, from the counts of both on the same bins.

Counts add up, so months of traffic are compared without reading a row again. All measures take counts of
shape (..., k) and give shape (...). All of them are above zero for two samples of one distribution, the more
so the fewer rows there are; ``interval`` takes that out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.intervals import normal_quantile

Array = npt.NDArray[Any]

_EXPECTED = 5
"""Cells in which fewer rows are to be expected are added up: the chi-square distribution needs as many."""

Effect = Callable[[Array, Array], Array]
"""Counts of the reference and of the current rows, each (..., k), to a distance, (...)."""


def psi(reference: Array, current: Array) -> Array:
    """Population stability index, Σ (p - q) ln(p/q): Jeffreys' divergence. Usual readings: 0.1 and 0.25.

    Half a row is added to every bin, or one empty bin would make it infinite.
    """
    p, q = _smoothed(reference), _smoothed(current)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def jensenshannon(reference: Array, current: Array) -> Array:
    """Jensen-Shannon distance: the root of the divergence in natural logarithms, 0 to √ln 2 = 0.83."""
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return np.asarray(np.sqrt(np.maximum(divergence, 0.0)))


def ks(reference: Array, current: Array) -> Array:
    """Kolmogorov-Smirnov distance: the greatest gap of the distribution functions at an edge of the bins."""
    return np.asarray(np.abs(_gaps(reference, current)).max(axis=-1))


def wasserstein(reference: Array, current: Array, positions: Array | None = None) -> Array:
    """Wasserstein distance of ordered bins, in standard deviations of the reference.

    Args:
        reference: counts, (..., k).
        current: counts, (..., k).
        positions: where each bin lies, ascending, shape (k,): for example the mean of the reference in it.
            Default: the bins' numbers.
    """
    x = (
        np.arange(reference.shape[-1], dtype=float)
        if positions is None
        else np.asarray(positions, dtype=float)
    )
    x = x / (np.abs(x).max() or 1.0)  # the unit cancels; squares of great numbers would overflow
    p = _shares(reference)
    mean = (p * x).sum(axis=-1, keepdims=True)
    spread = np.sqrt((p * (x - mean) ** 2).sum(axis=-1))
    moved = (np.abs(_gaps(reference, current))[..., :-1] * np.diff(x)).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):  # a constant reference: nothing, or infinitely far
        return np.asarray(np.where(moved == 0, 0.0, moved / spread))


@dataclass(frozen=True)
class Distance:
    """A distance between two samples, and how far it would vary if both were drawn again.

    Noise adds to a distance, so the drawn ones exceed v by about as much as v exceeds the truth, on the scale
    of squares, where noise adds (the PSI is a square already). The low end reads the drawn ones in reverse,
    2v² - q_high². The high end is the length from which v would lie a quantile low, (v + z s)² less the
    excess, for the spread s of a drawn length hardly depends on the length; for KS and
    Wasserstein, linear in the gaps, it is as drawn, which errs on the wide side. Quantiles are
    normal: so far tails, which many columns need, come out of few draws. Ends are cut at 0, and hold v.

    Measured, 10 bins, 100 to 5,000 rows a side: ends with a tail of 2.5 % miss the truth in 0 to 5 of 100
    samples, with one of 0.5 % in 0 to 2.

    Source: Davison and Hinkley, "Bootstrap methods and their application", 1997, basic interval, section 5.2.
    """

    value: float
    """As it stands in the rows; NaN when a side is empty, or it is infinite."""
    mean: float
    """Of the drawn lengths."""
    spread: float
    """Standard deviation of the drawn lengths."""
    power: int
    """2: the value is the square of a length (the PSI); 1: it is a length."""
    as_drawn: bool
    """The high end is read as drawn, not in reverse."""

    def low(self, tail: float) -> float:
        """End that the truth lies below with chance ``tail``."""
        if np.isnan(self.value):
            return 0.0
        square = 2 * self._length**2 - self._quantile(1 - tail) ** 2
        return float(min(max(0.0, square) ** (self.power / 2), self.value))

    def high(self, tail: float) -> float:
        """End that the truth lies above with chance ``tail``; infinite when a side is empty."""
        if np.isnan(self.value):
            return float("inf")
        if self.as_drawn:
            return max(self._quantile(1 - tail), self.value)
        square = (self._length + normal_quantile(1 - tail) * self.spread) ** 2 - self._excess
        return float(max(max(0.0, square) ** (self.power / 2), self.value))

    def p_beyond(self, margin: float) -> float:
        """Evidence against "the distance is at most the margin": the least ``tail`` with low > margin."""
        square = 2 * self._length**2 - margin ** (2 / self.power)
        if np.isnan(self.value) or self.value <= margin or square <= 0:
            return 1.0
        return self._tail(square**0.5 - self.mean)

    def p_within(self, margin: float) -> float:
        """Evidence against "the distance is at least the margin": the least ``tail`` with high <= margin."""
        if np.isnan(self.value) or self.value > margin:
            return 1.0
        if self.as_drawn:
            return self._tail(margin - self.mean)
        return self._tail((margin ** (2 / self.power) + self._excess) ** 0.5 - self._length)

    @property
    def _length(self) -> float:
        return float(self.value ** (1 / self.power))

    @property
    def _excess(self) -> float:
        """By how much the drawn lengths exceed the length, on squares."""
        return float(max(0.0, self.mean**2 - self._length**2))

    def _quantile(self, share: float) -> float:
        return max(0.0, self.mean + normal_quantile(share) * self.spread)

    def _tail(self, gap: float) -> float:
        if self.spread == 0:
            return float(gap < 0)
        return NormalDist().cdf(-gap / self.spread)


def distance(
    effect: Effect, reference: Array, current: Array, *, replicates: int = 1000, seed: int = 0
) -> Distance:
    """Measure a distance and draw both samples anew (multinomial over the bins) to see how far it varies.

    Args:
        effect: one of this module's measures.
        reference: counts of the reference, shape (k,).
        current: counts of the current rows, shape (k,).
        replicates: how often both are drawn.
        seed: of the draws.
    """
    power, as_drawn = (2 if effect is psi else 1), effect not in (psi, jensenshannon)
    n, m = int(reference.sum()), int(current.sum())
    if n == 0 or m == 0:
        return Distance(float("nan"), 0.0, 0.0, power, as_drawn)
    rng = np.random.default_rng(seed)
    drawn = effect(
        rng.multinomial(n, reference / n, size=replicates), rng.multinomial(m, current / m, size=replicates)
    )
    value = float(effect(reference, current))
    lengths = np.maximum(drawn[np.isfinite(drawn)], 0.0) ** (1 / power)
    if not (np.isfinite(value) and len(lengths)):  # Wasserstein's, of a reference without spread
        return Distance(float("nan"), 0.0, 0.0, power, as_drawn)
    value = max(0.0, value)
    return Distance(value, float(lengths.mean()), float(lengths.std()), power, as_drawn)


def interval(
    effect: Effect,
    reference: Array,
    current: Array,
    *,
    level: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """A distance between two samples with an interval for the distance between what they were drawn from.

    Args:
        effect: one of this module's measures.
        reference: counts of the reference, shape (k,).
        current: counts of the current rows, shape (k,).
        level: its level.
        replicates: how often both are drawn.
        seed: of the draws.

    Returns:
        The distance v as it stands in the rows, the low end and the high end. Infinite high end when a side
        is empty.
    """
    found = distance(effect, reference, current, replicates=replicates, seed=seed)
    return found.value, found.low((1 - level) / 2), found.high((1 - level) / 2)


def pearson(reference: Array, current: Array) -> tuple[float, float, int] | None:
    """Chi-square distance of two samples: Σ (p - q)² / r over the cells, r the shares of both together.

    Args:
        reference: counts, shape (k,).
        current: counts, shape (k,).

    Returns:
        The distance, N = n m / (n + m), and the degrees of freedom (0: all is in one cell). N times the
        distance is Pearson's statistic. None when there are too few rows to say anything.
    """
    one_cell = np.count_nonzero(reference + current) == 1
    reference, current = _merged(reference, current)
    n, m = float(reference.sum()), float(current.sum())
    if one_cell and min(n, m) >= 2 * _EXPECTED:
        return 0.0, n * m / (n + m), 0
    if len(reference) < 2 or min(n, m) == 0:
        return None
    both = (reference + current) / (n + m)
    distance = float(((reference / n - current / m) ** 2 / both).sum())
    return distance, n * m / (n + m), len(reference) - 1


def same_p(reference: Array, current: Array) -> float:
    """p-value of Pearson's test that both samples come from one distribution; 1 when it cannot be done."""
    from scipy.special import chdtrc

    found = pearson(reference, current)
    return 1.0 if found is None or found[2] == 0 else float(chdtrc(found[2], found[0] * found[1]))


def _merged(reference: Array, current: Array) -> tuple[Array, Array]:
    """Add up the cells in which the smaller side is to expect too few rows."""
    total = reference + current
    smaller = min(reference.sum(), current.sum())
    rare = total * smaller < _EXPECTED * total.sum()
    if not rare.any():
        return reference, current
    sides = [np.append(side[~rare], side[rare].sum()) for side in (reference, current)]
    kept = sides[0] + sides[1] > 0
    if (sides[0] + sides[1])[-1] * smaller < _EXPECTED * total.sum():
        kept[-1] = False  # still too few together: left out
    return sides[0][kept], sides[1][kept]


def _shares(counts: Array) -> Array:
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def _smoothed(counts: Array) -> Array:
    return _shares(counts + 0.5)


def _gaps(reference: Array, current: Array) -> Array:
    return np.asarray(np.cumsum(_shares(reference), axis=-1) - np.cumsum(_shares(current), axis=-1))


def _relative_entropy(p: Array, q: Array) -> Array:
    """Σ p ln(p/q), with 0 ln 0 = 0. q is a mean of p and another, so it is above 0 where p is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(p > 0, p * np.log(p / q), 0.0).sum(axis=-1))
