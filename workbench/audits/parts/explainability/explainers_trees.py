"""SHAP of tree models by shap's TreeExplainer, with its comparisons made exact."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from workbench.audits.parts.explainability.explainers_columns import Parts
from workbench.audits.parts.explainability.explainers_question import (
    OF_SHARES,
    Contributions,
    Question,
    blocks,
    is_a,
    numbers,
    outputs,
    unit_of,
)
from workbench.core.optional import require

Array = np.ndarray[Any, Any]

_WORK = 5e8
"""Tree nodes times rows times background rows that shap goes through in about two seconds."""
_COVER_WORK = 3e7
"""Tree nodes times rows, likewise, without a background."""
_FEWEST_BACKGROUND = 20
_FEWEST_ROWS = 50
_TREES = (
    "BaseDecisionTree",
    "BaseForest",
    "BaseGradientBoosting",
    "BaseHistGradientBoosting",
    "XGBModel",
    "LGBMModel",
)


def trees(question: Question, parts: Parts) -> Contributions | None:
    """TreeExplainer against the background (``interventional``), on as many rows as stay interactive."""
    estimator = parts.estimator
    if not is_a(estimator, _TREES):
        return None
    given, compared = parts.encode(question.rows), parts.encode(question.background)
    ranked = _Ranked.of(estimator, numbers(compared))
    if ranked is None or numbers(given) is None:
        return None
    m, n = _affordable(question, ranked.nodes, len(given), len(compared))
    given = given[:n]
    means = outputs(estimator, compared, question.wanted is None)
    found = [values for part in blocks(m) if (values := ranked.values(numbers(given), part)) is not None]
    if len(found) < len(blocks(m)):
        return None
    # where sums start is asked of the model itself, so that a background read wrongly is seen
    start = np.stack([means[part].mean(axis=0) for part in blocks(m)])
    return _of_trees(question, parts, given, np.stack(found), start, method="TreeExplainer (interventional)")


def trees_by_cover(question: Question, parts: Parts) -> Contributions | None:
    """TreeExplainer against the training rows counted in the nodes (``tree_path_dependent``)."""
    if not is_a(parts.estimator, _TREES):
        return None
    explainer = _explainer(parts.estimator, None)
    if explainer is None:
        return None
    given = parts.encode(question.rows)
    nodes = max(float(np.sum(explainer.model.num_nodes)), 1.0)
    given = given[: int(np.clip(_COVER_WORK / nodes, min(_FEWEST_ROWS, len(given)), len(given)))]
    values = _values(explainer, given)
    if values is None:
        return None
    start = np.atleast_1d(np.asarray(explainer.expected_value, dtype=float))[-values.shape[2] :]
    return _of_trees(
        question, parts, given, values[None], start[None], method="TreeExplainer (tree_path_dependent)"
    )


def _affordable(question: Question, nodes: float, rows: int, background: int) -> tuple[int, int]:
    """Background rows and rows that take about two seconds."""
    kinds = 1 if question.wanted is None else max(len(question.predictor.classes) - 1, 1)
    pairs = _WORK / (nodes * kinds)
    m = int(np.clip(pairs / rows, min(_FEWEST_BACKGROUND, background), background))
    return m, int(np.clip(pairs / m, min(_FEWEST_ROWS, rows), rows))


class _Ranked:
    """TreeExplainer on ranks: every value is replaced by how many of its column's thresholds lie below it.

    Against a background shap keeps thresholds in 32 bits, so that a value that lies on a threshold goes down
    the wrong branch: whole numbers that were scaled, and training rows of HistGradientBoosting, whose
    thresholds are values of such rows (measured: sums off by more than 1 in log-odds). Ranks are small whole
    numbers, exact in any precision, and every comparison comes out as in the model.
    """

    def __init__(self, explainer: Any, background: Array) -> None:
        trees = explainer.model
        inner, self._dtype = trees.children_left >= 0, trees.input_dtype
        self._thresholds = [
            np.unique(trees.thresholds[inner & (trees.features == f)]) for f in range(background.shape[1])
        ]
        ranks = trees.thresholds.copy()
        for f, known in enumerate(self._thresholds):
            here = inner & (trees.features == f)
            ranks[here] = np.searchsorted(known, ranks[here])
        trees.thresholds, trees.input_dtype = ranks, np.float64
        self._explainer, self._background = explainer, self._ranks(background)
        self._missing = np.isnan(background)
        self.nodes = max(float(np.sum(trees.num_nodes)), 1.0)

    @classmethod
    def of(cls, estimator: Any, background: Array | None) -> _Ranked | None:
        if background is None:
            return None
        explainer = _explainer(estimator, background[:1])
        try:
            return None if explainer is None else cls(explainer, background)
        except (AttributeError, TypeError, ValueError, IndexError):  # another shap keeps its trees otherwise
            return None

    def values(self, given: Array | None, part: slice) -> Array | None:
        """Contributions (n, w, outputs) against a part of the background."""
        if given is None:
            return None
        self._explainer.data = self._background[part]
        self._explainer.data_missing = self._missing[part]
        return _values(self._explainer, self._ranks(given))

    def _ranks(self, values: Array) -> Array:
        read = values.astype(self._dtype).astype(float)
        ranks = np.empty_like(read)
        for f, known in enumerate(self._thresholds):
            ranks[:, f] = np.searchsorted(known, read[:, f], side="left")
        return np.where(np.isnan(values), np.nan, ranks)


def _of_trees(
    question: Question, parts: Parts, given: Any, values: Array, start: Array, *, method: str
) -> Contributions | None:
    """From contributions (b, n, w, outputs) and their start (b, outputs) to the explained output."""
    own = outputs(parts.estimator, given, question.wanted is None)
    if own.shape[1] != values.shape[3] or start.shape[1] != values.shape[3]:
        return None
    margins = not is_a(parts.estimator, OF_SHARES)
    chosen = question.chosen(len(own), own.shape[1], centred=margins)
    gathered = parts.gathered(np.einsum("bnwo,no->bnw", values, chosen))
    if gathered is None:
        return None
    unit = unit_of(parts.estimator, given, own, question.wanted) if margins else "probability"
    if question.wanted is None:
        unit = "prediction"
    return Contributions(gathered, start @ chosen.T, (own * chosen).sum(axis=1), unit, method)


def _explainer(estimator: Any, background: Array | None) -> Any:
    """Shap's explainer, or None where it does not read this model."""
    with warnings.catch_warnings():
        # shap sets up matplotlib's colour maps when imported, in a way matplotlib is about to drop
        warnings.filterwarnings("ignore", category=PendingDeprecationWarning)
        shap = require("shap", extra="audits")
    mode = "tree_path_dependent" if background is None else "interventional"
    try:
        return shap.TreeExplainer(estimator, background, feature_perturbation=mode)
    except Exception:  # noqa: BLE001 - what it cannot read it refuses in many ways; another explainer follows
        return None


def _values(explainer: Any, given: Any) -> Array | None:
    """Contributions (n, w, outputs), or None where shap gives up."""
    try:
        with warnings.catch_warnings():
            # said about a list that shap no longer returns
            warnings.filterwarnings("ignore", message="LightGBM binary classifier with TreeExplainer")
            values = np.asarray(explainer.shap_values(given, check_additivity=False), dtype=float)
    except Exception:  # noqa: BLE001 - as for making it
        return None
    return values[:, :, None] if values.ndim == 2 else values
