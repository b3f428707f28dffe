import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, wasserstein_distance
from sklearn.metrics import roc_auc_score

from workbench.stats import counts, group_scores


@st.composite
def scored(draw):
    """Group, truth and score of a few rows, with ties; both groups and both truths are there."""
    n = draw(st.integers(6, 60))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    code, y = rng.integers(0, 3, n), rng.integers(0, 2, n)
    code[:3], y[:2] = [0, 1, 2], [0, 1]
    return code, y.astype(bool), np.round(rng.random(n), draw(st.integers(1, 6)))


def ks(one, other):
    """Greatest gap of the two distribution functions; scipy's also wants a p-value, and warns for one row."""
    at = np.concatenate([one, other])
    return max(abs((one <= x).mean() - (other <= x).mean()) for x in at)


def exact(code, scores):
    values, rank = np.unique(scores, return_inverse=True)
    return group_scores.gaps(values, rank, code, 3)


@given(scored())
@settings(max_examples=60, deadline=None)
def test_distances_from_the_others_are_those_of_the_two_samples(drawn):
    code, _, scores = drawn
    found = exact(code, scores)
    for group in range(3):
        own, others = scores[code == group], scores[code != group]
        assert found.ks[group] == pytest.approx(ks(own, others), abs=1e-12)
        assert found.wasserstein[group] == pytest.approx(wasserstein_distance(own, others), abs=1e-12)


@given(scored())
@settings(max_examples=60, deadline=None)
def test_the_widest_gap_is_the_greatest_ks_distance_of_any_two_groups(drawn):
    code, _, scores = drawn
    pairs = [(0, 1), (0, 2), (1, 2)]
    found = exact(code, scores)
    widest = max(ks(scores[code == i], scores[code == j]) for i, j in pairs)
    assert found.widest == pytest.approx(widest, abs=1e-12)
    distances = [wasserstein_distance(scores[code == i], scores[code == j]) for i, j in pairs]
    assert found.mean >= max(distances) - 1e-12


def test_the_mean_gap_of_two_groups_is_the_mean_parity_difference_over_thresholds():
    rng = np.random.default_rng(0)
    code, scores = np.arange(400) % 2, rng.random(400) ** (1 + np.arange(400) % 2)
    values, rank = np.unique(scores, return_inverse=True)
    found = group_scores.gaps(values, rank, code, 2)
    thresholds = np.linspace(0, 1, 4001)
    reached = [(scores[code == g][:, None] >= thresholds).mean(axis=0) for g in (0, 1)]
    assert found.mean == pytest.approx(np.abs(reached[0] - reached[1]).mean(), abs=1e-3)
    assert found.mean == pytest.approx(wasserstein_distance(scores[code == 0], scores[code == 1]), abs=1e-12)


@given(scored())
@settings(max_examples=60, deadline=None)
def test_few_distinct_scores_lose_nothing_in_the_table(drawn):
    code, y, scores = drawn
    bins = group_scores.bins_of(scores)
    table = group_scores.table_of(code, y, bins, 3)
    areas = group_scores.roc_auc(table)
    large = group_scores.calibration_in_the_large(table, bins.mean)
    for group in range(3):
        rows = code == group
        assert large[group] == pytest.approx((scores[rows] - y[rows]).mean(), abs=1e-12)
        if 0 < y[rows].sum() < rows.sum():
            assert areas[group] == pytest.approx(roc_auc_score(y[rows], scores[rows]), abs=1e-12)
        else:
            assert np.isnan(areas[group])
    reach = group_scores.range_of(group_scores.cumulative(table))
    found = exact(code, scores)
    assert group_scores.widest_and_mean(reach, bins.mean) == pytest.approx(
        (found.widest, found.mean), abs=1e-12
    )


def test_many_distinct_scores_are_put_in_bins_of_equally_many():
    scores = np.random.default_rng(0).normal(size=5000)
    bins = group_scores.bins_of(scores)
    rows = np.bincount(bins.place)
    assert len(rows) == 256
    assert rows.max() <= 21
    assert (np.diff(bins.least) > 0).all()
    assert (scores >= bins.least[bins.place]).all()


def test_a_redrawn_table_varies_as_resampled_rows_do():
    rng = np.random.default_rng(3)
    n = 800
    code = rng.integers(0, 2, n)
    scores = rng.random(n)
    y = rng.random(n) < np.where(code == 0, scores, 0.5 * scores + 0.25)
    table = group_scores.table_of(code, y, group_scores.bins_of(scores), 2)
    [drawn] = group_scores.redrawn(table, np.eye(2, dtype=bool), 400, seed=0)
    ours = np.ptp(group_scores.roc_auc(drawn), axis=1)
    theirs = []
    for _ in range(400):
        rows = rng.integers(0, n, n)
        areas = [roc_auc_score(y[rows][code[rows] == g], scores[rows][code[rows] == g]) for g in (0, 1)]
        theirs.append(np.ptp(areas))
    # The standard error of a standard deviation of 400 draws is 1/√800 of it: four of them, for either side.
    assert ours.std() == pytest.approx(np.std(theirs), rel=4 * np.sqrt(2 / 800))
    assert ours.mean() == pytest.approx(np.mean(theirs), abs=4 * ours.std() * np.sqrt(2 / 400))


def test_draws_in_parts_have_the_rows_and_the_slices_of_the_table(monkeypatch):
    monkeypatch.setattr(group_scores, "_AT_ONCE", 1)
    table = np.random.default_rng(0).integers(0, 5, (3, 2, 4))
    members = np.array([[1, 1, 1], [1, 0, 0]], dtype=bool)
    drawn = np.concatenate(list(group_scores.redrawn(table, members, 5, seed=1)))
    assert drawn.shape == (5, 2, 2, 4)
    assert (drawn[:, 0].sum(axis=(1, 2)) == table.sum()).all()


def test_the_interval_of_a_distance_reaches_to_zero_when_there_is_none():
    missed = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        code, scores = rng.integers(0, 4, 600), rng.random(600)
        bins = group_scores.bins_of(scores)
        table = group_scores.table_of(code, np.zeros(600, dtype=bool), bins, 4)
        [drawn] = group_scores.redrawn(table, np.eye(4, dtype=bool), 100, seed=seed)
        widest = [group_scores.range_of(group_scores.cumulative(of)).max(axis=-1) for of in (table, drawn)]
        low, high = group_scores.distance_interval(*widest, 0.95)
        assert low <= widest[0] <= high
        missed += low > 0
    assert missed <= 5


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=2, max_size=5))
@settings(max_examples=60, deadline=None)
def test_homogeneity_is_pearsons_test(groups):
    n = np.array([a + b for a, b in groups])
    k = np.array([a for a, _ in groups])
    expected = 1.0 if k.sum() == n.sum() else chi2_contingency([k, n - k], correction=False).pvalue
    assert counts.homogeneity(k, n) == pytest.approx(expected, abs=1e-12)


def test_one_group_or_one_outcome_gives_nothing_to_compare():
    assert counts.homogeneity(np.array([3]), np.array([9])) == 1.0
    assert counts.homogeneity(np.array([0, 0]), np.array([9, 5])) == 1.0
    assert counts.homogeneity(np.array([2, 0]), np.array([9, 0])) == 1.0


def test_each_label_against_the_rest_keeps_every_row():
    table = np.random.default_rng(0).integers(0, 9, (4, 3, 3))
    split = counts.one_against_rest(table)
    assert split.shape == (3, 4, 2, 2)
    assert (split.sum(axis=(-2, -1)) == table.sum(axis=(-2, -1))).all()
    assert (split[1, :, 1, 1] == table[:, 1, 1]).all()
    assert (split[2, :, 0, 1] == table[:, :2, 2].sum(axis=1)).all()
    assert (split[0, :, 1, 0] == table[:, 0, 1:].sum(axis=1)).all()


def test_rows_counted_in_parts_are_all_counted(monkeypatch):
    rng = np.random.default_rng(0)
    cell, y, p = rng.integers(0, 5, 1000), rng.random(1000) < 0.5, rng.random(1000) < 0.5
    whole = counts.count_table(cell, y, p, 5)
    monkeypatch.setattr(counts, "_ROWS_AT_ONCE", 7)
    assert (counts.count_table(cell.astype(np.uint8), y, p, 5) == whole).all()
    assert whole[2, 1, 0] == ((cell == 2) & y & ~p).sum()
