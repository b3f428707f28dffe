from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset

FRAME = pd.DataFrame(
    {
        "age": [20, 30, 40, 50],
        "sex": ["f", "m", None, "f"],
        "is_recid": [0, 1, 0, 1],
        "decile": [0.2, 0.9, 0.4, 0.7],
        "high": [False, True, False, False],
    }
)


def refused(data=FRAME, **roles) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        Dataset.of(data, **{"target": "is_recid", **roles})
    return caught.value


def test_a_dataset_knows_truth_features_classes_and_positive_label():
    data = Dataset.of(FRAME, target="is_recid", sensitive=["sex"], prediction="high", score="decile")
    assert data.frame is FRAME
    assert data.y.tolist() == [0, 1, 0, 1]
    assert data.features == ["age", "sex"]
    assert (data.task, data.classes, data.positive, data.notes) == ("classification", (0, 1), 1, ())
    assert len(data) == 4


def test_a_missing_column_is_named_with_the_nearest_there_is():
    error = refused(target="recid")
    assert str(error) == "target: column 'recid' is not in the data. Did you mean 'is_recid'?"
    assert error.field == "target"
    assert "sensitive: column 'seks'" in str(refused(sensitive=["seks"]))
    assert "prediction: column 'hi' is" in str(refused(prediction="hi"))


def test_a_single_name_may_stand_for_a_list_of_one():
    assert Dataset.of(FRAME, target="is_recid", sensitive="sex").sensitive == ("sex",)
    assert Dataset.of(FRAME, target="is_recid", sensitive=["sex", "sex"]).sensitive == ("sex",)


def test_columns_named_by_numbers_are_found_by_them():
    numbered = pd.DataFrame({0: [1.0, 2.0], 1: ["f", "m"], 2: [0, 1], 3: [0, 0], 4: [0.1, 0.2]})
    data = Dataset.of(numbered, target=2, sensitive=[1], prediction=3, score=4)
    assert (data.target, data.sensitive, data.prediction, data.score) == ("2", ("1",), "3", "4")
    assert data.features == ["0", "1"]


def test_columns_of_the_same_name_are_refused_by_name():
    doubled = pd.concat([FRAME, FRAME[["age"]]], axis=1)
    assert "more than one column is named 'age'" in str(refused(doubled))


@pytest.mark.parametrize(
    "data", [pd.DataFrame(), FRAME.iloc[:0], {}], ids=["no columns", "no rows", "empty dict"]
)
def test_no_data_at_all_is_refused(data):
    assert refused(data).field == "data"


def test_a_target_of_one_class_is_refused():
    error = refused(FRAME[FRAME["is_recid"] == 1])
    assert "'is_recid' has one class only, 1" in str(error)


def test_a_target_that_is_all_missing_is_refused():
    assert "every value of 'y' is missing" in str(refused({"y": [None, None], "a": [1, 2]}, target="y"))


def test_rows_without_a_truth_are_left_out_and_a_note_says_how_many():
    frame = pd.DataFrame({"a": [1, 2, 3, 4], "y": [0.0, 1.0, np.nan, 1.0]})
    data = Dataset.of(frame, target="y")
    assert len(data) == 3
    assert data.notes == ("1 of 4 rows have no 'y' and were left out.",)
    assert len(frame) == 4


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        ([0, 1], 1),
        ([-1, 1], 1),
        ([False, True], True),
        (["no", "yes"], "yes"),
        (["N", "Y"], "Y"),
        (["true", "false"], "true"),
        (["positive", "none"], "positive"),
        ([0.0, 1.0], 1.0),
    ],
)
def test_the_label_that_says_yes_is_positive(labels, positive):
    data = Dataset.of({"a": [1, 2], "y": labels}, target="y")
    assert data.positive == positive
    assert data.notes == ()


def test_between_two_labels_that_say_nothing_the_greater_is_positive_and_a_note_says_so():
    data = Dataset.of({"a": [1, 2], "y": ["bad", "good"]}, target="y")
    assert data.positive == "good"
    assert "'good', the greater of 'bad' and 'good'; positive= says otherwise" in data.notes[0]
    assert Dataset.of({"a": [1, 2], "y": ["bad", "good"]}, target="y", positive="bad").notes == ()


def test_a_positive_label_must_be_one_of_two():
    assert "'yes' is not a value of the target" in str(refused(positive="yes"))
    assert "3 classes" in str(refused({"y": ["a", "b", "c"], "x": [1, 2, 3]}, target="y", positive="a"))
    assert (
        Dataset.of(FRAME, target="is_recid", positive=True).positive is not True
    )  # spelled as the frame does


def test_more_than_two_classes_have_no_positive_label():
    data = Dataset.of({"y": ["a", "b", "c"], "x": [1, 2, 3]}, target="y")
    assert (data.classes, data.positive, data.notes) == (("a", "b", "c"), None, ())


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (np.linspace(0, 1, 50), "regression"),
        (np.arange(50), "regression"),
        (np.arange(50) % 5, "classification"),
        (np.array(["a", "b"] * 25), "classification"),
        (pd.Categorical(["a", "b"] * 25), "classification"),
        (pd.array([1, 0] * 25, dtype="Int64"), "classification"),
        (pd.array([True, False] * 25, dtype="boolean"), "classification"),
    ],
)
def test_the_task_is_read_from_the_target(values, task):
    data = Dataset.of(pd.DataFrame({"x": range(50), "y": values}), target="y")
    assert data.task == task
    assert data.y.dtype.kind in "bifO"
    assert len(data.y) == 50


def test_the_task_can_be_given():
    assert Dataset.of(FRAME, target="age", task="regression").task == "regression"
    assert "unknown task 'clasification'" in str(refused(task="clasification"))
    assert "not numbers" in str(refused(target="sex", task="regression"))
    assert "no positive label" in str(refused(target="age", task="regression", positive=20))


def test_predictions_must_be_labels_of_the_target_and_there():
    assert "holds 20, which is no value of the target" in str(refused(prediction="age"))
    assert "1 values of 'sex' are missing" in str(refused(prediction="sex"))
    assert "is the target" in str(refused(prediction="is_recid"))


def test_scores_must_be_probabilities():
    assert "reaches from 20 to 50; a probability is between 0 and 1" in str(refused(score="age"))
    assert "not numbers" in str(refused(score="sex"))


def test_text_mixed_with_numbers_in_the_target_is_refused():
    mixed = pd.DataFrame({"y": pd.Series([1, "one"], dtype=object), "x": [1, 2]})
    assert "mixes text and numbers" in str(refused(mixed, target="y"))


def test_a_missing_sensitive_value_is_a_group_of_its_own_and_the_frame_stays_as_it_was():
    before = FRAME.copy()
    data = Dataset.of(FRAME, target="is_recid", sensitive=["sex"])
    assert data.groups("sex").tolist() == ["f", "m", "missing", "f"]
    pd.testing.assert_frame_equal(FRAME, before)


def test_every_usual_container_gives_the_same_dataset(tmp_path):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    FRAME.to_csv(tmp_path / "a.csv.gz", index=False)
    FRAME.to_parquet(tmp_path / "a.parquet")
    digests = {
        Dataset.of(data, target="is_recid").digest
        for data in (
            FRAME,
            FRAME.to_dict("list"),
            pa.Table.from_pandas(FRAME).to_pandas(),
            tmp_path / "a.csv",
            str(tmp_path / "a.csv.gz"),
            tmp_path / "a.parquet",
        )
    }
    assert len(digests) == 1
    assert Dataset.of(pa.Table.from_pandas(FRAME), target="is_recid").y.tolist() == [0, 1, 0, 1]


def test_a_polars_frame_is_taken():
    import polars as pl

    assert Dataset.of(pl.from_pandas(FRAME), target="is_recid").features[0] == "age"


def test_what_is_no_table_is_refused_by_its_type():
    assert "int is not a table" in str(refused(7))
    assert "ndarray is not a table" in str(refused(np.eye(3)))
    assert "same length" in str(refused({"y": [1, 2], "x": [1]}, target="y"))


def test_column_names_that_are_no_text_become_text():
    data = Dataset.of(pd.DataFrame({0: [1.5, 2.5], 1: [0, 1]}), target="1")
    assert data.features == ["0"]


def test_a_hundred_thousand_rows_are_quick():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=100_000) for i in range(14)})
    for i in range(5):
        frame[f"s{i}"] = rng.choice(["a", "b", "c"], len(frame))
    frame["y"] = rng.integers(0, 2, len(frame))
    start = time.process_time()
    data = Dataset.of(frame, target="y", sensitive=["s0"])
    assert data.digest.startswith("sha256:")
    assert time.process_time() - start < 2  # 0.1 s alone; the machine may be busy
    assert data.digest is data.digest
