"""ONNX files: a graph of operators and weights, all of it inside the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: A protocol buffer is never greater.
_MOST_BYTES = 2 << 30

#: Sets of operators that onnxruntime brings along. Others are code from elsewhere.
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "com.microsoft"})


def flaw_of_onnx(file: Path) -> str:
    """Say why an ONNX file is not used; empty when it is whole and needs nothing beside it.

    Weights may lie in other files, which the file names by path: that could be any file of the machine. The
    checker of ONNX refuses those that declare another size than they have.
    """
    try:
        import onnx
    except ModuleNotFoundError:
        return "is ONNX, which cannot be checked here: pip install 'model-workbench[audits]'"
    if file.stat().st_size > _MOST_BYTES:
        return "is greater than any ONNX model can be"
    try:
        model = onnx.load_model_from_string(file.read_bytes())
        flaw = next(_flaws(model), "")
        if not flaw:
            onnx.checker.check_model(model)
    except Exception as error:  # noqa: BLE001 - protobuf and the checker raise their own kinds
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        return f"is not a whole ONNX model: {first}"
    return flaw


def _flaws(model: Any) -> Iterator[str]:
    from google.protobuf.unknown_fields import UnknownFieldSet

    if len(UnknownFieldSet(model)):
        yield "holds more than an ONNX model does"
    known = _DOMAINS | {function.domain for function in model.functions}
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in _every(nodes):
            if node.domain not in known:
                yield f"uses operators of {node.domain[:80]!a}, which nobody here has read"
            if any(map(_elsewhere, _tensors(node))):
                yield "keeps weights in another file, named by path"
    if any(map(_elsewhere, _weights(model.graph))):
        yield "keeps weights in another file, named by path"


def _every(nodes: Any) -> Iterator[Any]:
    """Yield nodes, and those of the graphs inside them."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _every(graph.node)


def _tensors(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        yield from (attribute.t, *attribute.tensors)
        for graph in (attribute.g, *attribute.graphs):
            yield from _weights(graph)


def _weights(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)


def _elsewhere(tensor: Any) -> bool:
    return bool(tensor.external_data) or tensor.data_location != 0
