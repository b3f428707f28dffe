"""Data as people have it: labels in words, odd types, few rows. Each gives a card, or an error one can act on."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import workbench as wb
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.testing.models import FEATURES, tiny_classifier, tiny_frame, tiny_regressor

FRAME = tiny_frame(300)
INPUTS = list(FEATURES)


def audited(data, model=None, **roles):
    """Audit with the audits that look at labels and groups; every one must have something to say."""
    roles = {"target": "y", "sensitive": ["group"], "audits": ["performance", "fairness"]} | roles
    report = wb.audit(tiny_classifier() if model is None else model, data, **roles)
    assert [e.error for e in report.evidence] == [""] * len(report.evidence)
    assert "text/html" in report._repr_mimebundle_()
    assert len(report.frame()) > 5
    return report


class Spelled:
    """Answers with the target's own words."""

    feature_names_in_: ClassVar = np.array(INPUTS, dtype=object)

    def __init__(self, labels):
        self.classes_ = np.array(labels)
        self.inner = tiny_classifier()

    def predict(self, frame):
        return self.classes_[self.inner.predict(frame)]


@pytest.mark.parametrize(
    ("labels", "positive"),
    [(["no", "yes"], "yes"), ([False, True], True), (["bad", "good"], "good")],
    ids=["yes and no", "booleans", "words"],
)
def test_labels_in_words_and_booleans(labels, positive):
    truth = FRAME["y"].map(dict(enumerate(labels)))
    assert audited(FRAME.assign(y=truth), Spelled(labels)).positive == positive
    assert audited(FRAME.assign(y=pd.Categorical(truth)), Spelled(labels)).positive == positive


def test_three_classes_are_compared_by_accuracy_and_regression_by_error():
    three = FRAME.assign(y=np.select([FRAME["x1"] < -0.5, FRAME["x1"] < 0.5], ["low", "mid"], "high"))
    report = audited(three, lambda rows: np.where(rows["x1"] < 0, "low", "high"))
    assert report.measurement("accuracy_score", "group=a", audit="fairness").n > 0
    assert audited(FRAME, tiny_regressor(), target="x2").task == "regression"


def test_a_missing_group_is_a_group_and_one_group_alone_has_no_difference():
    missing = FRAME.assign(group=FRAME["group"].where(FRAME.index % 3 > 0))
    assert audited(missing).measurement("selection_rate", "group=missing").n == 100
    audited(FRAME.assign(group="a"))


def test_twenty_rows_are_measured_and_settle_nothing():
    report = audited(FRAME.head(20))
    assert report.outcome is not Outcome.FAIL
    assert report.measurement("demographic_parity_difference", "group").outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "data",
    [
        FRAME.astype({"colour": "category", "group": "category"}),
        FRAME.convert_dtypes(),
        FRAME.convert_dtypes(dtype_backend="pyarrow"),
        FRAME.assign(when=pd.date_range("2026-01-01", periods=300), nothing=np.nan, tags=[[1]] * 300),
        pd.concat([FRAME, FRAME]),
        pa.Table.from_pandas(FRAME),
        FRAME.to_dict("list"),
    ],
    ids=["categories", "nullable", "Arrow types", "odd columns", "repeated index", "Arrow table", "lists"],
)
def test_every_table_that_holds_the_columns_gives_the_same_numbers(data):
    there = audited(data).measurement("accuracy_score", audit="performance").value
    assert there == audited(FRAME).measurement("accuracy_score", audit="performance").value


def test_columns_named_by_numbers():
    numbered = pd.DataFrame({0: FRAME["x1"], 1: FRAME["group"], 2: FRAME["y"]})
    report = audited(numbered, lambda rows: (rows["0"] > 0).astype(int), target=2, sensitive=[1])
    assert report.measurement("selection_rate", "1=a").n > 0


@pytest.mark.parametrize(
    ("column", "given", "field", "says"),
    [
        (2, {"prediction": "said"}, "prediction", "no value of the target"),
        (0.5, {"prediction": "said"}, "prediction", "score="),
        (1.5, {"prediction": "y2", "score": "said"}, "score", "between 0 and 1"),
        (None, {"prediction": "said"}, "prediction", "missing"),
    ],
)
def test_a_column_that_cannot_be_what_it_is_said_to_be_is_refused(column, given, field, says):
    scored = FRAME.assign(said=column, y2=FRAME["y"])
    with pytest.raises(InvalidInput, match=says) as caught:
        wb.audit(data=scored, target="y", **given)
    assert caught.value.field == field
    assert caught.value.remedy


@pytest.mark.parametrize("package", ["xgboost", "lightgbm"])
def test_boosted_trees_of_other_libraries(package):
    library = pytest.importorskip(package)
    make = {"xgboost": "XGBClassifier", "lightgbm": "LGBMClassifier"}[package]
    quiet = {"verbose": -1} if package == "lightgbm" else {}
    model = getattr(library, make)(n_estimators=3, **quiet).fit(FRAME[["x1", "x2"]], FRAME["y"])
    assert audited(FRAME, model).scores is not None


def test_a_model_by_its_mlflow_uri(tmp_path):
    import mlflow

    bench = wb.open(tmp_path, actor="ada")
    bench.register(tiny_classifier(), name="tiny", train=FRAME, target="y")
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(bench.settings.mlflow_uri)
    try:
        assert audited(FRAME, "models:/tiny/1").outcome is Outcome.MEASURED
        with pytest.raises(wb.WorkbenchError, match="models:/tiny/9"):
            audited(FRAME, "models:/tiny/9")
    finally:
        mlflow.set_tracking_uri(before)
