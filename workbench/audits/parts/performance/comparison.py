"""Two models on the same rows: differences of their metrics with intervals that know the rows are pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Subject
from workbench.audits.parts.performance import simple_models
from workbench.audits.parts.performance.answers import Answers, ask
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.stats import paired
from workbench.stats.auc import roc_auc_difference
from workbench.stats.independent import Estimate
from workbench.stats.intervals import mean_interval, normal_quantile

Array = npt.NDArray[Any]

#: Metrics of which more is better; of all others less is.
GREATER_IS_BETTER = ("accuracy_score", "roc_auc_score")


def rivals(subject: Subject) -> tuple[list[Answers], list[str]]:
    """Answers of the dummy, of a linear model and of the champion; and why one is missing."""
    found, notes = [simple_models.dummy(subject.data, subject.reference)], list[str]()
    if subject.reference is None:
        notes.append(_NO_REFERENCE)
    else:
        keep(simple_models.linear(subject, subject.reference), "linear", found, notes)
    if subject.champion is not None:
        try:
            found.append(ask("champion", subject.champion, subject.data))
        except Exception as error:  # noqa: BLE001 - another version may want other columns: that is an answer
            notes.append(f"The champion cannot answer these rows ({type(error).__name__}): not compared.")
    return found, notes


def keep(rival: Answers | str, name: str, found: list[Answers], notes: list[str]) -> None:
    """Add a simple model to those found, or say why there is none."""
    if isinstance(rival, str):
        notes.append(f"No {name} model to compare with: {rival}.")
    else:
        found.append(rival)


def against(rival: Answers, model: Answers, data: Dataset, confidence: float) -> list[Measurement]:
    """Metrics of ``model`` less those of ``rival``, on the same rows.

    Returns:
        ``accuracy_score_difference`` and, where both give probabilities, ``roc_auc_score_difference`` and
        ``log_loss_difference``; of a regression ``mean_absolute_error_difference`` and
        ``root_mean_squared_error_difference``. The slice is ``against=`` and the rival's name.
    """
    return [
        Measurement(
            metric=f"{metric}_difference",
            slice=f"against={rival.name}",
            value=value,
            low=low,
            high=high,
            n=len(data),
            unit=unit,
            note=rival.note,
        )
        for metric, unit, (value, low, high) in _differences(model, rival, data, confidence)
    ]


def _differences(
    model: Answers, rival: Answers, data: Dataset, confidence: float
) -> Iterator[tuple[str, str, Estimate]]:
    if data.task == "regression":
        errors = model.errors(data), rival.errors(data)
        absolute = np.abs(errors[0]) - np.abs(errors[1])
        yield "mean_absolute_error", "target", mean_interval(absolute, confidence)
        yield "root_mean_squared_error", "target", _roots(*errors, confidence)
        return
    right = model.right(data), rival.right(data)
    gained, lost = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    low, high = paired.rate_difference(np.array(gained), np.array(lost), len(data), confidence)
    yield "accuracy_score", "rate", ((gained - lost) / len(data), float(low), float(high))
    first, second = model.scores(data), rival.scores(data)
    if first is not None and second is not None:
        positive = np.asarray(data.y == data.positive, dtype=bool)
        yield "roc_auc_score", "score", roc_auc_difference(first, second, positive, confidence)
    first, second = model.surprise(data), rival.surprise(data)
    if first is not None and second is not None:
        yield "log_loss", "score", mean_interval(first - second, confidence)


def _roots(first: Array, second: Array, confidence: float) -> Estimate:
    """Difference of two roots of mean squares of the same rows, by the delta method."""
    roots = [float((errors**2).mean()) ** 0.5 for errors in (first, second)]
    value = roots[0] - roots[1]
    if len(first) < 2:
        return value, -np.inf, np.inf
    parts = [
        errors**2 / (2 * root) if root else np.zeros(len(errors))
        for errors, root in zip((first, second), roots, strict=True)
    ]
    error = float((parts[0] - parts[1]).std(ddof=1)) / len(first) ** 0.5
    half = normal_quantile((1 + confidence) / 2) * error
    return value, value - half, value + half


def gain(m: Measurement) -> Estimate:
    """A difference turned so that more is better for the model: value, low, high."""
    value, low, high = (float(np.nan if end is None else end) for end in (m.value, m.low, m.high))
    if m.metric.removesuffix("_difference") in GREATER_IS_BETTER:
        return value, low, high
    return -value, -high, -low


def _side(m: Measurement) -> int:
    """1 or -1 where the whole interval shows the model to be better or worse, else 0."""
    _, low, high = gain(m)
    return 1 if low > 0 else -1 if high < 0 else 0


def verdicts(found: list[Measurement]) -> list[str]:
    """Say of every rival which metrics do not show the model to be better, or show it to be worse."""
    told = []
    for name in dict.fromkeys(m.slice for m in found):
        of = [m for m in found if m.slice == name]
        worse, open_ = [m for m in of if _side(m) < 0], [m for m in of if _side(m) == 0]
        rival = _WORDS.get(name, name.removeprefix("against="))
        if len(worse) + len(open_) == len(of):
            told.append(f"The model is not shown to be better than the {rival} ({of[0].note}) by any metric.")
        elif open_:
            told.append(f"Not shown to be better than the {rival} by {_names(open_)}.")
        if worse:
            told.append(f"Worse than the {rival} by {_names(worse)}.")
    return told


_WORDS = {"against=linear": "linear model", "against=tree": "shallow tree"}


def _names(found: list[Measurement]) -> str:
    return ", ".join(m.metric.removesuffix("_difference") for m in found)


_NO_REFERENCE = (
    "There is no reference to fit a linear model on: the model is compared with the dummy alone, which here "
    "takes its answer from the data itself."
)
