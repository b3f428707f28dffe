"""What the labels say: measurements of a confusion table, of two classes or more."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.shared.slices import escaped
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.stats.agreement import cohen_kappa, matthews_corrcoef
from workbench.stats.independent import Estimate
from workbench.stats.intervals import mean_of_rates, wilson

Array = npt.NDArray[Any]

_MOST_CLASSES = 50
"""Beyond it the recall of each class is left out."""


def confusion_matrix(data: Dataset, answers: Array) -> tuple[tuple[Any, ...], Array]:
    """Count rows by truth and answer.

    Returns:
        The labels of target and answers, sorted, but the positive of two last; and the counts, shape (k, k),
        truth first.
    """
    strangers = [label for label in pd.unique(answers).tolist() if label not in data.classes]
    classes = (*data.classes, *sorted(strangers, key=str))
    if len(classes) == 2 and data.positive is not None:
        classes = tuple(sorted(classes, key=lambda label: label == data.positive))
    index = pd.Index(list(classes), dtype=object)
    code = index.get_indexer(pd.Index(data.y, dtype=object)) * len(classes)
    code += index.get_indexer(pd.Index(answers, dtype=object))
    return classes, np.bincount(code, minlength=len(classes) ** 2).reshape(len(classes), len(classes))


def class_metrics(
    table: Array, classes: tuple[Any, ...], data: Dataset, confidence: float
) -> list[Measurement]:
    """Measure accuracy, agreement beyond chance, precision, recall and F1, beside the most frequent label.

    Args:
        table: from ``confusion_matrix``, with its ``classes``.
        classes: the labels.
        data: whose target and positive label are meant.
        confidence: level of the intervals.
    """
    n, right = int(table.sum()), np.diagonal(table)
    there, predicted = table.sum(axis=1), table.sum(axis=0)
    found = [
        _rate("accuracy_score", int(right.sum()), n, confidence),
        _baseline(int(there.max()), n, classes[int(there.argmax())]),
        _mean("balanced_accuracy_score", right, there, there > 0, confidence),
        _agreement("matthews_corrcoef", matthews_corrcoef(table, confidence), n),
        _agreement("cohen_kappa_score", cohen_kappa(table, confidence), n),
    ]
    if data.positive is not None:
        at = classes.index(data.positive)
        tp, p, t = (int(counts[at]) for counts in (right, predicted, there))
        found.append(_rate("precision_score", tp, p, confidence, why="nothing was predicted positive"))
        return [*found, _rate("recall_score", tp, t, confidence), _f1(tp, t + p - tp, confidence)]
    seen = there + predicted > 0
    found.append(_mean("precision_score", right, predicted, seen, confidence))
    found.append(_mean("recall_score", right, there, seen, confidence))
    found.append(_mean_f1(right, there + predicted - right, seen, confidence))
    if len(classes) <= _MOST_CLASSES:
        names = (f"{escaped(str(data.target))}={escaped(str(label))}" for label in classes)
        cells = zip(right, there, names, strict=True)
        found += [_rate("recall_score", int(k), int(of), confidence, slice) for k, of, slice in cells]
    return found


def _rate(
    metric: str, k: int, n: int, confidence: float, slice: str = "", *, why: str = "no such row"
) -> Measurement:
    if n == 0:
        return Measurement(metric=metric, slice=slice, value=None, n=0, unit="rate", note=f"0/0: {why}")
    low, high = wilson(k, n, confidence)
    return Measurement(metric=metric, slice=slice, value=k / n, low=low, high=high, n=n, unit="rate")


def _baseline(k: int, n: int, label: Any) -> Measurement:
    return Measurement(
        metric="accuracy_score_baseline", value=k / n, n=n, unit="rate", note=f"always answers {label!r}"
    )


def _agreement(metric: str, found: Estimate | None, n: int) -> Measurement:
    common: dict[str, Any] = {"metric": metric, "n": n, "unit": "score"}
    if found is None:
        return Measurement(
            **common, value=None, note="0/0: every row has the same answer; scikit-learn says 0"
        )
    value, low, high = found
    return Measurement(**common, value=value, low=low, high=high)


def _mean(metric: str, k: Array, n: Array, seen: Array, confidence: float) -> Measurement:
    """Mean of k of n over the classes that were seen; 0/0 is 0, as scikit-learn's macro mean has it.

    Rows of each class (or answers of each class) are independent of those of the others.
    """
    k, n = k[seen], n[seen]
    rates = k / np.maximum(n, 1)
    low, high = mean_of_rates(rates, *wilson(k, n, confidence))
    return Measurement(
        metric=metric,
        value=float(rates.mean()),
        low=float(low),
        high=float(high),
        n=int(n.sum()),
        unit="score",
        note=f"mean over {len(n)} classes",
    )


def _f1(tp: int, of: int, confidence: float) -> Measurement:
    """F1 is 2J / (1 + J), with J = TP / (TP + FP + FN) a rate of rows that are or were taken as positive."""
    if of == 0:
        note = "0/0: no row is or was taken as positive"
        return Measurement(metric="f1_score", value=None, n=0, unit="score", note=note)
    value, low, high = (2 * j / (1 + j) for j in (tp / of, *wilson(tp, of, confidence)))
    return Measurement(metric="f1_score", value=value, low=low, high=high, n=of, unit="score")


def _mean_f1(tp: Array, of: Array, seen: Array, confidence: float) -> Measurement:
    """Mean of the classes' F1. One mistake is in two of them, so their ends are averaged, to be cautious."""
    tp, of = tp[seen], of[seen]
    value, low, high = (float((2 * j / (1 + j)).mean()) for j in (tp / of, *wilson(tp, of, confidence)))
    note = f"mean over {len(of)} classes"
    return Measurement(
        metric="f1_score", value=value, low=low, high=high, n=int(of.sum()), unit="score", note=note
    )
