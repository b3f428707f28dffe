"""KServe's V1 protocol: rows in, predictions out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway import v1
from workbench.gateway.answers import Reply
from workbench.gateway.batch import Schema
from workbench.gateway.problems import Problem
from workbench.models.records import Column
from workbench.testing.gateway import status_of

SCHEMA = Schema(
    (
        Column(name="age", type="long"),
        Column(name="income", type="double", required=False),
        Column(name="job", type="string"),
    )
)
ROW = {"age": 41, "income": 1.5, "job": "cook"}
CELLS = list(ROW.values())
PREDICT = "/v1/models/tiny:predict"


def read(content, content_type="application/json"):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return v1.read(body, content_type, SCHEMA).records()


@pytest.mark.parametrize("instances", [[ROW, ROW], [CELLS, CELLS]])
@pytest.mark.parametrize("content_type", ["", "application/json", "Application/JSON; charset=utf-8"])
def test_rows_are_objects_or_lists_in_the_order_of_the_signature(instances, content_type):
    assert read({"instances": instances}, content_type) == [ROW, ROW]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"inputs": [CELLS]}, 400),
        ({"instances": [CELLS], "signature_name": "x"}, 400),
        ({"instances": ROW}, 400),
        (b'{"instances": [], "instances": []}', 400),
        ({"instances": []}, 422),
        ({"instances": [41]}, 422),
        ({"instances": [CELLS, ROW]}, 422),
        ({"instances": [ROW, CELLS]}, 422),
        ({"instances": [CELLS[:2]]}, 422),
        ({"instances": [{**ROW, "age": True}]}, 422),
        ({"instances": [{**ROW, "extra": 1}]}, 422),
    ],
)
def test_a_body_of_another_form_is_refused(content, status):
    with pytest.raises(Problem) as refused:
        read(content)
    assert refused.value.status == status


def test_another_content_type_is_415():
    with pytest.raises(Problem) as refused:
        read({"instances": [ROW]}, "text/csv")
    assert refused.value.status == 415


def test_answers_are_predictions():
    assert json.loads(v1.write(Reply("r1", [1.5], None, 3))) == {"predictions": [1.5]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*ROW, "instances"]), inner),
    )
)
def test_any_body_is_read_or_refused_as_bad_input(content):
    assert status_of(read, content) in (None, 400, 422)


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.pipeline)


def test_it_goes_the_way_of_every_request(gateway, routes):
    row = {"x1": 0.5, "x2": -1.0, "colour": "red"}
    by_name = gateway.post({"instances": [row]}, PREDICT, X_Request_Id="v1-1")
    by_place = gateway.post({"instances": [[0.5, -1, "red"]]}, PREDICT)
    mlflow = gateway.post({"dataframe_records": [row]}, "/invocations")
    assert by_name[0] == 200
    assert by_name[2] == by_place[2] == mlflow[2]
    assert by_name[1]["X-Workbench-Version"] == "7"
    exchange = gateway.captured(3)[0]
    assert (exchange.request_id, exchange.arm, exchange.inputs) == ("v1-1", "champion", [row])


def test_it_says_whether_the_model_is_ready(gateway, gateways):
    assert gateway.request("GET", "/v1/models/tiny")[::2] == (200, {"name": "tiny", "ready": True})
    assert gateway.request("GET", "/v1/models/other")[0] == 404
    nobody = gateways()
    assert nobody.request("GET", "/v1/models/tiny")[::2] == (503, {"name": "tiny", "ready": False})
    assert nobody.post({"instances": [[1]]}, PREDICT)[0] == 503


def test_another_method_or_model_is_refused(gateway):
    assert gateway.request("GET", PREDICT)[0] == 405
    assert gateway.post({"instances": []}, "/v1/models/other:predict")[0] == 404
    assert gateway.post({"instances": []}, "/v1/models/tiny:explain")[0] == 404
    assert gateway.post({"instances": []}, "/v1/models/..%2ftiny:predict")[0] == 404
