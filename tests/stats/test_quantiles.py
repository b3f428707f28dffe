import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from workbench.stats.quantiles import quantile


def chance(n: int, q: float) -> tuple[float, float]:
    """Chances that the true quantile lies below the low end, and above the high end."""
    _, low, high = quantile(np.arange(1.0, n + 1), q)
    below = stats.binom.cdf(low - 1, n, q) if np.isfinite(low) else 0.0
    above = stats.binom.sf(high - 1, n, q) if np.isfinite(high) else 0.0
    return below, above


@given(st.integers(1, 500), st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99]))
def test_neither_end_misses_more_often_than_half_of_the_rest(n: int, q: float):
    assert max(chance(n, q)) <= 0.025 + 1e-12


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.sampled_from([0.5, 0.95, 0.99]))
def test_the_value_is_one_of_the_values_and_lies_in_its_interval(values: list[float], q: float):
    value, low, high = quantile(np.array(values), q)
    assert value in values
    assert low <= value <= high
    assert value == np.quantile(values, q, method="inverted_cdf")


def test_the_median_of_a_small_sample_has_the_tabulated_ends():
    # the sign test's table: with 10 values the second smallest to the second largest hold 97.9 %
    assert quantile(np.arange(1.0, 11), 0.5)[1:] == (2, 9)
    # agrees with scipy's own
    found = stats.quantile_test(np.arange(1.0, 101), p=0.5).confidence_interval(0.95)
    assert quantile(np.arange(1.0, 101), 0.5)[1:] == (found.low, found.high)


def test_too_few_values_have_no_end():
    assert quantile(np.arange(367.0), 0.99)[2] == np.inf
    assert quantile(np.arange(368.0), 0.99)[2] == 367
    assert quantile(np.array([3.0]), 0.5) == (3.0, -np.inf, np.inf)


def test_a_longer_tail_does_not_move_the_median():
    drawn = np.random.default_rng(0).exponential(size=(400, 101))
    held = [low <= np.log(2) <= high for _, low, high in (quantile(row, 0.5) for row in drawn)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.03)
