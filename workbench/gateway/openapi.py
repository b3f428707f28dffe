"""``GET /openapi.json``: every path of the gateway, in OpenAPI 3.1, with the model's own columns.

The paths are kept here by hand beside ``app.py``; a test holds one to the other. The schemas come from what
is in force, so that the document changes with the champion.
"""

from __future__ import annotations

from typing import Any

from workbench.core.version import __version__
from workbench.gateway import oip
from workbench.gateway.batch import Schema
from workbench.gateway.door import described
from workbench.gateway.door.authentication import Way
from workbench.gateway.live import Live
from workbench.gateway.openapi_schemas import Json, schemas
from workbench.models.records import ModelVersion

_WHY = {
    400: "The request cannot be read: broken JSON, a key twice, nested too deep, no UTF-8.",
    404: "No such model or version here.",
    408: "The body did not arrive in time.",
    413: "The body is over the limit, as sent or unpacked, or has too many rows or cells.",
    415: "A content type or encoding that is not read here.",
    422: "A column is missing, unknown, of another type or not finite; the error names it.",
    500: "The version that was asked failed.",
    503: "Switched off, not loaded yet, or too many requests wait.",
    504: "The version did not answer by the deadline.",
}
_TEXT: Json = {"text/plain": {"schema": {"type": "string"}}}


def document(endpoint: str, live: Live | None, max_body: int, way: Way = "none") -> Json:
    """Return the document for one endpoint.

    Args:
        endpoint: the model's name.
        live: what is in force; None before the first table.
        max_body: bytes that a body may have.
        way: how callers prove who they are.
    """
    champion = live.champion if live else None
    model = champion.model if champion else None
    schema = live.schema if live else Schema(())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{endpoint} behind the gateway",
            "version": __version__,
            "description": _limits(max_body, live),
        },
        "paths": described.behind_the_door(
            {**_v1(model), **_v2(model), **_mlflow(model), **_own(model)}, way
        ),
        "components": {
            "schemas": schemas(schema, model, live.table.fallback if live else None),
            "parameters": _parameters(endpoint, sorted(live.named) if live else []),
            "headers": _HEADERS,
            "responses": {f"Error{status}": _error(why) for status, why in {**_WHY, **described.WHY}.items()},
            "securitySchemes": described.schemes(way),
        },
    }


def _limits(max_body: int, live: Live | None) -> str:
    body = f"A body has at most {max_body} bytes, as sent and unpacked (gzip, deflate)."
    if live is None:
        return body
    return (
        f"{body} A request has at most {live.limits.rows} rows, and {live.limits.cells} cells: its rows "
        "times the columns that are read, sent or not."
    )


_HEADERS: Json = {
    "X-Workbench-Version": {
        "description": "The version that answered; 'fallback' for the declared answer.",
        "schema": {"type": "string", "pattern": "^([1-9][0-9]*|fallback)$"},
    },
    "X-Workbench-Arm": {
        "description": "The arm of an A/B test, percent-encoded; absent where the request is in none.",
        "schema": {"type": "string"},
    },
    "X-Workbench-Unusual": {
        "description": "Columns with a value training never showed, percent-encoded, with commas between.",
        "schema": {"type": "string"},
    },
    "X-Request-Id": {
        "description": "The caller's own where it is harmless, else a new one.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$"},
    },
}


def _v1(model: ModelVersion | None) -> Json:
    body = {"application/json": _media("PredictRequest", _row_example("instances", model))}
    return {
        "/v1/models/{model}": _get("KServe V1: is it ready?", "ModelReadyV1", 404, 503, parameters=["model"]),
        "/v1/models/{model}:predict": _post(
            "KServe V1: predict.", body, {"application/json": _media("Predictions")}, parameters=["model"]
        ),
    }


def _v2(model: ModelVersion | None) -> Json:
    paths: Json = {
        "/v2": _get("Open Inference Protocol: who serves.", "Server"),
        "/v2/health/live": _get("The process answers.", "Health"),
        "/v2/health/ready": _get("A champion is loaded.", "Health", 503),
    }
    for suffix, parameters, request, example in (
        ("", ["model"], "InferRequest", _tensor_example(model)),
        ("/versions/{version}", ["model", "version"], "VersionInferRequest", {}),
    ):
        path = "/v2/models/{model}" + suffix
        paths[path] = _get("Columns and answers.", "Model", 404, 503, parameters=parameters)
        paths[path + "/ready"] = _get("Would it answer?", "ModelReady", 404, 503, parameters=parameters)
        binary = {"schema": {"type": "string", "format": "binary"}}
        paths[path + "/infer"] = _post(
            "Open Inference Protocol: infer. With Inference-Header-Content-Length, raw little-endian tensors "
            "follow that many bytes of JSON.",
            {"application/json": _media(request, example), "application/octet-stream": binary},
            {"application/json": _media("InferResponse"), "application/octet-stream": binary},
            parameters=parameters,
        )
    return paths


def _mlflow(model: ModelVersion | None) -> Json:
    body = {
        "application/json": _media("Invocation", _row_example("dataframe_records", model)),
        "text/csv": {"schema": {"type": "string"}},
    }
    alive = {"get": {"summary": "As MLflow's server answers.", "responses": _plain(200) | _plain(503)}}
    return {
        "/invocations": _post(
            "MLflow's scoring protocol.", body, {"application/json": _media("Predictions")}, missing=False
        ),
        "/ping": alive,
        "/health": alive,
        "/version": {"get": {"summary": "MLflow's version.", "responses": _plain(200)}},
    }


def _own(model: ModelVersion | None) -> Json:
    any_object = {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "/labels": {
            "post": {
                "summary": "Say what turned out to be true of requests.",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": _media("Labels", _label_example(model))},
                },
                "responses": {
                    "200": {"description": "OK", "content": {"application/json": _media("Labelled")}},
                    **{str(status): _problem(status) for status in (400, 408, 413, 415, 422, 500, 503)},
                },
            }
        },
        "/metrics": {"get": {"summary": "For Prometheus.", "responses": _plain(200)}},
        "/openapi.json": {"get": {"summary": "This document.", "responses": {"200": any_object}}},
    }


def _get(summary: str, schema: str, *problems: int, parameters: list[str] | None = None) -> Json:
    """An operation that reads; 503 may carry its ordinary body, too."""
    responses: Json = {"200": {"description": "OK", "content": {"application/json": _media(schema)}}}
    for status in problems:
        responses[str(status)] = _problem(status)
    if 503 in problems:
        either = {"anyOf": [_schema(schema), _schema("Error")]}
        responses["503"] = {"description": _WHY[503], "content": {"application/json": {"schema": either}}}
    return {"parameters": _named(parameters or []), "get": {"summary": summary, "responses": responses}}


def _post(
    summary: str, body: Json, answer: Json, *, parameters: list[str] | None = None, missing: bool = True
) -> Json:
    """An operation that asks a model."""
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in _HEADERS}
    problems = {str(status): _problem(status) for status in _WHY if missing or status != 404}
    return {
        "parameters": _named(parameters or []),
        "post": {
            "summary": summary,
            "requestBody": {"required": True, "content": body},
            "responses": {"200": {"description": "OK", "headers": headers, "content": answer}, **problems},
        },
    }


def _plain(status: int) -> Json:
    return {str(status): {"description": "OK" if status == 200 else _WHY[status], "content": _TEXT}}


def _error(why: str) -> Json:
    return {"description": why, "content": {"application/json": _media("Error")}}


def _problem(status: int) -> Json:
    return {"$ref": f"#/components/responses/Error{status}"}


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _media(schema: str, example: Any = None) -> Json:
    made: Json = {"schema": _schema(schema)}
    return made | {"examples": {"one row": {"value": example}}} if example else made


def _named(parameters: list[str]) -> list[Json]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in parameters]


def _parameters(endpoint: str, versions: list[int]) -> Json:
    known: Json = {"enum": list(map(str, versions))} if versions else {}
    return {
        "model": _parameter("model", {"type": "string", "enum": [endpoint]}),
        "version": _parameter("version", {"type": "string", "pattern": "^[1-9][0-9]{0,8}$", **known}),
    }


def _parameter(name: str, schema: Json) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _row_example(form: str, model: ModelVersion | None) -> Any:
    return {form: list(model.input_example[:1])} if model and model.input_example else None


def _label_example(model: ModelVersion | None) -> Any:
    if model is None:
        return None
    return [{"request_id": "7f3c", "label": model.classes[0] if model.classes else 1.5, "row": 0}]


def _tensor_example(model: ModelVersion | None) -> Any:
    if not (model and model.input_example):
        return None
    row = model.input_example[0]
    return {
        "inputs": [
            {"name": c.name, "shape": [1], "datatype": oip.DATATYPES[c.type], "data": [row[c.name]]}
            for c in model.columns
        ]
    }
