"""A copy is held against its model, row by row: the same labels, and the same numbers within a tolerance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.models.cells import frame_of
from workbench.models.compiled.base import TOLERANCE, Cells, NotCompiled, Runner, doubtful
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    import numpy as np


class Model:
    """What the model itself answers to these rows, asked once for all copies that are tried."""

    def __init__(self, version: ModelVersion, predictor: Predictor, cells: Cells, n: int) -> None:
        self._cells, self.n = cells, n
        frame = frame_of(version.columns, cells)
        try:
            self._answers = predictor.predict(frame)
            self._table = predictor.probabilities(frame)
        except Exception as error:
            raise NotCompiled(
                f"The model cannot answer the rows to compare on: {type(error).__name__}: {_line(error)}"
            ) from error
        self._regression = version.task == "regression"

    def difference(self, copy: Runner) -> tuple[float, int]:
        """Return the greatest difference of a number, and how many rows the copy leaves to the model.

        Raises:
            NotCompiled: a label differs, or a number by more than ``TOLERANCE``, or the copy cannot answer.
        """
        import numpy as np

        try:
            answers, table = copy.run(self._cells, self.n)
        except Exception as error:
            raise NotCompiled(f"The copy cannot answer: {type(error).__name__}: {_line(error)}") from error
        if len(answers) != self.n or (table is None) is not (self._table is None):
            raise NotCompiled("The copy gives other answers than the model: more of them, or fewer.")
        if self._regression:
            return self._within(np.asarray(answers, dtype=float), self._answers.astype(float)), 0
        left = set(doubtful(table, copy.margin))
        pairs = enumerate(zip(answers, self._answers.tolist(), strict=True))
        other = sum(_differs(*pair) for row, pair in pairs if row not in left)
        if other:
            raise NotCompiled(f"Of {self.n:,} rows its copy gave {other} another label.")
        if table is None or self._table is None:
            return 0.0, len(left)
        return self._within(table, self._table), len(left)

    def _within(self, found: np.ndarray, wanted: np.ndarray) -> float:
        import numpy as np

        if found.shape != wanted.shape:
            raise NotCompiled("The copy gives another number of probabilities.")
        gap = np.abs(found - wanted)
        if self._regression:
            gap /= np.maximum(1.0, np.abs(wanted))
        worst = float(gap.max(initial=0.0))
        if not worst <= TOLERANCE:  # NaN among them
            raise NotCompiled(
                f"On {self.n:,} rows its copy differs by up to {worst:.1e}; {TOLERANCE:.0e} is let through."
            )
        return worst


def _differs(one: Any, other: Any) -> bool:
    """1, 1.0 and True are equal in Python, and three things in an answer."""
    return type(one) is not type(other) or one != other


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
