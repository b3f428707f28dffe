"""ART's attacks that need only answers or scores, as this package drives them.

HopSkipJump: Chen, Jordan and Wainwright, 2020, arXiv:1904.02144. Boundary: Brendel, Rauber and Bethge, 2018,
arXiv:1712.04248. ZOO: Chen et al., 2017, arXiv:1708.03999.
"""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np

from workbench.audits.parts.robustness.gather import Array
from workbench.stats.norm_balls import Norm

_EVALUATIONS = 24
"""Queries of the first slope estimate; the attack raises it with the root of the iteration."""
_FEWER = 40
"""Of the queries a row: with many, slopes are estimated better instead of more often, in fewer rounds."""
_ITERATIONS = 40
"""More than the query limit allows: the limit ends the attack."""


@cache
def attacks() -> Any:
    """Return ART's module of evasion attacks. Call it once before threads do."""
    with warnings.catch_warnings():
        # ART says that PyTorch is not there, which these attacks do not need
        warnings.filterwarnings("ignore", message="PyTorch not found", category=UserWarning)
        from art.attacks import evasion
    return evasion


def hop_skip_jump(norm: Norm) -> Any:
    """Return a ``search.Drive``: HopSkipJump from a start that is known to change the answer."""

    def drive(classifier: Any, start: Array, step: Array, limit: int) -> None:
        attack = _on_a_lattice()(
            classifier,
            step=step,
            norm=2 if norm == "l2" else np.inf,
            batch_size=limit,
            max_iter=_ITERATIONS,
            init_eval=max(_EVALUATIONS, limit // _FEWER),
            max_eval=max(limit, _EVALUATIONS),
            verbose=False,
        )
        attack.generate(np.zeros((1, start.size), dtype=np.float32), x_adv_init=start[None])

    return drive


def boundary(classifier: Any, start: Array, step: Array, limit: int) -> None:
    """Walk along the boundary from ``start`` (a ``search.Drive``); always L2."""
    del step
    attack = attacks().BoundaryAttack(
        classifier, targeted=False, batch_size=limit, max_iter=limit, delta=0.1, epsilon=0.1, verbose=False
    )
    attack.generate(np.zeros((1, start.size), dtype=np.float32), x_adv_init=start[None])


def zoo(classifier: Any, size: int) -> None:
    """Run ZOO with ART's default settings on one row at zero of ``size`` columns."""
    # its default of 128 parallel coordinates raises on fewer columns
    attack = attacks().ZooAttack(classifier, nb_parallel=min(128, size), verbose=False)
    attack.generate(np.zeros((1, size), dtype=np.float32))


@cache
def _on_a_lattice() -> Any:
    """ART's attack for whole numbers and for answers that come together.

    A slope is never estimated within less than one step of a whole number. The search along a line asks about
    two halvings in one call: it ends where ART's does, in half the rounds. Answers go round ART's checks of
    every call, which cost more than a point.
    """

    class OnALattice(attacks().HopSkipJump):  # type: ignore[misc]
        def __init__(self, classifier: Any, *, step: Array, **options: Any) -> None:
            super().__init__(classifier, **options)
            self._step = step
            self._ask = classifier.predict_fn

        def _compute_delta(self, **state: Any) -> Any:
            return np.maximum(super()._compute_delta(**state), self._step)

        def _adversarial_satisfactory(self, samples: Array, target: int, **ends: Any) -> Any:
            del target  # the row's own answer is the first of two
            return self._ask(np.clip(samples, ends["clip_min"], ends["clip_max"]))[:, 1] > 0

        def _binary_search(
            self, current_sample: Array, original_sample: Array, target: int, norm: Any, **ends: Any
        ) -> Any:
            low, high, least = 0.0, 1.0, self.theta
            if norm != 2:
                high = float(np.max(np.abs(original_sample - current_sample)))
                least = min(high * self.theta, self.theta)
            while high - low > least:
                cuts = low + (high - low) * np.array([0.25, 0.5, 0.75])
                points = np.array([self._interpolate(current_sample, original_sample, a, norm) for a in cuts])
                flipped = self._adversarial_satisfactory(points, target, **ends)
                for k in (1, 0 if flipped[1] else 2):
                    low, high = (low, float(cuts[k])) if flipped[k] else (float(cuts[k]), high)
            return self._interpolate(current_sample, original_sample, high, norm)

    return OnALattice
