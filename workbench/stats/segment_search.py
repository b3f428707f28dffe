"""Search for segments: rows that share up to three properties and on which a loss is greater than elsewhere.

Every feature is a code for each row and terms, sets of its codes: ``age<25`` is one. All terms and all pairs
of terms are looked at, from one table of counts for every pair of features; triples extend the best pairs
(beam search). What the search finds fits the rows it has seen, so it must be judged on others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

Segment = tuple[tuple[int, int], ...]
"""Rows that satisfy every (feature, term)."""

_BEAM = 60
"""Pairs that are extended to triples."""
_PER_FEATURES = 3
"""Best segments kept of one combination of features: more would be the same rows again."""
_LOOKED_AT = 1200
"""Best segments among which those that hold other rows are chosen."""
_NEW = 0.5
"""Share of a segment's rows that no better one may hold already."""
_STILL = 0.6
"""What must be left of its z on those rows alone: about √½ where half of them are new."""


@dataclass(frozen=True)
class Feature:
    """One column as codes, and the terms that may be said of it."""

    codes: Array
    """Code of every row, shape (n,)."""
    terms: Array
    """True where a code is in a term, shape (terms, codes)."""

    @property
    def size(self) -> int:
        """How many codes there are."""
        return int(self.terms.shape[1])


@dataclass(frozen=True)
class Rows:
    """Features and losses of the same rows."""

    features: Sequence[Feature]
    loss: Array
    """Shape (n,)."""

    def members(self, segment: Segment) -> Array:
        """True where a row is in the segment, shape (n,)."""
        inside = np.ones(len(self.loss), dtype=bool)
        for feature, term in segment:
            inside &= self.features[feature].terms[term][self.features[feature].codes]
        return inside

    @cached_property
    def spread(self) -> float:
        """Standard deviation of the loss."""
        return float(self.loss.std())

    @cached_property
    def total(self) -> float:
        """Sum of the loss."""
        return float(self.loss.sum())

    def z(self, n: Array, total: Array, support: int) -> Array:
        """Mean loss of segments less that of the other rows, in standard errors.

        Args:
            n: rows of each segment, any shape.
            total: sum of their loss, the same shape.
            support: with fewer rows in or outside of it a segment has -inf.
        """
        rest = len(self.loss) - n
        known = (n >= support) & (rest >= support)
        inside, outside = np.where(known, n, 1), np.where(known, rest, 1)
        difference = total / inside - (self.total - total) / outside
        error = self.spread * np.sqrt(1 / inside + 1 / outside)
        return np.where(known, difference / error, -np.inf)


@dataclass(frozen=True)
class Found:
    """A segment, and how far its loss is above that of the other rows of the search."""

    segment: Segment
    z: float
    surplus: float
    """z² less what terms of noise would have brought, 2 ln k each, of k to choose from."""

    @property
    def as_single(self) -> float:
        """The z of a segment of one term that stands out as much as this one."""
        price = (self.z**2 - self.surplus) / len(self.segment)
        return float(max(self.surplus + price, 0.0) ** 0.5)


def search(rows: Rows, *, depth: int = 3, support: int = 30, most: int = 10) -> list[Found]:
    """Return the segments whose loss stands out most, best first.

    Every term more must pay for itself: the best of k terms of noise is √(2 ln k) standard errors above 0,
    which added to a weak segment brings up to 2 ln k to z². One whose rows better ones mostly hold already is
    passed over, as is one that is no weaker on the rows that are left.

    Source: after Chung et al., "Slice Finder", 2019, and Lavrač et al., "Subgroup discovery with CN2-SD",
    2004 (its covering).

    Args:
        rows: features and losses.
        depth: most terms of a segment, 1 to 3.
        support: fewest rows in it, and outside of it.
        most: how many to return.
    """
    if rows.spread == 0 or not rows.features:
        return []
    price = 2 * float(np.log(max(sum(len(feature.terms) for feature in rows.features), 1)))
    singles = list(_singles(rows, support))
    pairs = list(_pairs(rows, support)) if depth > 1 else []
    beam = sorted(pairs, key=lambda found: -found[1])[:_BEAM] if depth > 2 else []
    candidates = [*singles, *pairs, *_triples(rows, [segment for segment, _ in beam], support)]
    found = [Found(segment, z, z**2 - price * len(segment)) for segment, z in candidates if z > 0]
    return _apart(rows, sorted(found, key=lambda one: -one.surplus)[:_LOOKED_AT], most)


_Scored = tuple[Segment, float]


def _singles(rows: Rows, support: int) -> Iterator[_Scored]:
    for f, feature in enumerate(rows.features):
        n = np.bincount(feature.codes, minlength=feature.size)
        total = np.bincount(feature.codes, rows.loss, feature.size)
        z = rows.z(feature.terms @ n, feature.terms @ total, support)
        yield from ((((f, int(term)),), float(z[term])) for term in _best(z))


def _pairs(rows: Rows, support: int) -> Iterator[_Scored]:
    for (f, first), (g, second) in combinations(enumerate(rows.features), 2):
        code, size = first.codes * second.size + second.codes, first.size * second.size
        n = np.bincount(code, minlength=size).reshape(first.size, second.size)
        total = np.bincount(code, rows.loss, size).reshape(n.shape)
        a, b = first.terms.astype(float), second.terms.T.astype(float)
        z = rows.z(a @ n @ b, a @ total @ b, support).ravel()
        for place in _best(z):
            i, j = divmod(int(place), len(second.terms))
            yield ((f, i), (g, j)), float(z[place])


def _triples(rows: Rows, pairs: list[Segment], support: int) -> Iterator[_Scored]:
    """Extend each pair by every term of every other feature, once a combination."""
    seen = set[Segment]()
    for pair in pairs:
        inside = np.flatnonzero(rows.members(pair))
        loss = rows.loss[inside]
        for f, feature in enumerate(rows.features):
            if f in (pair[0][0], pair[1][0]):
                continue
            codes = feature.codes[inside]
            n = np.bincount(codes, minlength=feature.size)
            z = rows.z(feature.terms @ n, feature.terms @ np.bincount(codes, loss, feature.size), support)
            for term in _best(z):
                segment = tuple(sorted((*pair, (f, int(term)))))
                if segment not in seen:
                    seen.add(segment)
                    yield segment, float(z[term])


def _best(z: Array) -> Array:
    """Places of the greatest values that are above 0."""
    places = (
        np.argpartition(-z, _PER_FEATURES)[:_PER_FEATURES] if len(z) > _PER_FEATURES else np.arange(len(z))
    )
    return np.asarray(places[z[places] > 0])


def _apart(rows: Rows, found: list[Found], most: int) -> list[Found]:
    """Those that say something new about which rows are weak."""
    free, kept = np.ones(len(rows.loss), dtype=bool), list[Found]()
    for one in found:
        if len(kept) == most:
            break
        inside = rows.members(one.segment)
        new = inside & free
        n, total = np.array(new.sum()), np.array(rows.loss[new].sum())
        if n < _NEW * inside.sum() or rows.z(n, total, 1) < _STILL * one.z:
            continue
        kept.append(one)
        free &= ~inside
    return kept
