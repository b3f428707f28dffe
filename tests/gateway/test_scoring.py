"""MLflow's scoring protocol: every form that MLflow takes, and nothing that it would quietly drop."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway import scoring
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
        Column(name="owner", type="boolean"),
    )
)
ROW = {"age": 41, "income": 1.5, "job": "cook", "owner": True}
CELLS = list(ROW.values())


def read(content, content_type="application/json"):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return scoring.read(body, content_type, SCHEMA).records()


@pytest.mark.parametrize(
    "content",
    [
        {"dataframe_split": {"columns": list(ROW), "data": [CELLS]}},
        {"dataframe_split": {"index": [0], "columns": list(ROW)[::-1], "data": [CELLS[::-1]]}},
        {"dataframe_records": [ROW]},
        {"instances": [ROW]},
        {"instances": [CELLS]},
        {"inputs": {name: [value] for name, value in ROW.items()}},
        {"inputs": [CELLS]},
        {"inputs": [ROW], "params": {}},
    ],
)
def test_every_form_gives_the_same_row(content):
    assert read(content) == [ROW]
    assert read(content, "") == [ROW]
    assert read(content, "Application/JSON; charset=utf-8") == [ROW]


def test_csv_is_read_by_the_types_of_the_columns():
    body = b'owner,age,job,income\r\nTRUE,41,"cook",1.5\r\nfalse,-7,"a,b",\r\n'
    assert read(body, "text/csv") == [ROW, {"age": -7, "income": None, "job": "a,b", "owner": False}]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("x,1.5,cook,true", "age"),
        ("4_1,1.5,cook,true", "age"),
        (",1.5,cook,true", "age"),
        ("41,nan,cook,true", "income"),
        ("41,inf,cook,true", "income"),
        ("41,1e999,cook,true", "income"),
        ("41,0x10,cook,true", "income"),
        ("41,1.5,cook,1", "owner"),
    ],
)
def test_a_wrong_cell_of_csv_names_its_column(line, column):
    with pytest.raises(Problem) as refused:
        read(f"age,income,job,owner\n{line}\n".encode(), "text/csv")
    assert refused.value.status == 422
    assert refused.value.field == column


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"age,income,job,owner\n", 422),
        (b"age,income,job,owner\n41,1.5,cook\n", 422),
        (b"age,income,job,owner\n41,1.5,cook,true,9\n", 422),
        (b"age,age,job,owner\n41,1.5,cook,true\n", 422),
        (b"age,salary,job,owner\n41,1.5,cook,true\n", 422),
        (b'age,income,job,owner\n41,1.5,"cook,true\n', 400),
        (b"age,income,job,owner\n41,1.5,\xff,true\n", 400),
    ],
)
def test_csv_of_another_shape_is_refused(body, status):
    with pytest.raises(Problem) as refused:
        read(body, "text/csv")
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ([], 400),
        ({}, 400),
        ({"instances": [ROW], "inputs": [CELLS]}, 400),
        ({"instances": [ROW], "extra": 1}, 400),
        ({"instances": 7}, 400),
        ({"instances": [ROW], "params": False}, 400),
        ({"dataframe_records": ROW}, 400),
        ({"dataframe_split": [CELLS]}, 400),
        ({"dataframe_split": {"data": [CELLS]}}, 400),
        ({"dataframe_split": {"columns": list(ROW), "data": CELLS[0]}}, 400),
        ({"dataframe_split": {"columns": list(ROW), "data": [CELLS], "dtype": 1}}, 400),
        ({"instances": []}, 422),
        ({"inputs": {}}, 422),
        ({"inputs": {**{name: [value] for name, value in ROW.items()}, "age": [1, 2]}}, 422),
        ({"inputs": ROW}, 422),
        ({"instances": [ROW, CELLS]}, 422),
        ({"instances": [ROW], "params": {"threshold": 0.5}}, 422),
        ({"dataframe_split": {"columns": ["age", "age"], "data": [[1, 2]]}}, 422),
        ({"dataframe_records": [{**ROW, "extra": 1}]}, 422),
    ],
)
def test_a_body_of_another_form_is_refused(content, status):
    with pytest.raises(Problem) as refused:
        read(content)
    assert refused.value.status == status, refused.value


def test_another_content_type_is_415():
    with pytest.raises(Problem) as refused:
        read({"instances": [ROW]}, "application/x-parquet")
    assert refused.value.status == 415


def test_answers_are_predictions():
    assert json.loads(scoring.write(Reply("r1", ["yes", "no"], None, 3))) == {"predictions": ["yes", "no"]}


@given(
    st.dictionaries(
        st.sampled_from([*scoring.FORMS, "params"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from([*ROW, "columns", "data"]), inner)
            ),
        ),
    )
)
def test_any_body_is_read_or_refused_as_bad_input(content):
    assert status_of(read, content) in (None, 400, 422)


@given(st.binary())
def test_any_bytes_are_csv_or_refused_as_bad_input(body):
    assert status_of(read, body, "text/csv") in (None, 400, 422)
