"""The OpenAPI document and the application say the same; real answers and real refusals agree with it."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from jsonschema import Draft202012Validator

from workbench.gateway import openapi
from workbench.gateway.app import make_app
from workbench.gateway.batch import Schema
from workbench.gateway.openapi_schemas import schemas
from workbench.models.records import Column

#: What holds for every answer, whatever was sent.
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,negative_data_rejection,unsupported_method"
)
OPTIONS = [
    "--phases",
    "examples,coverage,fuzzing",
    "--max-examples",
    "10",
    "--generation-deterministic",
    "--no-color",
]


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(
        champion=routes.pipeline, standby=routes.numeric, settings={"gateway_max_body_bytes": 100_000}
    )


@pytest.fixture(scope="module")
def document(gateway):
    status, _, content = gateway.request("GET", "/openapi.json")
    assert status == 200
    return content


def validator(document, schema):
    return Draft202012Validator({**document, "$ref": f"#/components/schemas/{schema}"})


def test_every_route_is_documented_and_every_documented_path_is_routed():
    routes = {
        (re.sub(r":[a-z]+}", "}", route.path), method.lower())
        for route in make_app(None, None, None, max_body=1).routes
        for method in route.methods - {"HEAD"}
    }
    paths = openapi.document("tiny", None, 1)["paths"]
    documented = {(path, method) for path, item in paths.items() for method in item if method != "parameters"}
    assert documented == routes


def test_every_reference_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref":\s*"#/([^"]+)"', json.dumps(document))):
        place = document
        for part in reference.split("/"):
            place = place[part]


def test_the_columns_of_the_model_are_in_it(document):
    row = document["components"]["schemas"]["Row"]
    assert row["required"] == ["x1", "x2", "colour"]
    assert {name: cell["type"] for name, cell in row["properties"].items()} == {
        "x1": "number",
        "x2": "number",
        "colour": "string",
    }
    for limit in ("100000 bytes", "10000 rows", "500000 cells"):
        assert limit in document["info"]["description"]
    assert document["components"]["parameters"]["version"]["schema"]["enum"] == ["7", "8"]


def test_it_changes_with_the_champion_and_is_there_without_one(gateways, routes):
    gateway = gateways()
    assert gateway.request("GET", "/openapi.json")[2]["components"]["schemas"]["Row"] == {"type": "object"}
    gateway.take(champion=routes.regressor)
    row = gateway.request("GET", "/openapi.json")[2]["components"]["schemas"]["Row"]
    assert list(row["properties"]) == ["x1"]


def test_nothing_of_single_training_rows_is_in_it():
    rare = Column(name="name", type="string", categories=("Ada Lovelace",))
    income = Column(name="income", type="double", required=False, low=12345.5, high=98765.5)
    said = json.dumps(schemas(Schema((rare, income)), None, None))
    assert not any(secret in said for secret in ("Ada", "12345", "98765"))


def test_every_example_is_valid_and_answered(gateway, document):
    sent = 0
    for path, item in document["paths"].items():
        for media, body in item.get("post", {}).get("requestBody", {}).get("content", {}).items():
            for example in body.get("examples", {}).values():
                name = body["schema"]["$ref"].rpartition("/")[2]
                validator(document, name).validate(example["value"])
                status, _, answer = gateway.post(
                    example["value"], path.replace("{model}", "tiny"), Content_Type=media
                )
                assert status == 200
                answered = item["post"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
                validator(document, answered.rpartition("/")[2]).validate(answer)
                sent += 1
    assert sent == 4


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("PredictRequest", {"instances": [[1.0, 2.0]]}),
        ("PredictRequest", {"instances": [[1.0, 2.0, "red", 4]]}),
        ("PredictRequest", {"instances": [{"x1": 1.0, "x2": "2", "colour": "red"}]}),
        ("PredictRequest", {"instances": [{"x1": 1.0, "x2": True, "colour": "red"}]}),
        ("PredictRequest", {"instances": [{"x1": 1.0, "x2": 2.0, "colour": None}]}),
        ("PredictRequest", {"instances": []}),
        ("Invocation", {"instances": [[1.0, 2.0, "red"]], "inputs": [[1.0, 2.0, "red"]]}),
        ("Invocation", {"dataframe_records": [{"x1": 1.0}]}),
        ("InferRequest", {"inputs": []}),
    ],
)
def test_what_the_document_forbids_is_refused(gateway, document, schema, body):
    path = {
        "PredictRequest": "/v1/models/tiny:predict",
        "Invocation": "/invocations",
        "InferRequest": "/v2/models/tiny/infer",
    }[schema]
    assert not validator(document, schema).is_valid(body)
    assert gateway.post(body, path)[0] in (400, 422)


@pytest.mark.slow
def test_schemathesis_finds_no_server_error_and_no_answer_outside_the_document(gateway, tmp_path):
    ran = subprocess.run(
        [
            sys.executable,
            *f"-m schemathesis.cli run {gateway.url}/openapi.json --checks".split(),
            CHECKS,
            *OPTIONS,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:]
    assert "17 selected / 17 total" in ran.stdout
    assert int(re.search(r"(\d+) generated", ran.stdout)[1]) > 300
