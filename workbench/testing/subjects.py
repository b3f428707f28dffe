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


def messy(rows: int = 300, *, seed: int = 0) -> pd.DataFrame:
    """Generated tickets as people have them: three labels of text, values missing all over but in the truth.

    Numbers with gaps, categories, a switch, text, a date, a constant, and a name that is not an identifier.
    """
    rng = np.random.default_rng(seed)
    waited, size = rng.gamma(2.0, 5.0, rows), rng.integers(1, 50, rows).astype(float)
    plan = rng.choice(["free", "pro", "größer & <b>more</b>"], rows).astype(object)
    level = waited / 10 + (plan == "free") + rng.normal(0, 0.7, rows)
    frame = pd.DataFrame(
        {
            "waited (min)": waited,
            "size": size,
            "plan": plan,
            "region": rng.choice(["n", "s", "w"], rows, p=[0.6, 0.35, 0.05]).astype(object),
            "vip": rng.random(rows) < 0.3,
            "opened": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 90, rows), unit="D"),
            "source": "web",
            "priority": np.select([level > 2.2, level > 1.0], ["high", "mid"], "low"),
        }
    )
    for column in ("waited (min)", "size", "plan", "region"):
        frame.loc[rng.random(rows) < 0.1, column] = None
    return frame


def messy_subject(rows: int = 300, *, library: str = "pandas", seed: int = 0) -> Subject:
    """A pipeline with three text labels on ``messy`` rows that come as a pandas or a polars frame."""
    import importlib

    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    def given(seed: int) -> Any:
        frame = messy(rows, seed=seed)
        return frame if library == "pandas" else importlib.import_module(library).from_pandas(frame)

    roles: dict[str, Any] = {"target": "priority", "sensitive": ["region", "vip"]}
    train, data = Dataset.of(given(1), **roles), Dataset.of(given(2), **roles)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["plan", "region"]),
        (SimpleImputer(), ["waited (min)", "size", "vip"]),
    )
    forest = make_pipeline(columns, RandomForestClassifier(20, max_depth=5, random_state=0))
    forest.fit(train.frame[["waited (min)", "size", "plan", "region", "vip"]], train.y)
    return Subject(predictor=predictor_of(forest, data=data), data=data, reference=train, seed=seed)


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
