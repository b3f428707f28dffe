"""The closed form of SHAP for a linear model."""

from __future__ import annotations

import numpy as np

from workbench.audits.parts.explainability.explainers_columns import Parts
from workbench.audits.parts.explainability.explainers_question import (
    Contributions,
    Question,
    blocks,
    numbers,
    outputs,
    unit_of,
)


def linear(question: Question, parts: Parts) -> Contributions | None:
    """Closed form: coefficient times the distance from the background's mean.

    Linear is what answers like coefficients times inputs plus intercept, whatever its class is called.

    Source: Štrumbelj and Kononenko, 2014: Shapley values of a linear model, columns independent.
    """
    estimator = parts.estimator
    if not hasattr(estimator, "coef_") or not hasattr(estimator, "intercept_"):
        return None
    given, compared = parts.encode(question.rows), numbers(parts.encode(question.background))
    X, own = numbers(given), outputs(estimator, given, question.wanted is None)
    coef = np.atleast_2d(np.asarray(estimator.coef_, dtype=float))
    if X is None or compared is None or own.shape[1] != len(coef) or coef.shape[1] != X.shape[1]:
        return None
    shift = np.broadcast_to(np.asarray(estimator.intercept_, dtype=float).ravel(), len(coef))
    if not np.allclose(X @ coef.T + shift, own, rtol=1e-4, atol=1e-4):
        return None
    chosen = question.chosen(len(X), len(coef), centred=True)
    weight = chosen @ coef
    means = np.stack([compared[part].mean(axis=0) for part in blocks(len(compared))])
    values = parts.gathered((X - means[:, None]) * weight)
    if values is None:
        return None
    base = means @ weight.T + chosen @ shift
    unit = unit_of(estimator, given, own, question.wanted)
    return Contributions(values, base, (own * chosen).sum(axis=1), unit, "Linear SHAP (closed form)")
