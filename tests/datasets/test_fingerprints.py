from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.datasets import fingerprint

FRAME = pd.DataFrame({"a": [1, 2], "b": [0.5, np.nan], "c": ["x", None], "d": [True, False]})


def test_equal_frames_have_equal_fingerprints_whatever_their_index():
    assert fingerprint(FRAME) == fingerprint(FRAME.copy()) == fingerprint(FRAME.set_axis([7, 8]))


@pytest.mark.parametrize(
    "other",
    [
        FRAME.iloc[::-1],
        FRAME[["b", "a", "c", "d"]],
        FRAME.rename(columns={"a": "A"}),
        FRAME.assign(a=FRAME["a"].astype(float)),
        FRAME.assign(a=[1, 3]),
        FRAME.assign(b=[0.5, 0.0]),
        FRAME.assign(c=["x", "None"]),
        FRAME.assign(c=["x", ""]),
        FRAME.assign(d=[1, 0]),
        FRAME.iloc[:1],
        FRAME.astype({"c": "category"}),
    ],
    ids=["rows", "columns", "name", "type", "value", "nan", "none", "empty", "bool", "fewer", "category"],
)
def test_any_change_of_names_types_values_or_order_changes_it(other):
    assert fingerprint(other) != fingerprint(FRAME)


def test_a_missing_value_is_one_value_whatever_its_bits():
    with np.errstate(invalid="ignore"):
        negative = np.array([0.0]) / np.array([0.0])  # a NaN with the sign bit set
    assert fingerprint(pd.DataFrame({"a": negative})) == fingerprint(pd.DataFrame({"a": [np.nan]}))


def test_values_of_different_types_that_print_alike_are_different():
    one, text = (pd.DataFrame({"a": pd.Series([v, "x"], dtype=object)}) for v in (1, "1"))
    assert fingerprint(one) != fingerprint(text)


def test_text_is_not_confused_with_its_neighbour():
    assert fingerprint(pd.DataFrame({"a": ["ab", "c"]})) != fingerprint(pd.DataFrame({"a": ["a", "bc"]}))


def test_dates_and_nullable_types_have_fingerprints():
    dates = pd.DataFrame({"d": pd.to_datetime(["2024-01-01", None]), "i": pd.array([1, None], dtype="Int64")})
    assert fingerprint(dates) == fingerprint(dates.copy())


@given(
    st.lists(
        st.tuples(st.floats(), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1, max_size=20
    )
)
def test_a_frame_that_went_through_parquet_keeps_its_fingerprint(rows):
    import io

    frame = pd.DataFrame(rows, columns=["number", "text"])
    file = io.BytesIO()
    frame.to_parquet(file)
    assert fingerprint(pd.read_parquet(io.BytesIO(file.getvalue()))) == fingerprint(frame)
