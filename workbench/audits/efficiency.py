"""What a prediction costs: time, memory, bytes, money; and what a compiled copy would give and change.

Times are measured here and now, on this machine and beside whatever else runs on it: they are no property of
the model alone, and a second run gives others.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.efficiency.copies import Sample, copies
from workbench.audits.parts.efficiency.timing import Stopwatch, artifact_size, costs, peak_memory
from workbench.audits.parts.shared.figures import SCHEMA, rows_of, with_interval
from workbench.audits.parts.shared.options import require_at_least, require_between, require_positive
from workbench.audits.parts.shared.verdicts import together
from workbench.audits.records import Figure, Measurement
from workbench.core.values import Outcome

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Efficiency:
    """Latency of one row and of a batch, throughput, memory, size, cost, and ONNX beside it."""

    name: ClassVar[str] = "efficiency"

    rows: int = 1000
    """Rows of a batch, drawn at random."""
    calls: int = 400
    """Most calls that are timed of each kind. The 99th percentile has an upper end from 368 on."""
    seconds: float = 1.0
    """Most time for the calls of one kind; slow models get fewer calls and wider intervals."""
    price_per_hour: float | None = None
    """Price of the machine, in any currency. Default: no cost is given."""
    onnx: bool = True
    """Try a copy in ONNX, and a quantised one."""
    p95_ms_at_most: float | None = None
    """95th percentile of one row's latency that passes, in milliseconds. Default: no verdict."""
    size_mb_at_most: float | None = None
    """Size of the written model that passes, in megabytes. Default: no verdict."""
    confidence: float = 0.95
    """Level of the intervals."""

    def __post_init__(self) -> None:
        require_at_least(self, rows=1, calls=1)
        require_positive(self, "seconds", "price_per_hour", "p95_ms_at_most", "size_mb_at_most")
        require_between(self, 0, 1, "confidence")

    def reads(self, subject: Subject) -> list[str]:
        """What the model reads, and the roles without which data is none."""
        return subject.columns

    def content(self) -> str:
        """The machine: on another one every time is another."""
        return f"{platform.node()} {platform.machine()} {os.cpu_count()}"

    def applies(self, subject: Subject) -> str:
        """Needs a model that answers rows."""
        return "" if subject.predictor.reads_rows else "Predictions are a column: there is no model to time."

    def measure(self, subject: Subject) -> Finding:
        """Time the model, weigh it, and try its copies."""
        predictor = subject.predictor
        rng = np.random.default_rng(subject.seed)
        chosen = rng.choice(len(subject.data), size=min(self.rows, len(subject.data)), replace=False)
        batch = subject.data.frame.iloc[chosen]
        batch = batch[predictor.columns] if predictor.columns else batch
        ones = [batch.iloc[i : i + 1] for i in range(min(len(batch), self.calls))]
        watch = Stopwatch(self.calls, self.seconds, self.confidence)
        timed = watch.of_rows(predictor.predict, ones, batch, len(batch))
        size = artifact_size(predictor.model)
        found = self._judged([*timed.measurements(self.confidence), size])
        if self.price_per_hour is not None:
            found += costs(timed, self.price_per_hour, self.confidence)
        found.append(peak_memory(lambda: predictor.predict(batch), len(batch)))
        more, notes = self._copies(subject, chosen, batch, size.value)
        return Finding(
            [*found, *more],
            figures=[_figure([*found, *more])],
            notes=[_HERE.format(100 * self.confidence), *notes],
            outcome=together(found),
            libraries=("onnxruntime", "skl2onnx", "scikit-learn", "numpy", "pandas"),
        )

    def _copies(
        self, subject: Subject, chosen: Array, batch: pd.DataFrame, size_mb: float | None
    ) -> tuple[list[Measurement], list[str]]:
        if not self.onnx:
            return [], []
        predictor, probabilities = subject.predictor, subject.probabilities
        sample = Sample(
            predictor.inputs(batch),
            subject.answers[chosen],
            None if probabilities is None else probabilities[chosen],
            subject.data.task,
        )
        watch = Stopwatch(self.calls, self.seconds, self.confidence)
        return copies(predictor.model, sample, watch, size_mb=size_mb)

    def _judged(self, found: list[Measurement]) -> list[Measurement]:
        limits = {
            ("latency_p95", "rows=1"): self.p95_ms_at_most,
            ("artifact_size", ""): self.size_mb_at_most,
        }
        return [
            m if (limit := limits.get((m.metric, m.slice))) is None else _against(m, limit) for m in found
        ]


def _against(m: Measurement, limit: float) -> Measurement:
    """Judge by the interval; a size has none and is what it is."""
    sized = m.metric == "artifact_size"
    low, high = (m.value, m.value) if sized else (m.low, m.high)
    if high is not None and high <= limit:
        outcome = Outcome.PASS
    elif low is not None and low > limit:
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.INCONCLUSIVE
    note = ". ".join(filter(None, (m.note, f"at most {limit:g} {m.unit}")))
    return m.model_copy(update={"outcome": outcome, "note": note})


_HERE = (
    "Times are of this machine and this moment, one caller at a time, from a DataFrame to checked answers; "
    "what a server adds is not in them. Quantiles lie between two order statistics ({:g} %), as if calls "
    "were independent. On a machine that does other things they are too high, never too low."
)


def _figure(found: list[Measurement]) -> Figure:
    """Latency of one row, by runtime."""
    points = [
        {
            "runtime": m.slice.partition(" & ")[0] if "runtime" in m.slice else "as given",
            "quantile": m.metric.removeprefix("latency_"),
            "value": round(m.value or 0.0, 5),
            "low": round(m.low or m.value or 0.0, 5),
            "high": round(m.high or m.value or 0.0, 5),
        }
        for m in found
        if m.metric.startswith("latency_") and m.slice.endswith("rows=1")
    ]
    said = ", ".join(f"{p['runtime']} {p['quantile']} {p['value']:.3g}" for p in points)
    x = {"type": "quantitative", "title": "milliseconds for one row", "scale": {"type": "log"}}
    return Figure(
        title="Latency of one row",
        description=f"Milliseconds by runtime and quantile: {said}.",
        spec={
            "$schema": SCHEMA,
            "data": {"values": points},
            "width": 320,
            "encoding": {
                "y": rows_of("runtime", None),
                "yOffset": {"field": "quantile"},
                "color": {"field": "quantile", "type": "nominal"},
            },
            "layer": with_interval("value", x),
        },
    )
