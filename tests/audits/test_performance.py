import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as skm
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier

from workbench.audits.base import Subject
from workbench.audits.parts.performance.answers import Answers, with_rows
from workbench.audits.parts.performance.comparison import against
from workbench.audits.performance import Performance
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract
from workbench.views.figures import svg


class TestPerformance(AuditContract):
    audit = Performance()
    refused = {
        "confidence": {"confidence": 0},
        "confidence 2": {"confidence": 95},
        "confidence 3": {"confidence": "high"},
        "segments": {"segments": -1},
        "segments 2": {"segments": 1000},
        "segments 3": {"segments": 2.5},
        "smallest_segment": {"smallest_segment": 5},
        "smallest_segment 2": {"smallest_segment": "all"},
        "false_discovery_rate": {"false_discovery_rate": 0},
        "false_discovery_rate 2": {"false_discovery_rate": 5},
    }


class TestPerformanceOfManyClasses(AuditContract):
    audit = Performance()

    def subject(self):
        return classes()


class TestPerformanceOfARegression(AuditContract):
    audit = Performance()

    def subject(self):
        return regression()


def column(frame, **roles):
    data = Dataset.of(frame, target="y", prediction="p", **roles)
    return Subject(predictor_of(None, data=data), data)


def binary(rows=2000, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random(rows) < 0.3
    s = np.round(1 / (1 + np.exp(-(rng.normal(size=rows) + 1.5 * y - 1))), 3)
    return pd.DataFrame({"y": np.where(y, "yes", "no"), "p": np.where(s > 0.5, "yes", "no"), "s": s})


def classes(rows=1200):
    rng = np.random.default_rng(0)
    y = rng.choice(["cat", "dog", "eel", "fox"], rows, p=[0.5, 0.3, 0.15, 0.05])
    return column(
        pd.DataFrame({"y": y, "p": np.where(rng.random(rows) < 0.7, y, rng.choice(["cat", "dog"], rows))})
    )


def regression(rows=800):
    rng = np.random.default_rng(0)
    y = rng.gamma(2, 30, rows)
    return column(pd.DataFrame({"y": y, "p": 0.8 * y + rng.normal(10, 12, rows)}), task="regression")


def measured(subject, audit=None):
    return {(m.metric, m.slice): m for m in (audit or Performance()).measure(subject).measurements}


def test_binary_metrics_equal_scikit_learns_and_have_intervals():
    frame = binary()
    y, p = frame.y == "yes", frame.p == "yes"
    found = measured(column(frame, score="s"))
    expected = {
        "accuracy_score": skm.accuracy_score(y, p),
        "balanced_accuracy_score": skm.balanced_accuracy_score(y, p),
        "precision_score": skm.precision_score(y, p),
        "recall_score": skm.recall_score(y, p),
        "f1_score": skm.f1_score(y, p),
        "roc_auc_score": skm.roc_auc_score(y, frame.s),
        "average_precision_score": skm.average_precision_score(y, frame.s),
        "brier_score_loss": skm.brier_score_loss(y, frame.s),
        "log_loss": skm.log_loss(y, y_proba=frame.s),
    }
    for metric, value in expected.items():
        m = found[metric, ""]
        assert m.value == pytest.approx(value, abs=1e-12), metric
        assert m.low < m.value < m.high
        assert m.high - m.low < 0.15


def test_more_classes_have_macro_means_and_the_recall_of_each():
    subject = classes()
    y, p = subject.data.frame.y, subject.data.frame.p
    found = measured(subject)
    for metric in ("precision_score", "recall_score", "f1_score"):
        theirs = getattr(skm, metric)(y, p, average="macro", zero_division=0)
        assert found[metric, ""].value == pytest.approx(theirs, abs=1e-12)
        assert found[metric, ""].low < theirs < found[metric, ""].high
    assert found["balanced_accuracy_score", ""].value == pytest.approx(skm.balanced_accuracy_score(y, p))
    assert found["recall_score", "y=fox"].value == pytest.approx((p[y == "fox"] == "fox").mean())
    assert found["recall_score", "y=fox"].n == (y == "fox").sum()
    assert ("roc_auc_score", "") not in found


def test_regression_metrics_equal_scikit_learns():
    subject = regression()
    y, p = subject.data.frame.y, subject.data.frame.p
    found = measured(subject)
    for metric in ("mean_absolute_error", "root_mean_squared_error", "r2_score"):
        m = found[metric, ""]
        assert m.value == pytest.approx(getattr(skm, metric)(y, p), abs=1e-12)
        assert m.low < m.value < m.high


def test_the_baseline_ignores_the_features():
    frame = binary()
    found = measured(column(frame, score="s"))
    share = (frame.y == "yes").mean()
    assert found["accuracy_score_baseline", ""].value == max(share, 1 - share)
    assert found["accuracy_score_baseline", ""].note == "always answers 'no'"
    constant = np.full(len(frame), share)
    assert found["log_loss_baseline", ""].value == pytest.approx(
        skm.log_loss(frame.y == "yes", y_proba=constant)
    )
    assert found["brier_score_loss_baseline", ""].value == pytest.approx(
        skm.brier_score_loss(frame.y == "yes", constant)
    )
    assert found["average_precision_score_baseline", ""].value == share
    errors = measured(regression())
    assert errors["root_mean_squared_error_baseline", ""].value > errors["root_mean_squared_error", ""].high


def test_intervals_cover_the_value_of_the_whole_population():
    everyone = binary(200_000, seed=1)
    truth = measured(column(everyone, score="s"))
    names = [name for name, m in truth.items() if m.low is not None]
    covered, samples = dict.fromkeys(names, 0), 100
    for seed in range(samples):
        found = measured(column(everyone.sample(500, random_state=seed), score="s"))
        for name in names:
            covered[name] += found[name].low <= truth[name].value <= found[name].high
    assert min(covered.values()) >= 88, covered  # 95 in the mean, three standard errors less


def test_intervals_of_errors_cover_the_value_of_the_whole_population():
    everyone = regression(200_000)
    truth, covered = (
        measured(everyone),
        dict.fromkeys(("mean_absolute_error", "root_mean_squared_error", "r2_score"), 0),
    )
    for seed in range(100):
        sample = column(everyone.data.frame.sample(400, random_state=seed), task="regression")
        found = measured(sample)
        for metric in covered:
            covered[metric] += found[metric, ""].low <= truth[metric, ""].value <= found[metric, ""].high
    assert min(covered.values()) >= 86, covered


def test_a_perfect_answer_on_few_rows_leaves_doubt():
    frame = pd.DataFrame({"y": [0, 1] * 6, "p": [0, 1] * 6, "s": [0.1, 0.9] * 6})
    found = measured(column(frame, score="s"))
    for metric in (
        "accuracy_score",
        "balanced_accuracy_score",
        "f1_score",
        "roc_auc_score",
        "average_precision_score",
    ):
        assert (found[metric, ""].value, found[metric, ""].high) == (1.0, 1.0)
        assert found[metric, ""].low < 0.8


def test_what_was_never_predicted_has_no_precision():
    frame = binary(100).assign(p="no")
    found = measured(column(frame))
    assert found["precision_score", ""].value is None
    assert "nothing was predicted positive" in found["precision_score", ""].note
    assert found["recall_score", ""].value == 0.0


def test_a_certain_and_wrong_score_stays_finite():
    frame = binary(100)
    frame.loc[0, ["y", "s"]] = ["yes", 0.0]
    assert measured(column(frame, score="s"))["log_loss", ""].value == pytest.approx(
        skm.log_loss(frame.y == "yes", y_proba=frame.s.astype(float))
    )


def test_a_target_of_one_value_has_no_variance_to_explain():
    subject = column(pd.DataFrame({"y": [3.5] * 30, "p": np.linspace(3, 4, 30)}), task="regression")
    m = measured(subject)["r2_score", ""]
    assert m.value is None
    assert "no variance" in m.note


def test_the_same_rates_with_or_without_scores():
    frame = binary(300)
    rates = Performance(
        segments=0
    )  # without its role the score is a column like any other, and makes segments
    with_scores, without = measured(column(frame, score="s"), rates), measured(column(frame), rates)
    assert {name: with_scores[name] for name in without} == without


@pytest.mark.parametrize("subject", [subjects.subject, classes, regression])
def test_figures_can_be_drawn_with_few_points_inside(subject):
    for figure in Performance().measure(subject()).figures:
        assert "<svg" in svg(figure)
        assert len(figure.spec["data"]["values"]) <= 150
        assert "http" not in str({k: v for k, v in figure.spec.items() if k != "$schema"})
        assert figure.description


def test_a_hundred_thousand_rows_take_a_moment():
    subject = column(binary(100_000), score="s")
    start = time.process_time()
    Performance().measure(subject)
    assert time.process_time() - start < 1.5  # measured: 0.1 s


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_that_is_none_is_refused(confidence):
    with pytest.raises(InvalidInput, match="confidence"):
        Performance(confidence=confidence)


def test_the_positive_label_may_sort_first():
    frame = binary(400).replace({"yes": "a", "no": "b"})
    found = measured(column(frame, score="s", positive="a"))
    for metric in ("precision_score", "recall_score", "f1_score"):
        theirs = getattr(skm, metric)(frame.y, frame.p, pos_label="a")
        assert found[metric, ""].value == pytest.approx(theirs, abs=1e-12)


# Agreement beyond chance, several classes, regression


def test_agreement_beyond_chance_is_scikit_learns_for_two_classes_and_for_more():
    for subject in (column(binary()), classes()):
        found, frame = measured(subject), subject.data.frame
        for metric in ("matthews_corrcoef", "cohen_kappa_score"):
            m = found[metric, ""]
            assert m.value == pytest.approx(getattr(skm, metric)(frame.y, frame.p), abs=1e-12)
            assert m.low < m.value < m.high


def test_probabilities_of_more_classes_are_measured_as_scikit_learn_does():
    subject = subjects.messy_subject(900)
    y, p, labels = subject.data.y, subject.probabilities, list(subject.data.classes)
    found = measured(subject)
    expected = {
        "roc_auc_ovr": skm.roc_auc_score(y, p, multi_class="ovr", labels=labels),
        "roc_auc_ovr_weighted": skm.roc_auc_score(y, p, multi_class="ovr", average="weighted", labels=labels),
        "log_loss": skm.log_loss(y, y_proba=p, labels=labels),
        "brier_score_loss": skm.brier_score_loss(y, p, labels=labels),
        "top_k_accuracy_score": skm.top_k_accuracy_score(y, p, k=2, labels=labels),
    }
    for metric, value in expected.items():
        m = found[metric, ""]
        assert m.value == pytest.approx(value, abs=1e-9), metric
        assert m.low < m.value < m.high
    for label in labels:
        area = skm.roc_auc_score(y == label, p[:, labels.index(label)])
        assert found["roc_auc_ovr", f"priority={label}"].value == pytest.approx(area, abs=1e-12)


def test_a_class_the_model_never_saw_has_no_chance_with_it():
    subject = subjects.messy_subject(400)
    frame = subject.data.frame.copy()
    frame.loc[frame.index[:20], "priority"] = "urgent"
    data = Dataset.of(frame, target="priority")
    subject = Subject(predictor_of(subject.predictor.model, data=data), data, subject.reference)
    found = measured(subject)
    assert found["roc_auc_ovr", "priority=urgent"].value == 0.5
    assert found["recall_score", "priority=urgent"].value == 0


def test_percentage_errors_need_a_target_without_zeros():
    subject = regression()
    frame = subject.data.frame
    found = measured(subject)
    m = found["mean_absolute_percentage_error", ""]
    assert m.value == pytest.approx(skm.mean_absolute_percentage_error(frame.y, frame.p), abs=1e-12)
    assert found["median_absolute_error", ""].value == pytest.approx(
        (frame.y - frame.p).abs().median(), rel=0.01
    )
    zero = column(frame.assign(y=frame.y.where(frame.index > 3, 0.0)), task="regression")
    m = measured(zero)["mean_absolute_percentage_error", ""]
    assert m.value is None
    assert "4 values of the target are 0" in m.note


# Beside simpler models and the champion


def differences(subject, **options):
    finding = Performance(segments=0, **options).measure(subject)
    return {(m.metric, m.slice): m for m in finding.measurements if "_difference" in m.metric}, finding.notes


def test_it_is_compared_with_a_constant_a_linear_model_and_the_champion_on_the_same_rows():
    subject = subjects.subject(600)
    champion = predictor_of(
        subjects.pipeline(subjects.loans(600, seed=9), DecisionTreeClassifier(max_depth=2)), data=subject.data
    )
    found, _ = differences(replace(subject, champion=champion))
    y, rows = subject.data.y, subject.data.frame
    right = (subject.answers == y).mean()
    assert found["accuracy_score_difference", "against=champion"].value == pytest.approx(
        right - (champion.predict(rows) == y).mean()
    )
    assert found["roc_auc_score_difference", "against=champion"].value == pytest.approx(
        skm.roc_auc_score(y, subject.scores) - skm.roc_auc_score(y, champion.scores(rows))
    )
    assert found["log_loss_difference", "against=champion"].value == pytest.approx(
        skm.log_loss(y, y_proba=subject.scores) - skm.log_loss(y, y_proba=champion.scores(rows))
    )
    assert {slice for _, slice in found} == {"against=dummy", "against=linear", "against=champion"}


def test_a_model_is_as_good_as_itself():
    subject = subjects.subject(300)
    found, notes = differences(replace(subject, champion=subject.predictor))
    for metric in ("accuracy_score", "roc_auc_score", "log_loss"):
        m = found[f"{metric}_difference", "against=champion"]
        assert m.value == 0
        assert m.low <= 0 <= m.high
    assert any("not shown to be better than the champion" in note for note in notes)


def test_a_model_no_better_than_the_dummy_says_so():
    frame = binary(600)
    frame = frame.assign(p="no", s=np.random.default_rng(3).random(len(frame)).round(3))
    _, notes = differences(column(frame, score="s"))
    assert any(
        "not shown to be better than the dummy (always answers 'no') by any metric" in n for n in notes
    )
    _, notes = differences(column(binary(600), score="s"))
    assert not any("not shown to be better than the dummy" in note for note in notes)


def test_a_champion_that_wants_other_columns_is_told_and_stops_nothing():
    subject = subjects.subject(300)
    other = LogisticRegression().fit(pd.DataFrame({"elsewhere": [0.0, 1.0]}), ["no", "yes"])
    found, notes = differences(replace(subject, champion=predictor_of(other, data=None, positive="yes")))
    assert not any(slice == "against=champion" for _, slice in found)
    assert any("champion cannot answer these rows" in note for note in notes)


def test_what_the_champion_reads_is_kept_for_it():
    subject = subjects.subject(300)
    few = predictor_of(
        LogisticRegression().fit(subjects.loans(300)[["age"]], subjects.loans(300).defaulted),
        data=subject.data,
    )
    narrow = replace(subject, predictor=few, champion=subject.predictor)
    [evidence] = run(narrow, [Performance(segments=0)], made_by="test", clock=SystemClock())
    assert any(m.slice == "against=champion" for m in evidence.measurements)


def test_a_regression_is_compared_by_its_errors():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 2))
    frame = pd.DataFrame(
        {"a": x[:, 0], "b": x[:, 1], "y": x[:, 0] + np.sin(3 * x[:, 1]) + rng.normal(size=800) / 3}
    )
    train, test = (Dataset.of(part, target="y", task="regression") for part in (frame[:400], frame[400:]))
    model = HistGradientBoostingRegressor(max_iter=50).fit(frame[["a", "b"]][:400], frame.y[:400])
    subject = Subject(predictor_of(model, data=test), test, train)
    found, _ = differences(subject)
    ridge = Ridge().fit(frame[["a", "b"]][:400], frame.y[:400]).predict(test.frame[["a", "b"]])
    for metric in ("mean_absolute_error", "root_mean_squared_error"):
        of = getattr(skm, metric)
        m = found[f"{metric}_difference", "against=linear"]
        assert m.value == pytest.approx(of(test.y, subject.answers) - of(test.y, ridge), abs=0.01)
        assert m.high < 0


def test_intervals_of_paired_differences_cover_the_value_of_the_whole_population():
    everyone = binary(100_000, seed=1)
    rng = np.random.default_rng(2)
    everyone["s2"] = (everyone.s + rng.normal(0, 0.25, len(everyone))).clip(0.001, 0.999)
    data = Dataset.of(everyone, target="y", prediction="p", score="s")

    def answered(rows):
        other = np.column_stack([1 - rows.s2, rows.s2])
        ours = Answers(
            "model", np.where(rows.s > 0.5, "yes", "no"), np.column_stack([1 - rows.s, rows.s]).clip(0.001)
        )
        theirs = Answers("other", np.where(rows.s2 > 0.5, "yes", "no"), other)
        return against(theirs, ours, with_rows(data, rows), 0.95)

    truth, samples = answered(everyone), 150
    covered = np.zeros(len(truth))
    for seed in range(samples):
        found = answered(everyone.sample(400, random_state=seed))
        covered += [a.low <= b.value <= a.high for a, b in zip(found, truth, strict=True)]
    assert (covered / samples).min() >= 0.9, covered


def test_a_hundred_thousand_rows_of_twenty_columns_take_a_moment():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=100_000) for i in range(14)})
    for i in range(6):
        frame[f"c{i}"] = rng.choice(list("abcdef"), len(frame))
    frame["y"] = (frame.x0 + rng.normal(size=len(frame)) > 0).astype(int)
    frame["p"] = (frame.x0 > 0).astype(int)
    data = Dataset.of(frame, target="y", prediction="p")
    subject = Subject(predictor_of(None, data=data), data, reference=data)
    start = time.process_time()
    Performance().measure(subject)
    assert time.process_time() - start < 3  # measured: 0.7 s


@pytest.mark.parametrize("rows", [2, 3, 8, 30])
def test_tiny_data_is_measured(rows):
    frame = pd.DataFrame({"x": range(rows), "y": ([0, 1] * rows)[:rows], "p": [1] * rows})
    assert measured(column(frame))["accuracy_score", ""].value is not None


def test_no_simple_model_is_made_to_read_free_text():
    frame = pd.DataFrame({"text": [f"message {i}" for i in range(200)], "y": [0, 1] * 100})
    data = Dataset.of(frame, target="y")
    predictor = predictor_of(lambda rows: np.zeros(len(rows), dtype=int), data=data)
    finding = Performance().measure(Subject(predictor, data, data))
    assert not [m for m in finding.measurements if m.slice == "against=linear"]
    assert any("only free text" in note for note in finding.notes)
