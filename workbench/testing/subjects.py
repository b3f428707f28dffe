"""A subject to try an audit on, made in milliseconds: generated loans and a real pipeline fitted to them.

What an audit meets is in the rows: whole numbers, reals, text, a switch, missing values, two groups. Models
that misbehave, for what serves or loads them, are in ``models``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.base import Subject
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of

TARGET = "defaulted"


def loans(rows: int = 400, *, seed: int = 0, income_shift: float = 0.0) -> pd.DataFrame:
    """Generated loans: whole numbers, reals, text, a switch, missing values, and ``defaulted`` yes or no.

    Args:
        rows: how many.
        seed: of the draws.
        income_shift: added to the logarithm of the income, to make drift.
    """
    rng = np.random.default_rng(seed)
    late = rng.poisson(0.8, rows)
    income = rng.lognormal(10 + income_shift, 0.5, rows)
    chance = 1 / (1 + np.exp(-(1.2 * late - 1.5 * (np.log(income) - 10) - 0.8)))
    income[rng.random(rows) < 0.02] = np.nan
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, rows),
            "income": income,
            "late_payments": late,
            "sex": rng.choice(["female", "male"], rows),
            "region": rng.choice(["north", "south", "west"], rows),
            "owner": rng.integers(0, 2, rows),
            TARGET: np.where(rng.random(rows) < chance, "yes", "no"),
        }
    )


def pipeline(frame: pd.DataFrame, model: Any = None) -> Any:
    """Fit a pipeline that takes the frame as it is. Default: logistic regression."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["sex", "region"]),
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income", "late_payments", "owner"]),
    )
    fitted = make_pipeline(columns, LogisticRegression() if model is None else model)
    return fitted.fit(frame.drop(columns=TARGET), frame[TARGET])


def subject(
    rows: int = 400, *, model: Any = None, income_shift: float = 0.0, reference: bool = True, seed: int = 0
) -> Subject:
    """A fitted pipeline on fresh rows, beside the rows it was trained on."""
    train = loans(rows, seed=1)
    data = Dataset.of(
        loans(rows, seed=2, income_shift=income_shift), target=TARGET, sensitive=["sex"], positive="yes"
    )
    return Subject(
        predictor=predictor_of(pipeline(train, model), data=data),
        data=data,
        reference=Dataset.of(train, target=TARGET, sensitive=["sex"], positive="yes") if reference else None,
        seed=seed,
    )
