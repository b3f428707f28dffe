"""One call for all rows; when it raises, the rows that raise are found, or a sample of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from workbench.audits.records import Measurement
from workbench.incidents import metrics
from workbench.incidents.answers import Answers, ask, ask_singly, inputs, median_latency_ms, recorded
from workbench.incidents.compare import any_unlike, disagreement, rate, tolerance, unlike
from workbench.models.predictors import predictor_of
from workbench.models.records import Column, Lineage, ModelVersion
from workbench.testing.models import Failing, Nan, OnlyBatches, Threshold, WrongShape, tiny_frame


class Counted:
    """Counts how often a model is asked."""

    def __init__(self, model) -> None:
        self.model, self.calls = model, 0
        self.classes_, self.feature_names_in_ = (0, 1), ("x1",)

    def fit(self, X, y=None):
        return self

    def predict(self, X):
        self.calls += 1
        return self.model.predict(X)


@pytest.fixture
def frame():
    return tiny_frame(500)[["x1"]]


def version(*columns: Column, **changed) -> ModelVersion:
    fields = {
        "name": "m",
        "version": 1,
        "digest": "sha256:" + "0" * 64,
        "run_id": "",
        "flavor": "sklearn",
        "format": "skops",
        "task": "classification",
        "target": "y",
        "positive": 1,
        "classes": (0, 1),
        "columns": columns,
        "author": "ada",
        "created": "2026-03-01T12:00:00Z",
        "lineage": Lineage(data_digest="sha256:" + "1" * 64, data_rows=1, python="3.11", packages={}),
    }
    return ModelVersion(**(fields | changed))


def test_a_model_that_answers_is_asked_once(frame):
    model = Counted(Threshold())
    answers = ask(predictor_of(model), frame)
    assert model.calls == 1
    assert answers.answered.all()
    assert answers.answer.tolist() == Threshold().predict(frame).tolist()


def test_rows_that_raise_are_told_from_the_others(frame):
    failing = (frame["x1"] > 1.8).to_numpy()
    assert failing.any()
    answers = ask(predictor_of(Failing(above=1.8)), frame)
    assert answers.failed.tolist() == failing.tolist()
    assert answers.answered.tolist() == (~failing).tolist()
    assert answers.answer[answers.answered].tolist() == Threshold().predict(frame[~failing]).tolist()
    assert answers.error == "RuntimeError: no answer for x1 above 1.8"


def test_rows_answered_with_nan_count_as_errors(frame):
    answers = ask(predictor_of(Nan(above=1.8)), frame)
    assert answers.failed.tolist() == (frame["x1"] > 1.8).tolist()
    assert "NaN" in answers.error


def test_a_model_that_only_fails_on_all_rows_together_says_so(frame):
    answers = ask(predictor_of(WrongShape(after=300)), frame)
    assert answers.answered.all()
    assert answers.error.startswith("only all rows together: WorkbenchError")


def test_where_too_many_rows_raise_a_sample_stands_for_all():
    frame = tiny_frame(20_000)[["x1"]]
    model = Counted(Failing(above=1.0))
    answers = ask(predictor_of(model), frame)
    assert answers.asked.sum() == 1_000
    assert model.calls <= 1 + 512 + 1_000
    share = (frame["x1"] > 1.0).mean()
    assert answers.failed.sum() / 1_000 == pytest.approx(share, abs=0.04)
    again = ask(predictor_of(Failing(above=1.0)), frame)
    assert again.asked.tolist() == answers.asked.tolist()


def test_the_types_are_those_of_training_and_what_does_not_fit_is_left():
    frame = pd.DataFrame(
        {
            "number": [1, 2],
            "whole": [1.0, 2.0],
            "gaps": [1.0, None],
            "word": pd.Categorical(["a", "b"]),
            "flag": pd.array([True, False], dtype="boolean"),
            "text_for_number": ["1", "2"],
            "empty": [None, None],
            "unread": ["x", "y"],
        }
    )
    columns = [
        Column(name="number", type="double"),
        Column(name="whole", type="long"),
        Column(name="gaps", type="long"),
        Column(name="word", type="string"),
        Column(name="flag", type="boolean"),
        Column(name="text_for_number", type="double"),
        Column(name="empty", type="double"),
    ]
    given = inputs(frame, version(*columns))
    assert list(given.columns) == [c.name for c in columns]
    assert [str(dtype) for dtype in given.dtypes] == [
        "float64",
        "int64",
        "float64",
        "str",
        "bool",
        "str",
        "float64",
    ]


def test_latency_is_the_median_of_single_rows_and_none_without_answers(frame):
    predictor = predictor_of(Counted(Threshold()))
    latency, problem = median_latency_ms(predictor, frame, ask(predictor, frame))
    assert latency > 0
    assert problem == ""
    nothing = Answers(np.full(3, None), np.zeros(3, dtype=bool), np.ones(3, dtype=bool))
    assert median_latency_ms(predictor, frame.head(3), nothing) == (None, "")


def test_a_model_that_raises_on_one_row_alone_has_no_latency_but_an_error(frame):
    predictor = predictor_of(OnlyBatches())
    found = median_latency_ms(predictor, frame, ask(predictor, frame))
    assert found == (None, "TypeError: iteration over a 0-d array")


def test_rows_are_asked_one_at_a_time_those_that_failed_in_production_first(frame):
    predictor, suspects = predictor_of(OnlyBatches()), np.arange(500) >= 450
    singly = ask_singly(predictor, frame, ask(predictor, frame), suspects)
    assert singly.failed.sum() == singly.asked.sum() == 200
    assert singly.failed[450:].all()
    assert singly.error == "TypeError: iteration over a 0-d array"


def test_a_model_that_raises_on_no_single_row_keeps_its_answers(frame):
    model = Counted(Threshold())
    predictor = predictor_of(model)
    given = ask(predictor, frame)
    assert ask_singly(predictor, frame, given, np.zeros(500, dtype=bool)) is given
    assert model.calls == 1 + 200


def test_answers_of_production_compare_by_value_whatever_their_type():
    production = recorded(pd.Series([1, None, 0, 1], dtype="Int64"))
    now = Answers.given(np.array([1, 1, 1, 1]))
    assert unlike(production, now, "classification").tolist() == [False, False, True, False]
    assert disagreement(production, now, "classification") == pytest.approx(1 / 3)
    words = recorded(pd.Series(["yes", "no"]))
    assert disagreement(words, Answers.given(np.array(["yes", "yes"])), "classification") == 0.5
    none = recorded(pd.Series([None, None], dtype=object))
    assert disagreement(none, Answers.given(np.array([1, 0])), "classification") is None


def test_numbers_differ_when_further_apart_than_a_tenth_of_their_spread():
    first = Answers.given(np.array([0.0, 10.0, 20.0]))
    assert tolerance(first) == pytest.approx(np.std([0, 10, 20]) / 10)
    assert unlike(first, Answers.given(np.array([0.5, 11.0, 20.0])), "regression").tolist() == [
        False,
        True,
        False,
    ]
    constant = Answers.given(np.array([2.0, 2.0]))
    assert unlike(constant, Answers.given(np.array([2.0, 2.1])), "regression").tolist() == [False, True]


def test_a_row_that_one_version_cannot_answer_is_one_on_which_they_differ():
    everywhere = Answers.given(np.array([1, 1, 0]))
    fails = Answers(
        np.array([1, None, 0], dtype=object), np.array([True, False, True]), np.array([False, True, False])
    )
    assert any_unlike([everywhere, fails], "classification").tolist() == [False, True, False]


def test_metrics_are_those_of_scikit_learn_and_fairlearn():
    from fairlearn.metrics import false_negative_rate, false_positive_rate, selection_rate
    from sklearn.metrics import accuracy_score, mean_absolute_error, precision_score, recall_score

    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 200), rng.integers(0, 2, 200)
    theirs = [
        accuracy_score,
        recall_score,
        precision_score,
        false_positive_rate,
        false_negative_rate,
        selection_rate,
    ]
    truth = y.astype(object)
    truth[:5] = None
    for function in theirs:
        ours = metrics.measure(function.__name__, version(), Answers.given(p), truth)
        assert ours.value == pytest.approx(function(y[5:], p[5:]), abs=1e-12)
        assert ours.low < ours.value < ours.high
    numbers = rng.normal(size=50)
    error = metrics.measure(
        "mean_absolute_error",
        version(task="regression", positive=None, classes=()),
        Answers.given(numbers + 1),
        numbers.astype(object),
    )
    assert error.value == pytest.approx(mean_absolute_error(numbers, numbers + 1), abs=1e-12)


def test_labels_a_version_does_not_know_give_no_metrics_rather_than_zero():
    answers = Answers.given(np.array([0, 1]))
    assert metrics.shown(version(), answers, np.array(["no", "yes"], dtype=object)) == ()
    assert [m.n for m in metrics.shown(version(), answers, np.array([0, None], dtype=object))] == [1, 0, 1]


def test_a_regression_with_labels_in_words_has_no_metrics():
    regression = version(task="regression", positive=None, classes=())
    answers, words = Answers.given(np.array([0.5, 1.5])), np.array(["no", "yes"], dtype=object)
    assert metrics.shown(regression, answers, words) == ()
    measured = metrics.measure("mean_absolute_error", regression, answers, words)
    assert (measured.value, measured.note) == (None, "the labels are no numbers")


def test_labels_that_are_lists_are_none_that_a_version_knows():
    answers, lists = Answers.given(np.array([0, 1])), np.array([None, None], dtype=object)
    lists[0] = [1]
    assert metrics.shown(version(), answers, lists) == ()


def test_numbers_and_words_are_not_compared_as_numbers():
    words, numbers = recorded(pd.Series(["yes", "no"])), Answers.given(np.array([0.1, 0.2]))
    assert disagreement(words, numbers, "regression") is None


def test_a_share_of_nothing_is_not_a_number():
    assert rate("errors", 0, 0) == Measurement(
        metric="errors", value=None, n=0, unit="rate", note="no such rows"
    )
