"""Fit the audited model again, on other rows or with a column held constant: scikit-learn's kind only."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.audits.base import Subject
from workbench.audits.parts.performance.answers import Answers, ask
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of

Array = npt.NDArray[Any]


def why_not(subject: Subject) -> str:
    """Return why the model cannot be fitted again, or an empty string."""
    from sklearn.base import BaseEstimator, clone

    model = subject.predictor.model
    if not isinstance(model, BaseEstimator) or not hasattr(model, "fit"):
        return f"{subject.predictor.label} is no estimator that can be fitted again"
    try:
        clone(model)
    except (TypeError, RuntimeError) as error:
        return f"{subject.predictor.label} cannot be cloned ({type(error).__name__})"
    return ""


def refit(subject: Subject, frame: pd.DataFrame, y: Array) -> Any:
    """Fit a clone with the same parameters, and seeds where it has none: global draws are left alone.

    Args:
        subject: whose model it is.
        frame: rows to learn from, with every column the model reads.
        y: their truth, as it stands in the data.
    """
    from sklearn.base import clone

    model: Any = clone(subject.predictor.model)
    loose = [name for name, value in model.get_params().items() if _is_loose_seed(name, value)]
    model.set_params(**dict.fromkeys(loose, subject.seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the user's own fit said before, once for each refit
        return model.fit(subject.predictor.inputs(frame), y)


def losses(subject: Subject, fitted: Any, data: Dataset) -> tuple[str, Array]:
    """Name and loss of every row of ``data`` under a refit, as ``Answers.losses``."""
    predictor = predictor_of(fitted, data=data, columns=subject.predictor.columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for instance a category that these training rows did not have
        answers: Answers = ask("refit", predictor, data)
    return answers.losses(data)


def held_constant(frame: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """Return the rows with one column replaced by a value: what is constant tells a model nothing."""
    same = pd.Series([value], dtype=frame[column].dtype).take(np.zeros(len(frame), dtype=int))
    return frame.assign(**{column: same.set_axis(frame.index)})


def _is_loose_seed(name: str, value: Any) -> bool:
    return value is None and (name == "random_state" or name.endswith("__random_state"))
