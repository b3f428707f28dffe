"""Ask the model about the rows of many faults in few big calls, and find out which of them it refuses."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.corruption.faults import Faulty

Array = npt.NDArray[Any]
Predict = Callable[[pd.DataFrame], Array]

_CELLS = 4_000_000
"""Most values in one question to the model: some 30 MB of numbers."""


def answers_of(predict: Predict, clean: pd.DataFrame, faults: Sequence[Faulty]) -> list[Array | str]:
    """Return for each fault what the model answers, shape (n,), or how it refuses: ``ValueError: …``.

    Faults that change the type of a column are asked about apart from those that do not: together they would
    change it for all.

    Args:
        predict: from rows to answers, shape (n,).
        clean: the rows without fault, shape (n, columns).
        faults: what takes the place of their columns.
    """
    found: list[Array | str] = [""] * len(faults)
    most = max(_CELLS // max(clean.size, 1), 1)
    for places in _by_types(clean, faults):
        for start in range(0, len(places), most):
            part = places[start : start + most]
            for place, answer in zip(part, _ask(predict, clean, [faults[i] for i in part]), strict=True):
                found[place] = answer
    return found


def _by_types(clean: pd.DataFrame, faults: Sequence[Faulty]) -> list[list[int]]:
    groups: dict[frozenset[Any], list[int]] = {}
    for place, fault in enumerate(faults):
        new = frozenset((c, t) for c, t in fault.columns.dtypes.items() if t != clean[c].dtype)
        groups.setdefault(new, []).append(place)
    return list(groups.values())


def _ask(predict: Predict, clean: pd.DataFrame, faults: Sequence[Faulty]) -> list[Array | str]:
    """One call; when it raises, one for each half, until it is known which fault is at fault."""
    rows = pd.concat([fault.rows(clean) for fault in faults], ignore_index=True)
    try:
        with warnings.catch_warnings():
            # What a model warns of here is about rows that nobody has.
            warnings.simplefilter("ignore")
            answers = predict(rows)
    except Exception as error:  # noqa: BLE001 - a model may refuse with anything, and that is the finding
        if len(faults) == 1:
            return [_said(error)]
        half = len(faults) // 2
        return [*_ask(predict, clean, faults[:half]), *_ask(predict, clean, faults[half:])]
    return list(np.split(answers, len(faults)))


def _said(error: Exception) -> str:
    """Type and first line. What it quotes may be a value of a person's row."""
    line = next(iter(str(error).strip().splitlines()), "")
    line = re.sub(r"'[^']*'|\"[^\"]*\"", "'…'", line)
    return f"{type(error).__name__}: {line[:160]}".removesuffix(": ")
