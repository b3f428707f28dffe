from __future__ import annotations

import pickle

import joblib
import lightgbm
import numpy as np
import pytest
import skops.io
import xgboost
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn import ensemble, linear_model, naive_bayes, neighbors, neural_network, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from workbench.core.errors import InvalidInput, NotFound, Tampered
from workbench.models.frameworks import framework_for
from workbench.models.frameworks.base import Saving
from workbench.models.frameworks.function import Function
from workbench.models.frameworks.lightgbm import LightGBM
from workbench.models.frameworks.mlflow import MLflow, Pyfunc
from workbench.models.frameworks.onnx import Onnx, open_onnx
from workbench.models.frameworks.program import Program
from workbench.models.frameworks.sklearn import Sklearn, load_skops
from workbench.models.frameworks.xgboost import XGBoost
from workbench.models.intake import bring
from workbench.models.isolation import remote_of
from workbench.models.mlflow_session import quiet
from workbench.testing.frameworks import FrameworkContract
from workbench.testing.models import Threshold, rule, tiny_classifier, tiny_frame

NUMBERS = ["x1", "x2"]


class TestSklearn(FrameworkContract):
    FRAMEWORK = Sklearn
    FORMATS = ("skops",)

    def make(self, frame):
        return tiny_classifier(frame)


class TestDuckTyped(FrameworkContract):
    FRAMEWORK = Sklearn
    FORMATS = ("cloudpickle",)
    COLUMNS = ("x1",)

    def make(self, frame):
        return Threshold(0.2)


class TestXGBoost(FrameworkContract):
    FRAMEWORK = XGBoost
    FORMATS = ("ubj",)
    COLUMNS = ("x1", "x2")

    def make(self, frame):
        return xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(frame[NUMBERS], frame["y"])


class TestLightGBM(FrameworkContract):
    FRAMEWORK = LightGBM
    FORMATS = ("txt",)
    COLUMNS = ("x1", "x2")

    def make(self, frame):
        return lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbose=-1).fit(frame[NUMBERS], frame["y"])


class TestOnnx(FrameworkContract):
    FRAMEWORK = Onnx
    FORMATS = ("onnx",)
    COLUMNS = ("x1", "x2")

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.file = tmp_path / "original.onnx"

    def make(self, frame):
        rows = frame[NUMBERS].to_numpy("float32")
        model = linear_model.LogisticRegression().fit(rows, frame["y"])
        self.file.write_bytes(to_onnx(model, rows[:1]).SerializeToString())
        return open_onnx(self.file)


def test_onnx_gives_probabilities_from_a_table_as_from_a_mapping_a_row(frame, tmp_path):
    rows = frame[NUMBERS].to_numpy("float32")
    model = linear_model.LogisticRegression().fit(rows, frame["colour"])
    for options in ({}, {"zipmap": False}):
        (tmp_path / "m.onnx").write_bytes(to_onnx(model, rows[:1], options=options).SerializeToString())
        opened = open_onnx(tmp_path / "m.onnx")
        assert np.allclose(opened.predict_proba(frame[NUMBERS]), model.predict_proba(rows), atol=1e-5)
        assert opened.predict(frame[NUMBERS]).tolist() == model.predict(rows).tolist()


def test_onnx_takes_a_column_an_input_and_answers_numbers(frame, tmp_path):
    model = linear_model.LinearRegression().fit(frame[NUMBERS].to_numpy("float32"), frame["x1"])
    types = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    pipeline = make_pipeline(ColumnTransformer([("keep", "passthrough", NUMBERS)]), model)
    pipeline.steps[0][1].fit(frame[NUMBERS])
    (tmp_path / "m.onnx").write_bytes(to_onnx(pipeline, initial_types=types).SerializeToString())
    opened = open_onnx(tmp_path / "m.onnx")
    assert opened.feature_names_in_ == NUMBERS
    assert not hasattr(opened, "predict_proba")
    again = pickle.loads(pickle.dumps(opened))
    assert np.allclose(again.predict(frame), model.predict(frame[NUMBERS].to_numpy("float32")), atol=1e-5)


class TestFunction(FrameworkContract):
    FRAMEWORK = Function
    FORMATS = ("cloudpickle",)
    COLUMNS = ("x1",)

    def make(self, frame):
        return rule


class TestProgram(FrameworkContract):
    """A pickle from elsewhere, behind a worker."""

    FRAMEWORK = Program
    FORMATS = ("pickle",)

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.file = tmp_path / "original.joblib"

    def make(self, frame):
        joblib.dump(tiny_classifier(frame), self.file)
        return remote_of(bring(self.file))

    def test_what_was_read_back_can_be_saved_again(self, tmp_path):
        """What is read back is the model itself, in a worker: its file is there already, and never another."""
        loaded = self._round_trip(self.make(tiny_frame()), tmp_path / "first")
        assert not self.FRAMEWORK().handles(loaded)
        assert (tmp_path / "first" / "model.pkl").read_bytes() == self.file.read_bytes()


class TestMLflow(FrameworkContract):
    FRAMEWORK = MLflow
    FORMATS = ("mlflow",)
    COLUMNS = ("x1",)

    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path):
        self.folder = tmp_path / "original"

    def make(self, frame):
        if not self.folder.exists():
            with quiet():
                Function().save(rule, self.folder, Saving(requirements=("numpy",)))
        with quiet():
            return Pyfunc(self.folder, "original")


@pytest.mark.parametrize(
    "model",
    [
        tree.DecisionTreeClassifier(max_depth=2),
        ensemble.RandomForestClassifier(2, max_depth=2),
        ensemble.ExtraTreesClassifier(2, max_depth=2),
        ensemble.GradientBoostingClassifier(n_estimators=2),
        ensemble.HistGradientBoostingClassifier(max_iter=2),
        ensemble.AdaBoostClassifier(n_estimators=2),
        ensemble.BaggingClassifier(n_estimators=2),
        ensemble.VotingClassifier([("l", linear_model.LogisticRegression())], voting="soft"),
        ensemble.StackingClassifier([("l", linear_model.LogisticRegression())], cv=2),
        CalibratedClassifierCV(svm.SVC(), ensemble=False, cv=2),
        GridSearchCV(linear_model.LogisticRegression(), {"C": [1, 2]}, cv=2),
        neighbors.KNeighborsClassifier(3),
        neural_network.MLPClassifier((2,), max_iter=400, tol=1),
        naive_bayes.GaussianNB(),
        linear_model.RidgeClassifier(),
        linear_model.LogisticRegressionCV(
            Cs=2, cv=2, use_legacy_attributes=False, l1_ratios=(0,), scoring="accuracy"
        ),
    ],
    ids=lambda model: type(model).__name__,
)
def test_the_usual_estimators_are_kept_as_data_without_code(model, frame, tmp_path):
    model.fit(frame[NUMBERS], frame["y"])
    with quiet():
        assert Sklearn().save(model, tmp_path / "m", Saving(requirements=("numpy",))) == "skops"
        loaded = Sklearn().load(tmp_path / "m")
    assert loaded.predict(frame[NUMBERS]).tolist() == model.predict(frame[NUMBERS]).tolist()


def test_a_pipeline_with_code_of_ones_own_is_kept_by_cloudpickle(frame, tmp_path):
    model = make_pipeline(FunctionTransformer(lambda rows: rows * 2), linear_model.LogisticRegression())
    model.fit(frame[NUMBERS], frame["y"])
    with quiet():
        assert Sklearn().save(model, tmp_path / "m", Saving(requirements=("numpy",))) == "cloudpickle"
        loaded = Sklearn().load(tmp_path / "m")
    assert loaded.predict(frame[NUMBERS]).tolist() == model.predict(frame[NUMBERS]).tolist()


def test_a_skops_file_with_a_type_off_the_list_is_not_read(tmp_path):
    skops.io.dump(Threshold(), tmp_path / "m.skops")
    with pytest.raises(Tampered, match=r"workbench\.testing\.models\.Threshold"):
        load_skops(tmp_path / "m.skops")


@pytest.mark.parametrize(
    ("make", "columns", "target"),
    [
        (lambda: lightgbm.LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1), NUMBERS, "y"),
        (lambda: lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1), NUMBERS, "colour"),
        (lambda: xgboost.XGBRegressor(n_estimators=3, n_jobs=1), NUMBERS, "y"),
    ],
    ids=["LGBMRegressor", "LGBM three classes", "XGBRegressor"],
)
def test_boosters_come_back_as_what_they_were(make, columns, target, frame, tmp_path):
    model = make().fit(frame[columns], frame[target])
    framework = framework_for(model)
    with quiet():
        framework.save(model, tmp_path / "m", Saving(requirements=("numpy",)))
        loaded = framework.load(tmp_path / "m")
    assert np.array_equal(loaded.predict(frame[columns]), model.predict(frame[columns]))
    if hasattr(model, "predict_proba"):
        assert np.allclose(loaded.predict_proba(frame[columns]), model.predict_proba(frame[columns]))


def test_the_most_particular_framework_is_chosen(frame):
    assert framework_for(tiny_classifier()).name == "sklearn"
    assert framework_for(rule).name == "function"
    assert (
        framework_for(xgboost.XGBClassifier(n_estimators=2).fit(frame[NUMBERS], frame["y"])).name == "xgboost"
    )
    with pytest.raises(InvalidInput, match="no framework here can save a dict"):
        framework_for({})


def test_an_mlflow_folder_opens_as_its_estimator_where_it_has_one(frame, tmp_path):
    with quiet():
        Sklearn().save(tiny_classifier(), tmp_path / "m", Saving(requirements=("numpy",)))
        Function().save(rule, tmp_path / "f", Saving(requirements=("numpy",)))
    assert hasattr(bring(tmp_path / "m").open(), "predict_proba")
    assert isinstance(bring(tmp_path / "f").open(), Pyfunc)


def test_a_uri_of_nothing_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    with pytest.raises(NotFound, match=r"MLflow has nothing at models:/nobody/1.*It looked in sqlite"):
        bring("models:/nobody/1")


class OwnBooster(xgboost.XGBClassifier):
    """A class that only its author has."""


def logistic(truth, raw):
    chance = 1 / (1 + np.exp(-raw))
    return chance - truth, chance * (1 - chance)


@pytest.mark.parametrize(
    "model",
    [
        OwnBooster(n_estimators=2, n_jobs=1),
        lightgbm.LGBMClassifier(objective=logistic, n_estimators=2, verbose=-1),
    ],
    ids=["own class", "own objective"],
)
def test_a_booster_with_code_of_ones_own_is_not_kept_in_a_format_that_would_lose_it(model, frame):
    assert framework_for(model.fit(frame[NUMBERS], frame["y"])).name == "sklearn"
