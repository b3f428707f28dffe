"""Rows are checked column by column, and nothing is lost on the way to the model."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.gateway.batch import EXACT, Schema
from workbench.gateway.problems import Problem
from workbench.models.records import Column

AGE, INCOME = Column(name="age", type="long"), Column(name="income", type="double")
JOB, OWNER = Column(name="job", type="string"), Column(name="owner", type="boolean")
SCHEMA = Schema((AGE, INCOME, JOB, OWNER))
ROW = {"age": 41, "income": 1.5, "job": "cook", "owner": True}


def optional(column):
    return column.model_copy(update={"required": False})


def refusal(schema, row):
    with pytest.raises(Problem) as refused:
        schema.batch_of_records([row])
    assert refused.value.status == 422
    return refused.value


def test_good_rows_come_back_as_they_were_sent():
    batch = SCHEMA.batch_of_records([ROW, {**ROW, "age": 7}])
    assert batch.n == 2
    assert batch.records() == [ROW, {**ROW, "age": 7}]


def test_a_model_gets_the_dtypes_of_a_training_file():
    frame = SCHEMA.batch_of_records([ROW]).frame(SCHEMA.own)
    trained = pd.DataFrame([ROW])
    pd.testing.assert_frame_equal(frame, trained)


def test_missing_values_reach_the_model_as_pandas_writes_them():
    schema = Schema(tuple(map(optional, SCHEMA.own)))
    frame = schema.batch_of_records([ROW, {}]).frame(schema.own)
    assert frame.loc[0].to_dict() == ROW
    assert frame.loc[1].isna().all()
    assert frame["age"].dtype == frame["income"].dtype == "float64"


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("age", "41", "is text"),
        ("age", True, "is a boolean"),
        ("age", 41.5, "whole number"),
        ("age", 2**63, "64 bits"),
        ("age", float(2**60), "whole number"),
        ("age", None, "is missing"),
        ("age", [41], "is a list"),
        ("age", math.nan, "no finite number"),
        ("income", "1.5", "is text"),
        ("income", False, "is a boolean"),
        ("income", math.inf, "no finite number"),
        ("income", -math.inf, "no finite number"),
        ("income", EXACT + 1, "2\\^53"),
        ("income", 10**400, "2\\^53"),
        ("income", {"x": 1}, "is an object"),
        ("job", 3, "expects text"),
        ("job", None, "is missing"),
        ("owner", 1, "true or false"),
        ("owner", "true", "true or false"),
    ],
)
def test_a_wrong_cell_is_refused_by_column_and_row(column, value, reason):
    problem = refusal(SCHEMA, {**ROW, column: value})
    assert problem.field == column
    with pytest.raises(Problem, match=reason):
        raise problem
    with pytest.raises(Problem, match="row 1"):
        SCHEMA.batch_of_records([ROW, {**ROW, column: value}])


def test_missing_and_extra_columns_are_named_with_the_nearest():
    short = {k: v for k, v in ROW.items() if k != "job"}
    assert refusal(SCHEMA, short).field == "job"
    extra = refusal(SCHEMA, {**ROW, "incme": 3})
    assert extra.field == "incme"
    assert "'income'" in extra.remedy
    with pytest.raises(Problem, match="in row 1"):
        SCHEMA.batch_of_records([ROW, short])


def test_a_long_name_of_somebody_else_is_cut():
    assert len(str(refusal(SCHEMA, {**ROW, "x" * 5000: 1}))) < 300


def test_no_rows_are_refused():
    for read in (SCHEMA.batch_of_records, SCHEMA.batch_of_rows):
        with pytest.raises(Problem, match="no rows"):
            read([])


def test_rows_as_lists_must_have_the_length_of_the_columns():
    batch = SCHEMA.batch_of_rows([[1.5, 41, "cook", True]], ["income", "age", "job", "owner"])
    assert batch.records() == [ROW]
    for row in ([41, 1.5, "cook"], [41, 1.5, "cook", True, 0], "four", None, {"age": 41}):
        with pytest.raises(Problem, match="Row 0"):
            SCHEMA.batch_of_rows([row])
    with pytest.raises(Problem, match="named twice"):
        SCHEMA.batch_of_rows([[1, 2]], ["age", "age"])


def test_lossless_neighbours_are_taken():
    batch = SCHEMA.batch_of_records([{**ROW, "age": 41.0, "income": 3}])
    assert batch.records() == [{**ROW, "age": 41, "income": 3.0}]
    assert type(batch.records()[0]["age"]) is int


@given(st.lists(st.one_of(st.integers(), st.floats(), st.booleans(), st.text(), st.none()), min_size=1))
def test_a_number_that_is_taken_is_the_number_that_was_sent(values):
    for column, kind in ((AGE, np.integer), (INCOME, np.floating)):
        with contextlib.suppress(Problem):
            batch = Schema((column,)).batch({column.name: values}, len(values))
            array = batch.frame([column])[column.name].to_numpy()
            assert issubclass(array.dtype.type, kind)
            assert array.tolist() == values
            assert not any(isinstance(value, bool) for value in values)


def test_columns_that_only_a_candidate_reads_may_be_sent():
    rent = Column(name="rent", type="double")
    schema = Schema.of([AGE], [[AGE, rent]])
    with_rent = schema.batch_of_records([{"age": 41, "rent": 900.0}])
    assert with_rent.frame([AGE, rent]).to_dict("records") == [{"age": 41, "rent": 900.0}]
    without = schema.batch_of_records([{"age": 41}])
    assert without.frame([AGE]).to_dict("records") == [{"age": 41}]
    with pytest.raises(Problem, match="rent"):
        without.frame([AGE, rent])


def test_a_candidate_of_another_type_gets_no_silent_conversion():
    text = Column(name="code", type="string")
    number = Column(name="code", type="long")
    with pytest.raises(Problem, match="whole number"):
        Schema((text,)).batch_of_records([{"code": "12"}]).frame([number])
    wide = Schema((Column(name="n", type="long"),)).batch_of_records([{"n": 3}])
    assert wide.frame([Column(name="n", type="double")])["n"].tolist() == [3.0]
