"""Published streams whose change points are known, and streams without one."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from workbench.audits.base import Finding, Subject
from workbench.audits.drift import Drift
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of

TRAINED = 4000
"""Rows at the beginning that the model is trained on."""


def stream(folder, name: str) -> pd.DataFrame:
    frame = pd.read_csv(folder / "drift_known_points" / f"{name}.csv.gz")
    return frame.astype({"class": int})


def watched(frame: pd.DataFrame, size: int, model=None, **options) -> tuple[Finding, list[int]]:
    """Train on the beginning, watch the rest; also the first rows of the windows that raised an alarm."""
    train, rest = frame[:TRAINED], frame[TRAINED:].reset_index(drop=True)
    names = ["X1", "X2", "X3"]
    fitted = (model or LogisticRegression()).fit(train[names], train["class"])
    data, reference = (Dataset.of(f, target="class", positive=1) for f in (rest, train))
    subject = Subject(predictor_of(fitted, data=data), data, reference)
    finding = Drift(window=size, joint_rows=500, **options).measure(subject)
    looks = [m for m in finding.measurements if m.metric == "relation_chi2_distance"]
    return finding, [TRAINED + i * size for i, m in enumerate(looks) if m.outcome is Outcome.FAIL]


@pytest.mark.parametrize(
    ("name", "size"), [("sea_0123_abrupto_noise_0.2", 1000), ("stagger_0120_abrupto", 500)]
)
def test_every_abrupt_change_is_found_in_the_window_that_follows_it_and_nothing_else(shared_data, name, size):
    model = LogisticRegression() if name.startswith("sea") else DecisionTreeClassifier(max_depth=4)
    finding, alarms = watched(stream(shared_data, name), size, model)
    assert alarms == [10_000, 20_000, 30_000]
    assert finding.outcome is Outcome.FAIL
    assert any("changed in window: " in note for note in finding.notes)


@pytest.mark.parametrize("size", [1000, 2000])
def test_a_change_in_the_middle_of_a_window_is_found_by_the_end_of_the_next(shared_data, size):
    frame = stream(shared_data, "sea_0123_abrupto_noise_0.2")[size // 2 :].reset_index(drop=True)
    _, alarms = watched(frame, size, DecisionTreeClassifier(max_depth=5))
    starts = [point - size // 2 for point in (10_000, 20_000, 30_000)]
    for start in starts:  # the window it falls into began half a window before
        assert any(start - size < alarm <= start + size for alarm in alarms)
    assert all(any(start - size < alarm <= start + size for start in starts) for alarm in alarms)


def test_gradual_changes_are_found_while_old_and_new_are_mixed(shared_data):
    _, alarms = watched(stream(shared_data, "sea_0123_gradual_noise_0.2"), 1000)
    spans = [(8900, 11_500), (19_400, 22_500), (30_500, 33_200)]  # one window after the mixture at most
    for start, end in spans:
        assert any(start - 1000 < alarm <= end for alarm in alarms)
    assert all(any(start - 1000 < alarm <= end for start, end in spans) for alarm in alarms)


def test_the_features_alone_do_not_show_these_changes(shared_data):
    finding, _ = watched(stream(shared_data, "sea_0123_abrupto_noise_0.2"), 1000)
    shares = [
        m for m in finding.measurements if m.metric == "drifted_columns_share" and m.slice.startswith("win")
    ]
    assert len(shares) == 36
    assert Outcome.FAIL not in {m.outcome for m in shares}


def test_streams_without_change_raise_no_more_alarms_than_stated(shared_data):
    """Rows of the first concept, shuffled: whatever an order could show is gone."""
    frame = stream(shared_data, "sea_0123_abrupto_noise_0.2")[:10_000]
    alarmed = []
    for seed in range(20):
        shuffled = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
        finding, alarms = watched(shuffled, 500, DecisionTreeClassifier(max_depth=3), window_margin=0.0)
        moved = [
            m
            for m in finding.measurements
            if m.metric == "drifted_columns_share" and m.slice.startswith("window")
        ]
        alarmed.append(bool(alarms) or any(m.outcome is Outcome.FAIL for m in moved))
    assert np.sum(alarmed) <= 3  # at most 5 % of 20 in the mean; 4 or more have a chance of 2 %


def test_a_model_that_shines_on_its_training_rows_alarms_nobody(shared_data):
    """A full tree knows its training rows by heart; that the next rows go worse is no change."""
    frame = stream(shared_data, "sea_0123_abrupto_noise_0.2")[:9000]
    _, alarms = watched(frame, 500, DecisionTreeClassifier())
    assert alarms == []


def test_rows_are_put_in_the_order_of_time(shared_data):
    frame = stream(shared_data, "stagger_0120_abrupto")[:14_000]
    frame = frame.assign(at=pd.date_range("2026-01-01", periods=len(frame), freq="min"))
    late = frame[TRAINED:].sample(frac=1, random_state=0)
    mixed = pd.concat([frame[:TRAINED], late])
    finding, alarms = watched(mixed, 500, time="at")
    assert alarms == [10_000]
    assert "at" not in {m.slice for m in finding.measurements if m.metric == "psi"}


def test_a_regression_is_watched_by_its_residuals():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=6000)})
    noise = rng.normal(0, 0.5, 6000)
    frame["y"] = np.where(np.arange(6000) < 4000, 2.0, -2.0) * frame["x"] + noise
    data, reference = (Dataset.of(f, target="y", task="regression") for f in (frame[1000:], frame[:1000]))
    model = predictor_of(lambda f: 2 * f["x"], data=data)
    finding = Drift(window=500).measure(Subject(model, data, reference))
    looks = [m for m in finding.measurements if m.metric == "relation_chi2_distance"]
    assert [i for i, m in enumerate(looks) if m.outcome is Outcome.FAIL] == [6]
    assert "prediction" in looks[6].note
    errors = [m for m in finding.measurements if m.metric == "mean_absolute_error"]
    assert errors[6].low > errors[5].high
    assert {f.title for f in finding.figures} == {"How far each column has moved", "The model in each window"}


def test_the_first_window_and_a_tiny_one_are_inconclusive_not_quiet():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=1405), "y": rng.integers(0, 2, 1405)})
    data, reference = (Dataset.of(f, target="y") for f in (frame[700:], frame[:700]))
    model = predictor_of(lambda f: (f["x"] > 0).astype(int), data=data)
    finding = Drift(window=350).measure(Subject(model, data, reference))
    last = {m.metric: m for m in finding.measurements if m.slice == "window=3"}
    assert last["drifted_columns_share"].n == 5
    assert last["drifted_columns_share"].outcome is Outcome.INCONCLUSIVE
    assert last["relation_chi2_distance"].outcome is Outcome.INCONCLUSIVE
    assert last["accuracy_score"].n == 5
