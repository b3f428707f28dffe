import time

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as skm

from workbench.audits.base import Subject
from workbench.audits.performance import Performance
from workbench.core.errors import InvalidInput
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract
from workbench.views.figures import svg


class TestPerformance(AuditContract):
    audit = Performance()


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
    with_scores, without = measured(column(frame, score="s")), measured(column(frame))
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
    start = time.perf_counter()
    Performance().measure(subject)
    assert time.perf_counter() - start < 1.5  # measured: 0.1 s


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
