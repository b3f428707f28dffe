"""Reading an ONNX graph for its gradient: the operators on the way from the input to the scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.audits.parts.robustness.gather import Array
from workbench.audits.parts.robustness.gradients import Graph, Node, known

_LAST = ("Softmax", "Sigmoid", "Identity", "Cast")
"""Order-keeping last steps, left out: a score before them has a slope where a probability near 1 has none."""


def proto_of(model: Any) -> Any | None:
    """Return the ``ModelProto`` that a model is or holds in an attribute, or None."""
    held = [model, *vars(model).values()] if hasattr(model, "__dict__") else [model]
    return next((found for found in held if type(found).__name__ == "ModelProto"), None)


def graph_of(proto: Any) -> Graph | None:
    """Read the part of a graph that leads to its scores; None when an operator has no gradient here.

    The scores are the last output of real numbers; a final softmax or sigmoid is left out.
    """
    from onnx import TensorProto, numpy_helper

    graph = proto.graph
    constants = {t.name: _real(numpy_helper.to_array(t)) for t in graph.initializer}
    nodes = []
    for node in graph.node:
        attributes = {a.name: _attribute(a) for a in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = _real(attributes["value"])
        elif node.output:
            nodes.append(Node(node.op_type, tuple(filter(None, node.input)), node.output[0], attributes))
    reads = [i.name for i in graph.input if i.name not in constants]
    makes = [
        o.name
        for o in graph.output
        if o.type.tensor_type.elem_type in (TensorProto.FLOAT, TensorProto.DOUBLE)
    ]
    if len(reads) != 1 or not makes:
        return None
    return _leading(nodes, constants, reads[0], makes[-1])


def _leading(nodes: list[Node], constants: dict[str, Array], reads: str, makes: str) -> Graph | None:
    by_output = {node.makes: node for node in nodes}
    while makes in by_output and by_output[makes].operator in _LAST:
        makes = by_output[makes].reads[0]
    needed: set[str] = {makes}
    way = []
    for node in reversed(nodes):
        if node.makes in needed:
            needed |= set(node.reads)
            way.append(node)
    if reads not in needed or not known([node.operator for node in way]):
        return None
    if any(node.attributes.get("transA") for node in way):
        return None
    return Graph(tuple(reversed(way)), constants, reads, makes)


def _attribute(attribute: Any) -> Any:
    from onnx import helper, numpy_helper

    value = helper.get_attribute_value(attribute)
    return numpy_helper.to_array(value) if type(value).__name__ == "TensorProto" else value


def _real(values: Array) -> Array:
    return values.astype(float) if np.issubdtype(values.dtype, np.floating) else values
