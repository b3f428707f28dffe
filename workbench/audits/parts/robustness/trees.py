"""Tree ensembles of scikit-learn, XGBoost and LightGBM read into one form: splits, and what leaves add.

What is read is tried against the model's own scores before anything rests on it: a prior, a weight or a rule
that was missed shows there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.audits.parts.robustness.gather import Array

_CLOSE = 1e-4
"""Between the scores of the trees as read and the model's own, relative to their size."""


@dataclass(frozen=True)
class Tree:
    """One tree by node: a row goes left where its value is at most the threshold, node 0 is the root."""

    left: Array
    """(nodes,) -1 at a leaf."""
    right: Array
    feature: Array
    threshold: Array
    missing_left: Array
    """(nodes,) bool: a missing value goes left."""
    adds: Array
    """(nodes, k) what a leaf adds to the score of each label."""


@dataclass(frozen=True)
class Ensemble:
    """The score of each label is ``start`` plus what one leaf of every tree adds."""

    trees: tuple[Tree, ...]
    start: Array
    """(k,)."""
    single: bool
    """Values are of 32 bits in the model, and so are its sums."""

    def scores(self, X: Array) -> Array:
        """Return the score of every label, shape (n, k)."""
        return np.asarray(self.start + sum(tree.adds[leaves(tree, X)] for tree in self.trees))


def leaves(tree: Tree, X: Array) -> Array:
    """Return the leaf of every row, shape (n,)."""
    at = np.zeros(len(X), dtype=int)
    rows = np.arange(len(X))
    while (inner := tree.left[at] >= 0).any():
        value = X[rows, np.where(inner, tree.feature[at], 0)]
        left = np.where(np.isnan(value), tree.missing_left[at], value <= tree.threshold[at])
        at = np.where(inner, np.where(left, tree.left[at], tree.right[at]), at)
    return at


def read_trees(model: Any, X: Array) -> Ensemble | None:
    """Read a fitted ensemble, or return None when it is none of those known or what is read does not agree.

    Args:
        model: a classifier of scikit-learn, XGBoost or LightGBM.
        X: (n, m) rows to compare scores on.
    """
    kind = type(model).__name__
    read = _READERS.get(kind)
    if read is None:
        return None
    found = read(model)
    if found is None:
        return None
    trees, own, single = found
    if not trees:
        return None
    names = getattr(model, "feature_names_in_", None)
    theirs = own(X if names is None else pd.DataFrame(X, columns=names))
    rows = X.astype(np.float32) if single else X
    added = np.asarray(sum(tree.adds[leaves(tree, rows)] for tree in trees))
    if theirs.shape != added.shape:
        return None
    start = (theirs - added).mean(axis=0)
    size = 1 + np.abs(theirs).max()
    if np.abs(theirs - added - start).max() > _CLOSE * size:
        return None
    return Ensemble(tuple(trees), start, single)


_Read = tuple[list[Tree], Callable[[Any], Array], bool]


def _forest(model: Any) -> _Read | None:
    """Each tree adds its share of every label, over the number of trees."""
    if model.n_outputs_ != 1:
        return None
    members = getattr(model, "estimators_", [model])
    trees = []
    for member in members:
        values = member.tree_.value[:, 0, :]
        share = values / values.sum(axis=1, keepdims=True)
        trees.append(_of_sklearn(member.tree_, share / len(members)))
    return trees, model.predict_proba, True


def _gradient_boosting(model: Any) -> _Read | None:
    k = len(model.classes_)
    trees = []
    for stage in model.estimators_:
        for label, member in enumerate(stage):
            column = 1 if k == 2 else label
            values = np.zeros((member.tree_.node_count, k))
            values[:, column] = model.learning_rate * member.tree_.value[:, 0, 0]
            trees.append(_of_sklearn(member.tree_, values))
    return trees, lambda X: _both(model.decision_function(X)), True


def _of_sklearn(tree: Any, values: Array) -> Tree:
    return Tree(
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left.astype(bool),
        adds=values,
    )


def _histogram_boosting(model: Any) -> _Read | None:
    if model.is_categorical_ is not None and np.any(model.is_categorical_):
        return None
    k = len(model.classes_)
    trees = []
    for stage in model._predictors:
        for label, predictor in enumerate(stage):
            nodes = predictor.nodes
            values = np.zeros((len(nodes), k))
            values[:, 1 if k == 2 else label] = nodes["value"]
            leaf = nodes["is_leaf"].astype(bool)
            trees.append(
                Tree(
                    left=np.where(leaf, -1, nodes["left"].astype(int)),
                    right=np.where(leaf, -1, nodes["right"].astype(int)),
                    feature=np.where(leaf, 0, nodes["feature_idx"].astype(int)),
                    threshold=nodes["num_threshold"].astype(float),
                    missing_left=nodes["missing_go_to_left"].astype(bool),
                    adds=values,
                )
            )
    return trees, lambda X: _both(model.decision_function(X)), False


def _xgboost(model: Any) -> _Read | None:
    booster = model.get_booster()
    best = getattr(model, "best_iteration", None) if booster.attr("best_iteration") else None
    booster = booster if best is None else booster[: best + 1]
    learner = json.loads(booster.save_raw("json"))["learner"]
    if learner["gradient_booster"].get("name") != "gbtree":
        return None
    k, forest = len(model.classes_), learner["gradient_booster"]["model"]
    if any(any(tree["split_type"]) for tree in forest["trees"]):  # categories
        return None
    trees = []
    for tree, label in zip(forest["trees"], forest["tree_info"], strict=True):
        left = np.asarray(tree["left_children"])
        threshold = np.asarray(tree["split_conditions"], dtype=np.float32)
        values = np.zeros((len(left), k))
        values[:, 1 if k == 2 else label] = np.where(left < 0, threshold, 0)
        trees.append(
            Tree(
                left=left,
                right=np.asarray(tree["right_children"]),
                feature=np.asarray(tree["split_indices"]),
                # it sends values below the threshold left: at most the number just below
                threshold=np.nextafter(threshold, np.float32(-np.inf)).astype(float),
                missing_left=np.asarray(tree["default_left"], dtype=bool),
                adds=values,
            )
        )
    return trees, lambda X: _both(model.predict(X, output_margin=True)), True


def _lightgbm(model: Any) -> _Read | None:
    dump = model.booster_.dump_model(num_iteration=model.best_iteration_ or None)
    k = len(model.classes_)
    trees = []
    for i, info in enumerate(dump["tree_info"]):
        tree = _of_nested(info["tree_structure"], k, 1 if k == 2 else i % dump["num_tree_per_iteration"])
        if tree is None:
            return None
        trees.append(tree)
    if k == 2 and dump.get("average_output"):
        trees = [replace(tree, adds=tree.adds / len(trees)) for tree in trees]

    def own(X: Any) -> Array:
        return _both(model.booster_.predict(X, raw_score=True))

    return trees, own, False


def _of_nested(root: dict[str, Any], k: int, label: int) -> Tree | None:
    """LightGBM's nested nodes, numbered from the root down."""
    nodes = list(_walk(root))
    number = {id(node): i for i, node in enumerate(nodes)}
    tree = Tree(
        left=np.full(len(nodes), -1),
        right=np.full(len(nodes), -1),
        feature=np.zeros(len(nodes), dtype=int),
        threshold=np.zeros(len(nodes)),
        missing_left=np.zeros(len(nodes), dtype=bool),
        adds=np.zeros((len(nodes), k)),
    )
    for i, node in enumerate(nodes):
        if "leaf_value" in node:
            tree.adds[i, label] = node["leaf_value"]
            continue
        if node["decision_type"] != "<=" or node["missing_type"] == "Zero":
            return None
        tree.left[i], tree.right[i] = number[id(node["left_child"])], number[id(node["right_child"])]
        tree.feature[i], tree.threshold[i] = node["split_feature"], node["threshold"]
        # without a missing type, what is missing counts as zero
        zero_left = node["threshold"] >= 0.0
        tree.missing_left[i] = node["default_left"] if node["missing_type"] == "NaN" else zero_left
    return tree


def _walk(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        if "leaf_value" not in node:
            stack += [node["right_child"], node["left_child"]]


def _both(scores: Any) -> Array:
    """A score for every label: zero and it, where there is one column for two."""
    scores = np.asarray(scores, dtype=float)
    return np.column_stack([np.zeros(len(scores)), scores]) if scores.ndim == 1 else scores


_READERS: dict[str, Callable[[Any], _Read | None]] = {
    "DecisionTreeClassifier": _forest,
    "ExtraTreeClassifier": _forest,
    "ExtraTreesClassifier": _forest,
    "GradientBoostingClassifier": _gradient_boosting,
    "HistGradientBoostingClassifier": _histogram_boosting,
    "LGBMClassifier": _lightgbm,
    "RandomForestClassifier": _forest,
    "XGBClassifier": _xgboost,
}
