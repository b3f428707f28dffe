"""ONNX files: a graph of operators and weights, all of it inside the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def flaw_of_onnx(file: Path) -> str:
    """Say why an ONNX file is not used; empty when it is whole and needs nothing beside it.

    Weights may lie in other files, which the file names by path: that could be any file of the machine.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        return "is ONNX, which cannot be checked here: pip install 'model-workbench[audits]'"
    try:
        model = onnx.load_model_from_string(file.read_bytes())
        inner = (node for function in model.functions for node in function.node)
        if _outside(model.graph) or any(map(_refers, inner)):
            return "keeps weights in another file, named by path"
        onnx.checker.check_model(model)
    except Exception as error:  # noqa: BLE001 - protobuf and the checker raise their own kinds
        return (
            f"is not a whole ONNX model: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        )
    return ""


def _outside(graph: Any) -> bool:
    """Return whether any tensor of a graph, or of a graph inside it, lies elsewhere."""
    sparse = (tensor for one in graph.sparse_initializer for tensor in (one.values, one.indices))
    tensors = (*graph.initializer, *sparse)
    return any(map(_elsewhere, tensors)) or any(map(_refers, graph.node))


def _refers(node: Any) -> bool:
    return any(
        _elsewhere(attribute.t)
        or any(map(_elsewhere, attribute.tensors))
        or _outside(attribute.g)
        or any(map(_outside, attribute.graphs))
        for attribute in node.attribute
    )


def _elsewhere(tensor: Any) -> bool:
    return bool(tensor.external_data) or tensor.data_location != 0
