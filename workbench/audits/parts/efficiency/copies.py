"""What a compiled copy gives in time and size, and what it changes in the answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.parts.efficiency.onnx import Compiled, NotConverted, compiled, feedable, quantised
from workbench.audits.parts.efficiency.timing import MB, Stopwatch
from workbench.audits.parts.shared.measured import of_hits
from workbench.audits.records import Measurement
from workbench.core.errors import MissingDependency

Array = npt.NDArray[Any]

_LARGEST_MB = 50.0
"""A larger model is not exported: it would take minutes."""


@dataclass(frozen=True)
class Sample:
    """Rows that a copy is tried on, and what the model itself answers to them."""

    inputs: Any
    """What the model is given, a frame or an array of n rows."""
    answers: Array
    probabilities: Array | None
    task: str

    def take(self, rows: Array) -> Sample:
        """Return these rows of it."""
        frame = hasattr(self.inputs, "iloc")
        return Sample(
            self.inputs.iloc[rows] if frame else self.inputs[rows],
            self.answers[rows],
            None if self.probabilities is None else self.probabilities[rows],
            self.task,
        )


def copies(
    model: Any, sample: Sample, watch: Stopwatch, *, size_mb: float | None
) -> tuple[list[Measurement], list[str]]:
    """Export, quantise, time and compare.

    Args:
        model: the fitted object.
        sample: rows, of which those without missing text are used.
        watch: how it is timed.
        size_mb: of the model as it is written.

    Returns:
        Measurements by slice ``runtime=onnx`` and ``runtime=onnx int8``, and why one of them is not there.
    """
    if size_mb is not None and size_mb > _LARGEST_MB:
        return [], [f"ONNX: not exported, the model is larger than {_LARGEST_MB:g} MB."]
    rows = feedable(sample.inputs)
    if not rows.any():
        return [], ["ONNX: not exported, every row of the sample lacks a text, which ONNX cannot."]
    sample = sample.take(np.flatnonzero(rows))
    notes = [] if rows.all() else [f"ONNX: tried on the {rows.sum()} rows of {len(rows)} that lack no text."]
    found: list[Measurement] = []
    name = "onnx"
    try:
        copy = compiled(model, sample.inputs)
        found += _of_copy(copy, name, sample, watch)
        name = "onnx int8"
        found += _of_copy(quantised(copy, sample.inputs), name, sample, watch)
    except (NotConverted, MissingDependency) as error:
        notes.append(f"{name}: no copy. {error}")
    return found, [*notes, _COPIES] if found else notes


def _of_copy(copy: Compiled, name: str, sample: Sample, watch: Stopwatch) -> list[Measurement]:
    n, runtime = len(sample.answers), f"runtime={name}"
    single = [copy.feed(sample.inputs[i : i + 1]) for i in range(min(n, watch.calls))]
    whole = copy.feed(sample.inputs)
    timed = watch.of_rows(copy.run, single, whole, n)
    size = len(copy.content) / MB
    return [
        *timed.measurements(watch.confidence, f"{runtime} & "),
        Measurement(metric="artifact_size", slice=runtime, value=size, n=1, unit="MB", note="ONNX file"),
        *_changes(copy.run(whole), sample, runtime, watch.confidence),
    ]


_COPIES = (
    "ONNX is timed from arrays that are ready to answers, so without making a DataFrame. Its numbers have 32 "
    "bits: a value beside a tree's threshold may fall on the other side."
)


def _changes(outputs: list[Any], sample: Sample, runtime: str, confidence: float) -> list[Measurement]:
    answers = np.asarray(outputs[0])
    if sample.task == "regression":
        return [_largest("max_answer_difference", answers.reshape(-1) - sample.answers, runtime, "target")]
    other = answers.astype(sample.answers.dtype).reshape(-1) != sample.answers
    note = "labels other than the model's own"
    changed = of_hits("changed_answers", other, confidence=confidence, slice=runtime, note=note)
    if sample.probabilities is None or len(outputs) < 2:
        return [changed]
    gap = np.asarray(outputs[1]) - sample.probabilities
    return [changed, _largest("max_score_difference", gap, runtime, "score")]


def _largest(metric: str, gap: Array, runtime: str, unit: str) -> Measurement:
    """A maximum has no interval: of n rows without a larger one, 3 / n may yet have one (95 %)."""
    n = len(gap)
    note = f"the largest of {n} rows; at most {min(3 / n, 1.0):.2%} of all rows differ by more (95 %)"
    return Measurement(
        metric=metric, slice=runtime, value=float(np.abs(gap).max()), n=n, unit=unit, note=note
    )
