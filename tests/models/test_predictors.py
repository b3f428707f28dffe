from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from workbench.core.errors import InvalidInput, WorkbenchError
from workbench.datasets import Dataset
from workbench.models.predictors import Predictor, predictor_of
from workbench.testing.models import FEATURES, Nan, WrongShape, rule, tiny_classifier, tiny_regressor

NUMBERS = ["x1", "x2"]


@pytest.fixture(scope="module")
def data(frame):
    return Dataset.of(frame, target="y", sensitive=["group"])


def test_a_pipeline_reads_its_own_columns_and_gives_labels_and_scores(frame, data):
    model = tiny_classifier(frame)
    predictor = predictor_of(model, data=data)
    assert isinstance(predictor, Predictor)
    assert (predictor.label, predictor.task, predictor.positive) == ("Pipeline", "classification", 1)
    assert predictor.classes == (0, 1)
    assert predictor.columns == list(FEATURES)
    shuffled = frame[frame.columns[::-1]]
    assert predictor.predict(shuffled).tolist() == model.predict(frame[list(FEATURES)]).tolist()
    assert np.array_equal(predictor.scores(shuffled), model.predict_proba(frame[list(FEATURES)])[:, 1])


def test_the_scores_are_those_of_the_positive_label_whichever_it_is(frame):
    words = frame.assign(y=frame["y"].map({0: "good", 1: "bad"}))
    model = LogisticRegression().fit(words[NUMBERS], words["y"])
    bad = predictor_of(model, positive="bad").scores(words)
    good = predictor_of(model, positive="good").scores(words)
    assert np.allclose(bad + good, 1)
    assert bad[frame["y"] == 1].mean() > 0.5


def test_without_data_an_estimator_says_what_it_is_itself(frame):
    assert predictor_of(tiny_regressor()).task == "regression"
    predictor = predictor_of(tiny_classifier())
    assert (predictor.task, predictor.positive) == ("classification", 1)


def test_an_estimator_fitted_without_names_gets_the_features_in_training_order(frame, data):
    bare = frame[[*NUMBERS, "y"]]
    model = LogisticRegression().fit(bare[NUMBERS].to_numpy(), bare["y"])
    predictor = predictor_of(model, data=Dataset.of(bare, target="y"))
    assert predictor.columns == NUMBERS
    assert predictor.predict(bare).tolist() == model.predict(bare[NUMBERS].to_numpy()).tolist()
    with pytest.raises(InvalidInput, match="fitted on 2 columns without names; here are 4"):
        predictor_of(model, data=data).predict(frame)


def test_a_missing_column_is_named(frame, data):
    with pytest.raises(InvalidInput, match="reads column 'x1', which is not there") as caught:
        predictor_of(tiny_classifier(), data=data).predict(frame.rename(columns={"x1": "x_1"}))
    assert caught.value.field == "x1"
    assert caught.value.remedy == "Did you mean 'x_1'?"


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
        HistGradientBoostingClassifier(),
    ],
    ids=["estimator", "pipeline", "boosting"],
)
def test_an_unfitted_estimator_is_refused_with_what_to_do(model):
    with pytest.raises(InvalidInput, match=r"is not fitted\. Call \.fit") as caught:
        predictor_of(model)
    assert caught.value.field == "model"


@pytest.mark.parametrize("model", [{"a": 1}, [1], 3, StandardScaler(), pd.DataFrame()])
def test_what_is_no_model_is_refused_by_its_type(model):
    with pytest.raises(InvalidInput, match=f"a {type(model).__name__} is not a model"):
        predictor_of(model)


def test_a_class_is_not_a_model():
    with pytest.raises(InvalidInput, match="LogisticRegression is a class"):
        predictor_of(LogisticRegression)


def test_neither_model_nor_column_is_refused():
    with pytest.raises(InvalidInput, match="neither a model nor a column"):
        predictor_of(None)


def test_text_that_is_no_uri_is_refused():
    with pytest.raises(InvalidInput, match="'recidivism' is neither an MLflow URI nor"):
        predictor_of("recidivism")


def test_a_model_for_the_other_task_is_refused(frame, data):
    with pytest.raises(InvalidInput, match="LinearRegression is for regression"):
        predictor_of(LinearRegression().fit(frame[NUMBERS], frame["y"]), data=data)


def test_a_model_with_other_labels_than_the_data_is_refused(frame, data):
    model = LogisticRegression().fit(frame[NUMBERS], frame["y"].map({0: "low", 1: "high"}))
    with pytest.raises(InvalidInput, match="it answers 'high', 'low', and the positive label is 1"):
        predictor_of(model, data=data)


def test_an_estimator_without_probabilities_has_no_scores_and_says_so(frame, data):
    model = LinearSVC().fit(frame[NUMBERS], frame["y"])
    predictor = predictor_of(model, data=data)
    assert predictor.scores(frame) is None
    assert "no probabilities" in predictor.notes[0]
    calibrated = CalibratedClassifierCV(LinearSVC(), ensemble=False).fit(frame[NUMBERS], frame["y"])
    assert predictor_of(calibrated, data=data).scores(frame) is not None


def test_more_than_two_classes_have_labels_but_no_scores(frame):
    model = LogisticRegression().fit(frame[NUMBERS], frame["colour"])
    predictor = predictor_of(model)
    assert predictor.classes == ("blue", "green", "red")
    assert predictor.scores(frame) is None
    assert set(predictor.predict(frame)) <= {"blue", "green", "red"}


def test_a_function_answers_for_a_frame_that_it_cannot_change(frame, data):
    def greedy(rows):
        rows["spare"] = 1
        return rows["x1"] > 0

    before = list(frame.columns)
    predictor = predictor_of(greedy, data=data)
    assert predictor.label == "function greedy"
    assert predictor.predict(frame).tolist() == (frame["x1"] > 0).astype(int).tolist()
    assert list(frame.columns) == before
    assert predictor.scores(frame) is None
    assert predictor_of(rule).predict(frame).tolist() == rule(frame).tolist()


def test_a_function_that_gives_probabilities_is_told_that_labels_are_wanted(frame, data):
    with pytest.raises(WorkbenchError, match="which is no label of the target"):
        predictor_of(lambda rows: rows["x1"], data=data).predict(frame)


def test_answers_of_another_length_or_with_nan_are_refused(frame, data):
    with pytest.raises(WorkbenchError, match=r"WrongShape answered with shape \(201,\) for 200 rows"):
        predictor_of(WrongShape(), data=data).predict(frame)
    with pytest.raises(WorkbenchError, match=r"Nan answered NaN for \d+ of 200 rows, first for row \d+"):
        predictor_of(Nan(), data=data).predict(frame)


def test_a_column_of_two_dimensions_is_one_answer_a_row(frame, data):
    assert predictor_of(lambda rows: np.zeros((len(rows), 1), int), data=data).predict(frame).shape == (200,)


def test_a_column_answers_for_itself(frame):
    scored = frame.assign(high=frame["x1"] > 0, p=frame["x1"].rank(pct=True))
    data = Dataset.of(scored, target="y", prediction="high", score="p")
    predictor = predictor_of(None, data=data)
    assert predictor.label == "column high"
    assert not predictor.reads_rows
    assert predictor.predict(scored).tolist() == (frame["x1"] > 0).astype(int).tolist()
    assert predictor.scores(scored).tolist() == scored["p"].tolist()
    alone = predictor_of(None, prediction="high", positive=1)
    assert alone.predict(scored).dtype.kind == "i"
    assert alone.scores(scored) is None


def test_regressors_give_numbers(frame):
    data = Dataset.of(frame, target="x2", task="regression")
    predictor = predictor_of(tiny_regressor(frame), data=data)
    assert (predictor.task, predictor.classes, predictor.positive) == ("regression", (), None)
    assert predictor.predict(frame).dtype.kind == "f"


def test_categories_and_missing_values_pass_through_as_the_model_was_fitted(frame):
    typed = frame.astype({"colour": "category"}).assign(x2=frame["x2"].where(frame["x2"] > -1))
    inputs = ["x1", "x2", "colour"]
    model = HistGradientBoostingClassifier(max_iter=3, categorical_features="from_dtype").fit(
        typed[inputs], typed["y"]
    )
    predictor = predictor_of(model, data=Dataset.of(typed, target="y"))
    assert predictor.predict(typed).tolist() == model.predict(typed[inputs]).tolist()


def test_a_bare_booster_is_refused_with_what_to_give_instead(frame):
    xgboost = pytest.importorskip("xgboost")
    data = Dataset.of(frame, target="y")
    booster = xgboost.train({"objective": "binary:logistic"}, xgboost.DMatrix(frame[["x1"]], frame["y"]), 2)
    with pytest.raises(InvalidInput, match="XGBClassifier") as caught:
        predictor_of(booster, data=data)
    assert caught.value.field == "model"
