"""ART's HopSkipJump on tabular rows: one search a row, all rows at once, within the data's constraints.

The attack (Chen, Jordan and Wainwright, 2020, arXiv:1904.02144) sees the move away from the row, in units of
``Space``, and every point it tries is made valid before the model sees it. The nearest point that changed the
answer is kept whatever the attack returns, then shrunk coordinate by coordinate: rounding hides the slope of
whole numbers from the attack, and a shrink finds what is nearer on the lattice.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from workbench.audits.gather import Array, Ask, gather
from workbench.audits.space import Space

Flips = Callable[[Array, Array], Array]
"""``(rows, moved)`` → did the answer change? ``rows`` (k,) numbers of searches, ``moved`` (k, d) values."""

_EVALUATIONS = 24
"""Queries of the first slope estimate; the attack raises it with the root of the iteration."""
_ITERATIONS = 40
"""More than the query limit allows: the limit ends the attack."""
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
    best: Array = field(init=False)
    """(d,) nearest point found that changes the answer."""
    distance: float = field(init=False)
    queries: int = 0

    def __post_init__(self) -> None:
        self.best = self.start
        self.distance = float(self.space.distance(self.origin, self.start))
        # a missing value cannot move, and neither can a column whose range is this row's value
        span = np.minimum(self.space.low, self.origin) < np.maximum(self.space.high, self.origin)
        self._free = np.isfinite(self.origin) & span
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
        from art.estimators.classification import BlackBoxClassifier

        z = ((self.start - self.origin) / self.space.scale)[self._free].astype(np.float32)
        if not self._two_classes(z[None])[0, 1]:  # lost in 32 bits: ART would draw a start we cannot repeat
            return
        low = ((np.minimum(self.space.low, self.origin) - self.origin) / self.space.scale)[self._free]
        high = ((np.maximum(self.space.high, self.origin) - self.origin) / self.space.scale)[self._free]
        classifier = BlackBoxClassifier(
            self._two_classes,
            input_shape=z.shape,
            nb_classes=2,
            clip_values=(low.astype(np.float32), high.astype(np.float32)),
        )
        step = np.where(self.space.integer, 1 / self.space.scale, 0.0)[self._free].astype(np.float32)
        attack = _on_a_lattice()(
            classifier,
            step=step,
            batch_size=self.limit,
            max_iter=_ITERATIONS,
            init_eval=_EVALUATIONS,
            max_eval=max(self.limit, _EVALUATIONS),
            verbose=False,
        )
        attack.generate(np.zeros((1, z.size), dtype=np.float32), x_adv_init=z[None])

    def _shrink(self) -> None:
        """Put coordinates back, wholly or half, as long as the answer stays changed."""
        while True:
            tries = np.array(list(self._nearer()))
            if not tries.size:
                return
            before = self.distance
            self._try(tries)
            if self.distance >= before:
                return

    def _nearer(self) -> Iterator[Array]:
        for i in np.flatnonzero(self._free & (self.best != self.origin)):
            for share in (0.0, 0.5, 0.9):
                point = self.best.copy()
                point[i] = self.origin[i] + share * (self.best[i] - self.origin[i])
                if self.space.integer[i]:
                    point[i] = np.trunc(point[i] - self.origin[i]) + self.origin[i]
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


def attack(searches: list[Search], flips: Flips, *, seed: int) -> None:
    """Run all searches side by side: each round is one call of ``flips``."""
    _on_a_lattice()  # imported here: once, and not in a search's thread

    def answer(questions: list[tuple[int, Array]]) -> list[Array]:
        rows = np.repeat([i for i, _ in questions], [len(points) for _, points in questions])
        changed = flips(rows, np.concatenate([points for _, points in questions]))
        return np.split(changed, np.cumsum([len(points) for _, points in questions])[:-1])

    with _global_draws(seed):
        gather(list(searches), answer)


@contextmanager
def _global_draws(seed: int) -> Iterator[None]:
    """ART draws from NumPy's global generator: seed it, and leave it as it was."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


@cache
def _on_a_lattice() -> Any:
    """ART's attack, except that a slope is never estimated within less than one step of a whole number."""
    with warnings.catch_warnings():
        # ART says that PyTorch is not there, which this attack does not need
        warnings.filterwarnings("ignore", message="PyTorch not found", category=UserWarning)
        from art.attacks.evasion import HopSkipJump

    class OnALattice(HopSkipJump):  # type: ignore[misc]
        def __init__(self, classifier: Any, *, step: Array, **options: Any) -> None:
            super().__init__(classifier, **options)
            self._step = step

        def _compute_delta(self, **state: Any) -> Any:
            return np.maximum(super()._compute_delta(**state), self._step)

    return OnALattice
