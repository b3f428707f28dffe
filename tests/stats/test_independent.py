import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep

from workbench.stats import independent


@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_the_difference_of_two_rates_is_statsmodels_newcombe(n1, n2, data):
    k1, k2 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n2))
    value, low, high = independent.rate_difference(k1, n1, k2, n2)
    theirs = confint_proportions_2indep(k1, n1, k2, n2, method="newcomb", compare="diff")
    assert (low, high) == pytest.approx(theirs, abs=1e-9)
    assert -1 <= low <= value <= high <= 1
    assert low < high


def test_a_difference_covers_the_truth_as_often_as_promised():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        _, low, high = independent.rate_difference(rng.binomial(60, 0.9), 60, rng.binomial(90, 0.7), 90)
        inside += low <= 0.2 <= high
    assert inside / 2000 == pytest.approx(0.95, abs=0.02)


def test_the_mean_of_one_figure_is_that_figure_and_of_many_is_surer():
    one = independent.mean(np.array([0.3]), np.array([0.1]), np.array([0.6]))
    assert one == pytest.approx((0.3, 0.1, 0.6))
    _, low, high = independent.mean(np.full(4, 0.3), np.full(4, 0.1), np.full(4, 0.6))
    assert (low, high) == pytest.approx((0.2, 0.45))
