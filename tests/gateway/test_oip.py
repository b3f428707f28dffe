"""Open Inference Protocol V2: tensors in, tensors out."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway import oip, tensors
from workbench.gateway.answers import Reply
from workbench.gateway.batch import Schema
from workbench.gateway.problems import Problem
from workbench.models.records import Column
from workbench.testing.gateway import status_of

A, B = Column(name="a", type="double"), Column(name="b", type="long")
JOB, OWNER = Column(name="job", type="string"), Column(name="owner", type="boolean")
NUMBERS = Schema((A, B))
MIXED = Schema((A, JOB, OWNER))


def tensor(name, data, datatype="FP64", shape=None, **more):
    return {"name": name, "shape": shape or [len(data)], "datatype": datatype, "data": data, **more}


def read(inputs, schema=NUMBERS, **more):
    return oip.read(json.dumps({"inputs": inputs, **more}).encode(), None, schema)


def read_binary(inputs, raw, schema=NUMBERS, **more):
    head = json.dumps({"inputs": inputs, **more}).encode()
    return oip.read(head + raw, str(len(head)), schema)


def binary(name, datatype, shape, size):
    parameters = {"binary_data_size": size}
    return {"name": name, "datatype": datatype, "shape": shape, "parameters": parameters}


def test_one_tensor_a_column():
    asked = read([tensor("a", [1.5, 2.5]), tensor("b", [1, 2], "INT64", [2, 1])])
    assert asked.batch.records() == [{"a": 1.5, "b": 1}, {"a": 2.5, "b": 2}]


def test_a_matrix_of_all_columns_when_they_are_numbers():
    flat = read([tensor("input-0", [1.5, 1, 2.5, 2], shape=[2, 2])])
    nested = read([tensor("input-0", [[1.5, 1], [2.5, 2]], shape=[2, 2])])
    assert flat.batch.records() == nested.batch.records() == [{"a": 1.5, "b": 1}, {"a": 2.5, "b": 2}]
    with pytest.raises(Problem, match="'job' is no number"):
        read([tensor("input-0", [1, 2, 3], shape=[1, 3])], MIXED)
    with pytest.raises(Problem, match="2 columns"):
        read([tensor("input-0", [1, 2, 3], shape=[1, 3])])


def test_binary_tensors_are_read_little_endian():
    raw = np.array([1.5, 2.5], "<f8").tobytes() + np.array([7, 8], "<i2").tobytes()
    asked = read_binary([binary("a", "FP64", [2], 16), binary("b", "INT16", [2], 4)], raw)
    assert asked.batch.records() == [{"a": 1.5, "b": 7}, {"a": 2.5, "b": 8}]


def test_binary_texts_and_booleans():
    raw = struct.pack("<d", 1.0) + tensors.to_bytes(["käse"], "BYTES") + b"\1"
    inputs = [binary("a", "FP64", [1], 8), binary("job", "BYTES", [1], 9), binary("owner", "BOOL", [1], 1)]
    assert read_binary(inputs, raw, MIXED).batch.records() == [{"a": 1.0, "job": "käse", "owner": True}]


def test_a_binary_nan_is_a_missing_value():
    optional = Schema((A.model_copy(update={"required": False}),))
    nan = struct.pack("<d", float("nan"))
    assert read_binary([binary("a", "FP64", [1], 8)], nan, optional).batch.records() == [{"a": None}]
    with pytest.raises(Problem, match="missing"):
        read_binary([binary("a", "FP64", [1], 8)], nan, Schema((A,)))


@pytest.mark.parametrize(
    ("spec", "status"),
    [
        (tensor("a", [1.0], shape=[2]), 400),
        (tensor("a", [1.0], shape=[-1]), 400),
        (tensor("a", [1.0], shape=[2**62, 2**62]), 400),
        (tensor("a", [1.0], shape=[10**4000, 10**4000]), 400),
        (tensor("a", [1.0], shape=[True]), 400),
        (tensor("a", [1.0], shape=[1.0]), 400),
        (tensor("a", [1.0], shape=[]) | {"shape": []}, 400),
        (tensor("a", [1.0], shape=[1, 1, 1]), 400),
        (tensor("a", [1.0]) | {"shape": "1"}, 400),
        (tensor("a", [1.0], "FLOAT"), 400),
        (tensor("a", [1.0], ["FP64"]), 400),
        (tensor("a", [1.0]) | {"data": 1.0}, 400),
        (tensor("a", [1.0]) | {"data": None}, 400),
        (tensor("a", [1.0]) | {"name": 7}, 400),
        (tensor("a", [1.0], parameters=[1]), 400),
        (tensor("a", [1.0], parameters=False), 400),
        (tensor("a", [1.0], parameters={"binary_data_size": 8}), 400),
        (binary("a", "FP64", [1], -8), 400),
        (binary("a", "FP64", [1], 1e3), 400),
        (binary("a", "FP64", [1], 8), 400),
        (tensor("a", [1.0], parameters={"shared_memory_region": "r"}), 422),
        (tensor("a", ["1"], "BYTES"), 422),
        (tensor("a", [[1.0]], shape=[1]), 422),
        (tensor("a", [], shape=[0]), 422),
        (tensor("c", [1.0]), 422),
        ("a", 400),
    ],
)
def test_a_wrong_tensor_is_refused(spec, status):
    with pytest.raises(Problem) as refused:
        read([spec], Schema((A,)))
    assert refused.value.status == status, refused.value


@pytest.mark.parametrize("datatype", ["FP64", "BYTES", "BOOL"])
@pytest.mark.parametrize("size", [2**31, 10**4000], ids=["above", "far-above"])
def test_a_shape_beyond_any_body_is_refused_without_being_written_out(datatype, size):
    with pytest.raises(Problem, match="shape") as refused:
        read_binary([binary("a", datatype, [size, size], 5)], b"\1\0\0\0x", Schema((A,)))
    assert refused.value.status == 400
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("datatype", "raw"),
    [
        ("FP64", b"1234567"),
        ("FP64", b"123456789"),
        ("BYTES", b"\1\0\0"),
        ("BYTES", b"\xff\xff\xff\xffx"),
        ("BYTES", b"\1\0\0\0\xff"),
        ("BYTES", b""),
        ("BOOL", b"\2"),
    ],
)
def test_wrong_bytes_are_refused(datatype, raw):
    with pytest.raises(Problem) as refused:
        read_binary([binary("a", datatype, [1], len(raw))], raw, Schema((A,)))
    assert refused.value.status == 400


def test_bytes_after_the_last_tensor_are_refused():
    with pytest.raises(Problem, match="follow"):
        read_binary([binary("a", "FP64", [1], 8)], bytes(9), Schema((A,)))


@pytest.mark.parametrize("length", ["-1", "x", "", "999999", "9" * 5000, "1e3", "²"])
def test_a_wrong_header_length_is_refused(length):
    with pytest.raises(Problem) as refused:
        oip.read(b"{}", length, NUMBERS)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "body",
    [[], 7, {}, {"inputs": []}, {"inputs": {}}, {"inputs": None}, {"inputs": [], "parameters": 1}, {"id": 3}],
)
def test_a_body_of_another_form_is_refused(body):
    with pytest.raises(Problem) as refused:
        oip.read(json.dumps(body).encode(), None, NUMBERS)
    assert refused.value.status == 400


def test_tensors_must_agree_on_rows_and_come_once():
    with pytest.raises(Problem, match="rows"):
        read([tensor("a", [1.0, 2.0]), tensor("b", [1], "INT64")])
    with pytest.raises(Problem, match="twice"):
        read([tensor("a", [1.0]), tensor("a", [1.0])])
    with pytest.raises(Problem, match=r"\[n, 1\]"):
        read([tensor("a", [1.0, 2.0], shape=[1, 2]), tensor("b", [1], "INT64")])


def written(asked, predictions, scores=None):
    body, headers = oip.write(asked, Reply("r1", predictions, scores, 3), "m")
    if oip.HEADER_LENGTH not in headers:
        return json.loads(body), b""
    length = int(headers[oip.HEADER_LENGTH])
    return json.loads(body[:length]), body[length:]


def test_answers_are_tensors_named_predict_and_score():
    asked = read([tensor("a", [1.0]), tensor("b", [1], "INT64")], id="mine")
    head, raw = written(asked, ["yes"], [0.25])
    assert head == {
        "model_name": "m",
        "model_version": "3",
        "id": "mine",
        "outputs": [
            {"name": "predict", "datatype": "BYTES", "shape": [1], "data": ["yes"]},
            {"name": "score", "datatype": "FP64", "shape": [1], "data": [0.25]},
        ],
    }
    assert raw == b""


def test_only_the_outputs_asked_for_are_sent_each_as_asked():
    inputs = [tensor("a", [1.0]), tensor("b", [1], "INT64")]
    head, _ = written(read(inputs, outputs=[{"name": "score"}]), [1], [0.5])
    assert [o["name"] for o in head["outputs"]] == ["score"]
    outputs = [{"name": "predict", "parameters": {"binary_data": True}}, {"name": "score"}]
    head, raw = written(read(inputs, outputs=outputs), [1], [0.5])
    assert head["outputs"][0]["parameters"] == {"binary_data_size": 8}
    assert raw == struct.pack("<q", 1)
    assert head["outputs"][1]["data"] == [0.5]


@pytest.mark.parametrize(
    ("outputs", "status"),
    [
        ([{"name": "logits"}], 422),
        ([{"name": "predict", "parameters": {"classification": 2}}], 422),
        ([{"name": "predict", "parameters": {"binary_data": "true"}}], 400),
        ([{"name": "predict", "parameters": []}], 400),
        (["predict"], 400),
        ("predict", 400),
    ],
)
def test_outputs_that_are_not_served_are_refused(outputs, status):
    with pytest.raises(Problem) as refused:
        read([tensor("a", [1.0]), tensor("b", [1], "INT64")], outputs=outputs)
    assert refused.value.status == status


@pytest.mark.parametrize("parameters", [False, [], "", {"binary_data_output": 1}, {"binary_data_output": {}}])
def test_parameters_of_another_type_are_refused_and_null_means_none(parameters):
    inputs = [tensor("a", [1.0]), tensor("b", [1], "INT64")]
    with pytest.raises(Problem) as refused:
        read(inputs, parameters=parameters)
    assert refused.value.status == 400
    assert read(inputs, parameters=None).binary == {"predict": False, "score": False}


@given(
    st.one_of(
        st.lists(st.booleans(), min_size=1),
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
        st.lists(st.floats(allow_nan=False), min_size=1),
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
    )
)
def test_binary_answers_read_back_as_they_were(values):
    datatype = tensors.datatype_of(values)
    raw = tensors.to_bytes(values, datatype)
    (read_back,) = tensors.read_tensors([binary("x", datatype, [len(values)], len(raw))], memoryview(raw))
    assert read_back.values == values


@given(
    st.dictionaries(
        st.sampled_from(["inputs", "outputs", "id", "parameters"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text()
            | st.sampled_from(["a", "b", "FP64", "predict"]),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["name", "shape", "datatype", "data", "parameters", "binary_data_size"]),
                    inner,
                )
            ),
        ),
    )
)
def test_any_body_is_read_or_refused_as_bad_input(body):
    assert status_of(oip.read, json.dumps(body).encode(), None, NUMBERS) in (None, 400, 422)
