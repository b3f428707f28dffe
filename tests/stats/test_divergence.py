import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial import distance

from workbench.stats import divergence

ALL = [divergence.psi, divergence.jensenshannon, divergence.ks, divergence.wasserstein]
some_counts = st.lists(st.integers(0, 400), min_size=4, max_size=4).filter(any).map(np.array)


@pytest.mark.parametrize("effect", ALL)
@given(one=some_counts, other=some_counts)
def test_a_distance_is_zero_to_itself_and_never_below(effect, one, other):
    assert effect(one, one) == pytest.approx(0.0, abs=1e-7)
    assert effect(one, other) >= 0


@given(some_counts, some_counts)
def test_jensenshannon_equals_scipys(one, other):
    assert divergence.jensenshannon(one, other) == pytest.approx(distance.jensenshannon(one, other), abs=1e-7)


@given(some_counts, some_counts)
def test_psi_is_the_sum_of_both_relative_entropies_of_counts_with_half_a_row_added(one, other):
    p, q = one + 0.5, other + 0.5
    assert divergence.psi(one, other) == pytest.approx(stats.entropy(p, q) + stats.entropy(q, p))


def test_ks_and_wasserstein_equal_scipys_where_bins_are_values():
    rng = np.random.default_rng(0)
    before, now = rng.integers(0, 12, 500), rng.integers(2, 12, 300)
    one, other = np.bincount(before, minlength=12), np.bincount(now, minlength=12)
    assert divergence.ks(one, other) == pytest.approx(stats.ks_2samp(before, now).statistic)
    assert divergence.wasserstein(one, other) == pytest.approx(
        stats.wasserstein_distance(before, now) / before.std()
    )
    positions = np.arange(12) * 10.0 + 3
    assert divergence.wasserstein(one, other, positions) == pytest.approx(divergence.wasserstein(one, other))


def test_a_constant_reference_is_infinitely_far_from_another_value():
    assert divergence.wasserstein(np.array([5, 0]), np.array([5, 0])) == 0
    assert divergence.wasserstein(np.array([5, 0]), np.array([4, 1])) == np.inf


@pytest.mark.parametrize("effect", ALL)
@pytest.mark.parametrize("tilt", [0.0, 0.2, 0.4])
def test_the_interval_covers_what_the_samples_were_drawn_from(effect, tilt):
    p = np.full(10, 0.1)
    q = p * np.exp(tilt * np.linspace(-1.5, 1.5, 10))
    q /= q.sum()
    truth = float(effect(p * 1e9, q * 1e9))
    rng, covered = np.random.default_rng(0), 0
    for seed in range(100):
        drawn = rng.multinomial(400, p), rng.multinomial(400, q)
        value, low, high = divergence.interval(effect, *drawn, replicates=300, seed=seed)
        assert low <= value <= high
        covered += low <= truth + 1e-12 and truth <= high
    assert covered >= 88  # 95 in the mean, three standard errors less


def test_few_rows_of_one_distribution_do_not_look_like_drift():
    rng, p = np.random.default_rng(0), np.full(10, 0.1)
    intervals = [
        divergence.interval(divergence.psi, rng.multinomial(100, p), rng.multinomial(100, p), replicates=300)
        for _ in range(50)
    ]
    assert np.mean([value > 0.1 for value, _, _ in intervals]) > 0.5  # the bare number says drift
    assert max(low for _, low, _ in intervals) == 0.0  # the interval does not


def test_the_same_seed_gives_the_same_interval():
    one, other = np.array([30, 40, 50]), np.array([20, 40, 60])
    first, again, another = (divergence.interval(divergence.psi, one, other, seed=s) for s in (1, 1, 2))
    assert first == again != another


def test_an_empty_side_says_nothing():
    value, low, high = divergence.interval(divergence.psi, np.array([3, 4]), np.array([0, 0]))
    assert np.isnan(value)
    assert (low, high) == (0.0, np.inf)
