"""Rows that weigh too much: Cook's distance of a linear model, else neighbours, and a network's own view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.audits.base import Subject
from workbench.audits.parts.shared.encoded import Encoding, sample, training_data
from workbench.audits.parts.shared.measured import of_estimate, of_hits
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.models.predictors import Predictor
from workbench.stats import influence

Array = npt.NDArray[Any]

_NEIGHBOURS = 10
_COMPARED = 4000
"""Rows whose neighbours are sought, among each other."""
_DRAWS = 200
_MOST_WIDTH = 500
_FAR = 3.0


@dataclass(frozen=True)
class Influence:
    """How much each examined row weighs."""

    positions: Array
    """(n,) rows of the data set."""
    cooks: Array | None = None
    """(n,) Cook's distance, where the model is linear."""
    disagreement: Array | None = None
    """(n,) share of the nearest rows that bear another label."""
    isolation: Array | None = None
    """(n,) distance to the nearest rows, in medians."""


def influence_of(
    data: Dataset, columns: Sequence[str], predictor: Predictor | None, *, rows: int, seed: int
) -> Influence:
    """Measure by the model where it is linear, else by the neighbourhood."""
    rng = np.random.default_rng([seed, 11])
    if predictor is not None:
        positions = sample(len(data), rows, rng)
        cooks = _cooks(data, predictor, positions)
        if cooks is not None:
            return Influence(positions, cooks=cooks)
    positions = sample(len(data), min(rows, _COMPARED), rng)
    return _neighbourhood(data, columns, positions)


def measure(subject: Subject, columns: Sequence[str], rows: int, confidence: float) -> list[Measurement]:
    """Shares of rows that weigh too much, and what of all influence they carry."""
    found = influence_of(training_data(subject), columns, subject.predictor, rows=rows, seed=subject.seed)
    if found.cooks is not None:
        cooks = found.cooks
        return [
            of_hits(
                "influential_share",
                cooks > 4 / len(cooks),
                confidence=confidence,
                note="Cook's distance above 4/n",
            ),
            _concentration(cooks, confidence, np.random.default_rng([subject.seed, 12])),
        ]
    shares = []
    if found.disagreement is not None:
        note = f"all {_NEIGHBOURS} nearest rows bear another label"
        hits = found.disagreement >= 1
        shares.append(of_hits("neighbour_disagreement_share", hits, confidence=confidence, note=note))
    if found.isolation is not None:
        note = f"nearest rows are more than {_FAR:g} times as far away as the median row's"
        shares.append(of_hits("isolated_share", found.isolation > _FAR, confidence=confidence, note=note))
    return shares


def spectral(subject: Subject, confidence: float, rows: int) -> list[Measurement]:
    """Share of rows that stand out in a network's last hidden layer, by class; empty for other models."""
    reference = training_data(subject)
    positions = sample(len(reference), rows, np.random.default_rng([subject.seed, 13]))
    hidden = _hidden(subject.predictor, reference, positions)
    if hidden is None or reference.task != "classification":
        return []
    labels, found = reference.y[positions], []
    for label in reference.classes:
        of_class = hidden[labels == label]
        if len(of_class) < 2 * _NEIGHBOURS:
            continue
        scores = np.sqrt(influence.spectral_scores(of_class))
        limit = np.median(scores) + 5 * 1.4826 * np.median(np.abs(scores - np.median(scores)))
        note = "projection on the first direction of the hidden layer beyond five robust standard deviations"
        name = f"{reference.target}={label}"
        found.append(
            of_hits("spectral_outlier_share", scores > limit, confidence=confidence, slice=name, note=note)
        )
    return found


def _cooks(data: Dataset, predictor: Predictor, positions: Array) -> Array | None:
    """Cook's distances where the model ends in a linear one of two classes or of numbers."""
    from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

    before, last = _parts(predictor.model)
    if not isinstance(last, LogisticRegression | LinearRegression | Ridge):
        return None
    X = _design(before, predictor, data, positions)
    if X is None or X.shape[1] > _MOST_WIDTH or len(X) <= X.shape[1]:
        return None
    y = data.y[positions]
    if isinstance(last, LogisticRegression):
        if len(last.classes_) != 2:
            return None
        penalty = np.append(np.full(X.shape[1] - 1, 1 / last.C if last.C else 0.0), 0.0)
        p = 1 / (1 + np.exp(-np.clip(X[:, :-1] @ last.coef_[0] + last.intercept_[0], -500, 500)))
        return influence.logistic_distance(X, (y == last.classes_[1]).astype(float), p, penalty)
    fitted = np.asarray(last.predict(X[:, :-1])).reshape(len(X))
    return influence.cooks_distance(X, y.astype(float) - fitted)


def _hidden(predictor: Predictor, data: Dataset, positions: Array) -> Array | None:
    """(n, h) the last hidden layer of scikit-learn's network; None for another model."""
    from sklearn.neural_network import MLPClassifier

    before, last = _parts(predictor.model)
    if not isinstance(last, MLPClassifier):
        return None
    X = _design(before, predictor, data, positions)
    if X is None:
        return None
    X = X[:, :-1]
    squash: dict[str, Any] = {
        "relu": lambda z: np.maximum(z, 0),
        "tanh": np.tanh,
        "logistic": lambda z: 1 / (1 + np.exp(-np.clip(z, -500, 500))),
        "identity": lambda z: z,
    }
    for weights, bias in zip(last.coefs_[:-1], last.intercepts_[:-1], strict=True):
        X = squash[last.activation](X @ weights + bias)
    return np.asarray(X)


def _parts(model: Any) -> tuple[Any, Any]:
    """What a pipeline does before its last step, or None; and that step."""
    from sklearn.pipeline import Pipeline

    if isinstance(model, Pipeline):
        return model[:-1] if len(model) > 1 else None, model[-1]
    return None, model


def _design(before: Any, predictor: Predictor, data: Dataset, positions: Array) -> Array | None:
    """(n, k) what the last step is given, and a column of ones; None when it is not numbers."""
    given = predictor.inputs(data.frame.iloc[positions])
    given = given if before is None else before.transform(given)
    given = given.toarray() if hasattr(given, "toarray") else np.asarray(given)
    if given.dtype.kind not in "fiub" or not np.isfinite(given.astype(float)).all():
        return None
    return np.column_stack([given.astype(float), np.ones(len(given))])


def _neighbourhood(data: Dataset, columns: Sequence[str], positions: Array) -> Influence:
    from sklearn.neighbors import NearestNeighbors

    frame = data.frame.iloc[positions]
    design = Encoding.of(frame, columns).design(frame)
    if len(frame) <= 2 * _NEIGHBOURS or not design.shape[1]:
        return Influence(positions)
    far, near = NearestNeighbors(n_neighbors=_NEIGHBOURS + 1).fit(design).kneighbors(design)
    far, near = far[:, 1:], near[:, 1:]  # the nearest is the row itself, or one exactly like it
    mean = far.mean(axis=1)
    middle = float(np.median(mean))
    labels = data.y[positions]
    return Influence(
        positions,
        disagreement=(labels[near] != labels[:, None]).mean(axis=1)
        if data.task == "classification"
        else None,
        isolation=mean / middle if middle > 0 else None,
    )


def _concentration(cooks: Array, confidence: float, rng: np.random.Generator) -> Measurement:
    """Share of all influence that the weightiest hundredth of rows carries, with a bootstrap over rows."""
    value = influence.top_share(cooks)
    drawn = [influence.top_share(cooks[rng.integers(len(cooks), size=len(cooks))]) for _ in range(_DRAWS)]
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return of_estimate(
        "influence_of_top_hundredth",
        (value, min(float(low), value), max(float(high), value)),
        n=len(cooks),
        note="share of the sum of Cook's distances; a hundredth where all rows weigh the same",
    )
