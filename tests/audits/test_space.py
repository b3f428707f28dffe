import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.audits.parts.robustness.space import Space, matrix
from workbench.core.errors import InvalidInput


def people(n: int = 60) -> pd.DataFrame:
    """Numbers, a switch, text, two encoded categories: one of three columns, one of which none may be set."""
    rng = np.random.default_rng(0)
    job, town = rng.integers(0, 3, n), rng.integers(0, 3, n)
    return pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "income": rng.lognormal(10, 0.5, n),
            "job_none": (job == 0).astype(int),
            "job_clerk": (job == 1).astype(int),
            "job_other": (job == 2).astype(int),
            "owner": rng.integers(0, 2, n),
            "town_a": town == 1,
            "town_b": town == 2,
            "name": "x",
        }
    )


COLUMNS = list(people().columns)


def test_a_one_hot_group_is_found_and_switches_stay():
    space = Space.of(people(), COLUMNS)
    assert [[space.columns[i] for i in group] for group in space.groups] == [
        ["job_none", "job_clerk", "job_other"]
    ]
    assert space.held == {
        "owner": "two values: a switch",
        "town_a": "not a number",
        "town_b": "not a number",
        "name": "not a number",
    }
    assert Space.of(people(), COLUMNS, one_hot=()).held["job_clerk"] == "two values: a switch"


def test_a_declared_group_may_have_none_set_and_hold_booleans():
    frame = people()
    space = Space.of(frame, COLUMNS, one_hot=[["town_a", "town_b"]])
    assert space.groups == ((2, 3),)
    assert space.open == (True,)
    origin = matrix(frame, space.columns)[:1]
    towns = space.place(origin, np.array([[0.0, 0, -9, -9]]))[0, 2:]
    assert towns.tolist() == [0, 0]
    moved = space.rows(frame[:1], space.place(origin, np.array([[0.0, 0, 9, 3]])))
    assert moved["town_a"].tolist() == [True]
    assert moved.dtypes.to_dict() == frame.dtypes.to_dict()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), far=st.floats(0, 8))
def test_whatever_the_move_the_row_stays_valid(seed, far):
    frame = people()
    space = Space.of(frame, COLUMNS, rising=["age"], ranges={"income": (5_000, 50_000)}, immutable=["owner"])
    rng = np.random.default_rng(seed)
    origin = matrix(frame, space.columns)
    move = rng.normal(size=origin.shape)
    move *= far / np.linalg.norm(move, axis=1, keepdims=True)
    placed = space.place_within(origin, move, far)
    assert far < 0.5 or (placed != origin).any()
    moved = space.rows(frame, placed)
    assert (space.distance(origin, placed) <= far * (1 + 1e-9)).all()
    assert (moved["age"] >= frame["age"]).all()
    assert moved["age"].dtype == frame["age"].dtype
    assert (moved[["job_none", "job_clerk", "job_other"]].sum(axis=1) == 1).all()
    inside = frame["income"].between(5_000, 50_000)
    assert moved.loc[inside, "income"].between(5_000, 50_000).all()
    untouched = ["owner", "town_a", "town_b", "name"]
    pd.testing.assert_frame_equal(moved[untouched], frame[untouched])


@pytest.mark.parametrize(("norm", "far"), [("l2", 1.0), ("linf", 1.0)])
def test_another_category_is_one_unit_away(norm, far):
    frame = people()
    space = Space.of(frame, COLUMNS, norm=norm)
    origin = matrix(frame, space.columns)
    other = origin.copy()
    group = list(space.groups[0])
    other[:, group] = np.roll(origin[:, group], 1, axis=1)
    np.testing.assert_allclose(space.distance(origin, other), far)
    assert space.blocks()[0] == group


def test_a_group_with_a_column_that_stays_stays():
    held = Space.of(people(), COLUMNS, immutable=["job_clerk"]).held
    assert held["job_clerk"] == "immutable"
    assert held["job_none"] == "two values: a switch"


def test_a_missing_category_is_left_missing():
    frame = people().astype({"job_none": float})
    frame.loc[0, "job_none"] = np.nan
    space = Space.of(frame[1:], COLUMNS)
    origin = matrix(frame, space.columns)[:1]
    moved = space.place(origin, np.full(origin.shape, 3.0))
    np.testing.assert_array_equal(moved[0, list(space.groups[0])], origin[0, list(space.groups[0])])


def test_one_range_and_one_unit_for_all_let_empty_pixels_move():
    pixels = pd.DataFrame({"a": [0.0, 0.0, 0.0], "b": [0.0, 0.2, 0.9], "c": [0.0, 1.0, 1.0]})
    assert Space.of(pixels, list("abc")).columns == ("b",)
    space = Space.of(pixels, list("abc"), ranges=(0, 1), scale=0.5)
    assert space.columns == ("a", "b", "c")
    assert space.integer.tolist() == [False, False, True]
    np.testing.assert_array_equal(space.scale, 0.5)
    np.testing.assert_array_equal(space.high, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rising": ["ages"]}, "Did you mean 'age'"),
        ({"falling": ["name"]}, "unknown column that moves"),
        ({"rising": ["age"], "falling": ["age"]}, "neither rise nor fall"),
        ({"ranges": {"age": (3, 3)}}, "smaller to a greater"),
        ({"ranges": {"agee": (3, 4)}}, "Did you mean 'age'"),
        ({"scale": -1}, "must be positive"),
        ({"scale": {"income": float("nan")}}, "must be positive"),
        ({"one_hot": [["job_none"]]}, "not a group of its own"),
        ({"one_hot": [["job_none", "job_clerk"], ["job_clerk", "job_other"]]}, "not a group of its own"),
        ({"one_hot": [["age", "income"]]}, "not one-hot here"),
        ({"one_hot": [["job_none", "job_clrk"]]}, "Did you mean 'job_clerk'"),
        ({"one_hot": [["owner", "job_none"]]}, "not one-hot here"),
    ],
)
def test_what_contradicts_the_data_is_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        Space.of(people(), COLUMNS, **options)
