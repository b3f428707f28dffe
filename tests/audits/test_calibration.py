from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame
from sklearn.linear_model import LinearRegression
from sklearn.metrics import brier_score_loss

from workbench.audits.base import Finding, Subject
from workbench.audits.calibration import Calibration
from workbench.audits.parts.calibration.sets import conformal_sets
from workbench.audits.records import Measurement
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects
from workbench.testing.audits import AuditContract, _global_state

ECE = "expected_calibration_error"


class TestCalibration(AuditContract):
    audit = Calibration(at_most=0.2, shortfall=0.05, depth=2)
    refused = {
        "at_most": {"at_most": 0},
        "at_most 2": {"at_most": 1.5},
        "at_most 3": {"at_most": "low"},
        "bins": {"bins": 0},
        "bins 2": {"bins": 2.5},
        "level": {"level": 90},
        "level 2": {"level": 0},
        "shortfall": {"shortfall": -0.1},
        "shortfall 2": {"level": 0.5, "shortfall": 0.5},
        "depth": {"depth": 0},
        "confidence": {"confidence": 1},
        "at_least": {"at_least": 0.1},
    }


def by(finding: Finding, metric: str) -> dict[str, Measurement]:
    return {m.slice: m for m in finding.measurements if m.metric == metric}


def scored(n: int = 4000, *, push: float = 1.0, only: str = "", seed: int = 0) -> Subject:
    """A column of scores. ``push`` multiplies their logits, away from what they should be, in one group only."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(1.5, 1.5, n)
    group = rng.choice(["a", "b"], n)
    said = 1 / (1 + np.exp(-push * np.log(truth / (1 - truth))))
    said = np.where((group == only) | (only == ""), said, truth)
    frame = pd.DataFrame({"g": group, "s": said, "p": (said > 0.5) + 0, "y": (rng.random(n) < truth) + 0})
    data = Dataset.of(frame, target="y", sensitive=["g"], prediction="p", score="s")
    return Subject(predictor_of(None, data=data), data)


def test_a_calibrated_model_passes_and_an_overconfident_one_fails():
    calm, sure = (Calibration(at_most=0.05).measure(scored(push=push)) for push in (1.0, 3.0))
    assert calm.outcome is Outcome.PASS
    assert by(calm, ECE)[""].low == 0
    assert by(calm, "calibration_slope")[""].low < 1 < by(calm, "calibration_slope")[""].high
    assert sure.outcome is Outcome.FAIL
    assert by(sure, ECE)[""].low > 0.05
    slope = by(sure, "calibration_slope")[""]
    assert slope.value == pytest.approx(1 / 3, abs=0.05)
    assert slope.note == "below 1: scores are too extreme"


def test_the_plug_in_value_of_a_calibrated_model_lies_on_its_floor():
    finding = Calibration().measure(scored(1000))
    plug_in, floor = by(finding, f"{ECE}_plugin")[""], by(finding, f"{ECE}_floor")[""]
    assert floor.low <= plug_in.value <= floor.high
    assert by(finding, ECE)[""].value < plug_in.value


def test_an_overconfident_group_is_found_among_calibrated_ones():
    finding = Calibration(at_most=0.08).measure(scored(push=4.0, only="b"))
    assert by(finding, ECE)["g=a"].outcome is Outcome.PASS
    assert by(finding, ECE)["g=b"].outcome is Outcome.FAIL
    difference = by(finding, f"{ECE}_difference")["g"]
    assert difference.low > 0
    assert difference.note == "from a to b"
    assert by(finding, "brier_score_loss_difference")["g"].low > 0
    assert by(Calibration().measure(scored()), f"{ECE}_difference")["g"].low == 0


def test_few_rows_settle_nothing_and_are_not_hidden():
    finding = Calibration(at_most=0.02, shortfall=0.1).measure(scored(60))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert by(finding, ECE)["g=a"].outcome is Outcome.INCONCLUSIVE
    assert set(by(finding, ECE)) == {"", "g=a", "g=b"}
    tiny = Calibration().measure(scored(4, seed=3))
    assert "at least 20 rows" in " ".join(tiny.notes)
    assert by(tiny, f"{ECE}_difference")["g"].value is None


def test_brier_scores_are_those_of_scikit_learn_and_fairlearn():
    subject = scored(push=2.0)
    frame = subject.data.frame
    finding = Calibration().measure(subject)
    theirs = MetricFrame(
        metrics=brier_score_loss, y_true=frame["y"], y_pred=frame["s"], sensitive_features=frame["g"]
    )
    assert by(finding, "brier_score_loss")[""].value == pytest.approx(theirs.overall, abs=1e-12)
    for group, value in theirs.by_group.items():
        assert by(finding, "brier_score_loss")[f"g={group}"].value == pytest.approx(value, abs=1e-12)
    assert by(finding, "brier_score_loss_difference")["g"].value == pytest.approx(
        theirs.difference(), abs=1e-12
    )


def test_many_classes_are_measured_by_the_top_label_and_one_by_one():
    subject = subjects.messy_subject(600)
    finding = Calibration().measure(subject)
    assert {f"priority={c}" for c in ("high", "low", "mid")} <= set(by(finding, ECE))
    assert by(finding, f"classwise_{ECE}")[""].n == 600
    theirs = brier_score_loss(subject.data.y, subject.probabilities, labels=list(subject.predictor.classes))
    assert by(finding, "brier_score_loss")[""].value == pytest.approx(theirs, abs=1e-12)


def test_a_label_the_model_never_gives_is_wrong_and_never_covered():
    subject = subjects.messy_subject(300)
    frame = subject.data.frame.assign(priority=np.where(np.arange(300) % 3 == 0, "new", subject.data.y))
    strange = Subject(subject.predictor, Dataset.of(frame, target="priority"))
    coverage = by(Calibration(level=0.6).measure(strange), "classification_coverage_score")[""]
    assert coverage.value < 0.75
    assert "by the formula" in " ".join(Calibration(level=0.6).measure(strange).notes)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_the_formula_gives_the_sets_that_mapie_gives(level):
    for subject in (subjects.subject(500), subjects.messy_subject(300), regression()):
        theirs, ours = conformal_sets(subject, level), conformal_sets(subject, level, mapie=False)
        assert (theirs.made_by, ours.made_by) == ("MAPIE", "the formula")
        assert (theirs.covered == ours.covered).all()
        assert theirs.size.tolist() == pytest.approx(ours.size.tolist())


def test_conformal_sets_keep_their_level_and_the_group_they_fail_is_found():
    good = by(Calibration(shortfall=0.03).measure(scored(8000)), "classification_coverage_score")
    assert good[""].value == pytest.approx(0.9, abs=0.02)
    assert good[""].outcome is Outcome.PASS
    finding = Calibration(shortfall=0.02).measure(scored(8000, push=6.0, only="b"))
    found = by(finding, "classification_coverage_score")
    assert found["g=b"].outcome is Outcome.FAIL
    assert found["g=a"].outcome is Outcome.PASS
    assert by(finding, "classification_coverage_score_difference")["g"].low > 0


def regression(n: int = 2000) -> Subject:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=n), "g": rng.choice(["a", "b"], n)})
    frame["y"] = 2 * frame["x"] + rng.normal(size=n) * np.where(frame["g"] == "b", 3.0, 1.0)
    data = Dataset.of(frame, target="y", sensitive=["g"], task="regression")
    return Subject(predictor_of(LinearRegression().fit(frame[["x"]], frame["y"]), data=data), data)


def test_conformal_intervals_of_a_regression_miss_the_noisier_group():
    before = _global_state()
    finding = Calibration(shortfall=0.02).measure(regression())
    assert _global_state() == before
    found = by(finding, "regression_coverage_score")
    assert found[""].outcome is not Outcome.FAIL
    assert found["g=a"].outcome is Outcome.PASS
    assert found["g=b"].outcome is Outcome.FAIL
    assert by(finding, "regression_mean_width_score")[""].value > 0
    assert finding.libraries == ("numpy", "mapie")


def test_it_needs_probabilities_or_enough_numbers():
    subject = subjects.subject(50)
    labels = predictor_of(lambda f: np.where(f["age"] > 40, "yes", "no"), data=subject.data)
    assert "no probabilities" in Calibration().applies(replace(subject, predictor=labels))
    assert "at least 20" in Calibration().applies(regression(10))


def test_scores_that_are_no_probabilities_are_inconclusive():
    subject = subjects.subject(100)

    class Margin:
        classes_ = np.array(["no", "yes"])

        def predict(self, frame):
            return np.where(frame["age"] > 40, "yes", "no")

        def predict_proba(self, frame):
            return np.column_stack([-frame["age"], frame["age"]]).astype(float)

    finding = Calibration().measure(Subject(predictor_of(Margin(), data=subject.data), subject.data))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "no probabilities" in finding.notes[0]


def test_a_model_that_always_says_the_same_has_no_slope_and_is_calibrated_in_the_large():
    subject = scored(2000)
    share = float(subject.data.y.mean())
    data = replace(subject.data, frame=subject.data.frame.assign(s=share))
    finding = Calibration(at_most=0.05).measure(Subject(predictor_of(None, data=data), data))
    assert by(finding, ECE)[""].outcome is Outcome.PASS
    assert by(finding, "calibration_slope")[""].value is None
    assert by(finding, "calibration_in_the_large")[""].value == pytest.approx(0, abs=1e-12)


def test_on_compas_black_and_white_defendants_are_calibrated_alike_in_the_large(compas):
    """Flores, Bechtel and Lowenkamp, 2016: the score foretells alike for both; read as a share it does not."""
    frame = compas[compas["race"].isin(["African-American", "Caucasian"])]
    rates = frame.groupby("decile_score")["two_year_recid"].mean()
    frame = frame.assign(s=frame["decile_score"].map(rates), p=(frame["decile_score"] > 4) + 0)
    data = Dataset.of(
        frame[["race", "s", "p", "two_year_recid"]],
        target="two_year_recid",
        sensitive=["race"],
        prediction="p",
        score="s",
    )
    subject = Subject(predictor_of(None, data=data), data)
    finding = Calibration(at_most=0.05).measure(subject)
    assert by(finding, ECE)[""].value == 0  # the scores are the shares of these rows
    assert by(finding, ECE)[""].high > 0
    white, black = (by(finding, ECE)[f"race={race}"] for race in ("Caucasian", "African-American"))
    assert max(white.value, black.value) < 0.05
    raw = replace(data, frame=data.frame.assign(s=compas.loc[frame.index, "decile_score"] / 10))
    found = Calibration().measure(Subject(predictor_of(None, data=raw), raw))
    assert (
        by(found, "calibration_slope")[""].high < 1
    )  # a decile is a rank, and too extreme for a probability


def test_pictures_are_small_and_say_what_they_show():
    finding = Calibration().measure(scored(20_000, push=2.0))
    assert [f.title for f in finding.figures] == ["Reliability", "Calibration in the large by g"]
    assert all(len(str(f.spec)) < 6000 and f.description for f in finding.figures)
