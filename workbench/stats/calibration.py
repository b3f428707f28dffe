"""Whether probabilities mean what they say: calibration error, logistic recalibration, conformal sets.

The plug-in calibration error Σ w_b |observed_b - said_b| is above zero for a perfectly calibrated model:
noise has no sign there. ``calibration_error`` takes that out and keeps the plug-in value and
its floor beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.stats.intervals import normal_quantile

Array = npt.NDArray[Any]

ROWS_PER_BIN = 20
"""With fewer rows a bin's share is not near enough to normal, so there are fewer bins."""

_SCALES = np.concatenate([[0.0], np.geomspace(0.02, 8, 80)])
_CLIP = 1e-6
"""A probability of 0 or 1 has no logit: it is moved this far inside."""


@dataclass(frozen=True)
class Bins:
    """Rows by score, in bins of about equally many rows; each field has shape (bins,)."""

    n: Array
    said: Array
    """Mean score."""
    observed: Array
    """Share of positives."""

    @property
    def gaps(self) -> Array:
        """Observed less said."""
        return self.observed - self.said


@dataclass(frozen=True)
class CalibrationError:
    """``value`` is free of the bias of ``plug_in``; ``floor`` is what perfect calibration would show."""

    value: float
    low: float
    high: float
    plug_in: float
    floor: float
    floor_low: float
    floor_high: float
    bins: int


def equal_mass_bins(scores: Array, positive: Array, bins: int = 15) -> Bins:
    """Put rows in bins of equally many; equal scores stay together, so there may be fewer bins.

    Args:
        scores: probabilities, shape (n,), at least one.
        positive: True where the event happened, shape (n,).
        bins: most bins; fewer when a bin would have fewer than ``ROWS_PER_BIN`` rows.
    """
    most = max(1, min(bins, len(scores) // ROWS_PER_BIN))
    edges = np.unique(np.quantile(scores, np.arange(1, most) / most)) if most > 1 else np.empty(0)
    place = np.searchsorted(edges, scores, side="left")
    n = np.bincount(place, minlength=len(edges) + 1)
    used = n > 0
    said, observed = (np.bincount(place, x, len(edges) + 1)[used] / n[used] for x in (scores, positive))
    return Bins(n[used], said, observed)


def calibration_error(
    bins: Bins, confidence: float = 0.95, *, replicates: int = 1000, seed: int = 0
) -> CalibrationError:
    """Expected calibration error of binned rows, Σ w_b |γ_b| for the gaps γ that the rows were drawn from.

    The gaps seen are γ plus noise whose variance is known from the bins, so the plug-in value of any γ can be
    drawn. Gaps of the observed shape are scaled by c = 0, …, 8, and the value is that of the c whose median
    plug-in is the one seen; low and high end are those c whose draws just still reach it. With c = 0 among
    them the low end is 0: perfect calibration could have shown these rows. The interval is the union over
    three shapes (the gaps, the gaps less their noise, the gaps beyond it). Rows that fit better than perfect
    calibration would, as after recalibrating on them, have the floor for a high end. An error that averages
    out within a bin is not seen.

    Measured, 15 bins, 60 to 10,000 rows, errors in every bin or in one: covers the truth in 91 to 97 of 100
    samples at level 0.95.

    Source: test inversion, Davison and Hinkley, "Bootstrap methods and their application", 1997, section 5.6;
    the bias: Bröcker, 2012, and Roelofs et al., "Mitigating bias in calibration error estimation", 2022.
    """
    weight = bins.n / bins.n.sum()
    plug_in = float(weight @ np.abs(bins.gaps))
    noise = np.random.default_rng(seed).standard_normal((replicates, len(weight)))
    tail = (1 - confidence) / 2
    found = [_inverted(shape, bins, noise, seen=plug_in, tail=tail) for shape in _shapes(bins)]
    value = float(np.mean([value for value, _, _ in found[:2]]))
    low, high = min(low for _, low, _ in found), max(high for _, _, high in found)
    under_perfect = _perfect(bins, weight, noise)
    floor, (floor_low, floor_high) = under_perfect.mean(), np.quantile(under_perfect, [tail, 1 - tail])
    high = max(high, floor) if plug_in < floor_low else high
    return CalibrationError(
        value=min(value, 1.0),
        low=min(low, value, 1.0),
        high=min(max(high, value), 1.0),
        plug_in=plug_in,
        floor=float(floor),
        floor_low=float(floor_low),
        floor_high=float(floor_high),
        bins=len(weight),
    )


def _shapes(bins: Bins) -> list[Array]:
    """The gaps, the gaps less their noise, those beyond it: an error may be in every bin or in one."""
    gaps, error = bins.gaps, _smoothed_errors(bins)
    shrunk = np.sqrt(np.maximum(gaps**2 - error**2, 0.0)) * np.sign(gaps)
    found = [gaps, shrunk, np.where(np.abs(gaps) > 2.5 * error, gaps, 0.0)]
    return [shape for shape in found if shape.any()] or [gaps]


def _inverted(
    shape: Array, bins: Bins, noise: Array, *, seen: float, tail: float
) -> tuple[float, float, float]:
    """Value, low and high end of Σ w |γ| over gaps γ of one shape whose plug-in could be the one seen."""
    weight, error = bins.n / bins.n.sum(), _smoothed_errors(bins) * noise
    drawn = np.stack([np.abs(scale * shape + error) @ weight for scale in _SCALES])
    curves = np.quantile(drawn, [tail, 0.5, 1 - tail], axis=1)
    most, middle, least = (_scale_reaching(seen, np.maximum.accumulate(curve)) for curve in curves)
    whole = float(weight @ np.abs(shape))
    return middle * whole, least * whole, most * whole


def _smoothed_errors(bins: Bins) -> Array:
    return _errors(bins.n, (bins.observed * bins.n + 1) / (bins.n + 2))


def _perfect(bins: Bins, weight: Array, noise: Array) -> Array:
    """Plug-in values if every bin's share were what it said, shape (replicates,)."""
    return np.asarray(np.abs(_errors(bins.n, bins.said) * noise) @ weight)


def _errors(n: Array, share: Array) -> Array:
    return np.asarray(np.sqrt(np.clip(share * (1 - share), 0, None) / n))


def _scale_reaching(seen: float, curve: Array) -> float:
    """The scale at which a rising curve reaches what was seen; 0 when it is above it from the start."""
    if curve[0] >= seen:
        return 0.0
    return float(np.interp(seen, curve, _SCALES))


@dataclass(frozen=True)
class Recalibration:
    """Logistic recalibration, logit P(y) = intercept + slope · logit(score): calibrated is 0 and 1."""

    slope: float
    low: float
    high: float
    intercept: float
    """At slope 1: calibration in the large on the scale of the logit."""


def calibration_slope(scores: Array, positive: Array, confidence: float = 0.95) -> Recalibration | None:
    """Fit the slope by maximum likelihood, its interval by the sandwich variance, which needs no right model.

    Below 1 the scores are too extreme (overconfident), above 1 too timid.

    Source: Cox, 1958; Van Calster et al., "Calibration: the Achilles heel of predictive analytics", 2019.

    Args:
        scores: probabilities, shape (n,).
        positive: True where the event happened, shape (n,).
        confidence: level of the interval.

    Returns:
        None where there is no finite slope: one class only, scores all alike, or classes that a score parts.
    """
    p = np.clip(np.asarray(scores, dtype=float), _CLIP, 1 - _CLIP)
    x, y = np.log(p / (1 - p)), np.asarray(positive, dtype=float)
    if np.ptp(x) < 1e-9 or y.min() == y.max() or _parted(x, y):
        return None
    design = np.column_stack([np.ones_like(x), x])
    found = _newton(design, y)
    if found is None:
        return None
    fitted = _logistic(design @ found)
    bread = np.linalg.pinv((design * (fitted * (1 - fitted))[:, None]).T @ design)
    spread = design * (y - fitted)[:, None]
    half = normal_quantile((1 + confidence) / 2) * float((bread @ (spread.T @ spread) @ bread)[1, 1]) ** 0.5
    slope = float(found[1])
    return Recalibration(slope, slope - half, slope + half, _intercept(x, y))


def _parted(x: Array, y: Array) -> bool:
    above, below = x[y == 1], x[y == 0]
    return bool(above.min() >= below.max() or above.max() <= below.min())


def _newton(design: Array, y: Array) -> Array | None:
    beta = np.zeros(design.shape[1])  # from here Newton's steps do not overshoot
    for _ in range(50):
        fitted = _logistic(design @ beta)
        information = (design * (fitted * (1 - fitted))[:, None]).T @ design
        step = np.linalg.pinv(information) @ (design.T @ (y - fitted))
        beta = beta + step
        if np.abs(step).max() < 1e-8:
            return np.asarray(beta)
    return None


def _intercept(x: Array, y: Array) -> float:
    found = 0.0
    for _ in range(50):
        fitted = _logistic(x + found)
        step = float((y - fitted).sum() / max((fitted * (1 - fitted)).sum(), 1e-12))
        found += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            break
    return found


def _logistic(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -700, 700))))


def conformal_quantile(nonconformity: Array, level: float) -> float:
    """The bound that a fresh row's score keeps with probability at least ``level``.

    The ⌈(n + 1) level⌉-th smallest of the n calibration scores; infinite when n is too small for the level.

    Source: Vovk, Gammerman and Shafer, 2005; Angelopoulos and Bates, "Conformal prediction", 2023.
    """
    rank = int(np.ceil((len(nonconformity) + 1) * level - 1e-9))
    if rank > len(nonconformity):
        return float("inf")
    return float(np.partition(nonconformity, rank - 1)[rank - 1])
