import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import SVC

from workbench.audits.base import Subject
from workbench.audits.counterfactual import counterfactual
from workbench.audits.explanation_records import Counterfactual
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects


def changed(subject, row, candidate):
    made = subject.data.frame.iloc[[row]].copy()
    for change in candidate.changes:
        made[change.column] = pd.Series([change.after], index=made.index).astype(made[change.column].dtype)
    return made


@pytest.mark.parametrize("model", [None, HistGradientBoostingClassifier(max_iter=20), SVC()])
def test_every_candidate_gets_the_wanted_answer_from_the_model_itself(model):
    subject = subjects.subject(model=model)
    for row in range(5):
        found = counterfactual(subject, row)
        assert found.found
        for candidate in found.candidates:
            [answer] = subject.predictor.predict(changed(subject, row, candidate))
            assert answer == candidate.answer != found.answer
            assert candidate.columns_changed == len(candidate.changes)


def test_fewest_columns_come_first_and_then_the_nearest():
    found = counterfactual(subjects.subject(), 2)
    order = [(c.columns_changed, c.distance) for c in found.candidates]
    assert order == sorted(order)


def test_on_a_straight_boundary_the_nearest_single_change_is_what_geometry_gives():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(0, 1, 500), "b": rng.normal(0, 100, 500)})
    frame["y"] = (frame.a + frame.b / 100 > 0).astype(int)
    data = Dataset.of(frame, target="y", positive=1)
    subject = Subject(predictor_of(lambda f: (f["a"] + f["b"] / 100 > 0).astype(int), data=data), data)
    found = counterfactual(subject, {"a": -0.8, "b": 20.0}, 1)
    single = {c.changes[0].column: c for c in found.candidates if c.columns_changed == 1}
    assert single["a"].distance == pytest.approx(0.6 / frame.a.std(ddof=0), rel=0.02)
    assert single["b"].distance == pytest.approx(60 / frame.b.std(ddof=0), rel=0.02)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 399))
def test_what_must_stay_stays_whole_numbers_are_whole_and_ranges_hold(row):
    subject = _SUBJECT
    seen = subject.reference.frame
    found = counterfactual(subject, row, immutable=["region", "income"], rising=["age"])
    for candidate in found.candidates:
        for change in candidate.changes:
            assert change.column not in ("region", "income", "owner")
            if change.column == "age":
                assert isinstance(change.after, int)
                assert change.before < change.after <= seen["age"].max()
            if change.column == "late_payments":
                assert isinstance(change.after, int)
                assert 0 <= change.after <= seen["late_payments"].max()
            if change.column == "sex":
                assert change.after in ("female", "male")


_SUBJECT = subjects.subject(model=HistGradientBoostingClassifier(max_iter=10))


def test_sensitive_columns_stay_unless_somebody_says_otherwise():
    assert counterfactual(subjects.subject(), 0).held["sex"] == "immutable"
    assert "sex" not in counterfactual(subjects.subject(), 0, immutable=[]).held


def test_a_one_hot_group_changes_as_one_column():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, 400)
    frame = pd.DataFrame({f"kind_{k}": (kind == k).astype(int) for k in range(3)})
    frame["noise"] = rng.normal(size=400)
    frame["y"] = (kind == 2).astype(int)
    data = Dataset.of(frame, target="y", positive=1)
    model = LogisticRegression().fit(frame.drop(columns="y"), frame["y"])
    subject = Subject(predictor_of(model, data=data), data)
    found = counterfactual(subject, {"kind_0": 1, "kind_1": 0, "kind_2": 0, "noise": 0.0}, 1)
    best = found.candidates[0]
    assert best.columns_changed == 1
    assert {c.column: c.after for c in best.changes} == {"kind_0": 0, "kind_2": 1}
    assert best.distance == pytest.approx(1)


def test_several_columns_change_where_one_is_not_enough():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(0, 1, (600, 4)), columns=list("abcd"))

    def all_three(f):
        return ((f["a"] > 0.5) & (f["b"] > 0.5) & (f["c"] > 0.5)).astype(int)

    data = Dataset.of(frame.assign(y=all_three(frame)), target="y", positive=1)
    subject = Subject(predictor_of(all_three, data=data), data)
    found = counterfactual(subject, {"a": 0.3, "b": 0.2, "c": 0.4, "d": 0.5}, 1)
    best = found.candidates[0]
    assert [c.column for c in best.changes] == ["a", "b", "c"]
    assert all(0.5 < c.after < 0.56 for c in best.changes)


def test_a_missing_value_stays_missing():
    subject = subjects.subject()
    row = int(np.flatnonzero(subject.data.frame["income"].isna())[0])
    for candidate in counterfactual(subject, row).candidates:
        assert "income" not in {c.column for c in candidate.changes}


def test_none_found_is_an_answer():
    frame = subjects.loans()
    data = Dataset.of(frame, target="defaulted", positive="yes")
    subject = Subject(predictor_of(lambda f: np.full(len(f), "no"), data=data), data)
    found = counterfactual(subject, 0)
    assert not found.found
    assert found.queries <= 1000
    assert any("no proof" in note for note in found.notes)
    held = counterfactual(subject, 0, immutable=list(subject.features))
    assert not held.found
    assert "No column may change" in held.notes[0]


def test_the_questions_asked_stay_within_the_number_allowed():
    subject = subjects.subject(model=HistGradientBoostingClassifier(max_iter=10))
    inner, asked = subject.predictor, []

    def spy(frame):
        asked.append(len(frame))
        return inner.predict(frame)

    spied = Subject(
        predictor_of(spy, data=subject.data, columns=inner.columns), subject.data, subject.reference
    )
    found = counterfactual(spied, 0, queries=60)
    assert found.queries <= 60
    assert sum(asked) <= 60 + len(subject.reference) + 20  # the rows seen, the row itself, the candidates
    assert max(asked[3:]) > 10  # many questions in one call


def test_a_regression_reaches_the_range_that_is_wanted():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=300), "b": rng.normal(size=300)})
    frame["y"] = 10 * frame.a + frame.b
    data = Dataset.of(frame, target="y")
    subject = Subject(predictor_of(LinearRegression().fit(frame[["a", "b"]], frame["y"]), data=data), data)
    found = counterfactual(subject, {"a": 0.0, "b": 0.0}, (5.0, 6.0))
    assert found.wanted == [5.0, 6.0]
    assert all(5 <= c.answer <= 6 for c in found.candidates)
    assert found.candidates[0].distance == pytest.approx(0.5 / frame.a.std(ddof=0), rel=0.05)
    for wrong in (None, 3, (6, 5), ("a", "b")):
        with pytest.raises(InvalidInput) as refusal:
            counterfactual(subject, 0, wrong)
        assert refusal.value.field == "wanted"


def test_three_labels_any_other_or_the_one_named():
    subject = subjects.messy_subject()
    found = counterfactual(subject, 0, immutable=[])
    assert found.candidates[0].answer != found.answer
    wanted = next(label for label in ("high", "mid", "low") if label != found.answer)
    named = counterfactual(subject, 0, wanted)
    assert all(c.answer == wanted for c in named.candidates)


def test_the_same_seed_gives_the_same_answer_and_it_survives_json():
    subject = subjects.subject()
    found = counterfactual(subject, 4)
    assert counterfactual(subject, 4) == found
    assert Counterfactual.from_json(found.to_json()) == found


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"wanted": "maybe"}, "wanted"),
        ({"immutable": ["incme"]}, "immutable"),
        ({"rising": ["incme"]}, "rising"),
        ({"falling": ["region"]}, "falling"),
        ({"ranges": {"incme": (0, 1)}}, "ranges"),
        ({"queries": 1}, "queries"),
        ({"most": 0}, "most"),
        ({"row": 10**9}, "row"),
        ({"row": {"age": 3}}, "row"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_by_name(options, field):
    options = {"row": 0, **options}
    with pytest.raises(InvalidInput) as refusal:
        counterfactual(subjects.subject(), options.pop("row"), options.pop("wanted", None), **options)
    assert refusal.value.field == field
    assert refusal.value.remedy


def test_an_answer_that_is_had_already_and_a_column_of_predictions_are_refused():
    subject = subjects.subject()
    with pytest.raises(InvalidInput, match="as it is"):
        counterfactual(subject, 0, subject.answers[0])
    frame = subjects.loans().assign(p="no")
    data = Dataset.of(frame, target="defaulted", prediction="p", positive="yes")
    with pytest.raises(InvalidInput, match="no model to ask"):
        counterfactual(Subject(predictor_of(None, data=data), data), 0)
