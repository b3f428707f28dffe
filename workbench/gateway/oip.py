"""The Open Inference Protocol V2: requests to batches, answers to tensors, JSON and the binary extension.

A request carries one tensor a column, shaped [n] or [n, 1], or a single matrix [n, columns] when every column
is numeric. Content-Type is not read: common clients send none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from workbench.core.errors import nearest
from workbench.gateway import json_body, tensors
from workbench.gateway.answers import Reply
from workbench.gateway.batch import Batch, Schema
from workbench.gateway.problems import malformed, shown, unprocessable, wrong_column
from workbench.models.records import Column, ModelVersion

HEADER_LENGTH = "Inference-Header-Content-Length"
EXTENSIONS = ["binary_tensor_data"]
PREDICT, SCORE = "predict", "score"
DATATYPES = {"double": "FP64", "long": "INT64", "string": "BYTES", "boolean": "BOOL"}


@dataclass(frozen=True)
class Request:
    """A read request."""

    id: str
    batch: Batch
    binary: dict[str, bool]
    """The outputs wanted by name, and whether each goes as bytes."""


def read(body: bytes, header_length: str | None, schema: Schema) -> Request:
    """Read a request body.

    Raises:
        Problem: 400, 413 or 422, with what is wrong.
    """
    view = memoryview(body)
    head, raw = _split(view, header_length)
    content = json_body.parse(head)
    if not isinstance(content, dict):
        raise malformed("The body must be an object with 'inputs'.")
    parameters = json_body.optional_object(content.get("parameters"), "'parameters'")
    id_ = content.get("id", "")
    if not isinstance(id_, str):
        raise malformed("'id' must be text.")
    batch = _batch(tensors.read_tensors(content.get("inputs"), raw), schema)
    return Request(id_, batch, _outputs(content.get("outputs"), parameters))


def write(request: Request, reply: Reply, name: str) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an answer."""
    answers = {PREDICT: reply.predictions, SCORE: reply.scores}
    outputs, raw = [], []
    for output, binary in request.binary.items():
        values = answers[output]
        if values is None:
            continue
        datatype = tensors.datatype_of(values)
        spec: dict[str, Any] = {"name": output, "datatype": datatype, "shape": [len(values)]}
        if binary:
            raw.append(tensors.to_bytes(values, datatype))
            spec["parameters"] = {"binary_data_size": len(raw[-1])}
        else:
            spec["data"] = values
        outputs.append(spec)
    head = orjson.dumps(
        {
            "model_name": name,
            "model_version": "" if reply.served_by is None else str(reply.served_by),
            "id": request.id or reply.request_id,
            "outputs": outputs,
        }
    )
    if not raw:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}
    return b"".join([head, *raw]), headers


def metadata(name: str, model: ModelVersion, versions: Sequence[int]) -> dict[str, Any]:
    """What ``GET /v2/models/{name}`` tells."""
    labels = tensors.datatype_of(list(model.classes)) if model.classes else "BYTES"
    outputs = [{"name": PREDICT, "datatype": "FP64" if model.task == "regression" else labels, "shape": [-1]}]
    if model.positive is not None:
        outputs.append({"name": SCORE, "datatype": "FP64", "shape": [-1]})
    return {
        "name": name,
        "versions": [str(version) for version in versions],
        "platform": f"workbench_{model.flavor}",
        "inputs": [_input(column) for column in model.columns],
        "outputs": outputs,
    }


def _input(column: Column) -> dict[str, Any]:
    return {"name": column.name, "datatype": DATATYPES[column.type], "shape": [-1]}


def _split(view: memoryview, header_length: str | None) -> tuple[memoryview, memoryview]:
    if header_length is None:
        return view, view[len(view) :]
    if not (header_length.isascii() and header_length.isdigit() and len(header_length) < 12):
        raise malformed(f"{HEADER_LENGTH} must be a whole number.")
    length = int(header_length)
    if length > len(view):
        raise malformed(f"{HEADER_LENGTH} is {length}, and the body has {len(view)} bytes.")
    return view[:length], view[length:]


def _batch(given: list[tensors.Tensor], schema: Schema) -> Batch:
    first = given[0]
    if len(given) == 1 and len(first.shape) == 2 and first.name not in schema.by_name:
        return _matrix(first, schema)
    values: dict[str, Sequence[Any]] = {}
    for tensor in given:
        if tensor.name in values:
            raise malformed(f"Tensor {shown(tensor.name)} comes twice.")
        if len(tensor.shape) == 2 and tensor.shape[1] != 1:
            raise malformed(f"Tensor {shown(tensor.name)}: a column has the shape [n] or [n, 1].")
        if tensor.shape[0] != first.shape[0]:
            raise malformed(
                f"Tensor {shown(tensor.name)} has {tensor.shape[0]} rows, "
                f"{shown(first.name)} has {first.shape[0]}."
            )
        values[tensor.name] = tensor.values
    return schema.batch(values, first.shape[0])


def _matrix(tensor: tensors.Tensor, schema: Schema) -> Batch:
    """All columns in one tensor, in the order of the signature."""
    n, width = tensor.shape
    other = next((column.name for column in schema.own if column.type in ("string", "boolean")), None)
    if other is not None or width != len(schema.own):
        reason = (
            f"and {shown(other)} is no number" if other else f"and a matrix has {len(schema.own)} columns"
        )
        raise wrong_column(
            tensor.name, f"the model does not read it, {reason}.", remedy=nearest(tensor.name, schema.by_name)
        )
    return schema.batch({column.name: tensor.values[at::width] for at, column in enumerate(schema.own)}, n)


def _outputs(wanted: Any, parameters: dict[str, Any]) -> dict[str, bool]:
    """Which outputs, and which of them as bytes."""
    everything = _flag(parameters, "binary_data_output", otherwise=False)
    if wanted is None:
        return {PREDICT: everything, SCORE: everything}
    if not isinstance(wanted, list) or not all(isinstance(output, dict) for output in wanted):
        raise malformed("'outputs' must be a list of objects.")
    outputs = {}
    for output in wanted:
        name = output.get("name")
        if name not in (PREDICT, SCORE):
            raise unprocessable(f"There is no output {shown(name)}.", remedy=f"There is: {PREDICT}, {SCORE}.")
        own = json_body.optional_object(output.get("parameters"), f"Output {name}: 'parameters'")
        if own.keys() & {"classification", "shared_memory_region"}:
            raise unprocessable(f"Output {name}: its parameters ask for what is not served here.")
        outputs[name] = _flag(own, "binary_data", otherwise=everything)
    return outputs


def _flag(parameters: dict[str, Any], name: str, *, otherwise: bool) -> bool:
    value = parameters.get(name, otherwise)
    if not isinstance(value, bool):
        raise malformed(f"{name!r} must be true or false.")
    return value
