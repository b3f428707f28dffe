"""Gradients of what decides: linear models, scikit-learn's networks, ONNX graphs, torch modules.

All come as one thing, ``Sloped``: scores of every label for given inputs, and the gradient of any weighting
of them. Linear models have it in their coefficients, networks get it by a small reverse mode over the
operators of a graph (``Graph``), torch brings its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.graph_operators import OPERATORS, Pull


class Sloped(Protocol):
    """Scores and their gradient."""

    def scores(self, X: Array) -> Array:
        """Return a score for every label, shape (n, k): the greatest decides."""
        ...

    def gradient(self, X: Array, weights: Array) -> Array:
        """Return the gradient of Σ_k weights_k score_k by the inputs, shape (n, m); weights are (n, k)."""
        ...


@dataclass(frozen=True)
class Linear:
    """Scores ``X @ coef.T + intercept``."""

    coef: Array
    """(k, m)."""
    intercept: Array
    """(k,)."""

    def scores(self, X: Array) -> Array:
        """Return a score for every label, shape (n, k)."""
        return np.asarray(X @ self.coef.T + self.intercept)

    def gradient(self, X: Array, weights: Array) -> Array:  # noqa: ARG002 - the same everywhere
        """Return the gradient of the weighted scores, shape (n, m)."""
        return np.asarray(weights @ self.coef)


@dataclass(frozen=True)
class Node:
    """One operator of a graph: names of what it reads and of what it makes."""

    operator: str
    reads: tuple[str, ...]
    makes: str
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """Operators in order. One output column is the score of the second of two labels."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    reads: str
    makes: str
    dtype: type = np.float64

    def scores(self, X: Array) -> Array:
        """Return a score for every label, shape (n, k)."""
        return _of_two(self._forward(X)[0][self.makes])

    def gradient(self, X: Array, weights: Array) -> Array:
        """Return the gradient of the weighted scores, shape (n, m), by reverse mode."""
        values, pulls = self._forward(X)
        single = values[self.makes].reshape(len(X), -1).shape[1] == 1
        start = weights[:, 1:] if single else weights  # the first of two scores is always zero
        back = {self.makes: start.reshape(values[self.makes].shape)}
        for node in reversed(self.nodes):
            if node.makes not in back:
                continue
            flow = back.pop(node.makes)
            for name, pull in zip(node.reads, pulls[node.makes], strict=True):
                if name not in self.constants:
                    back[name] = back.get(name, 0.0) + pull(flow)
        return np.asarray(back.get(self.reads, np.zeros(X.shape)), dtype=float)

    def _forward(self, X: Array) -> tuple[dict[str, Array], dict[str, list[Pull]]]:
        values: dict[str, Array] = {**self.constants, self.reads: X.astype(self.dtype)}
        pulls: dict[str, list[Pull]] = {}
        for node in self.nodes:
            inputs = [values[name] for name in node.reads]
            values[node.makes], pulls[node.makes] = OPERATORS[node.operator](node.attributes, inputs)
        return values, pulls


def sloped(last: Any) -> Sloped | None:
    """Return the scores and gradients of a model's last step, or None when it has none that is known."""
    from workbench.audits.parts.robustness import onnx_graphs, torch_modules

    if "torch" in sys.modules and (module := torch_modules.module_of(last)) is not None:
        return torch_modules.Module(module)
    if (proto := onnx_graphs.proto_of(last)) is not None:
        return onnx_graphs.graph_of(proto)
    if hasattr(last, "coefs_") and hasattr(last, "intercepts_") and hasattr(last, "classes_"):
        return _perceptron(last)
    return linear(last)


def linear(last: Any) -> Linear | None:
    """Return the scores of scikit-learn's linear classifiers, or None for anything else."""
    from sklearn.linear_model._base import LinearClassifierMixin

    if not isinstance(last, LinearClassifierMixin) or not hasattr(last, "coef_"):
        return None
    coef = np.atleast_2d(last.coef_.toarray() if hasattr(last.coef_, "toarray") else last.coef_)
    intercept = np.broadcast_to(np.ravel(last.intercept_).astype(float), len(coef))
    if len(coef) == 1:  # one column of scores: above zero is the second label
        coef, intercept = np.vstack([np.zeros_like(coef), coef]), np.array([0.0, intercept[0]])
    return Linear(coef.astype(float), intercept.astype(float))


_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "logistic": "Sigmoid", "identity": "Identity"}


def _perceptron(last: Any) -> Graph | None:
    """Scikit-learn's MLPClassifier, without the last step from scores to probabilities."""
    operator = _ACTIVATIONS.get(last.activation)
    if operator is None or last.out_activation_ not in ("softmax", "logistic") or _multilabel(last):
        return None
    nodes: list[Node] = []
    constants: dict[str, Array] = {}
    at = "x"
    for i, (weight, bias) in enumerate(zip(last.coefs_, last.intercepts_, strict=True)):
        constants |= {f"w{i}": np.asarray(weight, dtype=float), f"b{i}": np.asarray(bias, dtype=float)}
        nodes.append(Node("Gemm", (at, f"w{i}", f"b{i}"), f"h{i}", {}))
        at = f"h{i}"
        if i < len(last.coefs_) - 1:
            nodes.append(Node(operator, (at,), f"a{i}", {}))
            at = f"a{i}"
    return Graph(tuple(nodes), constants, "x", at)


def _multilabel(last: Any) -> bool:
    return bool(last.out_activation_ == "logistic" and len(last.classes_) > 2)


def _of_two(scores: Array) -> Array:
    """One column stands for two labels: zero and it."""
    table = scores.reshape(len(scores), -1)
    return np.column_stack([np.zeros(len(table)), table]) if table.shape[1] == 1 else table


def known(operators: Sequence[str]) -> bool:
    """Say whether there is a gradient for all of these."""
    return set(operators) <= set(OPERATORS)
