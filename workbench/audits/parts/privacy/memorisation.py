"""How much single records weigh in what the model learned: SHAPr, beside rows that it never saw."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.parts.privacy.membership import Trial
from workbench.audits.parts.shared.measured import of_estimate, of_share
from workbench.audits.records import Measurement
from workbench.stats.independent import rate_difference
from workbench.stats.membership import shapr

Array = npt.NDArray[Any]

_RECORDS = 1000
_JUDGED = 1000


def memorised(trial: Trial, confidence: float) -> list[Measurement]:
    """Share of records with a score above 0, of members and of others in their place.

    A record of positive score helps the model's answers to be right about others. That others do as well is
    the floor: what they lack in comparison with members was memorised.

    Args:
        trial: members and others, with the model's probabilities. Without any there is nothing to measure.
        confidence: level of the intervals.
    """
    if trial.probabilities is None or not trial.classification:
        return []
    members, others, judged = _parts(trial)
    counts = []
    for rows in (members, others):
        scores = _scores(trial, trial.probabilities, rows, judged)
        counts += [int((scores > 0).sum()), len(scores)]
    k, n, k_floor, n_floor = counts
    note = "records with a SHAPr score above 0"
    return [
        of_share("shapr_positive_share", k, n, confidence=confidence, slice="rows=training", note=note),
        of_share(
            "shapr_positive_share", k_floor, n_floor, confidence=confidence, slice="rows=other", note=note
        ),
        of_estimate(
            "shapr_positive_share_difference",
            rate_difference(k, n, k_floor, n_floor, confidence),
            n=n,
            unit="difference",
            note="training rows less others in their place: what was memorised",
        ),
    ]


def _parts(trial: Trial) -> tuple[Array, Array, Array]:
    """Members, as many others, and different others that judge."""
    members, others = (np.flatnonzero(trial.member == kind) for kind in (True, False))
    half = len(others) // 2
    n = min(_RECORDS, half)
    return members[:n], others[:n], others[half : half + _JUDGED]


def _scores(trial: Trial, p: Array, rows: Array, judged: Array) -> Array:
    labels = pd.factorize(trial.truth)[0]
    return shapr(p[rows], labels[rows], p[judged], labels[judged])
