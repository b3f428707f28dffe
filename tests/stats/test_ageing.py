import numpy as np
import pytest

from workbench.stats.ageing import age_slope, mean_over_windows, older_less_fresh


def losses(k=8, per_age=0.0, noise=0.1, seed=0):
    """Loss of the version of window i on window j: how hard the window is, its age, and chance."""
    rng = np.random.default_rng(seed)
    i, j = np.indices((k, k))
    found = rng.normal(size=k)[None, :] + per_age * (j - i) + noise * rng.normal(size=(k, k))
    return np.where(j > i, found, np.nan)


def test_the_slope_is_that_of_a_regression_with_a_level_for_every_window():
    found, k = losses(7, 0.3), 7
    ages, levels, y = [], [], []
    for j in range(1, k):
        for i in range(j):
            ages.append(j - i)
            levels.append(np.eye(k)[j])
            y.append(found[i, j])
    coefficients = np.linalg.lstsq(np.column_stack([ages, levels]), np.array(y), rcond=None)[0]
    assert age_slope(found)[0] == pytest.approx(coefficients[0])


def test_hard_windows_do_not_look_like_age():
    exact = losses(per_age=0.2, noise=0.0)
    value, low, high = age_slope(exact)
    assert value == pytest.approx(0.2)
    assert (low, high) == pytest.approx((0.2, 0.2))
    assert older_less_fresh(exact) == pytest.approx(0.2 * (np.arange(2, 8) / 2))


def test_versions_that_do_not_age_are_seldom_said_to():
    """Chance of an interval without 0 is 5 % each; three standard errors of 300 are 4 % more."""
    alarms = np.zeros(2)
    for seed in range(300):
        found = losses(seed=seed)
        for i, (_, low, high) in enumerate((age_slope(found), mean_over_windows(older_less_fresh(found)))):
            alarms[i] += not low <= 0 <= high
    assert (alarms / 300 <= 0.09).all(), alarms


def test_fewer_than_three_windows_have_no_interval():
    assert mean_over_windows(np.array([1.0, 2.0])) == (1.5, None, None)
    assert age_slope(losses(4))[1:] == (None, None)
    assert age_slope(losses(3))[1:] == (None, None)
