"""How fast a version goes stale: fitted on one window of time, scored on every later one.

Versions of different age answer the same window, so that what makes a window hard is the same for all of
them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.performance.answers import UNITS, with_rows
from workbench.audits.parts.shared.encoded import is_number, number, sample
from workbench.audits.parts.shared.figures import SCHEMA, with_interval
from workbench.audits.parts.worth import refits
from workbench.audits.records import Figure, Measurement
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset
from workbench.stats.ageing import age_slope, mean_over_windows, older_less_fresh

Array = npt.NDArray[Any]

_FEWEST = 30
"""Rows of a window."""
_SCORED = 2_000
"""Most rows of a window that versions are scored on."""


@dataclass(frozen=True)
class Ageing:
    """A back-test over windows of equally many rows."""

    time: str
    windows: int
    rows: int
    confidence: float

    def of(self, subject: Subject) -> Finding:
        """Refit on every window and score the later ones.

        Raises:
            InvalidInput: the column holds no times.
        """
        pool, at = self._pool(subject)
        reason = refits.why_not(subject)
        if not reason and len(pool) < self.windows * _FEWEST:
            reason = f"{self.windows} windows need {self.windows * _FEWEST} rows, here are {len(pool)}"
        if reason:
            return Finding([], notes=[f"No back-test over {self.time!r}: {reason}."])
        order = np.argsort(at, kind="stable")
        windows = np.array_split(order, self.windows)
        try:
            metric, losses = self._losses(subject, pool, windows)
        except Exception as error:  # noqa: BLE001 - somebody's estimator may refuse a window
            note = f"No back-test over {self.time!r}: fitting on a window raised {type(error).__name__}."
            return Finding([], notes=[note])
        rows = int(np.mean([min(len(window), _SCORED) for window in windows]))
        return self._finding(metric, losses, rows, self._span(pool, windows))

    def _pool(self, subject: Subject) -> tuple[Dataset, Array]:
        """All rows with a time, those of the reference before those of the data, and their times."""
        data, before = subject.data, subject.reference
        names = [*dict.fromkeys([*subject.features, data.target, self.time])]
        frame = data.frame[[name for name in names if name in data.frame.columns]]
        if before is not None and all(
            name in before.frame.columns and before.frame[name].dtype == frame[name].dtype
            for name in frame.columns
        ):
            frame = pd.concat([before.frame[list(frame.columns)], frame], ignore_index=True)
        at = self._times(frame[self.time])
        known = ~np.isnan(at)
        kept = replace(data, frame=frame[known], sensitive=(), prediction=None, score=None, notes=())
        return kept, at[known]

    def _times(self, column: pd.Series) -> Array:
        if is_number(column) and not pd.api.types.is_bool_dtype(column.dtype):
            return number(column)
        parsed = number(pd.to_datetime(column.astype("string"), errors="coerce", utc=True, format="ISO8601"))
        if np.isnan(parsed).mean() > 0.5:
            raise InvalidInput(
                f"worth: time must be a column of times; {self.time!r} holds none.",
                remedy="Give numbers, dates, or texts like 2026-01-31.",
                field="time",
            )
        return parsed

    def _losses(self, subject: Subject, pool: Dataset, windows: list[Array]) -> tuple[str, Array]:
        """Mean loss of the version of each window on each later one, shape (windows, windows), else NaN."""
        found, metric = np.full((len(windows), len(windows)), np.nan), ""
        scored = [_part(pool, w[sample(len(w), _SCORED, _draws(subject, i))]) for i, w in enumerate(windows)]
        for i, window in enumerate(windows[:-1]):
            train = _part(pool, window[sample(len(window), self.rows, _draws(subject, i))])
            fitted = refits.refit(subject, train.frame, train.y)
            later = scored[i + 1 :]
            rows = with_rows(pool, pd.concat([part.frame for part in later], ignore_index=True))
            metric, losses = refits.losses(subject, fitted, rows)
            ends = np.cumsum([len(part) for part in later])[:-1]
            found[i, i + 1 :] = [part.mean() for part in np.split(losses, ends)]
        return metric, found

    def _span(self, pool: Dataset, windows: list[Array]) -> str:
        """How long a window is, in words; empty where times are bare numbers."""
        column = pool.frame[self.time]
        if is_number(column) and not pd.api.types.is_datetime64_any_dtype(column.dtype):
            at = number(column)
            return f"{np.ptp(at) / len(windows):.3g} of {self.time}"
        return f"{np.ptp(self._times(column)) / len(windows):.3g} days"

    def _finding(self, metric: str, losses: Array, rows: int, span: str) -> Finding:
        k = len(losses)
        older = self._over_windows(
            f"{metric}_difference", "age≥2 & against=1", older_less_fresh(losses), rows, metric
        )
        value, low, high = age_slope(losses, self.confidence)
        slope = Measurement(
            metric=f"{metric}_per_age",
            value=value,
            low=low,
            high=high,
            n=rows * (k - 1),
            unit=UNITS[metric],
            note=f"gained with every window of age ({span})",
        )
        found = [older, slope]
        for age in range(1, max(k - 2, 2)):
            at_age = np.array([losses[t - age, t] for t in range(age, k)])
            fresh = np.array([losses[t - 1, t] for t in range(age, k)])
            found.append(self._over_windows(metric, f"age={age}", at_age, rows, metric))
            if age > 1:
                slice = f"age={age} & against=1"
                found.append(self._over_windows(f"{metric}_difference", slice, at_age - fresh, rows, metric))
        return Finding(found, figures=[_figure(found, metric)], notes=[self._told(older, metric, k, span)])

    def _over_windows(self, metric: str, slice: str, values: Array, rows: int, loss: str) -> Measurement:
        value, low, high = mean_over_windows(values, self.confidence)
        few = "" if len(values) > 2 else "; too few for an interval"
        return Measurement(
            metric=metric,
            slice=slice,
            value=value,
            low=low,
            high=high,
            n=rows * len(values),
            unit=UNITS[loss],
            note=f"over {len(values)} windows{few}",
        )

    def _told(self, older: Measurement, metric: str, k: int, span: str) -> str:
        if older.low is None or older.high is None:
            said = "whether versions go stale is open"
        elif older.low > 0:
            said = (
                f"versions two windows old and older answer worse than one a window old, by {older.value:.3g}"
            )
        elif older.high < 0:
            said = "older versions answer better: seasons return, or the freshest window is an odd one"
        else:
            said = "no loss with age is shown"
        return (
            f"Back-test over {self.time!r} in {k} windows of about {span}: {said}. {metric} by age of a "
            "version fitted on one window; windows are what intervals count (Student), for rows near in "
            "time are alike. Versions here learn from one window each; one that learns from all the past "
            "may age otherwise."
        )


def _part(pool: Dataset, at: Array) -> Dataset:
    return with_rows(pool, pool.frame.iloc[np.sort(at)])


def _draws(subject: Subject, i: int) -> np.random.Generator:
    return np.random.default_rng([subject.seed, 2, i])


def _figure(found: list[Measurement], metric: str) -> Figure:
    points = [
        {"age": int(m.slice.removeprefix("age=")), "value": m.value, "low": m.low, "high": m.high}
        for m in found
        if m.metric == metric
    ]
    x = {"field": "age", "type": "ordinal", "title": "age in windows", "axis": {"labelAngle": 0}}
    y = {"type": "quantitative", "title": metric, "scale": {"zero": False}}
    return Figure(
        title="Loss by age",
        description=f"Mean {metric} of versions by age: {points[0]['value']:.3g} at 1 window, "
        f"{points[-1]['value']:.3g} at {points[-1]['age']}.",
        spec={
            "$schema": SCHEMA,
            "width": 260,
            "height": 200,
            "data": {"values": points},
            "encoding": {"x": x},
            "layer": with_interval("value", y, on="y", mark={"type": "line", "point": True}),
        },
    )
