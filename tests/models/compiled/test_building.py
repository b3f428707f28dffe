"""Copies of real models, each held against its model: which are made, and how alike they answer."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from workbench.models.cells import frame_of
from workbench.testing.models import Threshold, rule

X = ["x1", "x2"]


def cells_of(version, frame):
    """Rows as a gateway has checked them: plain values, None where one is missing."""
    cast = {"double": float, "long": int, "string": str, "boolean": bool}
    return {
        c.name: [None if cell != cell else cast[c.type](cell) for cell in frame[c.name].tolist()]
        for c in version.columns
    }


def assert_alike(bench, version, frame, *, tolerance=1e-5):
    """One row at a time and all at once, the fast path answers as the model does on a frame."""
    fast, model = bench.look(version).fast, bench.registry.load(version)
    assert fast is not None, bench.look(version).sentence
    cells, n = cells_of(version, frame), len(frame)
    wanted, scores = (
        model.predict(frame_of(version.columns, cells)),
        model.scores(frame_of(version.columns, cells)),
    )
    found, given = fast.answer(cells, n, True)
    if version.task == "regression":
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        assert given is None
    else:
        assert list(found) == wanted.tolist()
        np.testing.assert_allclose(given, scores, atol=tolerance)
    for row in range(min(n, 5)):
        one, _ = fast.answer({name: [column[row]] for name, column in cells.items()}, 1, False)
        assert list(one) == list(found[row : row + 1])


CLASSIFIERS = [
    (LogisticRegression(), "onnx"),
    (make_pipeline(StandardScaler(), LogisticRegression()), "onnx"),
    (RandomForestClassifier(20, random_state=0), "onnx"),
    (make_pipeline(StandardScaler(), RandomForestClassifier(20, random_state=0)), "onnx"),
    (GradientBoostingClassifier(n_estimators=20, random_state=0), "onnx"),
    (XGBClassifier(n_estimators=20, n_jobs=1), "xgboost"),
    (LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1), "lightgbm"),
]


@pytest.mark.parametrize(
    ("model", "kind"), CLASSIFIERS, ids=lambda value: getattr(type(value), "__name__", value)
)
def test_a_classifier_gives_the_same_labels_and_scores(bench, full, model, kind):
    version = bench.register(model.fit(full[X], full["y"]), full)
    record = bench.compile(version)
    assert (record.kind, record.labels_differing) == (kind, 0), record.reason
    assert record.greatest_difference <= record.tolerance
    assert record.compared.example == 1
    assert record.compared.training == 600
    assert record.compared.drawn == 3000
    assert_alike(bench, version, full)


def test_missing_numbers_are_answered_by_the_copy(bench, train):
    model = make_pipeline(
        SimpleImputer(strategy="median"), StandardScaler(), RandomForestClassifier(20, random_state=0)
    )
    version = bench.register(model.fit(train[X], train["y"]), train)
    assert bench.compile(version).kind == "onnx"
    assert_alike(bench, version, train)


@pytest.mark.parametrize(
    "model",
    [
        HistGradientBoostingClassifier(random_state=0, max_iter=20),
        XGBClassifier(n_estimators=20, n_jobs=1),
        LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1),
    ],
    ids=lambda model: type(model).__name__,
)
def test_boosting_that_knows_missing_numbers_keeps_knowing_them(bench, train, model):
    version = bench.register(model.fit(train[X], train["y"]), train)
    assert bench.compile(version).kind
    assert_alike(bench, version, train)


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (LinearRegression(), "onnx"),
        (HistGradientBoostingRegressor(max_iter=20, random_state=0), "onnx"),
        (XGBRegressor(n_estimators=20, n_jobs=1), "xgboost"),
        (LGBMRegressor(n_estimators=20, verbose=-1, n_jobs=1), "lightgbm"),
    ],
    ids=lambda value: getattr(type(value), "__name__", value),
)
def test_a_regression_gives_the_same_numbers(bench, full, model, kind):
    rows = full.assign(y=full["x1"] * 3 + full["x2"] ** 2)
    version = bench.register(model.fit(rows[X], rows["y"]), rows, task="regression")
    assert bench.compile(version).kind == kind
    assert_alike(bench, version, rows)


@pytest.mark.parametrize("labels", [("no", "yes"), (False, True), (-1.0, 3.0)], ids=str)
def test_labels_keep_their_type(bench, full, labels):
    rows = full.assign(y=np.where(full["y"] == 1, labels[1], labels[0]))
    version = bench.register(LogisticRegression().fit(rows[X], rows["y"]), rows)
    assert bench.compile(version).kind == "onnx"
    found, _ = bench.look(version).fast.answer(cells_of(version, rows), len(rows), False)
    assert {type(label) for label in found} == {type(label) for label in version.classes}


def test_three_classes_are_told_apart(bench, full):
    rows = full.assign(y=np.digitize(full["x1"], [-0.5, 0.5]))
    for model in (
        RandomForestClassifier(10, random_state=0),
        XGBClassifier(n_estimators=10),
        LGBMClassifier(n_estimators=10, verbose=-1),
    ):
        version = bench.register(model.fit(rows[X], rows["y"]), rows)
        assert bench.compile(version).kind
        found, scores = bench.look(version).fast.answer(cells_of(version, rows), len(rows), True)
        assert list(found) == model.predict(rows[X]).tolist()
        assert scores is None


def test_early_stopping_of_xgboost_is_kept(bench, full):
    model = XGBClassifier(n_estimators=200, early_stopping_rounds=2, n_jobs=1)
    model.fit(full[X][:400], full["y"][:400], eval_set=[(full[X][400:], full["y"][400:])], verbose=False)
    assert model.best_iteration + 1 < model.get_booster().num_boosted_rounds()
    version = bench.register(model, full)
    assert bench.compile(version).greatest_difference == 0.0
    assert_alike(bench, version, full, tolerance=0)


def test_categories_of_lightgbm_are_its_own(bench, full):
    rows = full.assign(x2=(full["x2"].abs() * 4).round().astype(int))
    model = LGBMClassifier(n_estimators=20, verbose=-1, n_jobs=1, min_child_samples=5)
    version = bench.register(model.fit(rows[X], rows["y"], categorical_feature=["x2"]), rows)
    assert bench.compile(version).greatest_difference == 0.0
    assert_alike(bench, version, rows, tolerance=0)


def adult_pipeline(adult, last):
    texts = [name for name in adult.columns if adult[name].dtype == "str" and name != "income"]
    numbers = [name for name in adult.columns if name not in {*texts, "income"}]
    fill = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    encode = make_column_transformer((StandardScaler(), numbers), (fill, texts))
    return make_pipeline(encode, last).fit(adult[[*numbers, *texts]], adult["income"])


@pytest.mark.parametrize(
    "last",
    [LogisticRegression(max_iter=300), RandomForestClassifier(20, max_depth=12, random_state=0)],
    ids=lambda m: type(m).__name__,
)
def test_a_pipeline_on_adult_with_missing_texts(bench, adult, last):
    assert adult["occupation"].isna().any()
    version = bench.register(adult_pipeline(adult, last), adult, target="income", sensitive=["sex"])
    record = bench.compile(version)
    assert record.kind == "onnx", record.reason
    assert record.compared.training > 2000
    assert_alike(bench, version, adult.head(500))


def test_a_value_that_was_not_compared_is_answered_by_the_model(bench, adult):
    version = bench.register(adult_pipeline(adult, LogisticRegression(max_iter=300)), adult, target="income")
    bench.compile(version)
    row = adult.head(1).assign(workclass="astronaut", age=999)
    assert_alike(bench, version, row, tolerance=0)


def test_a_copy_that_rounds_past_a_threshold_is_refused(bench, full):
    """Trees on histograms compare doubles; these lie so close that 32 bits cannot tell them apart."""
    rows = full.assign(x1=1e6 + full["x1"] * 1e-3)
    model = HistGradientBoostingClassifier(random_state=0).fit(rows[X], rows["y"])
    version = bench.register(model, rows)
    record = bench.compile(version)
    assert record.kind == ""
    assert "differs by up to" in record.reason or "another label" in record.reason
    assert bench.look(version).fast is None
    assert record.reason in bench.look(version).sentence


@pytest.mark.parametrize("model", [rule, Threshold()], ids=["function", "own class"])
def test_what_has_no_compiled_form_answers_itself(bench, full, model):
    version = bench.register(model, full)
    record = bench.compile(version)
    assert record.kind == ""
    assert "no compiled form" in record.reason
    assert bench.look(version).fast is None


def test_a_free_text_is_not_compiled(bench, full):
    rows = full.assign(note=[f"note {place}" for place in range(len(full))])
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["note"]), remainder="passthrough"),
        LogisticRegression(),
    )
    version = bench.register(model.fit(rows[[*X, "note"]], rows["y"]), rows)
    assert "No list of values is registered for the text 'note'" in bench.compile(version).reason


def test_the_same_rows_are_drawn_again(bench, full):
    from workbench.models.compiled.rows import rows_of

    version = bench.register(LogisticRegression().fit(full[X], full["y"]), full)
    cells, count = rows_of(version, bench.state)
    assert cells == rows_of(version, bench.state)[0]
    assert {len(column) for column in cells.values()} == {count.rows}
    low, high = version.columns[0].low, version.columns[0].high
    drawn = cells["x1"][-3000:]
    assert {low, high, math.nextafter(low, -math.inf), math.nextafter(high, math.inf)} <= set(drawn)


def test_votes_that_are_equal_are_left_to_the_model(bench, full):
    """Ten trees against ten: the last bit of a sum decides, and only scikit-learn knows how it adds up."""
    version = bench.register(RandomForestClassifier(20, random_state=0).fit(full[X], full["y"]), full)
    record = bench.compile(version)
    assert 0 < record.left_to_model < 200
    assert f"{record.left_to_model} are too close to call" in str(record)
    grid = np.linspace(-2, 2, 40)
    frame = pd.DataFrame({"x1": np.repeat(grid, 40), "x2": np.tile(grid, 40)})
    assert (bench.registry.load(version).scores(frame) == 0.5).any()
    assert_alike(bench, version, frame)


def test_a_batch_is_shared_between_copy_and_model(bench, adult):
    version = bench.register(adult_pipeline(adult, LogisticRegression(max_iter=300)), adult, target="income")
    bench.compile(version)
    rows = adult.head(60).reset_index(drop=True)
    rows.loc[3, "workclass"] = "astronaut"
    rows.loc[4, "age"] = 999
    assert rows["workclass"].isna().any()
    assert_alike(bench, version, rows)


def test_a_forest_that_knows_missing_numbers_is_refused(bench, train):
    """The converter forgets which way they go, and looks for ever for what is next to an infinite threshold."""
    version = bench.register(RandomForestClassifier(30, random_state=0).fit(train[X], train["y"]), train)
    record = bench.compile(version)
    assert record.kind == ""
    assert "whether a value is missing" in record.reason
