from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.records import Measurement
from workbench.audits.robustness import Robustness
from workbench.audits.space import Space
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

QUICK = Robustness(rows=12, queries=150)


class TestRobustness(AuditContract):
    audit = QUICK


def value(finding: Finding, metric: str) -> Measurement:
    return next(m for m in finding.measurements if m.metric == metric)


def of_function(decide, frame: pd.DataFrame, **roles) -> Subject:
    data = Dataset.of(frame, target="y", **roles)
    return Subject(predictor_of(decide, data=data), data)


def plane(rows: int = 300) -> pd.DataFrame:
    """Two columns of standard deviation 1 and 100, and a label that is a straight line through them."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(0, 1, rows), "b": rng.normal(0, 100, rows)})
    return frame.assign(y=(frame.a + frame.b / 100 > 0).astype(int))


def test_on_a_straight_boundary_it_finds_the_distance_that_geometry_gives():
    frame = plane(120)
    subject = of_function(lambda f: (f["a"] + f["b"] / 100 > 0).astype(int), frame)
    finding = Robustness(rows=120, queries=300).measure(subject)
    scale = np.array([frame.a.std(ddof=0), frame.b.std(ddof=0) / 100])
    exact = np.abs(frame.a + frame.b / 100) / np.linalg.norm(scale)
    found = value(finding, "median_flip_distance").value
    assert np.sort(exact)[59] <= found <= 1.05 * np.sort(exact)[59]
    success = value(finding, "attack_success_rate")
    assert success.value == pytest.approx((exact <= 0.5).mean(), abs=0.02)
    assert value(finding, "clean_accuracy").value == 1.0
    assert value(finding, "adversarial_accuracy").value == pytest.approx(1 - success.value)
    assert finding.outcome is Outcome.MEASURED


def test_every_row_the_model_is_asked_about_keeps_to_the_data():
    subject = subjects.subject()
    inner, asked = subject.predictor, []

    def spy(frame: pd.DataFrame) -> np.ndarray:
        asked.append(frame.copy())
        return inner.predict(frame)

    spied = predictor_of(spy, data=subject.data, columns=inner.columns)
    finding = QUICK.measure(replace(subject, predictor=spied))
    tried = pd.concat(asked, ignore_index=True)
    train = pd.concat([subject.reference.frame, subject.data.frame])
    assert len(tried) > 1000
    for column in ("age", "late_payments"):
        assert tried[column].dtype == subject.data.frame[column].dtype
    assert tried["age"].between(train["age"].min(), train["age"].max()).all()
    assert tried["income"].dropna().between(train["income"].min(), train["income"].max()).all()
    held = ["sex", "region", "owner"]
    known = set(map(tuple, train[held].drop_duplicates().to_numpy().tolist()))
    assert set(map(tuple, tried[held].to_numpy().tolist())) <= known
    assert any("Whole numbers stay whole: age, late_payments" in note for note in finding.notes)
    assert any("region (not a number)" in note and "sex (immutable)" in note for note in finding.notes)


def test_a_missing_value_stays_missing_and_is_not_counted_as_moved():
    frame = pd.DataFrame({"a": [0.0, 1.0, 2.0, np.nan], "b": [0.0, 5.0, 9.0, 2.0]})
    space = Space.of(frame, ["a", "b"])
    origin = np.array([[np.nan, 2.0]])
    moved = space.place(origin, np.array([[3.0, 1.0]]))
    assert np.isnan(moved[0, 0])
    assert moved[0, 1] == np.rint(2.0 + space.scale[1])  # b holds whole numbers only
    assert np.isfinite(space.distance(origin, moved)).all()


def test_a_value_that_cannot_move_is_given_to_the_model_as_it_is():
    frame = pd.DataFrame({"a": [0.5, np.inf, np.nan, 2.0, 9.0], "b": [1, 2, 4, 4, 4]})
    space = Space.of(frame, ["a", "b"])
    moved = space.rows(frame[:3], np.array([[0.75, 2.0], [np.nan, 3.0], [np.nan, 4.0]]))
    pd.testing.assert_frame_equal(moved, pd.DataFrame({"a": [0.75, np.inf, np.nan], "b": [2, 3, 4]}))


def test_a_row_outside_the_range_may_stay_but_not_go_further():
    space = Space.of(pd.DataFrame({"a": [0.0, 0.5, 1.0]}), ["a"])
    far = np.array([[7.0]])
    assert space.place(far, np.array([[100.0]]))[0, 0] == 7.0
    assert space.place(far, np.array([[-100.0]]))[0, 0] == 0.0


def test_the_user_says_what_stays_and_how_long_a_unit_is():
    subject = subjects.subject()
    finding = Robustness(rows=5, queries=100, immutable=("income",), scale={"age": 5}).measure(subject)
    assert any("Moved: age, late_payments" in note for note in finding.notes)
    for wrong in (
        Robustness(immutable=("incom",)),
        Robustness(scale={"sex": 1}),
        Robustness(scale={"age": 0}),
    ):
        with pytest.raises(InvalidInput):
            wrong.applies(subject)


def test_an_attack_that_finds_nothing_proves_nothing():
    finding = QUICK.measure(of_function(lambda f: np.zeros(len(f), dtype=int), plane()))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "proves nothing" in finding.notes[0]
    assert value(finding, "median_flip_distance").value is None
    assert value(finding, "attack_success_rate").value == 0.0


def test_an_attack_no_better_than_noise_is_inconclusive():
    frame = plane()
    known = set(frame.a)
    brittle = of_function(lambda f: np.array([a in known for a in f["a"]]).astype(int), frame)
    finding = QUICK.measure(brittle)  # any move at all flips it, so noise does as well
    assert value(finding, "noise_success_rate").value == 1.0
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "no better than noise" in finding.notes[0]


@pytest.mark.parametrize("kind", ["forest", "boosting", "xgboost"])
def test_on_trees_it_beats_noise_of_the_same_length(kind: str):
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    if kind == "xgboost":
        from xgboost import XGBClassifier

        frame = plane().rename(columns={"y": "label"})
        model = XGBClassifier(n_estimators=20, max_depth=3).fit(frame[["a", "b"]], frame["label"])
        data = Dataset.of(frame, target="label")
        subject = Subject(predictor_of(model, data=data), data)
    else:
        models = {
            "forest": RandomForestClassifier(20, random_state=0),
            "boosting": HistGradientBoostingClassifier(),
        }
        subject = subjects.subject(model=models[kind])
    finding = Robustness(rows=40, queries=300).measure(subject)
    assert finding.outcome is Outcome.MEASURED
    assert value(finding, "attack_gain_over_noise").low > 0


def test_queries_are_counted_and_limited():
    finding = QUICK.measure(subjects.subject())
    spent = value(finding, "model_queries")
    assert 0 < spent.value <= 12 * (150 + 16 + 64)
    assert spent.n == 12


def test_fewer_rows_than_asked_for_are_all_attacked():
    finding = Robustness(rows=100, queries=60).measure(subjects.subject(30))
    assert value(finding, "attack_success_rate").n == 30


def test_it_applies_to_a_classifier_that_can_be_asked_and_reads_a_number():
    frame = plane()
    asked = "there is no model to ask"
    column = Dataset.of(frame.assign(said=frame.y), target="y", prediction="said")
    assert asked in Robustness().applies(Subject(predictor_of(None, data=column), column))
    numbers = Dataset.of(frame, target="a", task="regression")
    assert "no decision" in Robustness().applies(
        Subject(predictor_of(lambda f: f["b"], data=numbers), numbers)
    )
    words = pd.DataFrame({"w": ["a", "b"] * 20, "y": [0, 1] * 20})
    assert "No numeric column" in Robustness().applies(of_function(lambda f: [0] * len(f), words))


def test_on_compas_it_is_measured_beside_its_floor(compas):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = ["age", "priors_count", "juv_fel_count", "juv_misd_count"]
    frame = compas[[*columns, "race", "two_year_recid"]]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[columns], frame["two_year_recid"])
    data = Dataset.of(frame, target="two_year_recid", sensitive=["race"])
    finding = Robustness().measure(Subject(predictor_of(model, data=data), data))
    assert finding.outcome is Outcome.MEASURED
    assert value(finding, "attack_success_rate").value > value(finding, "noise_success_rate").value
