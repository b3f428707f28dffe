import sys
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from workbench.audits.base import Subject
from workbench.audits.explainability import Explainability
from workbench.audits.parts.explainability.explainers import explain
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

QUICK = Explainability(rows=150, background=20, n_boot=100, counterfactuals=6, queries=200, evaluations=4000)


class TestExplainability(AuditContract):
    audit = QUICK
    refused = {
        "rows": {"rows": 1},
        "rows 2": {"rows": "many"},
        "background": {"background": 0},
        "evaluations": {"evaluations": 10},
        "n_boot": {"n_boot": 5},
        "top_k": {"top_k": 0},
        "refits": {"refits": -1},
        "counterfactuals": {"counterfactuals": -1},
        "queries": {"queries": 3},
        "confidence": {"confidence": 1.0},
        "immutable": {"immutable": 3},
        "rising": {"rising": ["age"], "falling": ["age"]},
    }


def of(model, frame, **roles):
    """Fit on the first half, explain the second."""
    half = len(frame) // 2
    X = frame.drop(columns="y")
    train, data = Dataset.of(frame[:half], target="y", **roles), Dataset.of(frame[half:], target="y", **roles)
    if hasattr(model, "fit"):
        model.fit(X[:half], train.y)
    return Subject(predictor_of(model, data=data), data, train)


def explained(subject, rows=60, background=15, evaluations=20_000):
    return explain(
        subject.predictor,
        subject.data.frame.head(rows),
        subject.reference.frame.head(background),
        tuple(subject.features),
        evaluations=evaluations,
        rng=np.random.default_rng(0),
    )


def numbers(n=400, *, gaps=False, kind="binary", scaled=False):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    frame["d"] = rng.integers(0, 30, n).astype(float)
    z = frame.a + frame.b * frame.c + (frame.d > 12) + rng.normal(0, 0.3, n)
    if scaled:
        frame["d"] = (frame.d - frame.d.mean()) / frame.d.std()
    if gaps:
        frame.loc[frame.a < -0.6, "a"] = np.nan  # what is missing is small: trees send it to the left
    target = {"binary": (z > 0.5).astype(int), "three": np.digitize(z, [0, 1]), "number": z}[kind]
    return frame.assign(y=target)


def value(finding, metric, slice=""):
    return next(m for m in finding.measurements if (m.metric, m.slice) == (metric, slice))


def test_a_linear_model_is_its_coefficients_times_the_distance_from_the_mean():
    frame = numbers(kind="number")
    subject = of(LinearRegression(), frame)
    found = explained(subject)
    X, Z = (d.frame[list("abcd")].to_numpy() for d in (subject.data, subject.reference))
    by_hand = subject.predictor.model.coef_ * (X[:60] - Z[:15].mean(axis=0))
    assert found.contributions == pytest.approx(by_hand, abs=1e-10)
    assert (found.unit, found.about) == ("prediction", "prediction")
    assert found.gaps.max() < 1e-10


def test_one_hot_columns_are_added_up_to_the_column_they_come_from():
    subject = subjects.subject()
    found = explained(subject)
    transform, model = subject.predictor.model[0], subject.predictor.model[-1]
    X, Z = (
        transform.transform(f[subject.features])
        for f in (subject.data.frame.head(60), subject.reference.frame.head(15))
    )
    each = model.coef_[0] * (X - Z.mean(axis=0))
    names = transform.get_feature_names_out()
    for j, column in enumerate(found.columns):
        mine = [
            k
            for k, name in enumerate(names)
            if name.split("__")[1].rsplit("_", 1)[0] == column or name.split("__")[1] == column
        ]
        assert found.contributions[:, j] == pytest.approx(each[:, mine].sum(axis=1), abs=1e-10), column
    assert found.about == "log-odds of 'yes'"


def test_of_three_labels_the_margin_of_the_one_given_is_explained():
    subject = of(LogisticRegression(), numbers(kind="three"))
    found = explained(subject)
    margins = subject.predictor.model.decision_function(subject.data.frame[list("abcd")].head(60))
    given = margins.argmax(axis=1)
    assert found.output == pytest.approx(margins[np.arange(60), given] - margins.mean(axis=1))
    assert found.about == "log-odds of the label given"
    assert found.gaps.max() < 1e-9


def brute_force(f, row, background):
    d = len(row)
    found = np.zeros(d)
    orders = list(permutations(range(d)))
    steps = []
    for z in background:
        for order in orders:
            point = z.copy()
            steps.append(point.copy())
            for j in order:
                point[j] = row[j]
                steps.append(point.copy())
    values = np.diff(f(np.array(steps)).reshape(len(background), len(orders), d + 1), axis=-1)
    for k, order in enumerate(orders):
        found[list(order)] += values[:, k].sum(axis=0)
    return found / (len(background) * len(orders))


@pytest.mark.parametrize(
    "model", [DecisionTreeClassifier(max_depth=6), HistGradientBoostingClassifier(max_iter=20)]
)
def test_trees_give_the_shapley_values_by_definition_on_scaled_whole_numbers_and_gaps(model):
    subject = of(model, numbers(scaled=True, gaps=True))
    found = explained(subject, rows=3, background=5)
    fitted = subject.predictor.model

    def output(X):
        rows = pd.DataFrame(X, columns=list("abcd"))
        margins = isinstance(fitted, HistGradientBoostingClassifier)
        return fitted.decision_function(rows) if margins else fitted.predict_proba(rows)[:, 1]

    X, Z = (d.frame[list("abcd")].to_numpy() for d in (subject.data, subject.reference))
    for i in range(3):
        assert found.contributions[i] == pytest.approx(brute_force(output, X[i], Z[:5]), abs=1e-6)
    assert found.found.method == "TreeExplainer (interventional)"


@pytest.mark.parametrize("kind", [RandomForestClassifier, HistGradientBoostingClassifier])
def test_a_value_that_lies_on_a_threshold_goes_the_way_it_goes_in_the_model(kind):
    """TreeExplainer alone keeps thresholds in 32 bits, and is off by trees where a value lies on one."""
    subject = subjects.subject(600, model=kind(random_state=0))
    found = explained(subject, rows=200, background=20)
    assert found.found.method == "TreeExplainer (interventional)"
    assert found.gaps.max() < 1e-6


@pytest.mark.parametrize(
    ("model", "kind", "method"),
    [
        (RandomForestClassifier(8, random_state=0), "three", "interventional"),
        (ExtraTreesRegressor(8, random_state=0), "number", "interventional"),
        (GradientBoostingClassifier(n_estimators=10), "binary", "interventional"),
        (GradientBoostingClassifier(n_estimators=5), "three", "walks"),
        (HistGradientBoostingClassifier(max_iter=10), "three", "interventional"),
        (HistGradientBoostingRegressor(max_iter=10), "number", "interventional"),
        (HistGradientBoostingRegressor(max_iter=10, loss="gamma"), "positive", "walks"),
        (RidgeClassifier(), "binary", "Linear"),
        (PoissonRegressor(), "positive", "walks"),
        (SVC(), "binary", "walks"),
        (GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2), "binary", "Linear"),
        (make_pipeline(PCA(2), LogisticRegression()), "binary", "walks"),
        (make_pipeline(StandardScaler(), make_pipeline(LogisticRegression())), "binary", "Linear"),
    ],
)
def test_the_fastest_explainer_that_adds_up_is_taken(model, kind, method):
    frame = numbers(kind="number" if kind == "positive" else kind)
    if kind == "positive":
        frame["y"] = np.exp(frame.y / 3)
    found = explained(of(model, frame))
    assert method in found.found.method
    assert found.additive
    assert found.gaps.max() < 1e-5


def test_categories_as_numbers_do_not_add_up_and_are_not_believed():
    """TreeExplainer takes the bits of a set of categories for a threshold, without a word."""
    frame = numbers()
    frame["d"] = (frame.d * 7 % 5).astype(float)
    frame["y"] = (frame.a + 3 * np.isin(frame.d, [0, 2]) > 1).astype(int)
    found = explained(of(HistGradientBoostingClassifier(max_iter=10, categorical_features=["d"]), frame))
    assert found.found.method == "Permutation walks"
    assert found.additive
    assert sum("did not add up" in note for note in found.notes) == 2


def test_categories_inside_a_boosted_model_are_asked_because_no_tree_explainer_reads_them():
    frame = numbers()
    frame["d"] = pd.cut(frame.d, 4, labels=list("wxyz"))
    found = explained(
        of(HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype"), frame)
    )
    assert found.found.method == "Permutation walks"
    assert found.additive


@pytest.mark.parametrize("kind", ["binary", "three", "number"])
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_boosting_libraries_add_up_with_gaps_and_categories(library, kind):
    module = pytest.importorskip(library)
    frame = numbers(gaps=True, kind=kind)
    frame["d"] = pd.cut(frame.d, 4, labels=list("wxyz"))
    prefix = "XGB" if library == "xgboost" else "LGBM"
    quiet = {"enable_categorical": True} if library == "xgboost" else {"verbose": -1}
    model = getattr(module, prefix + ("Regressor" if kind == "number" else "Classifier"))(
        n_estimators=8, **quiet
    )
    found = explained(of(model, frame))
    assert "tree_path_dependent" in found.found.method
    assert found.gaps.max() < 1e-4


def test_a_column_the_model_ignores_gets_nothing_and_a_function_is_walked():
    frame = numbers()
    subject = of(lambda f: (f["a"] > 0).astype(int), frame)
    found = explained(subject)
    assert found.about == "answer of 1"
    assert np.abs(found.contributions[:, 1:]).max() == 0
    assert np.abs(found.contributions[:, 0]).max() > 0


def test_without_shap_trees_are_asked_and_a_note_says_what_to_install(monkeypatch):
    subject = subjects.subject(model=DecisionTreeClassifier(max_depth=3))
    monkeypatch.setitem(sys.modules, "shap", None)
    found = explained(subject)
    assert found.found.method == "Permutation walks"
    assert any("model-workbench[audits]" in note for note in found.notes)


def test_a_model_that_does_not_answer_alike_twice_is_inconclusive():
    rng = np.random.default_rng(0)
    frame = numbers(kind="number")
    finding = QUICK.measure(of(lambda f: f["a"] + rng.normal(size=len(f)), frame))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert value(finding, "shap_additivity_gap").outcome is Outcome.INCONCLUSIVE
    assert any("Rely on none" in note for note in finding.notes)


def test_a_model_that_ignores_its_inputs_has_nothing_to_explain():
    finding = QUICK.measure(subjects.subject(model=DummyClassifier()))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert any("nothing to explain" in note for note in finding.notes)


def test_shares_add_up_and_what_matters_comes_first():
    finding = QUICK.measure(subjects.subject())
    shares = [m for m in finding.measurements if m.metric == "shap_importance_share"]
    assert sum(m.value for m in shares) == pytest.approx(1)
    assert [m.slice for m in shares[:2]] == ["late_payments", "income"]
    assert value(finding, "sensitive_importance_share", "sex").value == pytest.approx(
        value(finding, "shap_importance_share", "sex").value
    )


def test_a_sensitive_column_that_is_not_read_is_said_to_be_unread():
    frame = subjects.loans().drop(columns=["region", "income"])
    data = Dataset.of(frame, target="defaulted", sensitive=["sex"], positive="yes")
    model = LogisticRegression().fit(frame[["age", "late_payments"]], frame["defaulted"])
    finding = QUICK.measure(Subject(predictor_of(model, data=data), data))
    found = value(finding, "sensitive_importance_share", "sex")
    assert found.value == 0
    assert "does not read sex" in found.note


def test_the_interval_of_importance_covers_that_of_all_rows():
    subject = subjects.subject(2000)
    everyone = QUICK.measure(replace(subject, seed=1))
    truth = explained(subject, rows=2000, background=2000)
    truth = np.abs(truth.contributions).mean(axis=0)
    audit = replace(QUICK, rows=200, background=2000, counterfactuals=0)
    hits = []
    for seed in range(12):
        finding = audit.measure(replace(subject, seed=seed))
        for j, column in enumerate(subject.features):
            m = value(finding, "mean_abs_shap", column)
            hits.append(m.low <= truth[j] <= m.high)
    assert np.mean(hits) > 0.85
    assert everyone.outcome is Outcome.MEASURED


def test_a_ranking_of_noise_does_not_come_out_again_and_one_of_signal_does():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 8)), columns=list("abcdefgh"))
    strong = frame.assign(y=(frame @ (2.0 ** -np.arange(8)) + rng.normal(0, 0.1, 400) > 0).astype(int))
    noise = frame.assign(y=rng.integers(0, 2, 400))
    audit = replace(QUICK, refits=6, counterfactuals=0)
    signal = value(audit.measure(of(LogisticRegression(), strong)), "kendall_tau", "refitted")
    nothing = value(audit.measure(of(LogisticRegression(), noise)), "kendall_tau", "refitted")
    assert signal.value > 0.6
    assert nothing.value < signal.value - 0.2
    assert signal.n == 6


def test_what_cannot_be_trained_again_says_so():
    audit = replace(QUICK, refits=2)
    function = of(lambda f: (f["a"] > 0).astype(int), numbers())
    assert any("cannot be trained again" in note for note in audit.measure(function).notes)
    alone = replace(subjects.subject(), reference=None)
    assert any("needs a reference" in note for note in audit.measure(alone).notes)


def test_against_the_champion_each_column_has_its_change_with_an_interval():
    subject = subjects.subject()
    train = subject.reference.frame
    older = LogisticRegression().fit(train[["age", "late_payments"]], train["defaulted"])
    finding = QUICK.measure(
        replace(subject, champion=predictor_of(older, data=subject.data, columns=["age", "late_payments"]))
    )
    income = value(finding, "shap_importance_share_change", "income")
    assert income.low > 0
    assert income.note == "the champion does not read it"
    assert value(finding, "shap_importance_share_change", "late_payments").high < 0
    changes = [m.value for m in finding.measurements if m.metric == "shap_importance_share_change"]
    assert sum(changes) == pytest.approx(0, abs=1e-12)
    same = QUICK.measure(replace(subject, champion=subject.predictor))
    assert value(same, "kendall_tau", "champion").value == pytest.approx(1)
    assert value(same, "shap_importance_share_change", "income").value == 0


def test_a_champion_that_is_a_column_is_not_compared():
    subject = subjects.subject()
    frame = subject.data.frame.assign(old=subject.answers)
    data = Dataset.of(frame, target="defaulted", positive="yes", prediction="old")
    champion = predictor_of(None, data=data)
    model = predictor_of(subject.predictor.model, data=data)
    finding = QUICK.measure(Subject(model, data, champion=champion))
    assert any("not compared" in note for note in finding.notes)
    assert QUICK.applies(Subject(champion, data)).startswith("Predictions are a column")


def test_a_regression_is_explained_and_has_no_counterfactuals():
    finding = QUICK.measure(of(LinearRegression(), numbers(kind="number")))
    assert not [m for m in finding.measurements if m.metric.startswith("counterfactual")]
    assert any("no other answer" in note for note in finding.notes)
    assert value(finding, "mean_abs_shap", "a").unit == "prediction"
    rates = [m.value for m in finding.measurements if m.metric == "first_reason_rate"]
    assert 0 < sum(rates) <= 1


def test_no_value_of_a_row_is_in_the_evidence():
    rng = np.random.default_rng(0)
    frame = numbers(200).assign(
        name=[f"person-{i}" for i in range(200)], code=rng.integers(10**8, 10**9, 200)
    )
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["name"]), (StandardScaler(), ["a", "b", "code"])
    )
    subject = of(make_pipeline(columns, LogisticRegression()), frame)
    [evidence] = run(subject, [QUICK], made_by="test", clock=SystemClock())
    text = evidence.to_json()
    assert evidence.outcome is Outcome.MEASURED, evidence.error
    assert "person-" not in text
    assert not any(str(code) in text for code in frame["code"])


@pytest.mark.parametrize("rows", [4, 6, 20])
def test_a_handful_of_rows_gives_an_answer_and_never_an_error(rows):
    frame = numbers(2 * rows)
    frame.loc[::2, "y"], frame.loc[1::2, "y"] = 0, 1
    for model in (LogisticRegression(), DecisionTreeClassifier(), lambda f: (f["a"] > 0).astype(int)):
        [evidence] = run(of(model, frame), [QUICK], made_by="test", clock=SystemClock())
        assert evidence.outcome is not Outcome.ERROR, evidence.error


def test_an_unknown_column_is_named_with_the_nearest():
    for option in ("immutable", "rising", "falling"):
        [evidence] = run(
            subjects.subject(), [Explainability(**{option: ("incme",)})], made_by="t", clock=SystemClock()
        )
        assert evidence.outcome is Outcome.ERROR
        assert "incme" in evidence.error
        assert "'income'" in evidence.error


def test_a_reference_without_a_column_of_the_model_is_left_aside():
    subject = subjects.subject()
    short = Dataset.of(subject.reference.frame.drop(columns="income"), target="defaulted", positive="yes")
    finding = QUICK.measure(replace(subject, reference=short))
    assert finding.outcome is Outcome.MEASURED
    assert "rows of the data" in finding.notes[0]
