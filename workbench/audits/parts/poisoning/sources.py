"""Who sent the training rows: sources that label otherwise than the rest, with false-discovery control."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.shared.measured import of_estimate, of_share
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.stats.discovery import benjamini_hochberg
from workbench.stats.independent import rate_difference

Array = npt.NDArray[np.int64]

_SHOWN = 10
_LEAST = 10
_RATE = 0.05


def measure(reference: Dataset, source: str, confidence: float) -> list[Measurement]:
    """Each source's share of a label less that of all others, for the sources that differ.

    Args:
        reference: training rows.
        source: column that says where a row comes from.
        confidence: level of the intervals.

    Returns:
        The biggest source's share, how many sources differ, and the ten that differ most surely.
    """
    names, code = np.unique(reference.groups(source).astype(str), return_inverse=True)
    classes, label = _labels(reference)
    table = np.bincount(code * len(classes) + label, minlength=len(names) * len(classes))
    table = table.reshape(len(names), len(classes))
    n = table.sum(axis=1)
    tested = np.flatnonzero((n >= _LEAST) & (n < n.sum()))
    p = np.array([[_p(table, int(s), c) for c in range(len(classes))] for s in tested]).reshape(-1)
    q = benjamini_hochberg(p) if p.size else p
    order = [i for i in np.argsort(p, kind="stable") if q[i] <= _RATE]
    shown: set[int] = set()
    found = [_biggest(names, n, confidence), _count(order, len(tested), len(classes), n)]
    for i in order:
        s, c = int(tested[i // len(classes)]), int(i % len(classes))
        if s not in shown and len(shown) < _SHOWN:  # the label by which it differs most surely
            shown.add(s)
            said = (f"{source}={names[s]}", classes[c])
            found.append(_difference(table, (s, c), names=said, q=float(q[i]), confidence=confidence))
    return found


def _labels(reference: Dataset) -> tuple[list[str], Array]:
    """Names of labels and each row's code; for numbers above and not above the median."""
    if reference.task == "classification":
        codes, values = pd.factorize(reference.y, sort=False)
        return [f"{reference.target}={value}" for value in values], np.asarray(codes)
    middle = float(np.median(reference.y.astype(float)))
    names = [f"{reference.target} ≤ {middle:g}", f"{reference.target} > {middle:g}"]
    return names, (reference.y.astype(float) > middle).astype(np.int64)


def _p(table: Array, source: int, label: int) -> float:
    """Two-sided Fisher test: exact at any size, from the hypergeometric distribution."""
    from scipy.stats import fisher_exact

    hits, n = table[source, label], table[source].sum()
    rest = table[:, label].sum() - hits
    return float(fisher_exact([[hits, n - hits], [rest, table.sum() - n - rest]]).pvalue)


def _biggest(names: npt.NDArray[np.str_], n: Array, confidence: float) -> Measurement:
    k, total = int(n.max()), int(n.sum())
    median = float(np.median(n)) / total
    note = f"{names[n.argmax()]!s}; of {len(n)} sources the median one sent {median:.2%}"
    return of_share("greatest_source_share", k, total, confidence=confidence, note=note)


def _count(order: list[int], tested: int, classes: int, n: Array) -> Measurement:
    return Measurement(
        metric="sources_that_differ",
        value=len({i // classes for i in order}),
        n=int(n.sum()),
        unit="count",
        note=f"of {tested} with {_LEAST} rows; false discovery rate {_RATE:g} (Benjamini and Hochberg)",
    )


def _difference(
    table: Array, at: tuple[int, int], *, names: tuple[str, str], q: float, confidence: float
) -> Measurement:
    """One source's share of one label, less that of the others."""
    hits, n = int(table[at]), int(table[at[0]].sum())
    rest, others = int(table[:, at[1]].sum()) - hits, int(table.sum()) - n
    return of_estimate(
        "source_label_difference",
        rate_difference(hits, n, rest, others, confidence),
        n=n,
        slice=names[0],
        unit="difference",
        note=f"share of {names[1]}: {hits / n:.3f} against {rest / others:.3f} of all others; q = {q:.2g}",
    )
