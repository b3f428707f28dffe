"""A decision-based attack of ART on one tabular row, and many of them side by side.

The attack sees the move away from the row, in units of ``Space``, and every point it tries is made valid
before the model sees it. The nearest point that changed the answer is kept whatever the attack returns, then
shrunk column by column: rounding hides the slope of whole numbers from an attack, and a shrink finds what is
nearer on the lattice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.audits.parts.robustness.gather import Array, Ask, gather
from workbench.audits.parts.robustness.space import Space

Flips = Callable[[Array, Array], Array]
"""``(rows, moved)`` → did the answer change? ``rows`` (k,) numbers of searches, ``moved`` (k, d) values."""
Drive = Callable[[Any, Array, Array, int], None]
"""``(classifier, start, step, limit)``: run ART's attack on a row at zero from ``start``, both in units.

``step`` (d,) is one whole number where only those are valid, else 0; ``limit`` is the most queries.
"""

_ATTACK_SHARE = 0.7
"""Of the query limit; the rest is for shrinking."""


class _Spent(Exception):
    """The row's queries are used up."""


@dataclass
class Search:
    """The search for one row. Call it with an ``Ask``; read ``best`` and ``distance`` afterwards."""

    space: Space
    origin: Array
    """(d,) the row."""
    start: Array
    """(d,) a point that changes the answer."""
    limit: int
    """Most queries."""
    drive: Drive
    best: Array = field(init=False)
    """(d,) nearest point found that changes the answer."""
    distance: float = field(init=False)
    queries: int = 0

    def __post_init__(self) -> None:
        self.best = self.start
        self.distance = float(self.space.distance(self.origin, self.start))
        self._free = self.space.free(self.origin)
        self._ask: Ask
        self._cap = self.limit

    def __call__(self, ask: Ask) -> None:
        """Attack, then shrink."""
        self._ask = ask
        for stage, share in ((self._attack, _ATTACK_SHARE), (self._shrink, 1.0)):
            self._cap = int(share * self.limit)
            # a flat estimate divides by zero; such points are refused below
            with suppress(_Spent), np.errstate(all="ignore"):
                stage()

    def _attack(self) -> None:
        z = ((self.start - self.origin) / self.space.scale)[self._free].astype(np.float32)
        if not self._two_classes(z[None])[0, 1]:  # lost in 32 bits: ART would draw a start we cannot repeat
            return
        step = np.where(self.space.integer, 1 / self.space.scale, 0.0)[self._free].astype(np.float32)
        classifier = black_box(self._two_classes, self.space, self.origin, self._free)
        self.drive(classifier, z, step, self.limit)

    def _shrink(self) -> None:
        """Put columns back, wholly or half, as long as the answer stays changed."""
        while True:
            tries = np.array(list(self._nearer()))
            if not tries.size:
                return
            before = self.distance
            self._try(tries)
            if self.distance >= before:
                return

    def _nearer(self) -> Iterator[Array]:
        moved = self._free & (self.best != self.origin)
        for block in self.space.blocks():
            if not moved[block].any():
                continue
            for share in (0.0, 0.5, 0.9) if len(block) == 1 else (0.0,):
                point = self.best.copy()
                point[block] = self.origin[block] + share * (self.best[block] - self.origin[block])
                if share and self.space.integer[block[0]]:
                    point[block] = np.trunc(point[block] - self.origin[block]) + self.origin[block]
                yield point

    def _two_classes(self, z: Array) -> Array:
        """Answer as a classifier of two classes, same and changed: all that the attack compares."""
        move = np.zeros((len(z), self.origin.size))
        move[:, self._free] = z
        valid = np.isfinite(z).all(axis=1)
        changed = np.zeros(len(z), dtype=bool)
        if valid.any():
            changed[valid] = self._try(self.space.place(self.origin, move[valid]))
        else:
            self._spend(len(z))
        return np.column_stack([~changed, changed]).astype(np.float32)

    def _try(self, points: Array) -> Array:
        self._spend(len(points))
        changed = self._ask(points)
        if changed.any():
            far = np.where(changed, self.space.distance(self.origin, points), np.inf)
            nearest = int(far.argmin())
            if far[nearest] < self.distance:
                self.best, self.distance = points[nearest], float(far[nearest])
        return changed

    def _spend(self, count: int) -> None:
        """Count queries. Beyond the cap the stage ends, wherever in the attack it is."""
        if self.queries + count > self._cap:
            raise _Spent
        self.queries += count


def black_box(answer: Callable[[Array], Array], space: Space, origin: Array, free: Array, k: int = 2) -> Any:
    """Return ART's classifier around ``answer``: moves of the free columns in, k columns out."""
    from art.estimators.classification import BlackBoxClassifier

    low, high = (((end - origin) / space.scale)[free].astype(np.float32) for end in space.bounds(origin))
    return BlackBoxClassifier(answer, input_shape=low.shape, nb_classes=k, clip_values=(low, high))


def attack(searches: Sequence[Search], flips: Flips, *, seed: int) -> None:
    """Run all searches side by side: each round is one call of ``flips``."""

    def answer(questions: list[tuple[int, Array]]) -> list[Array]:
        rows = np.repeat([i for i, _ in questions], [len(points) for _, points in questions])
        changed = flips(rows, np.concatenate([points for _, points in questions]))
        return np.split(changed, np.cumsum([len(points) for _, points in questions])[:-1])

    with global_draws(seed):
        gather(list(searches), answer)


@contextmanager
def global_draws(seed: int) -> Iterator[None]:
    """ART draws from NumPy's global generator: seed it, and leave it as it was."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
