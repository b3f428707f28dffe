"""Fairlearn's mitigations, each fitted on a reference and asked for answers to other rows.

Truth and answers are 0 and 1 here, 1 the positive label. None of them touches the model: two of them fit a
copy of it anew, the third only moves its thresholds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from workbench.models.predictors import Predictor

Array = npt.NDArray[Any]

_ITERATIONS = 30
_DRAWN = 0.001
"""An answer is drawn where its chance is further than this from 0 and 1."""


class CannotTry(Exception):
    """Why a mitigation does not fit this model or these rows."""


@dataclass(frozen=True)
class Rows:
    """What a mitigation is given of a data set."""

    frame: pd.DataFrame
    groups: Array
    """Group of every row as text, shape (n,)."""
    y: Array
    """0 and 1, shape (n,)."""
    scores: Array | None
    """Probability of the positive label, shape (n,)."""


@dataclass(frozen=True)
class Tried:
    """What a mitigation answers."""

    answers: Array
    """0 and 1, shape (n,)."""
    drawn: Array
    """True where the answer was drawn by lot, shape (n,)."""


Method = Callable[[Predictor, Rows, Rows, str, int], Tried]
"""Of the predictor, the rows to fit on, the rows to answer, the constraint and a seed."""


def threshold_optimizer(
    predictor: Predictor,  # noqa: ARG001 - the signature of every method
    fit: Rows,
    ask: Rows,
    constraint: str,
    seed: int,
) -> Tried:
    """Another threshold for each group, some answers by lot. Needs scores, and the group at every decision.

    Source: Hardt, Price and Srebro, "Equality of opportunity in supervised learning", 2016.
    """
    from fairlearn.postprocessing import ThresholdOptimizer

    if fit.scores is None or ask.scores is None:
        raise CannotTry("the model gives no scores")
    optimizer = ThresholdOptimizer(
        estimator=_answers_with_its_input(),
        constraints=constraint,
        prefit=True,
        predict_method="predict_proba",
    )
    with _quiet():
        optimizer.fit(fit.scores[:, None], fit.y, sensitive_features=fit.groups)
        given = ask.scores[:, None]
        chance = optimizer._pmf_predict(given, sensitive_features=ask.groups)[:, 1]
    return _by_lot(chance, seed)


def exponentiated_gradient(predictor: Predictor, fit: Rows, ask: Rows, constraint: str, seed: int) -> Tried:
    """A mixture of copies of the model, fitted anew on reweighted rows; which one answers is by lot.

    Source: Agarwal et al., "A reductions approach to fair classification", 2018.
    """
    from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient

    before, last = _parts(predictor)
    moments = {"demographic_parity": DemographicParity, "equalized_odds": EqualizedOdds}
    fitted = ExponentiatedGradient(last, constraints=moments[constraint](), max_iter=_ITERATIONS)
    with _quiet():
        fitted.fit(before(fit.frame), fit.y, sensitive_features=fit.groups)
        chance = fitted._pmf_predict(before(ask.frame))[:, 1]
    return _by_lot(chance, seed)


def correlation_remover(
    predictor: Predictor,
    fit: Rows,
    ask: Rows,
    constraint: str,  # noqa: ARG001 - as above
    seed: int,  # noqa: ARG001 - as above
) -> Tried:
    """The model fitted anew on features whose linear correlation with the groups was taken out.

    It knows no constraint, and sees only linear correlation.
    """
    from fairlearn.preprocessing import CorrelationRemover

    before, last = _parts(predictor)
    names = sorted(set(fit.groups.tolist()))[1:]
    remover = CorrelationRemover(sensitive_feature_ids=range(len(names)))
    with _quiet():
        last.fit(remover.fit_transform(_beside(names, fit.groups, before(fit.frame))), fit.y)
        answers = last.predict(remover.transform(_beside(names, ask.groups, before(ask.frame))))
    return Tried(np.asarray(answers).astype(int), np.zeros(len(ask.groups), dtype=bool))


METHODS: dict[str, Method] = {
    "threshold_optimizer": threshold_optimizer,
    "exponentiated_gradient": exponentiated_gradient,
    "correlation_remover": correlation_remover,
}


def _answers_with_its_input() -> Any:
    """A fitted estimator whose rows are its scores, for a library that wants to ask one."""
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Scores(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        def fit(self, *_: Any) -> Any:
            return self

        def __sklearn_is_fitted__(self) -> bool:
            return True

        def predict_proba(self, scores: Array) -> Array:
            return np.column_stack([1 - scores[:, 0], scores[:, 0]])

    return Scores()


def _parts(predictor: Predictor) -> tuple[Callable[[pd.DataFrame], Array], Any]:
    """What turns a frame into numbers, and an unfitted copy of what learns from them."""
    from sklearn.base import BaseEstimator, clone
    from sklearn.pipeline import Pipeline

    model = predictor.model
    if not isinstance(model, BaseEstimator):
        raise CannotTry("the model cannot be fitted anew: it is no scikit-learn estimator")
    steps = model[:-1] if isinstance(model, Pipeline) and len(model.steps) > 1 else None
    last = model.steps[-1][1] if isinstance(model, Pipeline) else model
    return lambda frame: _numbers(predictor, frame, steps), clone(last)


def _numbers(predictor: Predictor, frame: pd.DataFrame, steps: Any) -> Array:
    inputs = predictor.inputs(frame)
    prepared = inputs if steps is None else steps.transform(inputs)
    prepared = prepared.toarray() if hasattr(prepared, "toarray") else prepared
    try:
        return np.asarray(prepared, dtype=float)
    except (TypeError, ValueError) as error:
        raise CannotTry("what the model learns from is not all numbers") from error


def _beside(names: list[str], groups: Array, features: Array) -> Array:
    if np.isnan(features).any():
        raise CannotTry("there are missing values among the features")
    return np.column_stack([*(groups == name for name in names), features]).astype(float)


def _by_lot(chance: Array, seed: int) -> Tried:
    answers = np.random.default_rng(seed).random(len(chance)) < chance
    return Tried(answers.astype(int), (chance > _DRAWN) & (chance < 1 - _DRAWN))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings of fits that are stopped early or see one class: what matters of them is measured."""
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # Copies that see one class divide 0 by 0; Fairlearn tells that its columns lost their names.
        warnings.simplefilter("ignore", RuntimeWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="sklearn")
        yield
