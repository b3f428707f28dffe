import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.parts.privacy import membership
from workbench.audits.parts.privacy.attribute_inference import infer
from workbench.audits.parts.privacy.extraction import extract
from workbench.audits.privacy import Privacy
from workbench.audits.records import Measurement
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

QUICK = Privacy(rows=300, perturbations=4, budgets=(50, 100))


class TestPrivacy(AuditContract):
    audit = QUICK
    refused = {
        "rows": {"rows": 0},
        "rows 2": {"rows": "many"},
        "advantage_at_most": {"advantage_at_most": 0},
        "advantage_at_most 2": {"advantage_at_most": 1.5},
        "confidence": {"confidence": 95},
        "perturbations": {"perturbations": 1},
        "perturbations 2": {"perturbations": None},
        "budgets": {"budgets": []},
        "budgets 2": {"budgets": [0]},
        "budgets 3": {"budgets": "thousand"},
        "attributes": {"attributes": 3},
    }


def of(finding: Finding, metric: str, slice: str = "") -> Measurement:
    return next(m for m in finding.measurements if (m.metric, m.slice) == (metric, slice))


def advantage(finding: Finding, attack: str) -> Measurement:
    return of(finding, "membership_advantage", f"attack={attack}")


def tree_subject(rows: int = 2000, **options) -> Subject:
    from sklearn.tree import DecisionTreeClassifier

    return subjects.subject(rows, model=DecisionTreeClassifier(random_state=0, **options))


@pytest.fixture(scope="session")
def adult(read_adult) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training and test rows of Adult, numbers only beside sex and the truth."""

    def read(part: str) -> pd.DataFrame:
        frame = read_adult(part)[
            [
                "age",
                "education-num",
                "capital-gain",
                "capital-loss",
                "hours-per-week",
                "fnlwgt",
                "sex",
                "income",
            ]
        ]
        return frame.assign(income=frame["income"].str.rstrip("."))

    return read("data")[:8000], read("test")


@pytest.mark.parametrize("kind", ["tree", "linear"])
def test_on_adult_an_overfitted_tree_leaks_and_a_regularised_linear_model_does_not(adult, kind: str):
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    train, test = adult
    columns = list(train.columns[:6])
    model = (
        DecisionTreeClassifier(random_state=0)
        if kind == "tree"
        else make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
    )
    model.fit(train[columns], train["income"])
    data = Dataset.of(test, target="income", positive=">50K")
    reference = Dataset.of(train, target="income", positive=">50K")
    finding = Privacy(budgets=(100,)).measure(Subject(predictor_of(model, data=data), data, reference))
    for attack in ("gap", "loss", "black_box", "label_only"):
        found = advantage(finding, attack)
        assert found.low <= found.value <= found.high
        if kind == "tree":
            assert found.outcome is Outcome.FAIL
            assert of(finding, "membership_advantage_over_floor", f"attack={attack}").low > 0.1
        else:
            assert found.outcome is Outcome.PASS
            assert found.high <= 0.1
    assert finding.outcome is (Outcome.FAIL if kind == "tree" else Outcome.PASS)
    memorised = of(finding, "shapr_positive_share_difference")
    assert (memorised.low > 0.05) if kind == "tree" else (memorised.low <= 0.02)


def test_the_gap_attack_is_the_gap_of_accuracies():
    from sklearn.metrics import accuracy_score

    subject = tree_subject(max_depth=9)
    trial = membership.Trial.of(subject, 2000)
    hits, members, wrong, others = trial.scored("gap", trial.correct.astype(float)).best_counts()
    judged = ~trial.known
    for rows, share in ((judged & trial.member, hits / members), (judged & ~trial.member, wrong / others)):
        assert share == pytest.approx(accuracy_score(trial.truth[rows], trial.answers[rows]))


@pytest.mark.parametrize(("depth", "leaks"), [(None, True), (2, False)])
def test_the_black_box_attack_finds_what_the_toolbox_finds(depth: int | None, leaks: bool):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the toolbox warns that there is no torch
        from art.attacks.inference.membership_inference import MembershipInferenceBlackBox
        from art.estimators.classification import SklearnClassifier

    subject = tree_subject(max_depth=depth)
    trial = membership.Trial.of(subject, 2000)
    ours = next(one for one in membership.attacks(trial, 2) if one.name == "black_box").best_counts()
    y = (trial.truth == "yes").astype(int)
    target = SklearnClassifier(subject.predictor.model[-1])
    theirs = MembershipInferenceBlackBox(target, attack_model_type="rf")
    known, member, p = trial.known, trial.member, trial.probabilities
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the toolbox's own calls to scikit-learn
        theirs.fit(
            y=y[known & member],
            test_y=y[known & ~member],
            pred=p[known & member],
            test_pred=p[known & ~member],
        )
        said = theirs.infer(None, y[~known], pred=p[~known]).ravel() > 0.5
    judged = member[~known]
    toolbox = said[judged].mean() - said[~judged].mean()
    found = ours[0] / ours[1] - ours[2] / ours[3]
    assert found == pytest.approx(toolbox, abs=0.06)
    assert (found > 0.2) is leaks


def test_rows_of_another_source_cannot_pass_and_are_no_leak_either():
    from sklearn.linear_model import LogisticRegression

    subject = subjects.subject(1500, model=LogisticRegression(C=0.1), income_shift=1.5)
    finding = replace(QUICK, rows=1500).measure(subject)
    floor = advantage(finding, "floor")
    assert floor.low > 0.1
    assert {advantage(finding, name).outcome for name in ("gap", "loss", "black_box")} <= {
        Outcome.INCONCLUSIVE
    }
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "different sources" in finding.notes[0]


def test_members_that_pose_as_non_members_are_noticed():
    subject = tree_subject()
    finding = replace(QUICK, rows=2000).measure(replace(subject, data=subject.reference))
    assert of(finding, "training_row_share").value == 1.0
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "are training rows" in finding.notes[0]


def test_rows_that_repeat_by_chance_are_no_overlap():
    rng = np.random.default_rng(0)

    def rows() -> pd.DataFrame:
        return pd.DataFrame(
            {"a": rng.integers(0, 3, 500), "b": rng.integers(0, 3, 500), "y": rng.integers(0, 2, 500)}
        )

    train, test = (Dataset.of(rows(), target="y") for _ in range(2))
    subject = Subject(predictor_of(lambda f: (f["a"] > 1).astype(int), data=test), test, train)
    finding = QUICK.measure(subject)
    assert of(finding, "training_row_share").value == 1.0
    assert not any("are training rows" in note for note in finding.notes)


def test_the_low_false_positive_rate_is_left_open_where_too_few_others_are_known():
    finding = QUICK.measure(subjects.subject())
    found = of(finding, "true_positive_rate_at_fpr_0.001", "attack=loss")
    assert (found.value, found.note) == (None, "needs 1,000 known non-members, there are 150")


def secretive(decide) -> Subject:
    """Rows with a secret that nothing tells but, perhaps, the answer of ``decide``; training ids are even."""
    rng = np.random.default_rng(0)
    sides = [
        pd.DataFrame(
            {
                "id": 2 * rng.integers(0, 10**6, 3000) + odd,
                "secret": rng.choice(["u", "v"], 3000),
                "y": rng.integers(0, 2, 3000),
            }
        )
        for odd in (0, 1)
    ]
    reference, data = (Dataset.of(side, target="y", sensitive=["secret"]) for side in sides)
    return Subject(predictor_of(decide, data=data), data, reference)


def test_a_model_that_reads_an_attribute_gives_it_away_of_anybody_and_that_is_no_leak_of_training_rows():
    finding = replace(QUICK, rows=2000).measure(secretive(lambda f: (f["secret"] == "u").astype(int)))
    for rows in ("training", "other"):
        assert of(finding, "attribute_inference_gain", f"attribute=secret & rows={rows}").low > 0.9
    found = of(finding, "attribute_inference_advantage", "attribute=secret")
    assert found.outcome is not Outcome.FAIL
    assert found.low < 0 < found.high


def test_a_model_that_gives_an_attribute_away_of_its_training_rows_only_fails():
    def decide(frame: pd.DataFrame) -> np.ndarray:
        coin = (frame["id"] * 7919) % 13 < 6
        tells = (frame["id"] % 2 == 0) | (frame["id"] % 7 < 3)  # all training rows, three of seven others
        return np.where(tells, frame["secret"] == "u", coin).astype(int)

    finding = replace(QUICK, rows=2000).measure(secretive(decide))
    found = of(finding, "attribute_inference_advantage", "attribute=secret")
    assert found.outcome is Outcome.FAIL
    assert found.low > 0.3


def test_a_model_that_says_nothing_adds_nothing_to_an_attribute():
    inferred = infer(secretive(lambda f: (f["id"] % 2).astype(int)), "secret", 2000)
    value, low, high = inferred.trained.gain(0.95, inferred.values)
    assert low <= 0 <= high
    assert abs(value) < 0.1


def test_the_gain_in_an_attribute_is_that_of_the_toolbox():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the toolbox warns that there is no torch
        from art.attacks.inference.attribute_inference import (
            AttributeInferenceBaseline,
            AttributeInferenceBlackBox,
        )
        from art.estimators.classification import SklearnClassifier
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)

    def rows(n: int) -> pd.DataFrame:
        frame = pd.DataFrame({"group": rng.integers(0, 2, n).astype(float), "a": rng.normal(size=n)})
        # The model learns y; the truth it is audited with is a coin, so that it tells nobody anything.
        return frame.assign(y=(2 * frame["group"] + frame["a"] > 1).astype(int), coin=rng.integers(0, 2, n))

    train, test = rows(2000), rows(4000)
    model = LogisticRegression().fit(train[["group", "a"]].to_numpy(), train["y"])
    data, reference = (
        Dataset.of(side.drop(columns="y"), target="coin", sensitive=["group"]) for side in (test, train)
    )
    # As the toolbox, the attack is told the label and not the chances.
    labels = predictor_of(lambda f: model.predict(f[["group", "a"]].to_numpy()), data=data)
    ours = infer(Subject(labels, data, reference), "group", 2000)
    target, judged = SklearnClassifier(model), train[["group", "a"]].to_numpy()
    answers = target.predict(judged).argmax(1).reshape(-1, 1)
    said = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the toolbox's own calls to scikit-learn
        for attack, known in (
            (AttributeInferenceBlackBox(target, attack_model_type="gb", attack_feature=0), {"pred": answers}),
            (AttributeInferenceBaseline(attack_model_type="gb", attack_feature=0), {}),
        ):
            attack.fit(test[["group", "a"]].to_numpy()[:2000])
            said.append(attack.infer(judged[:, 1:], values=[0, 1], **known).ravel())
    recall = [np.mean([(one[judged[:, 0] == v] == v).mean() for v in (0, 1)]) for one in said]
    gain, low, high = ours.trained.gain(0.95, ours.values)
    assert gain > 0.3
    assert low - 0.03 <= 2 * (recall[0] - recall[1]) <= high + 0.03


def test_an_attribute_that_is_not_there_is_named():
    with pytest.raises(InvalidInput, match="attributes"):
        Privacy(attributes=("sexx",)).applies(subjects.subject())
    subject = subjects.subject(200)
    without = Dataset.of(subject.reference.frame.drop(columns="sex"), target="defaulted", positive="yes")
    assert "lack the column 'sex'" in Privacy().applies(replace(subject, reference=without))


def test_more_questions_rebuild_more_and_the_floor_needs_none():
    subject = subjects.subject(3000)
    stolen = extract(subject, (50, 1000, 99_999))
    assert [one.queries for one in stolen] == [50, 1000]
    few, many = (one.asked.mean() for one in stolen)
    assert many > few
    assert many > 0.95
    assert stolen[1].unasked.mean() < many
    assert stolen[1].constant.mean() < 0.65


def test_a_regression_is_attacked_by_its_errors():
    from sklearn.tree import DecisionTreeRegressor

    frames = [subjects.loans(1200, seed=seed).dropna() for seed in (1, 2)]
    columns = ["age", "late_payments", "owner"]
    model = DecisionTreeRegressor(random_state=0).fit(
        frames[0][[*columns, "income"]].drop(columns="income"), frames[0]["income"]
    )
    train, test = (Dataset.of(f[[*columns, "income"]], target="income", task="regression") for f in frames)
    finding = replace(QUICK, rows=1100).measure(Subject(predictor_of(model, data=test), test, train))
    assert advantage(finding, "loss").outcome is Outcome.FAIL
    assert {m.slice for m in finding.measurements if m.metric == "membership_advantage"} == {
        "attack=floor",
        "attack=loss",
        "attack=black_box",
    }


def test_it_says_why_it_does_not_apply():
    subject = subjects.subject(60)
    assert "no training data" in Privacy().applies(replace(subject, reference=None))
    column = Dataset.of(
        subject.data.frame.assign(said="no"), target="defaulted", prediction="said", positive="yes"
    )
    answered = Subject(predictor_of(None, data=column), column, subject.reference)
    assert "no model to ask" in Privacy().applies(answered)
    assert "Fewer than 40 rows" in Privacy().applies(subjects.subject(30))


@pytest.mark.parametrize(
    "decide", [lambda f: ["no"] * len(f), lambda f: np.where(f["owner"] > 0, "no", "yes")]
)
def test_a_constant_model_and_one_without_chances_tell_nothing(decide):
    subject = subjects.subject(300)
    subject = replace(subject, predictor=predictor_of(decide, data=subject.data))
    [evidence] = run(subject, [QUICK], made_by="test", clock=SystemClock())
    assert evidence.outcome in (Outcome.INCONCLUSIVE, Outcome.PASS), evidence.error
    assert any("no probabilities" in note for note in evidence.notes)


def test_evidence_holds_no_rows():
    import json

    finding = QUICK.measure(subjects.subject())
    for figure in finding.figures:
        assert len(json.dumps(figure.spec)) < 25_000
    assert len(finding.figures) == 3
