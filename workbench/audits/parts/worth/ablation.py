"""What each column brings: the loss when its values are shuffled, and when a refit goes without it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.performance.answers import UNITS, Answers, ask, own, with_rows
from workbench.audits.parts.shared.encoded import sample
from workbench.audits.parts.shared.figures import SCHEMA, rows_of, with_interval
from workbench.audits.parts.shared.slices import escaped
from workbench.audits.parts.worth import refits
from workbench.audits.records import Figure, Measurement
from workbench.datasets import Dataset
from workbench.stats.intervals import mean_interval

Array = npt.NDArray[Any]

SHUFFLED = "permutation_importance"
LEFT_OUT = "loco_importance"
_AT_ONCE = 100_000
"""Shuffled rows in one question to the model."""
_MOST_ROWS = 400_000
"""Shuffled rows in all: with very many columns fewer rows of each."""
_SHOWN = 30


@dataclass(frozen=True)
class Ablation:
    """Columns taken away one at a time, on the same rows."""

    rows: int
    refit_seconds: float
    confidence: float

    def of(self, subject: Subject) -> Finding:
        """Measure every column the model reads."""
        columns = _columns(subject)
        if not subject.predictor.reads_rows:
            return Finding(
                [], notes=["Answers are a column of the data: no column can be taken away from them."]
            )
        if not columns:
            return Finding([], notes=["No column that the model reads varies: none can be taken away."])
        at = sample(
            len(subject.data),
            max(100, min(self.rows, _MOST_ROWS // len(columns))),
            np.random.default_rng(subject.seed),
        )
        data = with_rows(subject.data, subject.data.frame.iloc[at])
        metric, before = own(subject).losses(subject.data)
        shuffled = self._shuffled(subject, data, columns, metric, before[at])
        left_out, note = self._left_out(subject, data, columns, metric)
        notes = [_SHUFFLED.format(metric, len(at)), note, _without_benefit(left_out or shuffled)]
        return Finding(
            [*shuffled, *left_out],
            notes=[n for n in notes if n],
            figures=[_figure(shuffled, left_out, metric)],
        )

    def _shuffled(
        self, subject: Subject, data: Dataset, columns: list[str], metric: str, before: Array
    ) -> list[Measurement]:
        """One order for all columns is enough: the interval counts what it did to each row."""
        order, found = np.random.default_rng([subject.seed, 1]).permutation(len(data)), []
        for name, answers in _asked(subject, data, columns, order):
            after = answers.losses(data)[1]
            found.append(self._measurement(SHUFFLED, name, after - before, metric))
        return found

    def _left_out(
        self, subject: Subject, data: Dataset, columns: list[str], metric: str
    ) -> tuple[list[Measurement], str]:
        """Refit with each column held constant, beside a refit with all of them, on the same rows."""
        train = subject.reference
        reason = refits.why_not(subject) if train is not None else "there is no reference to fit on"
        if reason or train is None or self.refit_seconds == 0:
            return [], f"No refits without a column: {reason}." if reason else ""
        at = sample(len(train), self.rows, np.random.default_rng(subject.seed))
        frame, y = train.frame.iloc[at], train.y[at]
        try:
            start = time.perf_counter()
            _, with_all = refits.losses(subject, refits.refit(subject, frame, y), data)
            needed = (time.perf_counter() - start) * len(columns)
            if needed > self.refit_seconds:
                return [], _TOO_SLOW.format(len(columns), needed, self.refit_seconds)
            found = []
            for name in columns:
                value = frame[name].mode(dropna=True).iloc[0]
                fitted = refits.refit(subject, refits.held_constant(frame, name, value), y)
                rows = with_rows(data, refits.held_constant(data.frame, name, value))
                _, without = refits.losses(subject, fitted, rows)
                found.append(self._measurement(LEFT_OUT, name, without - with_all, metric))
        except Exception as error:  # noqa: BLE001 - somebody's estimator may refuse these rows
            return [], f"No refits without a column: fitting again raised {type(error).__name__}."
        return found, _LEFT_OUT.format(len(at))

    def _measurement(self, metric: str, column: str, more: Array, loss: str) -> Measurement:
        value, low, high = mean_interval(more, self.confidence)
        return Measurement(
            metric=metric,
            slice=f"feature={escaped(column)}",
            value=value,
            low=low,
            high=high,
            n=len(more),
            unit=UNITS[loss],
            note=f"{loss} gained without it",
        )


def _columns(subject: Subject) -> list[str]:
    """Columns the model reads that vary, here and (if there is one) in the reference."""
    frames = [subject.data.frame] + ([] if subject.reference is None else [subject.reference.frame])
    roles = {subject.data.target, subject.data.prediction, subject.data.score}
    return [
        name
        for name in subject.features
        if name not in roles
        and all(name in frame.columns and frame[name].notna().any() for frame in frames)
        and _varies(subject.data.frame[name])
    ]


def _varies(column: pd.Series) -> bool:
    first = column.iloc[0]
    return bool(column.notna().any() if pd.isna(first) else (column.isna() | (column != first)).any())


def _asked(
    subject: Subject, data: Dataset, columns: list[str], order: Array
) -> Iterator[tuple[str, Answers]]:
    """Answers with each column shuffled, asked in large batches."""
    n, step = len(data), max(1, _AT_ONCE // len(data))
    for start in range(0, len(columns), step):
        names = columns[start : start + step]
        frame = pd.concat([_with_shuffled(data.frame, name, order) for name in names], ignore_index=True)
        answers = ask("shuffled", subject.predictor, with_rows(data, frame))
        for i, name in enumerate(names):
            part = slice(i * n, (i + 1) * n)
            chances = None if answers.chances is None else answers.chances[part]
            yield name, replace(answers, given=answers.given[part], chances=chances)


def _with_shuffled(frame: pd.DataFrame, column: str, order: Array) -> pd.DataFrame:
    return frame.assign(**{column: frame[column].take(order).set_axis(frame.index)})


def _without_benefit(found: list[Measurement]) -> str:
    names = [m.slice.removeprefix("feature=") for m in found if m.low is not None and m.low <= 0]
    if not names:
        return ""
    how = "left out of a refit" if found[0].metric == LEFT_OUT else "shuffled"
    return f"No benefit is shown, {how}, for {len(names)} of {len(found)} columns: {', '.join(names[:20])}."


def _figure(shuffled: list[Measurement], left_out: list[Measurement], metric: str) -> Figure:
    order = sorted(shuffled, key=lambda m: -(m.value or 0))[:_SHOWN]
    names = [m.slice.removeprefix("feature=") for m in order]
    points = [
        {"column": name, "how": how, "value": m.value, "low": m.low, "high": m.high}
        for how, found in (("shuffled", shuffled), ("left out of a refit", left_out))
        for m in found
        if (name := m.slice.removeprefix("feature=")) in names
    ]
    x = {"type": "quantitative", "title": f"{metric} gained without it"}
    colour = {"field": "how", "type": "nominal", "title": None}
    return Figure(
        title="What each column brings",
        description=f"{metric} gained without each column, with intervals; most without {names[0]}, by "
        f"{order[0].value:.3g}.",
        spec={
            "$schema": SCHEMA,
            "width": 260,
            "height": {"step": 20},
            "data": {"values": points},
            "encoding": {"y": rows_of("column", names), "color": colour},
            "layer": with_interval("value", x),
        },
    )


_SHUFFLED = (
    "Columns shuffled: {} gained, over {:,} rows, intervals by the central limit theorem. A column whose "
    "content another one has too costs the model more than it brings, and rows are asked about that could "
    "not be: the refit without it is the better figure where there is one."
)
_LEFT_OUT = (
    "Columns left out: the model refitted on {:,} rows of the reference with the column held constant, "
    "beside one refitted with all. The intervals are about other rows, not about other training rows."
)
_TOO_SLOW = "No refits without a column: {} of them would take about {:.0f} s, and refit_seconds allows {:g}."
