import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats import near_duplicates


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_copies_shaken_a_little_are_one_cluster_and_distant_rows_are_not(seed):
    rng = np.random.default_rng(seed)
    rows = rng.permutation(40)[:, None] * 10.0 + rng.random((40, 3))
    copies = rows[[0]] + rng.normal(0, 0.005, (30, 3))
    label = near_duplicates.clusters(np.vstack([rows, copies]), np.ones(3, dtype=bool), rng)
    assert len(set(label[40:]) | {label[0]}) == 1
    assert len(set(label[:40])) == 40


def test_codes_are_compared_exactly_and_missing_is_like_missing():
    table = np.array([[1.0, 0], [1.0, 0], [1.0, 1], [np.nan, 0], [np.nan, 0]])
    label = near_duplicates.clusters(table, np.array([True, False]), np.random.default_rng(0))
    assert label[0] == label[1]
    assert label[3] == label[4]
    assert len(set(label.tolist())) == 3


def test_without_numbers_clusters_are_equal_rows():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 4, (200, 3)).astype(float)
    label = near_duplicates.clusters(table, np.zeros(3, dtype=bool), rng)
    _, expected = np.unique(table, axis=0, return_inverse=True)
    assert len(set(zip(label.tolist(), expected.ravel().tolist(), strict=True))) == len(set(label.tolist()))


def test_the_share_in_big_clusters_has_an_interval_over_clusters():
    sizes = np.r_[np.ones(900, dtype=int), 50, 50]
    value, low, high = near_duplicates.share_above(sizes, 10, np.random.default_rng(0))
    assert value == 0.1
    assert low < 0.06  # two clusters say little of how many there might be
    assert high > 0.14
    assert near_duplicates.share_above(sizes[:900], 10, np.random.default_rng(0)) == (0.0, 0.0, 11 / 900)
