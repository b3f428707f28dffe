"""The contract of a compiler: the ways to make a copy of a model as bytes, and to run those bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from workbench.core.errors import WorkbenchError
from workbench.models.compiled.records import Kind
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion

if TYPE_CHECKING:
    import numpy as np

Cells = Mapping[str, list[Any]]
"""Rows as plain Python values by column, None where one is missing."""


#: The greatest difference of a score that is let through. A copy may count in 32 bits, which know seven
#: digits; sums over hundreds of trees lose one or two of them.
TOLERANCE = 1e-5


class NotCompiled(WorkbenchError):
    """There is no copy; the message says why, and the model itself answers."""


class Runner(Protocol):
    """A copy in memory."""

    margin: float
    """Where the two likeliest labels lie closer than this, the copy cannot tell which one it is."""

    def run(self, cells: Cells, n: int) -> tuple[list[Any], np.ndarray | None]:
        """Answer ``n`` rows.

        Returns:
            A label of the model, or a number, for each; and probabilities of shape (n, classes) in the order
            of the model's classes, or None where it gives none.
        """
        ...


class Compiler(Protocol):
    """One way of running models. Made without arguments; keeps no state."""

    name: ClassVar[Kind]
    packages: ClassVar[tuple[str, ...]]
    """Distributions whose versions decide what a copy answers."""

    def handles(self, model: Any) -> bool:
        """Say whether this is the compiler for ``model``. Imports nothing heavy to say no."""
        ...

    def ways(self, model: Any, version: ModelVersion) -> Iterator[tuple[str, Callable[[], bytes]]]:
        """Yield names of ways to make a copy, most exact first, each with what makes its bytes.

        Raises:
            NotCompiled: there is none.
        """
        ...

    def open(self, content: bytes, way: str, version: ModelVersion, predictor: Predictor) -> Runner:
        """Return a copy that runs, from bytes whose digest was checked."""
        ...


def doubtful(table: np.ndarray | None, margin: float) -> list[int]:
    """Return the rows whose two likeliest labels lie closer than ``margin``.

    The votes of an even number of trees are often equal; then the last bit of a sum decides on the label.
    """
    if table is None or margin == 0.0:
        return []
    if table.shape[1] == 2:
        gaps = abs(table[:, 1] - table[:, 0])
    else:
        table = table.copy()
        table.sort(axis=1)
        gaps = table[:, -1] - table[:, -2]
    return [row for row, gap in enumerate(gaps.tolist()) if not gap >= margin]


def labels_at(places: np.ndarray, predictor: Predictor) -> list[Any]:
    """Return the model's own labels at these places of its classes."""
    return [predictor.classes[place] for place in places.tolist()]
