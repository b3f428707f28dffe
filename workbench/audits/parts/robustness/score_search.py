"""ZOO on tabular rows, side by side: an attack that follows the slope of scores, and whether there is one."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from workbench.audits.parts.robustness import art_attacks
from workbench.audits.parts.robustness.attacked import Target
from workbench.audits.parts.robustness.gather import Array, Ask, gather
from workbench.audits.parts.robustness.search import black_box, global_draws
from workbench.audits.parts.robustness.space import Space


@dataclass
class ScoreSearch:
    """ZOO on one row. Call it with an ``Ask`` for probabilities; read the rest afterwards."""

    space: Space
    origin: Array
    """(d,) the row."""
    scores: Array
    """(k,) the model's probabilities for it."""
    best: Array = field(init=False)
    """(d,) nearest point found whose greatest probability is another's."""
    distance: float = np.inf
    queries: int = 0
    flat: bool = True
    """No point it tried had other probabilities than the row itself."""

    def __post_init__(self) -> None:
        self.best = self.origin
        self._free = self.space.free(self.origin)
        self._ask: Ask

    def __call__(self, ask: Ask) -> None:
        """Attack."""
        self._ask = ask
        classifier = black_box(self._answer, self.space, self.origin, self._free, len(self.scores))
        art_attacks.zoo(classifier, int(self._free.sum()))

    def _answer(self, z: Array) -> Array:
        move = np.zeros((len(z), self.origin.size))
        move[:, self._free] = z
        points = self.space.place(self.origin, np.nan_to_num(move))
        self.queries += len(points)
        scores = self._ask(points)
        self.flat &= bool((scores == self.scores).all())
        changed = scores.argmax(axis=1) != self.scores.argmax()
        far = np.where(changed, self.space.distance(self.origin, points), np.inf)
        nearest = int(far.argmin())
        if far[nearest] < self.distance:
            self.best, self.distance = points[nearest], float(far[nearest])
        return scores.astype(np.float32)


def attack(target: Target, *, seed: int) -> list[ScoreSearch]:
    """Run ZOO on every row with a column free to move."""
    art_attacks.attacks()
    scores = target.scores(np.arange(len(target.frame)), target.origin)
    searches = [ScoreSearch(target.space, *pair) for pair in zip(target.origin, scores, strict=True)]
    able = [i for i, origin in enumerate(target.origin) if target.space.free(origin).any()]

    def answer(questions: list[tuple[int, Array]]) -> list[Array]:
        rows = np.repeat([able[i] for i, _ in questions], [len(points) for _, points in questions])
        found = target.scores(rows, np.concatenate([points for _, points in questions]))
        return np.split(found, np.cumsum([len(points) for _, points in questions])[:-1])

    with global_draws(seed):
        gather([searches[i] for i in able], answer)
    return searches
