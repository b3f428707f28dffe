"""What single rows do to a fitted linear model, without fitting it again, and rows that stand alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def cooks_distance(X: Array, residual: Array) -> Array:
    """Cook's distance of every row in least squares, e² h / ((1 - h)² k s²), shape (n,).

    Source: Cook, "Detection of influential observation in linear regression", 1977.

    Args:
        X: design with its intercept column, shape (n, k), n > k.
        residual: truth less fit, shape (n,).
    """
    n, k = X.shape
    h = _leverage(X, X.T @ X)
    scale = float(residual @ residual) / (n - k)
    return np.asarray(residual**2 * h / ((1 - h) ** 2 * k * max(scale, 1e-300)))


def logistic_distance(X: Array, y: Array, p: Array, penalty: Array) -> Array:
    """One-step Cook's distance of every row in a logistic regression, shape (n,).

    How far the coefficients move without the row, (β - β₋ᵢ)ᵀ H (β - β₋ᵢ) / k with H the Hessian of the
    penalised loss; β₋ᵢ is one Newton step away.

    Source: Pregibon, "Logistic regression diagnostics", 1981.

    Args:
        X: design with its intercept column, shape (n, k).
        y: 0 or 1, shape (n,).
        p: fitted probabilities of 1, shape (n,).
        penalty: added to the diagonal of the Hessian, shape (k,): 1/C of scikit-learn, 0 for the intercept.
    """
    w = np.maximum(p * (1 - p), 1e-12)
    h = _leverage(X * np.sqrt(w)[:, None], (X * w[:, None]).T @ X + np.diag(penalty))
    return np.asarray((y - p) ** 2 / w * h / (1 - h) ** 2 / X.shape[1])


def _leverage(X: Array, gram: Array) -> Array:
    """xᵀ G⁺ x of every row, below 1."""
    inverse = np.linalg.pinv(gram, hermitian=True)
    return np.asarray(np.clip(((X @ inverse) * X).sum(axis=1), 0.0, 1 - 1e-9))


def top_share(values: Array, share: float = 0.01) -> float:
    """Share of the sum of ``values``, shape (n,), that the greatest ``share`` of them carries."""
    count = max(1, round(share * len(values)))
    total = float(values.sum())
    return float(np.partition(values, -count)[-count:].sum()) / total if total > 0 else 0.0


def spectral_scores(activations: Array) -> Array:
    """Squared projection of every row on the first principal direction, shape (n,).

    Rows that carry a backdoor are shifted along one direction of a network's hidden layer, so they are
    outliers there.

    Source: Tran, Li and Madry, "Spectral signatures in backdoor attacks", 2018.

    Args:
        activations: of rows of one class, shape (n, h).
    """
    centred = activations - activations.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    return np.asarray((centred @ directions[0]) ** 2)
