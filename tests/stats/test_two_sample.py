import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from workbench.stats.two_sample import (
    cross_fitted_confidence,
    density_ratio,
    effective_size,
    folds,
    ranks_within,
    roc_auc_drop,
    weighted_mean,
)


@given(st.integers(2, 40), st.integers(2, 40), st.integers(2, 5))
def test_every_fold_has_its_share_of_both_samples(n, m, k):
    second = np.repeat([False, True], [n, m])
    fold = folds(second, k, np.random.default_rng(0))
    for side in (second, ~second):
        sizes = np.bincount(fold[side], minlength=k)
        assert sizes.sum() == side.sum()
        assert sizes.max() - sizes.min() <= 1


def test_ranks_of_one_fold_keep_the_order_and_so_the_area():
    rng = np.random.default_rng(0)
    scores, second = rng.integers(0, 20, 200) / 20, rng.random(200) < 0.5
    ranks = ranks_within(scores, np.zeros(200, dtype=int))
    assert roc_auc_score(second, ranks) == pytest.approx(roc_auc_score(second, scores))
    assert (ranks > 0).all()
    assert (ranks < 1).all()
    assert ranks.mean() == pytest.approx(0.5)


def test_the_scale_of_a_folds_classifier_does_not_matter():
    rng = np.random.default_rng(0)
    fold = np.arange(100) % 2
    scores = rng.random(100)
    stretched = np.where(fold == 1, 3 + scores / 10, scores)
    assert ranks_within(stretched, fold) == pytest.approx(ranks_within(scores, fold))


def test_a_drop_is_the_difference_of_two_areas_and_its_interval_that_of_a_bootstrap():
    rng = np.random.default_rng(0)
    second = np.arange(400) % 2 == 0
    scores = second + rng.normal(size=400)
    others = second + rng.normal(0, 2, 400)
    drop, low, high = roc_auc_drop(scores, others, second)
    assert drop == pytest.approx(roc_auc_score(second, scores) - roc_auc_score(second, others))
    drawn = []
    for _ in range(300):
        rows = rng.integers(0, 400, 400)
        one, other = (roc_auc_score(second[rows], s[rows]) for s in (scores, others))
        drawn.append(one - other)
    assert (high - low) / 3.92 == pytest.approx(np.std(drawn), rel=0.15)
    assert roc_auc_drop(scores, scores, second) == (0.0, 0.0, 0.0)


def test_weights_are_the_odds_and_make_one_sample_look_like_the_other():
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, 50_000)
    chance = 1 / (1 + np.exp(-(x - 0.5)))  # of standard normals against ones of mean 1
    weights = density_ratio(chance)
    assert weights.mean() == pytest.approx(1)
    mean, low, high = weighted_mean(x, weights)
    assert low < 1 < high
    assert mean == pytest.approx(1, abs=0.03)
    assert effective_size(weights) < 50_000 * 0.6
    assert effective_size(np.ones(30)) == 30


def test_no_row_decides_alone():
    assert density_ratio(np.array([0.5, 0.5, 1.0])).max() == pytest.approx(3 * 50 / 52)
    assert np.isfinite(density_ratio(np.array([0.0, 1.0]))).all()


def test_the_weighted_mean_of_equal_weights_is_the_mean():
    values = np.random.default_rng(0).normal(size=500)
    mean, low, high = weighted_mean(values, np.full(500, 0.2))
    assert mean == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 500**0.5, rel=1e-3)


def test_cross_fitting_asks_for_a_wider_interval():
    assert 0.95 < cross_fitted_confidence(0.95, 10) < cross_fitted_confidence(0.95, 3) < 1
