"""A request has so many rows and cells, whatever form they come in, and takes no time beyond them."""

from __future__ import annotations

import inspect
import json
import time

import pytest

from workbench.core.errors import InvalidInput
from workbench.core.settings import Settings, load
from workbench.gateway import oip, scoring, v1
from workbench.gateway.batch import Schema
from workbench.gateway.limits import Limits
from workbench.gateway.problems import Problem
from workbench.models.records import Column
from workbench.traffic import CaptureWriter

A, B = (Column(name=name, type="double", required=False) for name in "ab")
MIB = 2**20


def csv(n):
    return b"a,b\n" + b"1,2\n" * n


def tensors(n):
    return [{"name": name, "shape": [n], "datatype": "FP64", "data": [1.0] * n} for name in "ab"]


def matrix(n):
    return [{"name": "rows", "shape": [n, 2], "datatype": "FP64", "data": [[1.0, 2.0]] * n}]


def as_bytes(n):
    return [
        {"name": name, "shape": [n], "datatype": "INT8", "parameters": {"binary_data_size": n}}
        for name in "ab"
    ]


def mlflow(content, schema):
    return scoring.read(json.dumps(content).encode(), "", schema)


def kserve(content, schema):
    return v1.read(json.dumps(content).encode(), "", schema)


def open_inference(inputs, schema, raw=b""):
    head = json.dumps({"inputs": inputs}).encode()
    return oip.read(head + raw, str(len(head)), schema).batch


#: Every form in which ``n`` rows of two columns may come.
FORMS = {
    "records": lambda n, schema: mlflow({"dataframe_records": [{"a": 1.0}] * n}, schema),
    "empty records": lambda n, schema: mlflow({"dataframe_records": [{}] * n}, schema),
    "split": lambda n, schema: mlflow({"dataframe_split": {"columns": ["a"], "data": [[1.0]] * n}}, schema),
    "empty split": lambda n, schema: mlflow({"dataframe_split": {"columns": [], "data": [[]] * n}}, schema),
    "instances": lambda n, schema: mlflow({"instances": [[1.0, 2.0]] * n}, schema),
    "inputs": lambda n, schema: mlflow({"inputs": [[1.0, 2.0]] * n}, schema),
    "columns": lambda n, schema: mlflow({"inputs": {"a": [1.0] * n}}, schema),
    "csv": lambda n, schema: scoring.read(csv(n), "text/csv", schema),
    "v1 lists": lambda n, schema: kserve({"instances": [[1.0, 2.0]] * n}, schema),
    "v1 objects": lambda n, schema: kserve({"instances": [{}] * n}, schema),
    "tensors": lambda n, schema: open_inference(tensors(n), schema),
    "matrix": lambda n, schema: open_inference(matrix(n), schema),
    "bytes": lambda n, schema: open_inference(as_bytes(n), schema, bytes(2 * n)),
}


@pytest.fixture(params=FORMS)
def read(request):
    return FORMS[request.param]


def test_as_many_rows_as_may_come_are_read_and_one_more_is_413_naming_the_setting(read):
    schema = Schema((A, B), limits=Limits(rows=3, cells=100))
    assert read(3, schema).n == 3
    with pytest.raises(Problem, match=r"more than 3 rows \(gateway_max_rows\)") as refused:
        read(4, schema)
    assert refused.value.status == 413


def test_cells_are_rows_times_the_columns_that_are_read(read):
    schema = Schema((A, B), limits=Limits(rows=100, cells=6))
    assert read(3, schema).n == 3
    with pytest.raises(Problem, match=r"more than 6 cells.* 2 columns.*\(gateway_max_cells\)") as refused:
        read(4, schema)
    assert refused.value.status == 413


def test_a_column_that_only_a_candidate_reads_counts_too():
    schema = Schema((A,), (B,), Limits(rows=100, cells=6))
    with pytest.raises(Problem, match="2 columns"):
        mlflow({"instances": [[1.0]] * 4}, schema)


def test_rows_that_come_from_within_have_no_limit():
    assert Schema((A, B)).batch_of_records([{}] * 20_000).n == 20_000


def test_the_limits_are_those_of_the_settings(tmp_path):
    (tmp_path / "workbench.toml").write_text("gateway_max_rows = 7\ngateway_max_cells = 70\n")
    assert Limits.of(load(tmp_path)) == Limits(rows=7, cells=70)
    assert Limits.of(Settings()) == Limits(rows=10_000, cells=500_000)


def test_no_setting_lets_a_request_have_more_rows_than_can_be_captured(tmp_path):
    room = inspect.signature(CaptureWriter).parameters["max_rows"].default
    assert load(tmp_path, gateway_max_rows=room // 2).gateway_max_rows == room // 2
    with pytest.raises(InvalidInput, match="gateway_max_rows"):
        load(tmp_path, gateway_max_rows=room // 2 + 1)


def wide(n):
    columns = (Column(name=f"c{i}", type="double", required=False) for i in range(n))
    return Schema(tuple(columns), limits=Limits.of(Settings()))


def body_of(start, piece, end):
    """As many pieces as one body has room for."""
    return start + piece * ((MIB - len(start) - len(end)) // len(piece) - 1) + piece.rstrip(b",") + end


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (body_of(b'{"dataframe_records":[', b"{},", b"]}"), ""),
        (body_of(b'{"dataframe_split":{"columns":[],"data":[', b"[],", b"]}}"), ""),
        (body_of(b'{"inputs":{"c0":[', b"1,", b"]}}"), ""),
        (body_of(b"c0\n", b"1\n", b""), "text/csv"),
        (body_of(b"c0\n", b"\n", b""), "text/csv"),
        (body_of(b"c0\n", b"1,", b""), "text/csv"),
        (body_of(b"c0\n", b"1", b"z"), "text/csv"),
        (body_of(b"c0\n", b"1" * 100_000 + b"z,", b""), "text/csv"),
        (b"c0\n" + b"1" * 100_000 + b"." + b"1" * 10_000 + b"e" + b"1" * 10_000 + b"z\n", "text/csv"),
        (",".join([f"{i:x}" for i in range(170_000)] + ["2980f\n"]).encode(), "text/csv"),
        (json.dumps({"dataframe_split": {"columns": [f"{i:x}" for i in range(55_000)] * 2, "data": []}}), ""),
    ],
    ids=["records", "split", "columns", "lines", "empty-lines", "wide", "digits", "many-digits", "decimals",
         "names", "split-names"],
)  # fmt: skip
def test_a_mebibyte_of_anything_is_refused_in_no_time(body, content_type):
    body = body if isinstance(body, bytes) else body.encode()
    schema = wide(60)
    started = time.process_time()
    with pytest.raises(Problem) as refused:
        scoring.read(body, content_type, schema)
    assert refused.value.status in (400, 413, 422)
    assert time.process_time() - started < 1.5
