"""What the OpenAPI document says of bodies, made from the columns the gateway reads.

Ranges and categories seen in training stay out: a smallest income, or a rare text, can be one person's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.gateway.batch import EXACT, Schema
from workbench.gateway.labels import MOST
from workbench.gateway.tensors import DATATYPES
from workbench.models.records import Column, ModelVersion

Json = dict[str, Any]

_CELLS: Mapping[str, Json] = {
    "double": {"type": "number", "description": f"Finite. An integer beyond {EXACT} (2^53) is refused."},
    "long": {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
    "string": {"type": "string", "description": "Unicode without lone surrogates."},
    "boolean": {"type": "boolean"},
}
#: The datatypes by which a tensor may bring a column.
_BRINGS: Mapping[str, list[str]] = {
    "double": sorted(DATATYPES - {"BOOL", "BYTES"}),
    "long": sorted(DATATYPES - {"BOOL", "BYTES"}),
    "string": ["BYTES"],
    "boolean": ["BOOL"],
}
_SHAPE: Json = {
    "type": "array",
    "items": {"type": "integer", "minimum": 0},
    "minItems": 1,
    "maxItems": 2,
    "description": "[n], [n, 1], or [n, columns] for all columns of a model of numbers in one tensor.",
}
_TENSOR: Json = {
    "type": "object",
    "required": ["name", "shape", "datatype"],
    "properties": {
        "name": {"type": "string"},
        "shape": _SHAPE,
        "datatype": {"enum": sorted(DATATYPES)},
        "data": {"type": "array", "description": "Left out where binary_data_size says how many bytes."},
        "parameters": {
            "type": ["object", "null"],
            "properties": {"binary_data_size": {"type": "integer", "minimum": 0}},
        },
    },
}
_OUTPUT: Json = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"enum": ["predict", "score"]},
        "parameters": {"type": ["object", "null"], "properties": {"binary_data": {"type": "boolean"}}},
    },
}
_METADATA_TENSOR: Json = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"type": "string"},
        "shape": {"type": "array", "items": {"type": "integer"}},
    },
}


def schemas(schema: Schema, model: ModelVersion | None, fallback: Any) -> dict[str, Json]:
    """Every named schema of the document. Without a model, rows are of any form."""
    known = model is not None
    return {
        "Error": _object({"error": {"type": "string"}}),
        "Row": _row(schema) if known else {"type": "object"},
        "Cells": _cells(schema) if known else {"type": "array"},
        "Rows": {
            "anyOf": [_some("Row"), _some("Cells")],
            "description": "Objects, or lists in the order of the signature.",
        },
        "Labels": _labels(model),
        "Labelled": _object({"labels": {"type": "integer"}, "waiting": {"type": "integer"}}),
        "PredictRequest": _object({"instances": _ref("Rows")}, closed=True),
        "Predictions": _object({"predictions": {"type": "array", "items": _prediction(model, fallback)}}),
        "Invocation": _invocation(schema, known=known),
        "ModelReadyV1": _object({"name": {"type": "string"}, "ready": {"type": "boolean"}}),
        "ModelReady": _object(
            {"name": {"type": "string"}, "ready": {"type": "boolean"}, "live": {"type": "boolean"}}
        ),
        "Health": _object({"live": {"type": "boolean"}, "ready": {"type": "boolean"}}),
        "Server": _object(
            {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "extensions": {"type": "array", "items": {"type": "string"}},
            }
        ),
        "Model": _object(
            {
                "name": {"type": "string"},
                "versions": {"type": "array", "items": {"type": "string"}},
                "platform": {"type": "string"},
                "inputs": {"type": "array", "items": _METADATA_TENSOR},
                "outputs": {"type": "array", "items": _METADATA_TENSOR},
            }
        ),
        "InferRequest": _infer([*map(_column_tensor, schema.by_name.values()), _matrix()]),
        "VersionInferRequest": _infer([_TENSOR]),
        "InferResponse": _infer_response(),
    }


def cell(column: Column) -> Json:
    """One value of a column; null where training rows lacked values too."""
    plain = dict(_CELLS[column.type])
    return plain if column.required else plain | {"type": [plain["type"], "null"]}


def _object(properties: dict[str, Json], *, closed: bool = False) -> Json:
    made: Json = {"type": "object", "required": list(properties), "properties": properties}
    return made | {"additionalProperties": False} if closed else made


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _some(name: str) -> Json:
    return {"type": "array", "items": _ref(name), "minItems": 1}


def _row(schema: Schema) -> Json:
    columns = schema.by_name
    return {
        "type": "object",
        "required": [name for name, column in columns.items() if column.required],
        "properties": {name: cell(column) for name, column in columns.items()},
        "additionalProperties": False,
    }


def _cells(schema: Schema) -> Json:
    n = len(schema.own)
    return {
        "type": "array",
        "prefixItems": [cell(column) | {"title": column.name} for column in schema.own],
        "minItems": n,
        "maxItems": n,
    }


def _invocation(schema: Schema, *, known: bool) -> Json:
    """Exactly one of MLflow's four forms."""
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {"type": "array", "items": {"enum": list(schema.by_name)} if known else {}},
            "data": {"type": "array", "items": {"type": "array"}, "minItems": 1},
            "index": {},
        },
        "additionalProperties": False,
    }
    columns = {
        "type": "object",
        "required": [name for name, column in schema.by_name.items() if column.required],
        "properties": {
            name: {"type": "array", "items": cell(column), "minItems": 1}
            for name, column in schema.by_name.items()
        },
        "additionalProperties": not known,
    }
    forms: dict[str, Json] = {
        "dataframe_split": split,
        "dataframe_records": _some("Row"),
        "instances": _ref("Rows"),
        "inputs": {"anyOf": [_ref("Rows"), columns]},
    }
    return {
        "oneOf": [
            {
                "type": "object",
                "required": [form],
                "properties": {form: content, "params": {"type": ["object", "null"], "maxProperties": 0}},
                "additionalProperties": False,
            }
            for form, content in forms.items()
        ]
    }


def _column_tensor(column: Column) -> Json:
    return _TENSOR | {
        "title": column.name,
        "properties": {
            **_TENSOR["properties"],
            "name": {"const": column.name},
            "datatype": {"enum": _BRINGS[column.type]},
            "data": {"type": "array", "items": cell(column), "minItems": 1},
        },
    }


def _matrix() -> Json:
    return _TENSOR | {"title": "all columns, where every one is a number"}


def _infer(tensors: list[Json]) -> Json:
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": {"anyOf": tensors}, "minItems": 1},
            "outputs": {"type": ["array", "null"], "items": _OUTPUT},
            "parameters": {
                "type": ["object", "null"],
                "properties": {"binary_data_output": {"type": "boolean"}},
            },
        },
    }


def _infer_response() -> Json:
    return _object(
        {
            "model_name": {"type": "string"},
            "model_version": {"type": "string", "description": "Empty when the declared fallback answered."},
            "id": {"type": "string"},
            "outputs": {"type": "array", "items": _TENSOR},
        }
    )


def _prediction(model: ModelVersion | None, fallback: Any) -> Json:
    if model is None:
        return {}
    declared = [] if fallback is None else [{"const": fallback}]
    if model.task == "regression":
        return {"anyOf": [{"type": "number"}, *declared]}
    return {"anyOf": [{"enum": list(model.classes)}, *declared]} if model.classes else {}


def _labels(model: ModelVersion | None) -> Json:
    """The body of ``/labels``: request ids with a label or one for each row, or a list of objects."""
    label: Json = {"type": ["string", "number", "boolean"]}
    if model is not None and (model.task == "regression" or model.classes):
        label = {"type": "number"} if model.task == "regression" else {"enum": list(model.classes)}
    name: Json = {"type": "string", "minLength": 1, "maxLength": 200}
    place: Json = {"type": "integer", "minimum": 0}
    entry = _object({"request_id": name, "label": label, "row": place}, closed=True)
    entry["required"] = ["request_id", "label"]
    by_request: Json = {
        "type": "object",
        "propertyNames": name,
        "additionalProperties": {"anyOf": [label, {"type": "array", "items": label, "minItems": 1}]},
        "minProperties": 1,
    }
    several: Json = {"type": "array", "items": entry, "minItems": 1}
    return {"anyOf": [by_request, several], "description": f"At most {MOST} labels."}
