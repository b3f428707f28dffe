import time

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as skm
from fairlearn import metrics as flm

from workbench.audits.base import Subject
from workbench.audits.fairness import Fairness, score_counts
from workbench.core.errors import InvalidInput
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract
from workbench.views.figures import svg


class TestFairness(AuditContract):
    audit = Fairness()


class TestFairnessOfARegression(AuditContract):
    audit = Fairness()

    def subject(self):
        return regression(["a"] * 60 + ["b"] * 40)


def column(frame, *, sensitive, target="y", prediction="p", **roles):
    data = Dataset.of(frame, target=target, sensitive=sensitive, prediction=prediction, **roles)
    return Subject(predictor_of(None, data=data), data)


def regression(group, *, shift=5.0):
    rng = np.random.default_rng(0)
    y = rng.normal(50, 10, len(group))
    frame = pd.DataFrame(
        {"g": group, "y": y, "p": y + rng.normal(0, 2, len(group)) + shift * (np.array(group) == "b")}
    )
    return column(frame, sensitive=["g"], task="regression")


def loans(rows=3000, seed=0):
    """Rows with a difference in error rates between two columns' groups, and a few rows in one of them."""
    rng = np.random.default_rng(seed)
    race = rng.choice(["a", "b", "c"], rows, p=[0.6, 0.395, 0.005])
    y = rng.integers(0, 2, rows)
    wrong = rng.random(rows) < np.where(race == "b", 0.35, 0.15)
    return pd.DataFrame(
        {"race": race, "sex": rng.choice(["f", "m"], rows), "y": y, "p": np.where(wrong, 1 - y, y)}
    )


def measured(subject, audit=None):
    return {(m.metric, m.slice): m for m in (audit or Fairness()).measure(subject).measurements}


@pytest.mark.parametrize("columns", [["race"], ["sex"], ["race", "sex"]])
def test_every_point_estimate_equals_fairlearns(columns, assert_equals_fairlearn):
    frame = loans()
    assert_equals_fairlearn(measured(column(frame, sensitive=["race", "sex"])), frame, columns)


def test_a_rate_has_wilsons_interval_and_the_rows_it_rests_on():
    frame = loans()
    found = measured(column(frame, sensitive=["race"]))
    m = found["false_positive_rate", "race=b"]
    assert m.n == ((frame.race == "b") & (frame.y == 0)).sum()
    assert m.low < 0.35 < m.high
    assert found["count", "race=b"].n == (frame.race == "b").sum()


def test_a_difference_of_large_groups_has_fairlearns_bootstrap_interval():
    frame = loans().query("race != 'c'")
    theirs = flm.MetricFrame(
        metrics=flm.false_positive_rate,
        y_true=frame.y,
        y_pred=frame.p,
        sensitive_features=frame[["race"]],
        n_boot=150,
        ci_quantiles=[0.1, 0.9],
        random_state=0,
    )
    m = measured(column(frame, sensitive=["race"]), Fairness(confidence=0.8))[
        "false_positive_rate_difference", "race"
    ]
    deviation = (m.high - m.low) / (2 * 1.2816)
    assert (m.low, m.high) == pytest.approx(
        theirs.difference_ci(), abs=4 * deviation * np.sqrt(0.09 / 150) / 0.175
    )


def test_intervals_of_a_difference_cover_the_truth():
    covered = 0
    for seed in range(100):
        found = measured(column(loans(1500, seed).query("race != 'c'"), sensitive=["race"]))
        m = found["accuracy_score_difference", "race"]
        covered += m.low <= 0.2 <= m.high
    assert covered >= 88  # 95 in the mean, three standard errors less


def test_a_group_too_small_is_marked_with_what_it_could_have_shown_and_never_hidden():
    finding = Fairness().measure(column(loans(), sensitive=["race"]))
    found = {(m.metric, m.slice): m for m in finding.measurements}
    small, large = found["accuracy_score", "race=c"], found["accuracy_score", "race=a"]
    assert small.outcome is Outcome.INCONCLUSIVE
    assert "the smallest difference from the others they could show is 0." in small.note
    assert small.value is not None
    assert large.outcome is Outcome.MEASURED
    assert any("race=c" in note and "Too few rows" in note for note in finding.notes)


def test_three_rows_decide_nothing_about_a_difference():
    frame = loans(2000).query("race != 'c'")
    few = pd.DataFrame({"race": "d", "sex": "f", "y": [0, 0, 0, 1, 1], "p": [1, 1, 1, 0, 0]})
    alone = measured(column(frame, sensitive=["race"]))["false_positive_rate_difference", "race"]
    m = measured(column(pd.concat([frame, few]), sensitive=["race"]))[
        "false_positive_rate_difference", "race"
    ]
    assert m.value > 0.8  # Fairlearn's number, three rows of it
    assert m.outcome is Outcome.INCONCLUSIVE
    assert m.low == pytest.approx(alone.low, abs=0.02)
    assert "(d, n = 3)" in m.note


def test_a_rate_of_0_of_0_has_no_value_and_its_spread_says_what_was_counted():
    frame = pd.concat(
        [loans(800).query("race != 'c'"), pd.DataFrame({"race": "d", "sex": "f", "y": [0] * 9, "p": 0})]
    )
    found = measured(column(frame, sensitive=["race"]))
    m = found["true_positive_rate", "race=d"]
    assert (m.value, m.low, m.n, m.outcome) == (None, None, 0, Outcome.INCONCLUSIVE)
    assert m.note == "0/0: no row is positive; Fairlearn says 0"
    spread = found["equal_opportunity_difference", "race"]
    assert spread.note.endswith("0/0 counted as 0, as Fairlearn does: d")
    assert spread.low < 0.4 < spread.high


def test_a_rate_of_0_in_every_group_has_no_ratio():
    frame = loans(400).assign(p=0)
    found = measured(column(frame, sensitive=["sex"]))
    assert found["selection_rate_ratio", "sex"].value is None
    assert "0 in every group" in found["selection_rate_ratio", "sex"].note
    assert found["selection_rate_difference", "sex"].value == 0.0


def test_the_groups_at_either_end_are_named():
    found = measured(column(loans(), sensitive=["race"]))
    assert found["accuracy_score_difference", "race"].note.startswith("from 0.6")
    assert "(b, n = " in found["accuracy_score_difference", "race"].note
    assert found["equalized_odds_difference", "race"].note.split()[0] in (
        "true_positive_rate",
        "false_positive_rate",
    )


def test_missing_values_are_a_group_and_the_frame_is_left_alone():
    frame = loans(600)
    frame.loc[:99, "sex"] = None
    before = frame.copy()
    found = measured(column(frame, sensitive=["sex"]))
    assert found["count", "sex=missing"].n == 100
    pd.testing.assert_frame_equal(frame, before)


def test_hostile_group_names_stay_apart():
    frame = loans(600).replace({"sex": {"f": 'x & race=a"', "m": "<img>"}})
    found = measured(column(frame, sensitive=["race", "sex"]))
    assert found["count", 'sex=x \\& race\\=a"'].n == (frame.sex == 'x & race=a"').sum()
    assert found["count", "race=a & sex=<img>"].n > 0


def test_text_labels_need_a_positive_and_get_the_same_rates():
    frame = loans(900)
    words = frame.assign(y=frame.y.map({0: "no", 1: "yes"}), p=frame.p.map({0: "no", 1: "yes"}))
    numbers = measured(column(frame, sensitive=["race"]))
    assert measured(column(words, sensitive=["race"], positive="yes")) == numbers


def test_more_than_two_classes_compare_accuracy():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"g": rng.choice(["a", "b"], 900), "y": rng.choice(list("xyz"), 900)})
    frame["p"] = np.where(rng.random(900) < 0.8, frame.y, "x")
    found = measured(column(frame, sensitive=["g"]))
    for group, rows in frame.groupby("g"):
        assert found["accuracy_score", f"g={group}"].value == pytest.approx(
            (rows.y == rows.p).mean(), abs=1e-12
        )
    assert {metric for metric, _ in found} == {
        "accuracy_score", "accuracy_score_difference", "accuracy_score_ratio", "accuracy_score_group_min",
        "accuracy_score_group_max", "count",
    }  # fmt: skip


def test_a_regression_compares_mean_errors():
    subject = regression(["a"] * 400 + ["b"] * 300 + ["c"] * 5)
    frame = subject.data.frame
    found = measured(subject)
    for group, rows in frame.groupby("g"):
        m = found["mean_absolute_error", f"g={group}"]
        assert m.value == pytest.approx(skm.mean_absolute_error(rows.y, rows.p), abs=1e-12)
    assert found["mean_error", "g=b"].low > 4 > 1 > found["mean_error", "g=a"].high
    assert found["mean_error_difference", "g"].value == pytest.approx(5, abs=1)
    assert found["mean_error", "g=c"].outcome is Outcome.INCONCLUSIVE


def test_one_row_alone_has_a_mean_and_no_interval():
    found = measured(regression(["a"] * 60 + ["b"]))
    assert (found["mean_error", "g=b"].low, found["mean_error", "g=b"].n) == (None, 1)
    assert found["mean_error_difference", "g"].low is None


def test_it_does_not_apply_without_sensitive_columns():
    assert "sensitive" in Fairness().applies(column(loans(50), sensitive=[]))


@pytest.mark.parametrize("options", [{"margin": 0}, {"depth": 0}, {"confidence": 1.0}, {"n_boot": 10}])
def test_options_that_mean_nothing_are_refused_by_name(options):
    with pytest.raises(InvalidInput) as caught:
        Fairness(**options)
    assert caught.value.field == next(iter(options))


def test_figures_can_be_drawn_and_say_who_is_at_either_end():
    [figure] = Fairness().measure(column(loans(), sensitive=["race"])).figures
    assert "<svg" in svg(figure)
    assert "false_positive_rate from" in figure.description


def test_a_hundred_thousand_rows_and_thirty_crossings_take_a_moment():
    rng = np.random.default_rng(0)
    n = 100_000
    frame = pd.DataFrame(
        {"g": rng.integers(0, 10, n), "h": rng.choice(list("abc"), n), "y": rng.integers(0, 2, n)}
    )
    frame["p"] = np.where(rng.random(n) < 0.7, frame.y, 1 - frame.y)
    subject = column(frame, sensitive=["g", "h"])
    start = time.perf_counter()
    found = measured(subject)
    assert time.perf_counter() - start < 1  # measured: 0.04 s
    assert len([s for m, s in found if m == "count" and "&" in s]) == 30


def test_score_counts_give_the_rates_at_any_edge():
    rng = np.random.default_rng(0)
    frame = loans(2000).assign(s=np.round(rng.random(2000), 2))
    data = Dataset.of(frame, target="y", sensitive=["race", "sex"])
    counts = score_counts(data, frame.s.to_numpy())
    assert counts.slices[:2] == ("", "race=a")
    assert len(counts.edges) == 101
    negatives, positives = np.array(counts.counts[counts.slices.index("race=b & sex=f")])
    rows = frame.query("race == 'b' & sex == 'f'")
    for b in (0, 7, 29, 50, 57, 99):
        predicted = rows.s >= counts.edges[b]
        assert negatives[b:].sum() == (predicted & (rows.y == 0)).sum()
        assert positives[b:].sum() == (predicted & (rows.y == 1)).sum()


def test_the_threshold_in_use_is_read_from_the_predictions_in_the_data():
    frame = loans(500).assign(s=np.random.default_rng(0).integers(1, 11, 500) / 10)
    frame["p"] = (frame.s >= 0.7).astype(int)
    data = Dataset.of(frame, target="y", prediction="p", score="s")
    assert score_counts(data, frame.s.to_numpy()).threshold == 0.7
    unlike = Dataset.of(frame.assign(p=frame.y), target="y", prediction="p", score="s")
    assert score_counts(unlike, frame.s.to_numpy()).threshold == 0.5
    assert score_counts(subjects.subject().data, np.full(400, 0.2)).threshold == 0.5
