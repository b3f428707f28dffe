"""Performance estimated without labels: on data made to keep or to break its assumption, and on NannyML's."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Finding, Subject
from workbench.audits.drift import Drift
from workbench.audits.records import Measurement
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of
from workbench.testing import subjects


def scored(rows: int, *, shift: float = 0.0, slope: float = 1.5, seed: int = 0) -> pd.DataFrame:
    """One feature, and scores that are calibrated when ``slope`` is 1.5, whatever the shift of the feature."""
    rng = np.random.default_rng(seed)
    x = rng.normal(shift, 1, rows)
    score = 1 / (1 + np.exp(-1.5 * x))
    y = rng.random(rows) < 1 / (1 + np.exp(-slope * x))
    return pd.DataFrame({"x": x, "y": y.astype(int), "p": (score > 0.5).astype(int), "score": score})


def audited(before: pd.DataFrame, now: pd.DataFrame, **roles: str) -> tuple[Finding, dict[str, Measurement]]:
    roles = {"target": "y", "prediction": "p", "score": "score"} | roles
    data, reference = (Dataset.of(f, **roles, positive=1) for f in (now, before))
    finding = Drift(joint_rows=3000).measure(Subject(predictor_of(None, data=data), data, reference))
    return finding, {m.metric: m for m in finding.measurements if not m.slice}


def test_under_covariate_shift_calibrated_scores_foretell_accuracy_and_area():
    _, found = audited(scored(6000), scored(6000, shift=1.5, seed=1))
    assert found["cbpe_accuracy_score_change"].low > 0.05  # it goes better than on the reference
    for metric in ("accuracy_score", "roc_auc_score"):
        error = found[f"cbpe_{metric}_error"]
        assert error.low < 0 < error.high
        assert error.value == pytest.approx(
            found[f"cbpe_{metric}"].value - found[f"realised_{metric}"].value, abs=1e-12
        )
    assert found["weighted_accuracy_score_error"].low < 0 < found["weighted_accuracy_score_error"].high
    assert "calibrated" in found["cbpe_accuracy_score"].note
    assert "as before" in found["weighted_accuracy_score"].note


def test_when_the_truth_changed_the_estimates_are_shown_to_be_wrong():
    finding, found = audited(scored(4000), scored(4000, slope=0.2, seed=1))
    assert found["cbpe_accuracy_score_error"].low > 0.1
    assert found["cbpe_roc_auc_score_error"].low > 0.1
    assert found["weighted_accuracy_score_error"].low > 0.1
    assert sum("do not trust it" in note for note in finding.notes) == 3


def test_the_intervals_of_an_error_hold_zero_as_often_as_they_say():
    held = {"cbpe_accuracy_score_error": [], "cbpe_roc_auc_score_error": []}
    for seed in range(40):
        frame = scored(600, seed=seed)
        data = Dataset.of(frame, target="y", prediction="p", score="score", positive=1)
        subject = Subject(predictor_of(None, data=data), data, data)
        from workbench.audits.parts.drift.performance import estimate

        for m in estimate(subject, None)[0]:
            if m.metric in held and not m.slice:
                held[m.metric].append(m.low <= 0 <= m.high)
    assert {metric: np.mean(hits) >= 0.85 for metric, hits in held.items()} == dict.fromkeys(held, True)


def test_on_employment_in_massachusetts_the_estimate_holds_for_years(shared_data):
    folder = shared_data / "nannyml_employment_ma"
    before = pd.read_parquet(folder / "employment_MA_reference.parquet")
    now = pd.read_parquet(folder / "employment_MA_analysis.parquet")
    now = now.merge(pd.read_parquet(folder / "employment_MA_analysis_target.parquet"), on="id")
    roles = {"target": "employed", "prediction": "prediction", "score": "predicted_probability"}
    columns = ["AGEP", "SCHL", "MAR", "SEX", *roles.values()]
    _finding, found = audited(before[columns], now[columns], **roles)
    realised = (now["prediction"] == now["employed"]).mean()
    assert found["realised_accuracy_score"].value == pytest.approx(realised)
    assert abs(found["cbpe_accuracy_score_error"].value) < 0.005
    assert abs(found["cbpe_roc_auc_score_error"].value) < 0.005
    assert found["drifted_columns_share"].value == 0


def test_on_california_housing_the_estimate_fails_and_says_so(shared_data):
    folder = shared_data / "nannyml_california_housing"
    before = pd.read_csv(folder / "california_housing_reference.csv")
    now = pd.read_csv(folder / "california_housing_analysis.csv")
    now = now.merge(pd.read_csv(folder / "california_housing_analysis_gt.csv"), on="id")
    roles = {"target": "clf_target", "prediction": "y_pred", "score": "y_pred_proba"}
    columns = ["MedInc", "HouseAge", "AveRooms", "Latitude", "Longitude", *roles.values()]
    finding, found = audited(before[columns], now[columns], **roles)
    error = found["cbpe_accuracy_score_error"]
    assert error.low > 0.05
    assert any(n.startswith("cbpe_accuracy_score was off") and "do not trust" in n for n in finding.notes)
    [on_reference] = [
        m for m in finding.measurements if (m.metric, m.slice) == ("cbpe_accuracy_score_error", "reference")
    ]
    assert on_reference.low > 0.03  # the probabilities were not calibrated to begin with
    assert found["domain_classifier_roc_auc"].low > 0.9  # the file is in the order of geography


def test_a_regression_is_estimated_by_weighting_its_reference():
    rng = np.random.default_rng(0)
    frames = []
    for shift in (0.0, 1.0):
        x = rng.normal(shift, 1, 5000)  # the further up, the noisier
        frames.append(pd.DataFrame({"x": x, "y": 2 * x + rng.normal(0, 1, 5000) * np.exp(x / 2)}))
    data, reference = (Dataset.of(f, target="y", task="regression") for f in reversed(frames))
    model = predictor_of(lambda f: 2 * f["x"], data=data)
    finding = Drift(joint_rows=4000).measure(Subject(model, data, reference))
    found = {m.metric: m for m in finding.measurements if not m.slice}
    before = np.abs(reference.y - 2 * reference.frame["x"]).mean()
    realised = found["realised_mean_absolute_error"].value
    weighted = found["weighted_mean_absolute_error"]
    assert abs(weighted.value - realised) < abs(before - realised) / 3
    assert "cbpe_accuracy_score" not in found


def test_three_classes_are_estimated_by_the_probability_of_the_answer():
    finding = Drift().measure(subjects.messy_subject(600))
    found = {m.metric: m for m in finding.measurements if not m.slice}
    assert 0 < found["cbpe_accuracy_score"].value < 1
    assert "cbpe_roc_auc_score" not in found


def test_a_reference_without_answers_still_leaves_what_the_data_says():
    now = scored(500)
    _finding, found = audited(scored(500, seed=1), now)
    assert "weighted_accuracy_score" in found
    data = Dataset.of(now, target="y", prediction="p", score="score", positive=1)
    bare = Dataset.of(scored(500, seed=1)[["x", "y"]], target="y", positive=1)
    subject = Subject(predictor_of(None, data=data), data, bare)
    told = {m.metric for m in Drift().measure(subject).measurements}
    assert {"cbpe_accuracy_score", "realised_accuracy_score"} <= told
    assert not {"weighted_accuracy_score", "cbpe_accuracy_score_change"} & told


def test_a_model_that_raises_costs_the_estimate_only():
    subject = subjects.subject(300)

    def broken(_: pd.DataFrame) -> np.ndarray:
        raise RuntimeError("a person's name")

    finding = Drift().measure(replace(subject, predictor=predictor_of(broken, data=subject.data)))
    assert any("raised RuntimeError" in note for note in finding.notes)
    assert not any("person" in note for note in finding.notes)
    assert any(m.metric == "psi" for m in finding.measurements)


def test_only_estimates_are_said_to_be_off_from_what_the_labels_say():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=600)})
    frame["y"] = frame.x + rng.normal(size=600)
    frame["p"] = frame.x
    reference, data = (
        Dataset.of(half, target="y", prediction="p", task="regression") for half in (frame[:300], frame[300:])
    )
    notes = Drift().measure(Subject(predictor_of(None, data=data), data, reference)).notes
    told = [note for note in notes if " was off by " in note]
    assert [note.split()[0] for note in told] == ["weighted_mean_absolute_error"]
