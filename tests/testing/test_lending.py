from __future__ import annotations

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from workbench.datasets import Dataset
from workbench.testing.lending import DRIFT_YEAR, FEATURES, SENSITIVE, TARGET, lending, versions


@pytest.fixture(scope="module")
def story():
    return versions()


def scores(trained, frame):
    return trained.model.predict_proba(frame[list(FEATURES)])[:, 1]


def test_the_data_says_that_it_is_generated_and_is_the_same_for_the_same_seed():
    frame = lending(100, seed=3)
    assert "generated" in frame.attrs["source"]
    pd.testing.assert_frame_equal(frame, lending(100, seed=3))
    assert not frame.equals(lending(100, seed=4))


def test_it_is_a_dataset_with_a_signal_and_with_groups_that_differ():
    data = Dataset.of(lending(5000), target=TARGET, sensitive=SENSITIVE)
    assert set(data.features) == {*FEATURES, *SENSITIVE}
    assert data.positive == 1
    rates = data.frame.groupby("group")[TARGET].mean()
    assert rates["circle"] < rates["square"] < rates["triangle"] - 0.05


def test_later_years_drift_in_income_and_purpose():
    before, after = lending(5000), lending(5000, year=DRIFT_YEAR)
    assert after["income"].median() / before["income"].median() == pytest.approx(1.25, rel=0.05)
    assert (after["purpose"] == "car").mean() > 0.45 > 0.25 > (before["purpose"] == "car").mean()
    assert after["age"].mean() == pytest.approx(before["age"].mean(), rel=0.03)


def test_every_version_looks_fine_on_its_authors_own_test_data(story):
    for trained in story:
        assert roc_auc_score(trained.test[TARGET], scores(trained, trained.test)) > 0.73


def test_from_the_third_version_on_production_rows_are_misjudged(story):
    production = lending(3000, seed=99, year=2024)
    flagged = [trained.model.predict(production[list(FEATURES)]).mean() for trained in story]
    assert min(flagged[:2]) > 0.15
    assert max(flagged[2:]) < 0.05
    assert roc_auc_score(production[TARGET], scores(story[1], production)) > 0.75
