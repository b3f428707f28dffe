"""Evidently's own drift values beside ours, with what it needs to be told and kept from."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.drift.pairs import Pair
from workbench.audits.records import Measurement

ROWS = 50_000
"""Most rows of a side that are handed over; Evidently also draws pictures of them."""
_COLUMNS = 50
"""Columns handed over, those that moved most: Evidently draws every one."""


@dataclass(frozen=True)
class Kind:
    """What a method of Evidently takes and gives."""

    numbers: bool = False
    categories: bool = False
    p_value: bool = False
    """It gives a p-value, not a distance."""
    rows: int | None = None
    """Most rows a side, where its cost grows with their square or with a Python loop."""


METHODS: dict[str, Kind] = {
    "psi": Kind(numbers=True, categories=True),
    "jensenshannon": Kind(numbers=True, categories=True),
    "hellinger": Kind(numbers=True, categories=True),
    "kl_div": Kind(numbers=True, categories=True),
    "wasserstein": Kind(numbers=True),
    "ed": Kind(numbers=True, rows=5000),
    "ks": Kind(numbers=True, p_value=True),
    "anderson": Kind(numbers=True, p_value=True),
    "cramer_von_mises": Kind(numbers=True, p_value=True),
    "es": Kind(numbers=True, p_value=True),
    "mannw": Kind(numbers=True, p_value=True),
    "t_test": Kind(numbers=True, p_value=True),
    "empirical_mmd": Kind(numbers=True, p_value=True, rows=300),
    "chisquare": Kind(categories=True, p_value=True),
    "g_test": Kind(categories=True, p_value=True),
    "z": Kind(categories=True, p_value=True),
    "TVD": Kind(categories=True, p_value=True, rows=300),
}
"""Its methods by the name of their ``stattest``."""


def measure(
    pairs: Mapping[str, Pair], methods: Sequence[str], *, seed: int
) -> tuple[list[Measurement], list[str]]:
    """Return what Evidently's methods say of every column that they take, the metric ``evidently_<method>``.

    Args:
        pairs: columns with a value on both sides, those that moved most first.
        methods: keys of ``METHODS``.
        seed: of samples and of Evidently's own draws.
    """
    found, notes = [], []
    if methods and len(pairs) > _COLUMNS:
        notes.append(f"Evidently was asked about the {_COLUMNS} columns that moved most.")
    for method in methods:
        kind = METHODS[method]
        taken = [c for c, p in pairs.items() if (kind.numbers if p.number else kind.categories)][:_COLUMNS]
        rows = min(ROWS, kind.rows or ROWS)
        told = values(
            pd.DataFrame({c: pairs[c].reference for c in taken}),
            pd.DataFrame({c: pairs[c].current for c in taken}),
            dict.fromkeys(taken, method),
            seed=seed,
            rows=rows,
        )
        found += [_measurement(method, c, v, min(len(pairs[c].current), rows)) for c, v in told.items()]
    return found, notes


def _measurement(method: str, column: str, value: float, n: int) -> Measurement:
    return Measurement(
        metric=f"evidently_{method}",
        slice=column,
        value=value if np.isfinite(value) else None,
        n=n,
        unit="p-value" if METHODS[method].p_value else "effect",
        note="Evidently's binning and rule, missing values left out; it gives no interval",
    )


def values(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    methods: Mapping[str, str],
    *,
    seed: int,
    rows: int | None = None,
) -> dict[str, float]:
    """Return Evidently's ``ValueDrift`` of every column.

    Nothing is sent anywhere: Evidently's telemetry belongs to its server, which is not started.

    Args:
        reference: columns of floats, taken as numbers, and of anything else, taken as categories. Each has a
            value on both sides (Evidently raises for the whole report otherwise).
        current: the same columns.
        methods: Evidently's name of the ``stattest``, by column.
        seed: of the sample that is drawn when there are more than ``rows`` rows.
        rows: most of a side; default ``ROWS``.
    """
    if not methods:
        return {}
    most = ROWS if rows is None else rows
    with warnings.catch_warnings():  # its import touches deprecated names of NumPy and Litestar
        warnings.simplefilter("ignore", DeprecationWarning)
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift
    numbers = [c for c in methods if pd.api.types.is_float_dtype(reference[c].dtype)]
    # without a definition it guesses, and takes categories for free text
    definition = DataDefinition(
        numerical_columns=numbers, categorical_columns=[c for c in methods if c not in numbers]
    )

    def dataset(frame: pd.DataFrame) -> Any:
        sample = frame.sample(most, random_state=seed) if len(frame) > most else frame
        plain = sample.astype({c: "str" for c in methods if c not in numbers}).reset_index(drop=True)
        return Dataset.from_pandas(plain, data_definition=definition)

    report = Report([ValueDrift(column=c, method=method) for c, method in methods.items()])
    with _draws(seed), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # correlations of constant columns, for its pictures
        snapshot = report.run(dataset(current), dataset(reference))
    found = snapshot.dict()["metrics"]
    return {m["config"]["column"]: float(m["value"]) for m in found}


@contextmanager
def _draws(seed: int) -> Iterator[None]:
    """Its permutation tests draw from NumPy's global generator: seed it, and leave it as it was."""
    state = np.random.get_state()  # noqa: NPY002 - as above
    np.random.seed(seed % 2**32)  # noqa: NPY002 - as above
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002 - as above
