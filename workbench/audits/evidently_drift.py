"""Evidently's own drift values beside ours, with what it needs to be told and kept from."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

ROWS = 50_000
"""Most rows of a side that are handed over; Evidently also draws pictures of them."""


def values(
    reference: pd.DataFrame, current: pd.DataFrame, methods: Mapping[str, str], *, seed: int
) -> dict[str, float]:
    """Return Evidently's ``ValueDrift`` of every column.

    Nothing is sent anywhere: Evidently's telemetry belongs to its server, which is not started.

    Args:
        reference: columns of floats, taken as numbers, and of anything else, taken as categories. Each has a
            value on both sides (Evidently raises for the whole report otherwise).
        current: the same columns.
        methods: Evidently's name of the ``stattest``, by column.
        seed: of the sample that is drawn when there are more than ``ROWS`` rows.
    """
    if not methods:
        return {}
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
        sample = frame.sample(ROWS, random_state=seed) if len(frame) > ROWS else frame
        plain = sample.astype({c: "str" for c in methods if c not in numbers}).reset_index(drop=True)
        return Dataset.from_pandas(plain, data_definition=definition)

    report = Report([ValueDrift(column=c, method=method) for c, method in methods.items()])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # correlations of constant columns, for its pictures
        snapshot = report.run(dataset(current), dataset(reference))
    found = snapshot.dict()["metrics"]
    return {m["config"]["column"]: float(m["value"]) for m in found}
