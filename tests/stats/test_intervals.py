import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from workbench.stats import intervals


@st.composite
def trials(draw):
    n = draw(st.integers(1, 5000))
    return draw(st.integers(0, n)), n


@given(trials(), st.sampled_from([0.8, 0.95, 0.999]))
def test_wilson_and_clopper_pearson_equal_scipys(drawn, confidence):
    k, n = drawn
    theirs = stats.binomtest(k, n)
    for ours, method in ((intervals.wilson, "wilson"), (intervals.clopper_pearson, "exact")):
        interval = theirs.proportion_ci(confidence, method=method)
        assert ours(k, n, confidence) == pytest.approx((interval.low, interval.high), abs=1e-9)


@given(trials())
def test_an_interval_holds_the_estimate_and_is_never_empty(drawn):
    k, n = drawn
    for interval in (intervals.wilson, intervals.clopper_pearson):
        low, high = interval(k, n)
        assert 0 <= low <= k / n <= high <= 1
        assert low < high


@pytest.mark.parametrize("interval", [intervals.wilson, intervals.clopper_pearson])
def test_arrays_give_what_numbers_give(interval):
    k, n = np.array([0, 3, 7, 7, 0]), np.array([5, 10, 7, 9, 0])
    low, high = interval(k, n)
    assert list(zip(low, high, strict=True)) == [interval(int(a), int(b)) for a, b in zip(k, n, strict=True)]
    assert (low[-1], high[-1]) == (0.0, 1.0)


def test_a_mean_has_the_interval_of_the_central_limit_theorem():
    values = np.random.default_rng(0).exponential(size=400)
    mean, low, high = intervals.mean_interval(values, 0.9)
    assert (low, high) == pytest.approx(
        stats.norm.interval(0.9, loc=mean, scale=stats.sem(values)), abs=1e-12
    )
    assert intervals.mean_interval(values[:1])[1:] == (-np.inf, np.inf)


def test_a_difference_that_can_be_detected_is_detected_as_often_as_promised():
    n1, n2, rate = 300, 900, 0.3
    difference = intervals.detectable_difference(n1, n2, rate=rate)
    rng = np.random.default_rng(0)
    one = rng.binomial(n1, rate + difference / 2, 4000) / n1
    two = rng.binomial(n2, rate - difference / 2, 4000) / n2
    error = np.sqrt(one * (1 - one) / n1 + two * (1 - two) / n2)
    assert (np.abs(one - two) > 1.96 * error).mean() == pytest.approx(0.8, abs=0.03)


def test_a_group_of_nobody_can_show_no_difference():
    assert intervals.detectable_difference(0, 100) == 1.0
    assert intervals.detectable_difference(1, 1) == 1.0
