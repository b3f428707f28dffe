import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from workbench.stats import calibration
from workbench.stats.intervals import largest_difference, pair_confidence, wilson


def drawn(n, truth, seed=0):
    """Scores between 0 and 1, and outcomes with the chance that ``truth`` gives each."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(1.5, 1.5, n)
    return scores, rng.random(n) < truth(scores)


def too_sure(scores):
    return 1 / (1 + np.exp(-0.4 * np.log(scores / (1 - scores))))


def test_the_plug_in_value_is_the_sum_written_out():
    scores, happened = drawn(3000, too_sure)
    bins = calibration.equal_mass_bins(scores, happened, 10)
    order = np.argsort(scores)
    parts = np.array_split(order, 10)
    by_hand = sum(len(i) / 3000 * abs(happened[i].mean() - scores[i].mean()) for i in parts)
    assert calibration.calibration_error(bins).plug_in == pytest.approx(by_hand, abs=1e-3)
    assert bins.n.sum() == 3000


def test_equal_scores_share_a_bin_and_few_rows_make_few_bins():
    deciles = np.repeat(np.arange(1, 11) / 10, 100)
    bins = calibration.equal_mass_bins(deciles, np.zeros(1000, dtype=bool), 15)
    assert bins.said.tolist() == pytest.approx((np.arange(1, 11) / 10).tolist())
    assert len(calibration.equal_mass_bins(deciles[:39], np.zeros(39, dtype=bool)).n) == 1
    assert calibration.equal_mass_bins(np.array([0.3]), np.array([True])).n.tolist() == [1]


@pytest.mark.parametrize("truth", [lambda p: p, too_sure, lambda p: np.where(p > 0.9, 0.7, p)])
def test_the_interval_covers_the_calibration_error_the_rows_were_drawn_from(truth):
    covered = 0
    for seed in range(60):
        scores, happened = drawn(1000, truth, seed)
        found = calibration.calibration_error(
            calibration.equal_mass_bins(scores, happened), replicates=300, seed=seed
        )
        expected = calibration.equal_mass_bins(scores, truth(scores))
        covered += found.low - 1e-12 <= expected.n @ np.abs(expected.gaps) / 1000 <= found.high
    assert covered >= 51  # 95 % of 60 is 57; 51 or fewer has a chance of 1 in 100 at 0.92


def test_a_perfect_model_has_a_plug_in_at_the_floor_and_a_value_near_zero():
    found = [
        calibration.calibration_error(calibration.equal_mass_bins(*drawn(2000, lambda p: p, seed)))
        for seed in range(20)
    ]
    assert np.mean([f.plug_in for f in found]) == pytest.approx(found[0].floor, rel=0.1)
    assert np.mean([f.value for f in found]) < 0.4 * found[0].floor
    assert sum(f.low == 0 for f in found) >= 17


def test_rows_that_fit_better_than_perfect_calibration_would_are_not_called_perfect():
    scores = np.repeat([0.25, 0.5, 0.75], 400)
    happened = np.tile(np.arange(400), 3) < np.repeat([100, 200, 300], 400)
    found = calibration.calibration_error(calibration.equal_mass_bins(scores, happened))
    assert (found.plug_in, found.value, found.low) == (0, 0, 0)
    assert found.high >= found.floor > 0


def test_the_slope_is_that_of_an_unpenalised_logistic_regression():
    scores, happened = drawn(4000, too_sure)
    logit = np.log(scores / (1 - scores))[:, None]
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(logit, happened)
    ours = calibration.calibration_slope(scores, happened)
    assert ours.slope == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    assert ours.low < 0.4 < ours.high < 1

    def loss(a):
        p = 1 / (1 + np.exp(-(logit[:, 0] + a)))
        return -np.where(happened, np.log(p), np.log(1 - p)).sum()

    assert ours.intercept == pytest.approx(minimize(lambda a: loss(a[0]), [0.0]).x[0], abs=1e-4)


def test_the_interval_of_the_slope_keeps_its_level():
    covered = 0
    for seed in range(100):
        found = calibration.calibration_slope(*drawn(300, too_sure, seed))
        covered += found.low <= 0.4 <= found.high
    assert covered >= 88


@pytest.mark.parametrize(
    ("scores", "happened"),
    [([0.5] * 4, [0, 1, 0, 1]), ([0.1, 0.9], [1, 1]), ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]), ([0.3], [1])],
)
def test_there_is_no_slope_where_none_is_finite(scores, happened):
    assert calibration.calibration_slope(np.array(scores), np.array(happened, dtype=bool)) is None


def test_scores_of_0_and_1_have_a_slope_too():
    scores = np.tile([0.0, 1.0, 0.5], 100)
    happened = np.random.default_rng(0).random(300) < np.clip(scores, 0.1, 0.9)
    found = calibration.calibration_slope(scores, happened)
    assert 0 < found.low < found.slope < 0.5


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.floats(0.05, 0.99))
def test_the_conformal_quantile_is_an_order_statistic(values, level):
    bound = calibration.conformal_quantile(np.array(values), level)
    n = len(values)
    if np.isinf(bound):
        assert np.ceil((n + 1) * level - 1e-9) > n
    else:
        assert np.count_nonzero(np.array(values) <= bound) >= (n + 1) * level - 1e-9


def test_fresh_rows_keep_the_conformal_bound_as_often_as_the_level_says():
    rng = np.random.default_rng(0)
    kept = [
        (rng.normal(size=50) <= calibration.conformal_quantile(rng.normal(size=99), 0.9)).mean()
        for _ in range(400)
    ]
    assert np.mean(kept) == pytest.approx(0.9, abs=0.01)


def test_the_largest_difference_covers_and_equal_groups_are_not_found_different():
    rng = np.random.default_rng(0)
    n, alarms, covered = np.full(8, 200), 0, 0
    for _ in range(300):
        for p in (np.full(8, 0.3), np.linspace(0.2, 0.5, 8)):
            k = rng.binomial(n, p)
            value, low, high = largest_difference(k / n, *wilson(k, n, pair_confidence(8)))
            assert low <= value <= high
            alarms += low > 0 and np.ptp(p) == 0
            covered += low <= np.ptp(p) <= high
    assert alarms <= 15
    assert covered >= 570


def test_the_largest_difference_of_one_group_is_nothing():
    value, low, high = largest_difference(np.array([0.3]), np.array([0.2]), np.array([0.4]))
    assert (value, low, high) == (0, 0, 0)
