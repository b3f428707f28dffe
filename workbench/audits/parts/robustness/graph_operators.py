"""Operators of a network's graph: each gives its output and how a gradient goes back through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workbench.audits.parts.robustness.gather import Array

Pull = Callable[[Array], Array]
"""Gradient of an output in, gradient of one input out."""
Operator = Callable[[Mapping[str, Any], list[Array]], tuple[Array, list[Pull]]]
"""Attributes and inputs in; the output, and how its gradient goes back to each input, out."""


def _gemm(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
    a, b, *rest = inputs
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    b = b.T if attributes.get("transB") else b
    out = alpha * (a @ b) + (beta * rest[0] if rest else 0.0)
    return out, [lambda g: alpha * (g @ b.T)] + [_refuse] * (len(inputs) - 1)


def _matmul(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
    del attributes
    a, b = inputs
    return a @ b, [lambda g: g @ b.T, _refuse]


def _binary(
    out: Callable[[Array, Array], Array], slopes: Callable[[Array, Array], tuple[Any, Any]]
) -> Operator:
    """An operator of two, with its slope by each."""

    def operator(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
        del attributes
        a, b = inputs
        by_a, by_b = slopes(a, b)
        return out(a, b), [lambda g: _back_to(g * by_a, a), lambda g: _back_to(g * by_b, b)]

    return operator


def _unary(out: Callable[[Array], Array], slope: Callable[[Array], Array]) -> Operator:
    """An operator of one, with its slope as a function of what it gives."""

    def operator(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
        del attributes
        y = out(inputs[0])
        return y, [lambda g: g * slope(y)]

    return operator


def _same(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
    del attributes
    return inputs[0], [lambda g: g] + [_refuse] * (len(inputs) - 1)


def _flatten(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
    del attributes
    x = inputs[0]
    return x.reshape(len(x), -1), [lambda g: g.reshape(x.shape)] + [_refuse] * (len(inputs) - 1)


def _softmax(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
    del attributes
    [x] = inputs
    power = np.exp(x - x.max(axis=-1, keepdims=True))
    y = power / power.sum(axis=-1, keepdims=True)
    return y, [lambda g: y * (g - (g * y).sum(axis=-1, keepdims=True))]


def _concat(attributes: Mapping[str, Any], inputs: list[Array]) -> tuple[Array, list[Pull]]:
    del attributes
    ends = np.cumsum([x.shape[-1] for x in inputs])
    starts = [0, *ends[:-1]]
    pulls: list[Pull] = [lambda g, s=s, e=e: g[..., s:e] for s, e in zip(starts, ends, strict=True)]  # type: ignore[misc]
    return np.concatenate(inputs, axis=-1), pulls


def _back_to(gradient: Array, x: Array) -> Array:
    """Undo broadcasting: sum over what was repeated."""
    while gradient.ndim > x.ndim:
        gradient = gradient.sum(axis=0)
    repeated = tuple(i for i, size in enumerate(x.shape) if size == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=repeated, keepdims=True) if repeated else gradient


def _refuse(gradient: Array) -> Array:
    raise NotImplementedError("A weight that is computed from the inputs has no gradient here.")


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


OPERATORS: dict[str, Operator] = {
    "Add": _binary(np.add, lambda _a, _b: (1.0, 1.0)),
    "Cast": _same,
    "Concat": _concat,
    "Div": _binary(np.divide, lambda a, b: (1 / b, -a / b**2)),
    "Dropout": _same,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "Identity": _same,
    "MatMul": _matmul,
    "Mul": _binary(np.multiply, lambda a, b: (b, a)),
    "Relu": _unary(lambda x: np.maximum(x, 0), lambda y: y > 0),
    "Reshape": _flatten,
    "Sigmoid": _unary(_sigmoid, lambda y: y * (1 - y)),
    "Softmax": _softmax,
    "Sub": _binary(np.subtract, lambda _a, _b: (1.0, -1.0)),
    "Tanh": _unary(np.tanh, lambda y: 1 - y**2),
}
"""Operators of a graph, by their ONNX names. Reshape is read as to one row of numbers a row."""
