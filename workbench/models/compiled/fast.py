"""The fast path of a version that is served: its copy, opened only after all about it was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.core.errors import WorkbenchError
from workbench.models.cells import frame_of
from workbench.models.compiled.base import Cells, NotCompiled, Runner, doubtful
from workbench.models.compiled.cells import Compared, at
from workbench.models.compiled.compare import Model
from workbench.models.compiled.compilers import compiler, compiler_for, libraries
from workbench.models.compiled.keeping import content_of, record_of
from workbench.models.compiled.records import Compiled
from workbench.models.compiled.rows import examples
from workbench.models.predictors import Predictor
from workbench.models.records import ModelVersion


class FastPath:
    """Answers rows by the copy, and by the model where a value was not compared or two labels are too close.

    Args:
        version: the version.
        predictor: the model itself.
        runner: its copy.
        record: the comparison.
    """

    def __init__(self, version: ModelVersion, predictor: Predictor, runner: Runner, record: Compiled) -> None:
        self._version = version
        self._predictor = predictor
        self._runner = runner
        self._compared = Compared(version.columns)
        self.record = record
        positive = predictor.positive is not None and hasattr(predictor.model, "predict_proba")
        self._place = predictor.classes.index(predictor.positive) if positive else None

    def answer(
        self,
        columns: Cells,
        n: int,
        scores: bool,  # noqa: FBT001 - the caller names it by place
    ) -> tuple[list[Any], list[Any] | None]:
        """Return labels or numbers, and scores of the positive label, for ``n`` rows.

        Args:
            columns: checked cells by column, None where a value is missing; columns of others are let be.
            n: how many rows.
            scores: whether scores are wanted; None where there are none.
        """
        strange = self._compared.strangers(columns, n)
        if not strange:
            labels, given, close = self._copied(columns, n)
            if not close:
                return labels, given if scores else None
        return self._shared(columns, n, strange, scores=scores)

    def _copied(self, cells: Cells, n: int) -> tuple[list[Any], list[float] | None, list[int]]:
        """Return labels and scores by the copy, and the rows that it cannot call."""
        labels, table = self._runner.run(cells, n)
        close = doubtful(table, self._runner.margin)
        if table is None or self._place is None:
            return labels, None, close
        # 32 bits may end a hair outside.
        return labels, [min(max(score, 0.0), 1.0) for score in table[:, self._place].tolist()], close

    def _shared(
        self, cells: Cells, n: int, strange: list[int], *, scores: bool
    ) -> tuple[list[Any], list[Any] | None]:
        """Answer most rows by the copy, and by the model those that the copy must or should not."""
        labels: list[Any] = [None] * n
        given: list[Any] = [None] * n
        known = [row for row in range(n) if row not in set(strange)]
        own = list(strange)
        if known:
            found, some, close = self._copied(at(cells, known), len(known))
            own += [known[place] for place in close]
            _put(labels, known, found)
            _put(given, known, some)
        frame = frame_of(self._version.columns, at(cells, own))
        _put(labels, own, self._predictor.predict(frame).tolist())
        if not scores or self._place is None:
            return labels, None
        asked = self._predictor.scores(frame)
        _put(given, own, None if asked is None else asked.tolist())
        return labels, given


def _put(to: list[Any], rows: list[int], values: list[Any] | None) -> None:
    for row, value in zip(rows, values or (), strict=values is not None):
        to[row] = value


@dataclass(frozen=True)
class Found:
    """What there is for a version."""

    fast: FastPath | None
    sentence: str
    """What answers and why, for a status page."""


def look(version: ModelVersion, predictor: Predictor, *, state: Path) -> Found:
    """Look for a copy, check it, and let it answer the input examples beside the model.

    Returns:
        It, and a sentence. No error leaves this function: whatever is wrong with a copy, the model answers.
    """
    record = record_of(version.digest, state)
    if record is None:
        return Found(None, "It answers itself: it was not compiled.")
    try:
        runner = _opened(record, version, predictor, state)
    except WorkbenchError as error:
        return Found(None, f"It answers itself. {error.message}")
    except Exception as error:  # noqa: BLE001 - libraries raise anything over a file that they cannot read
        return Found(None, f"It answers itself: its copy cannot be opened ({type(error).__name__}).")
    return Found(FastPath(version, predictor, runner, record), str(record))


def _opened(record: Compiled, version: ModelVersion, predictor: Predictor, state: Path) -> Runner:
    if record.digest != version.digest:
        raise NotCompiled("The record of its copy is of another model.")
    if not record.kind:
        raise NotCompiled(record.reason)
    one = compiler(record.kind)
    if compiler_for(predictor.model) is not one:
        raise NotCompiled("The record of its copy is of another kind of model.")
    if record.libraries != libraries(one):
        raise NotCompiled("Its copy was compared with other versions of libraries: compile it again.")
    runner = one.open(content_of(record, state), record.way, version, predictor)
    cells = examples(version)
    n = len(next(iter(cells.values()), []))
    if n == 0:
        raise NotCompiled("It has no input example to compare its copy on.")
    Model(version, predictor, cells, n).difference(runner)
    return runner
