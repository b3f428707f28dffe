"""Weak segments: found by search on one half of the rows, judged on the other with false discoveries held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.performance.figures import segments as weak_segments_figure
from workbench.audits.parts.performance.segment_terms import Terms, terms_of
from workbench.audits.records import Figure, Measurement
from workbench.datasets import Dataset
from workbench.stats import independent
from workbench.stats.discovery import benjamini_yekutieli
from workbench.stats.intervals import mean_interval, normal_quantile
from workbench.stats.segment_search import Feature, Found, Rows, search

Array = npt.NDArray[Any]

DEPTH = 3
"""Most properties that a segment's rows share."""
_MOST_ROWS = 200_000
_MOST_FEATURES = 40
_LEAST = 1e-300
"""Smaller chances are not told apart."""
_EACH_STAGE = 0.8**0.5
"""Power of search and judgement that makes 0.8 together."""


@dataclass(frozen=True)
class Hunt:
    """How to look, and what the difference of mean losses is called."""

    metric: str
    unit: str
    most: int = 10
    """Segments that are judged."""
    smallest: int = 60
    """Fewest rows of a segment, both halves together."""
    false_discovery_rate: float = 0.05
    confidence: float = 0.95
    seed: int = 0


@dataclass(frozen=True)
class WeakSegments:
    """What was found, in measurements, sentences and a picture."""

    measurements: list[Measurement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)


def weak_segments(
    data: Dataset,
    columns: Sequence[str],
    loss: Array,
    hunt: Hunt,
    *,
    others: Mapping[str, Array],
) -> WeakSegments:
    """Look for segments on which the loss is greater than on the other rows.

    Args:
        data: the rows.
        columns: what segments may be made of; those that tell no rows apart are passed over.
        loss: of each row, shape (n,): 0 and 1 for right and wrong, or an error.
        hunt: how to look.
        others: loss of other models by name, each of shape (n,): are the rows hard, or is the model weak?
    """
    support = -(-hunt.smallest // 2)
    if len(data) < 4 * support:
        return WeakSegments(notes=[_TOO_FEW.format(4 * support, len(data))])
    order = np.random.default_rng(hunt.seed).permutation(len(data))[:_MOST_ROWS]
    half = len(order) // 2
    searched, judged = order[:half], order[half:]
    notes = [_SAMPLED.format(_MOST_ROWS)] if len(data) > _MOST_ROWS else []
    terms = _terms(data, columns, searched, support)
    if not terms:
        return WeakSegments(notes=[*notes, "No column tells rows apart: no segment was looked for."])
    if len(terms) > _MOST_FEATURES:
        notes.append(_NARROWED.format(_MOST_FEATURES, len(terms)))
        terms = _most_telling(terms, loss, searched)
    found = search(_rows(terms, loss, searched), depth=DEPTH, support=support, most=hunt.most)
    rows = _rows(terms, loss, judged)
    beside = {name: of[judged] for name, of in others.items()}
    tested = [_Judged.of(one, rows, terms, beside) for one in found]
    return _told(tested, rows, support, hunt, notes)


def _terms(data: Dataset, columns: Sequence[str], searched: Array, support: int) -> list[Terms]:
    seen = np.zeros(len(data), dtype=bool)
    seen[searched] = True
    there = [name for name in dict.fromkeys(columns) if name in data.frame.columns]
    cut = [terms_of(data.frame[name], seen, support) for name in there]
    return [terms for terms in cut if terms is not None]


def _rows(terms: list[Terms], loss: Array, at: Array) -> Rows:
    features = [Feature(t.feature.codes[at], t.feature.terms) for t in terms]
    return Rows(features, np.asarray(loss[at], dtype=float))


def _most_telling(terms: list[Terms], loss: Array, searched: Array) -> list[Terms]:
    """The columns over which the loss varies most, one at a time."""
    rows = _rows(terms, loss, searched)
    explained = []
    for feature in rows.features:
        n = np.bincount(feature.codes, minlength=feature.size)
        total = np.bincount(feature.codes, rows.loss, feature.size)
        explained.append(float((total**2 / np.maximum(n, 1)).sum()))
    kept = np.sort(np.argsort(explained, kind="stable")[::-1][:_MOST_FEATURES])
    return [terms[i] for i in kept]


@dataclass(frozen=True)
class _Judged:
    """One segment on the rows that the search has not seen."""

    name: str
    z_needed: float
    """Of a segment of one term, to have stood where this one does in the search."""
    n: int
    inside: float
    outside: float
    p: float
    losses: tuple[Array, Array] = field(repr=False)
    others: dict[str, float]
    """Mean loss of other models in it."""

    @classmethod
    def of(cls, found: Found, rows: Rows, terms: list[Terms], others: Mapping[str, Array]) -> _Judged:
        members = rows.members(found.segment)
        inside, outside = rows.loss[members], rows.loss[~members]
        name = " & ".join(terms[f].names[term] for f, term in found.segment)
        mean, rest = (float(part.mean()) if len(part) else np.nan for part in (inside, outside))
        beside = {other: float(loss[members].mean()) for other, loss in others.items() if len(inside)}
        p = _p_value(inside, outside)
        return cls(name, found.as_single, len(inside), mean, rest, p, (inside, outside), beside)

    def interval(self, confidence: float) -> tuple[float, float, float]:
        inside, outside = self.losses
        if _is_binary(inside, outside):
            return independent.rate_difference(
                inside.sum(), len(inside), outside.sum(), len(outside), confidence
            )
        return independent.difference(mean_interval(inside, confidence), mean_interval(outside, confidence))


def _p_value(inside: Array, outside: Array) -> float:
    """Chance of so great a mean inside if the segment meant nothing; NaN when too few rows are in it.

    Right or wrong: Fisher's exact test. Errors: Welch's t-test, which for losses with a long right tail
    alarms too seldom rather than too often on this side.
    """
    from scipy import stats

    if min(len(inside), len(outside)) < 2:
        return float("nan")
    if _is_binary(inside, outside):
        wrong, n = inside.sum(), len(inside) + len(outside)
        return float(stats.hypergeom.sf(wrong - 1, n, wrong + outside.sum(), len(inside)))
    if inside.std() == 0 and outside.std() == 0:
        return float("nan")
    return float(stats.ttest_ind(inside, outside, equal_var=False, alternative="greater").pvalue)


def _is_binary(*losses: Array) -> bool:
    return all(bool(np.isin(part, (0.0, 1.0)).all()) for part in losses)


def _told(tested: list[_Judged], rows: Rows, support: int, hunt: Hunt, notes: list[str]) -> WeakSegments:
    q = benjamini_yekutieli([one.p for one in tested])
    weak = [(one, float(q[i])) for i, one in enumerate(tested) if q[i] <= hunt.false_discovery_rate]
    limit = _detectable(tested, rows, support, hunt)
    if not weak:
        notes = [*notes, _NOTHING.format(len(tested), DEPTH, *_told_limit(limit, hunt)), _LIMITS]
        return WeakSegments([limit], notes)
    # Intervals of what was selected hold together at this level: Benjamini and Yekutieli, 2005.
    level = 1 - (1 - hunt.confidence) * len(weak) / len(tested)
    found = sorted((_measured(one, p, rows, level, hunt) for one, p in weak), key=lambda m: -(m.value or 0))
    told = _FOUND.format(
        len(weak), len(tested), DEPTH, 100 * hunt.false_discovery_rate, 100 * hunt.confidence
    )
    return WeakSegments([*found, limit], [*notes, told, _LIMITS], [weak_segments_figure(found)])


def _measured(one: _Judged, q: float, rows: Rows, level: float, hunt: Hunt) -> Measurement:
    value, low, high = one.interval(level)
    beside = "".join(f", {name} {mean:.4g}" for name, mean in one.others.items())
    return Measurement(
        metric=hunt.metric,
        slice=one.name,
        value=value,
        low=low,
        high=high,
        n=one.n,
        unit=hunt.unit,
        note=f"mean {one.inside:.4g} in it{beside}; {one.outside:.4g} elsewhere; "
        f"{one.n / len(rows.loss):.1%} of the rows; q = {max(q, _LEAST):.2g}",
    )


def _detectable(tested: list[_Judged], rows: Rows, support: int, hunt: Hunt) -> Measurement:
    """The difference that would probably have been found in one value of a column, of a tenth of the rows.

    It must have come through both stages: a place among those judged (where the last of them stood), and the
    judgement, where the smallest q must not exceed the rate. Losses vary more where they are greater: right
    or wrong as a rate does, errors as if all of them grew alike.
    """
    n, mean, spread = len(rows.loss), float(rows.loss.mean()), rows.spread
    inside, power = max(support, n // 10), normal_quantile(_EACH_STAGE)
    tests = max(hunt.most, 1)
    alpha = hunt.false_discovery_rate / (tests * float((1 / np.arange(1, tests + 1)).sum()))
    last = min((one.z_needed for one in tested), default=0.0) if len(tested) == tests else 0.0
    needed, binary = max(last, normal_quantile(1 - alpha)), _is_binary(rows.loss)
    value = 0.0
    for _ in range(50):  # the spread inside depends on the value, which settles in a few rounds
        worse = min(mean + value, 1.0) if binary else mean + value
        of_worse = (worse * (1 - worse)) ** 0.5 if binary else spread * worse / max(mean, 1e-300)
        chance = needed * spread * (1 / inside + 1 / (n - inside)) ** 0.5
        value = chance + power * (of_worse**2 / inside + spread**2 / (n - inside)) ** 0.5
    # one row in the segment, for the exact test's steps
    value = min(value + 1 / inside, 1 - mean) if binary and spread > 0 else value
    return Measurement(
        metric=f"{hunt.metric}_detectable",
        value=value,
        n=2 * inside,
        unit=hunt.unit,
        note="the least that a segment of so many rows would have shown in 4 of 5 such searches",
    )


def _told_limit(limit: Measurement, hunt: Hunt) -> tuple[int, str]:
    return limit.n, f"{limit.value:.3g}{'' if hunt.unit != 'difference' else ' in the share of errors'}"


_TOO_FEW = "Weak segments are looked for in at least {} rows; here are {}."
_SAMPLED = "Weak segments: looked for in {:,} rows drawn by chance."
_NARROWED = "Weak segments: of the {1} columns the {0} over which the loss varies most."
_FOUND = (
    "Weak segments: {} of the {} that stood out in one half of the rows (by up to {} columns) are worse on "
    "the other half too, where all figures are taken; at most {:g} % of such reports are false in the mean "
    "(Benjamini and Yekutieli). Their intervals hold together at {:g} %."
)
_NOTHING = (
    "Weak segments: none of the {} that stood out in one half of the rows (by up to {} columns) is shown to "
    "be worse on the other half. A segment of {} rows would probably have been found had its difference "
    "been {}; smaller segments need more."
)
_LIMITS = (
    "Harder rows make a weak segment as much as a worse model does: where simpler models are as bad (each "
    "segment says how they do there) the rows are hard. Bounds of numbers are quantiles, so a weakness "
    "across them is seen diluted."
)
