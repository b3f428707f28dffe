import logging
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier

from workbench.audits.base import Subject
from workbench.audits.efficiency import Efficiency
from workbench.audits.parts.efficiency.onnx import NotConverted, compiled, quantised
from workbench.audits.parts.efficiency.timing import Stopwatch, artifact_size, peak_memory
from workbench.audits.records import Evidence, Measurement
from workbench.audits.runner import run
from workbench.core.clock import SystemClock
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract

QUICK = {"calls": 12, "seconds": 0.05}
TIMED = ("latency_p50", "latency_p95", "latency_p99", "throughput", "cost_per_thousand", "peak_memory")


class TestEfficiency(AuditContract):
    audit = Efficiency(**QUICK, price_per_hour=1.0, p95_ms_at_most=1e6, size_mb_at_most=1.0)
    refused = {
        "rows": {"rows": 0},
        "rows 2": {"rows": "all"},
        "calls": {"calls": 0},
        "seconds": {"seconds": 0},
        "seconds 2": {"seconds": float("inf")},
        "price_per_hour": {"price_per_hour": -1},
        "price_per_hour 2": {"price_per_hour": "EUR 3"},
        "p95_ms_at_most": {"p95_ms_at_most": 0},
        "size_mb_at_most": {"size_mb_at_most": -5},
        "onnx": {"onnx": "maybe"},
        "confidence": {"confidence": 95},
    }

    def test_the_same_seed_gives_the_same_numbers(self) -> None:
        """A time is of its moment; what does not depend on it is the same."""

        def steady() -> list[Measurement]:
            return [m for m in self.evidence().measurements if m.metric not in TIMED]

        assert steady() == steady()
        assert {m.metric for m in steady()} >= {"artifact_size", "changed_answers", "max_score_difference"}

    def test_it_reads_what_the_model_reads_and_the_truth(self) -> None:
        assert set(self.audit.reads(self.subject())) == set(subjects.loans(2).columns)


def evidence(subject: Subject, **options) -> Evidence:
    [found] = run(subject, [Efficiency(**QUICK | options)], made_by="", clock=SystemClock())
    assert found.outcome is not Outcome.ERROR, found.error
    return found


def by_name(found: Evidence) -> dict:
    return {(m.metric, m.slice): m for m in found.measurements}


def test_it_says_how_long_one_row_and_a_batch_take():
    found = by_name(evidence(subjects.subject(), calls=60, seconds=2, rows=100))
    for rows in (1, 100):
        p50, p95, p99 = (found[f"latency_p{q}", f"rows={rows}"] for q in (50, 95, 99))
        assert 0 < p50.low <= p50.value <= p50.high
        assert p50.value <= p95.value <= p99.value
        assert (p50.unit, p50.n) == ("ms", 60)
        assert p99.high is None
        assert "too few" in p99.note
    speed = found["throughput", "rows=100"]
    assert speed.value == pytest.approx(100_000 / found["latency_p50", "rows=100"].value)
    assert speed.low <= speed.value <= speed.high


def test_a_model_that_waits_is_timed_right():
    import time

    def slow(frame):
        time.sleep(0.004)
        return np.zeros(len(frame), dtype=int)

    data = Dataset.of(pd.DataFrame({"x": range(20), "y": [0, 1] * 10}), target="y")
    found = by_name(evidence(Subject(predictor_of(slow, data=data), data), calls=30, seconds=5))
    assert 4 < found["latency_p50", "rows=1"].value < 12


def test_a_verdict_on_latency_is_judged_by_the_interval():
    subject = subjects.subject()
    assert evidence(subject, calls=80, seconds=2, p95_ms_at_most=1000).outcome is Outcome.PASS
    assert evidence(subject, calls=80, seconds=2, p95_ms_at_most=0.001).outcome is Outcome.FAIL
    few = evidence(subject, calls=20, seconds=2, p95_ms_at_most=1000)
    assert few.outcome is Outcome.INCONCLUSIVE  # below 73 calls the 95th percentile has no upper end
    assert evidence(subject).outcome is Outcome.MEASURED


def test_a_verdict_on_size_is_judged_by_the_bytes(tmp_path):
    import joblib

    subject = subjects.subject()
    found = evidence(subject, size_mb_at_most=1)
    assert found.outcome is Outcome.PASS
    size = by_name(found)["artifact_size", ""]
    joblib.dump(subject.predictor.model, tmp_path / "model.joblib")
    assert size.value * 1e6 == (tmp_path / "model.joblib").stat().st_size
    assert size.note == "joblib. at most 1 MB"
    assert evidence(subject, size_mb_at_most=0.001).outcome is Outcome.FAIL


def test_a_price_makes_a_cost_and_no_price_none():
    assert not [m for m in evidence(subjects.subject()).measurements if m.metric == "cost_per_thousand"]
    found = by_name(evidence(subjects.subject(), price_per_hour=3.6, rows=50))
    one, many = (found["cost_per_thousand", f"rows={n}"] for n in (1, 50))
    # 3.6 an hour is 0.001 a second: a thousand rows of t seconds cost t
    assert one.value == pytest.approx(found["latency_p50", "rows=1"].value / 1000, rel=0.9)
    assert many.value < one.value
    assert "at 3.6 an hour" in one.note


def test_a_single_row_of_data_is_no_batch():
    subject = subjects.subject()
    data = replace(subject.data, frame=subject.data.frame.head(1))
    found = evidence(replace(subject, data=data), price_per_hour=1)
    assert len(by_name(found)) == len(found.measurements)
    assert "throughput" in {m.metric for m in found.measurements}


def test_memory_at_the_peak_is_what_a_call_allocates():
    def call():
        return np.ones(3_000_000).sum()

    assert peak_memory(call, 1).value == pytest.approx(24, rel=0.05)
    tracemalloc.start()  # somebody else's trace goes on
    assert peak_memory(call, 1).value == pytest.approx(24, rel=0.05)
    assert tracemalloc.is_tracing()
    tracemalloc.stop()


def test_what_cannot_be_written_has_no_size_and_a_reason():
    class Open:
        def __init__(self):
            self.file = sys.stdout

    found = artifact_size(Open())
    assert found.value is None
    assert "cannot be written" in found.note
    assert artifact_size(lambda frame: frame).note == "cloudpickle"


def test_sizes_of_boosted_models_are_those_of_their_own_format(tmp_path):
    import lightgbm
    import xgboost

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(80, 3)), rng.integers(0, 2, 80)
    boosted = xgboost.XGBClassifier(n_estimators=3).fit(x, y)
    boosted.save_model(tmp_path / "model.ubj")
    assert artifact_size(boosted).value * 1e6 == (tmp_path / "model.ubj").stat().st_size
    light = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(x, y)
    assert "LightGBM" in artifact_size(light).note
    assert artifact_size(light).value > 0


def test_a_slow_model_gets_fewer_calls():
    watch = Stopwatch(calls=1000, seconds=0.02, confidence=0.95)
    import time

    assert len(watch.times(lambda _: time.sleep(0.01), [None])) == 10


# The compiled copy


def test_a_pipeline_with_texts_and_gaps_is_converted_and_answers_alike():
    found = evidence(subjects.subject())
    copy = by_name(found)
    changed = copy["changed_answers", "runtime=onnx"]
    assert changed.value == 0
    assert changed.n == 400
    assert changed.high > 0
    assert copy["max_score_difference", "runtime=onnx"].value < 1e-5
    assert copy["latency_p50", "runtime=onnx & rows=1"].value < copy["latency_p50", "rows=1"].value
    assert copy["artifact_size", "runtime=onnx"].value > 0
    assert any("no matrix product" in note for note in found.notes)


def test_two_doubles_that_are_one_number_in_32_bits_get_other_labels_and_it_is_said():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": np.where(rng.random(400) < 0.5, 1.0, 1 + 1e-9), "b": rng.normal(size=400)})
    data = Dataset.of(frame.assign(y=(frame.a > 1).astype(int)), target="y")
    model = HistGradientBoostingClassifier(max_iter=20).fit(frame, data.y)
    found = evidence(Subject(predictor_of(model, data=data), data))
    changed = by_name(found)["changed_answers", "runtime=onnx"]
    assert changed.value == pytest.approx(0.5, abs=0.1)
    assert 0 < changed.low < changed.value < changed.high
    assert by_name(found)["max_score_difference", "runtime=onnx"].value > 0.5
    assert any("32 bits" in note for note in found.notes)


def test_a_network_is_quantised_and_what_that_changes_is_measured():
    model = MLPClassifier((32, 32), max_iter=400, tol=1e-3, random_state=0)
    found = by_name(evidence(subjects.subject(model=model)))
    plain, small = (found["artifact_size", f"runtime=onnx{kind}"].value for kind in ("", " int8"))
    assert small < plain
    exact, rough = (found["max_score_difference", f"runtime=onnx{kind}"] for kind in ("", " int8"))
    assert exact.value < 1e-5 < rough.value < 0.3
    assert "at most 0.75%" in rough.note
    assert ("latency_p95", "runtime=onnx int8 & rows=1") in found


def test_three_text_labels_and_rows_that_lack_a_text():
    found = evidence(subjects.messy_subject())
    assert any("rows of 300 that lack no text" in note for note in found.notes)
    assert by_name(found)["changed_answers", "runtime=onnx"].value < 0.02


@pytest.mark.parametrize("named", [True, False])
def test_a_regression_is_compared_in_units_of_its_target(named):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(80, 3)), columns=["a", "b (m)", "1c"])
    y = frame.sum(axis=1)
    data = Dataset.of(frame.assign(y=y), target="y", task="regression")
    for model in (LinearRegression(), RandomForestRegressor(3, random_state=0)):
        model.fit(frame if named else frame.to_numpy(), y)
        found = by_name(evidence(Subject(predictor_of(model, data=data), data)))
        gap = found["max_answer_difference", "runtime=onnx"]
        assert 0 <= gap.value < 1e-4
        assert gap.unit == "target"


def test_whole_numbers_and_switches_keep_their_labels():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"n": rng.integers(0, 9, 80), "b": rng.random(80) < 0.5})
    for y in (frame.n > 4, (frame.n > 4).astype(int), (frame.n > 4).astype(float) + 1):
        data = Dataset.of(frame.assign(y=y), target="y", task="classification")
        model = LogisticRegression().fit(frame, y)
        found = by_name(evidence(Subject(predictor_of(model, data=data), data)))
        assert found["changed_answers", "runtime=onnx"].value == 0


def test_what_cannot_be_converted_is_said_in_a_note():
    import xgboost
    from sklearn.preprocessing import FunctionTransformer

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    y = (frame.a > 0).astype(int)
    data = Dataset.of(frame.assign(y=y), target="y")
    from sklearn.pipeline import make_pipeline

    strange = make_pipeline(FunctionTransformer(np.cbrt), LogisticRegression()).fit(frame, y)
    for model in (
        xgboost.XGBClassifier(n_estimators=2).fit(frame, y),
        strange,
        lambda f: (f.a > 0).astype(int),
    ):
        found = evidence(Subject(predictor_of(model, data=data), data))
        assert any(note.startswith("onnx: no copy. ") for note in found.notes)
        assert not [m for m in found.measurements if "onnx" in m.slice]


def test_dates_have_no_place_in_onnx():
    frame = pd.DataFrame({"when": pd.date_range("2026-01-01", periods=4)})
    with pytest.raises(NotConverted, match="no dates"):
        compiled(LogisticRegression().fit([[0], [1]], [0, 1]), frame)


def test_no_copy_is_made_when_nobody_wants_one():
    found = evidence(subjects.subject(), onnx=False)
    assert not [m for m in found.measurements if "onnx" in m.slice]


def test_conversion_leaves_the_root_logger_as_it_was():
    before = list(logging.getLogger().handlers)
    x = np.random.default_rng(0).normal(size=(50, 3))
    model = MLPClassifier((4,), max_iter=2000, tol=1e-2, random_state=0).fit(x, x[:, 0] > 0)
    quantised(compiled(model, x), x)
    assert logging.getLogger().handlers == before


def test_a_column_of_predictions_cannot_be_timed():
    data = Dataset.of(subjects.loans(50).assign(said="no"), target=subjects.TARGET, prediction="said")
    assert "no model to time" in Efficiency().applies(Subject(predictor_of(None, data=data), data))
