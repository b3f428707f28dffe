"""What a model costs to ask and to keep: times of calls, memory at the peak, bytes when written."""

from __future__ import annotations

import io
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.records import Measurement
from workbench.stats.intervals import mean_interval
from workbench.stats.quantiles import quantile

Array = npt.NDArray[Any]

_WARM = 3
"""Calls before the first that counts: caches fill, threads start."""
_LEAST = 10
"""Calls that are made however long they take."""
_BATCHES = 100
"""Calls with many rows, at most."""
MB = 1e6


@dataclass(frozen=True)
class Stopwatch:
    """How long calls are timed, and how sure one wants to be of what comes out."""

    calls: int
    """At most."""
    seconds: float
    """No new call after so long, once ten have been made."""
    confidence: float
    """Level of the intervals."""

    def times(self, call: Callable[[Any], Any], inputs: Sequence[Any]) -> Array:
        """Call again and again, one at a time.

        Args:
            call: what is timed.
            inputs: taken in turn; the first again after the last.

        Returns:
            Seconds of each call, shape (n,).
        """
        for i in range(_WARM):
            call(inputs[i % len(inputs)])
        times = []
        began = time.perf_counter()
        for i in range(self.calls):
            start = time.perf_counter()
            call(inputs[i % len(inputs)])
            end = time.perf_counter()
            times.append(end - start)
            if end - began > self.seconds and len(times) >= _LEAST:
                break
        return np.array(times)

    def of_rows(self, call: Callable[[Any], Any], ones: Sequence[Any], batch: Any, rows: int) -> Timed:
        """Time calls with one row, and calls with all rows (fewer of those: they tell less)."""
        one = self.times(call, ones)
        if rows == 1:
            return Timed(one, one, 1)
        return Timed(one, replace(self, calls=min(self.calls, _BATCHES)).times(call, [batch]), rows)


@dataclass(frozen=True)
class Timed:
    """Seconds of calls with one row, and of calls with ``rows`` rows."""

    one: Array
    many: Array
    rows: int

    def measurements(self, confidence: float, slice: str = "") -> list[Measurement]:
        """Measure latency and throughput. ``slice`` goes before ``rows=1``."""
        found = latencies(self.one, f"{slice}rows=1", confidence)
        if self.rows > 1:
            found += latencies(self.many, f"{slice}rows={self.rows}", confidence)
        return [*found, throughput(self.many, self.rows, f"{slice}rows={self.rows}", confidence)]


def latencies(times: Array, slice: str, confidence: float) -> list[Measurement]:
    """Measure p50, p95 and p99 in milliseconds, each between two order statistics."""
    found = []
    for q in (0.5, 0.95, 0.99):
        value, low, high = quantile(1000 * times, q, confidence)
        open_end = "" if np.isfinite(high) else f"{len(times)} calls are too few for an upper end"
        found.append(
            Measurement(
                metric=f"latency_p{100 * q:.0f}",
                slice=slice,
                value=value,
                low=low if np.isfinite(low) else None,
                high=high if np.isfinite(high) else None,
                n=len(times),
                unit="ms",
                note=open_end,
            )
        )
    return found


def throughput(times: Array, rows: int, slice: str, confidence: float) -> Measurement:
    """Measure rows a second of one caller: the rows of a call through the median time of a call."""
    value, low, high = quantile(times, 0.5, confidence)
    return Measurement(
        metric="throughput",
        slice=slice,
        value=rows / value,
        low=rows / high,
        high=rows / low if np.isfinite(low) else None,
        n=len(times),
        unit="rows/s",
        note="one caller, at the median time",
    )


def costs(timed: Timed, price_per_hour: float, confidence: float) -> list[Measurement]:
    """Measure what a thousand predictions cost, at the mean time of a call: one by one, and in batches."""
    note = f"at {price_per_hour:g} an hour, on a machine that does nothing else and never waits"
    found = []
    for rows, times in {1: timed.one, timed.rows: timed.many}.items():
        thousand = price_per_hour / 3600 * 1000 / rows
        value, low, high = (thousand * end for end in mean_interval(times, confidence))
        found.append(
            Measurement(
                metric="cost_per_thousand",
                slice=f"rows={rows}",
                value=value,
                low=max(low, 0.0),
                high=high,
                n=len(times),
                unit="price",
                note=note,
            )
        )
    return found


def peak_memory(call: Callable[[], Any], rows: int) -> Measurement:
    """Measure the most memory that one call holds at once, as Python and NumPy allocate it."""
    began = not tracemalloc.is_tracing()
    if began:
        tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        if began:
            tracemalloc.stop()
    return Measurement(
        metric="peak_memory",
        slice=f"rows={rows}",
        value=max(peak - before, 0) / MB,
        n=1,
        unit="MB",
        note="tracemalloc, one call: what Python and NumPy allocate, not what compiled libraries do",
    )


def artifact_size(model: Any) -> Measurement:
    """Measure the bytes of the model as its framework usually writes it."""
    common: dict[str, Any] = {"metric": "artifact_size", "n": 1, "unit": "MB"}
    try:
        written, how = _written(model)
    except Exception as error:  # noqa: BLE001 - what cannot be written raises whatever its parts raise
        return Measurement(**common, value=None, note=f"it cannot be written: {type(error).__name__}")
    return Measurement(**common, value=written / MB, note=how)


def _written(model: Any) -> tuple[int, str]:
    package = type(model).__module__.partition(".")[0]
    if package == "xgboost":
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.ubj"
            model.save_model(file)
            return file.stat().st_size, "UBJSON of XGBoost"
    if package == "lightgbm":
        return len(model.booster_.model_to_string().encode()), "text of LightGBM"
    if package == "sklearn":
        try:
            return _joblib(model), "joblib"
        except Exception:  # noqa: BLE001 - a function of the user's inside it; cloudpickle takes those
            return _cloudpickle(model), "cloudpickle"
    return _cloudpickle(model), "cloudpickle"


def _joblib(model: Any) -> int:
    import joblib

    file = io.BytesIO()
    joblib.dump(model, file)
    return file.tell()


def _cloudpickle(model: Any) -> int:
    import cloudpickle

    return len(cloudpickle.dumps(model))
