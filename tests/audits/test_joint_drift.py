import numpy as np
import pandas as pd
import pytest

from workbench.audits.base import Subject
from workbench.audits.drift import Drift
from workbench.audits.parts.drift import joint as drift_joint
from workbench.audits.parts.drift.pairs import Pair
from workbench.core.values import Outcome
from workbench.datasets import Dataset
from workbench.models.predictors import predictor_of


def pair_of_columns(rows: int, correlation: float, seed: int) -> pd.DataFrame:
    """Two standard normal columns that go together, four more that do not, a category, and a target."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({f"x{i}": rng.normal(size=rows) for i in range(6)})
    frame["x1"] = correlation * frame["x0"] + (1 - correlation**2) ** 0.5 * frame["x1"]
    frame["kind"] = rng.choice(["a", "b", "c"], rows)
    return frame.assign(y=np.where(frame["x2"] > 0, "yes", "no"))


def audited(before: pd.DataFrame, now: pd.DataFrame, audit: Drift) -> dict:
    data, reference = (Dataset.of(f, target="y", positive="yes") for f in (now, before))
    model = predictor_of(lambda f: np.where(f["x2"] > 0, "yes", "no"), data=data)
    finding = audit.measure(Subject(model, data, reference))
    return {(m.metric, m.slice): m for m in finding.measurements} | {"outcome": finding.outcome}


def pairs(before: pd.DataFrame, now: pd.DataFrame) -> dict[str, Pair]:
    return {c: Pair.of(before[c], now[c]) for c in before.columns if c != "y"}


def test_a_flipped_correlation_is_drift_that_no_single_column_shows():
    found = audited(pair_of_columns(4000, 0.8, 0), pair_of_columns(4000, -0.8, 1), Drift(joint_rows=2000))
    assert found["drifted_columns_share", ""].value == 0
    assert found["drifted_columns_share", ""].outcome is Outcome.PASS
    area = found["domain_classifier_roc_auc", ""]
    assert area.outcome is Outcome.FAIL
    assert area.low > 0.75
    assert found["outcome"] is Outcome.FAIL


def test_the_columns_that_carry_a_joint_drift_are_named():
    before, now = pair_of_columns(2000, 0.8, 0), pair_of_columns(2000, -0.8, 1)
    joint = drift_joint.examine(pairs(before, now), rows=2000, margin=0.6, seed=0)
    first, second, *others = joint.measurements
    assert {first.slice, second.slice} == {"x0", "x1"}
    assert min(first.low, second.low) > 0.2
    assert all(m.value < 0.03 for m in others)


def test_without_drift_the_classifier_finds_none():
    found = audited(pair_of_columns(3000, 0.8, 0), pair_of_columns(3000, 0.8, 1), Drift(joint_rows=2000))
    area = found["domain_classifier_roc_auc", ""]
    assert area.outcome is Outcome.PASS
    assert area.low < 0.5 < area.high
    assert not any(key[0] == "domain_classifier_roc_auc_drop" for key in found)


def test_the_interval_holds_half_where_there_is_nothing_to_find():
    held = []
    for seed in range(25):
        before, now = pair_of_columns(250, 0.8, 2 * seed), pair_of_columns(250, 0.8, 2 * seed + 1)
        m = drift_joint.examine(pairs(before, now), rows=250, margin=0.99, seed=seed).verdict(0.99)
        held.append(m.low <= 0.5 <= m.high)
    assert np.mean(held) >= 0.9


@pytest.mark.parametrize("kind", ["str", "category", "object"])
def test_a_category_and_missing_values_can_carry_it(kind: str):
    before, now = pair_of_columns(1500, 0.0, 0), pair_of_columns(1500, 0.0, 1)
    now["kind"] = np.where(now["x3"] > 0, "a", "b")  # which goes with x3, as it did not before
    before["kind"] = np.random.default_rng(5).permutation(now["kind"])
    before, now = (f.assign(kind=f["kind"].astype(kind)) for f in (before, now))
    joint = drift_joint.examine(pairs(before, now), rows=1500, margin=0.6, seed=0)
    assert joint.verdict(0.6).outcome is Outcome.FAIL
    assert {m.slice for m in joint.measurements[:2]} == {"kind", "x3"}

    gaps = now.assign(x4=now["x4"].mask(now["x5"] > 0), kind=before["kind"])
    even = before.assign(x4=before["x4"].mask(np.random.default_rng(6).random(1500) < 0.5))
    joint = drift_joint.examine(pairs(even, gaps), rows=1500, margin=0.6, seed=0)
    assert {m.slice for m in joint.measurements[:2]} == {"x4", "x5"}


def test_too_few_rows_for_a_classifier_are_inconclusive():
    found = audited(pair_of_columns(2000, 0.8, 0), pair_of_columns(60, -0.8, 1), Drift())
    area = found["domain_classifier_roc_auc", ""]
    assert (area.value, area.outcome) == (None, Outcome.INCONCLUSIVE)
    assert "100 rows" in area.note


def test_a_time_is_not_shown_to_the_classifier():
    before, now = pair_of_columns(800, 0.8, 0), pair_of_columns(800, 0.8, 1)
    before["seen"] = pd.date_range("2025-01-01", periods=800, freq="h")
    now["seen"] = pd.date_range("2026-01-01", periods=800, freq="h")
    found = audited(before, now, Drift())
    assert found["psi", "seen"].outcome is Outcome.FAIL
    assert found["domain_classifier_roc_auc", ""].outcome is not Outcome.FAIL
