import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from workbench.stats.label_free import expected_roc_auc, roc_auc_error


def test_the_expected_area_is_that_of_rows_weighted_by_their_chances():
    p = np.random.default_rng(0).random(300).round(2)
    rows, truth = np.r_[p, p], np.repeat([1, 0], 300)
    weighted = roc_auc_score(truth, rows, sample_weight=np.r_[p, 1 - p])
    assert expected_roc_auc(p)[0] == pytest.approx(weighted)


def test_it_is_what_calibrated_labels_give_in_the_mean():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 2, 800)
    areas = [roc_auc_score(rng.random(800) < p, p) for _ in range(300)]
    value, low, high = expected_roc_auc(p)
    assert value == pytest.approx(np.mean(areas), abs=0.003)
    assert np.mean([low <= area <= high for area in areas]) >= 0.93


def test_the_error_is_estimate_less_realised_and_holds_zero_when_calibrated():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(60):
        p = rng.beta(2, 2, 500)
        positive = rng.random(500) < p
        error, low, high = roc_auc_error(p, positive)
        assert error == pytest.approx(expected_roc_auc(p)[0] - roc_auc_score(positive, p))
        held.append(low <= 0 <= high)
    assert np.mean(held) >= 0.88


def test_scores_that_promise_too_much_are_found_out():
    rng = np.random.default_rng(0)
    p = rng.beta(0.3, 0.3, 2000)
    _, low, _ = roc_auc_error(p, rng.random(2000) < 0.5 + (p - 0.5) / 3)
    assert low > 0.1
