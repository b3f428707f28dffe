import numpy as np
import pytest
import sklearn.metrics as skm

from workbench.stats import ranking
from workbench.stats.auc import one_vs_rest, placements, roc_auc_difference


def scored(n=400, seed=0, shift=1.0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    common = rng.normal(size=n)
    return y, np.round(common + shift * y, 2), np.round(common + rng.normal(size=n) * 0.7 + 0.5 * y, 2)


def test_placements_are_shares_of_the_other_class_counted_pair_by_pair():
    y, s, _ = scored(60)
    expected = [
        np.mean((s[~y] < s[i]) + 0.5 * (s[~y] == s[i]))
        if y[i]
        else np.mean((s[y] > s[i]) + 0.5 * (s[y] == s[i]))
        for i in range(60)
    ]
    assert placements(s, y) == pytest.approx(expected)


def delong(first, second, y):
    """The covariance matrix of DeLong, DeLong and Clarke-Pearson by the pairs themselves."""
    of_positive, of_negative = [], []
    for s in (first, second):
        pairs = (s[y][:, None] > s[~y]) + 0.5 * (s[y][:, None] == s[~y])
        of_positive.append(pairs.mean(axis=1))
        of_negative.append(pairs.mean(axis=0))
    covariance = np.cov(of_positive) / y.sum() + np.cov(of_negative) / (~y).sum()
    return covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]


def test_the_difference_of_two_areas_has_delongs_paired_interval():
    y, first, second = scored()
    value, low, high = roc_auc_difference(first, second, y)
    assert value == pytest.approx(skm.roc_auc_score(y, first) - skm.roc_auc_score(y, second), abs=1e-12)
    assert (high - low) / 2 / 1.959964 == pytest.approx(delong(first, second, y) ** 0.5, rel=1e-6)


def test_it_is_narrower_than_that_of_two_separate_samples():
    y, first, second = scored()
    _, low, high = roc_auc_difference(first, second, y)
    single = [ranking.roc_auc(ranking.score_table(s, y)[1]) for s in (first, second)]
    apart = sum(((h - lo) / 2) ** 2 for _, lo, h in single) ** 0.5
    assert (high - low) / 2 < 0.9 * apart


def test_a_model_does_not_differ_from_itself_and_two_perfect_ones_leave_doubt():
    y, first, _ = scored(40)
    assert roc_auc_difference(first, first, y) == (0.0, 0.0, 0.0)
    value, low, high = roc_auc_difference(y + 0.0, y + 0.1 * first / np.abs(first).max(), y)
    assert value == 0
    assert low < -0.05 < 0.05 < high


def test_a_constant_score_has_an_area_of_a_half_without_doubt():
    y, first, _ = scored()
    single = np.array(ranking.roc_auc(ranking.score_table(first, y)[1]))
    assert roc_auc_difference(first, np.zeros(len(y)), y) == pytest.approx(single - 0.5)


def several(n=500, seed=0, k=4):
    rng = np.random.default_rng(seed)
    code = rng.choice(k, n, p=np.array([8, 4, 2, 1][:k]) / 15)
    raw = rng.normal(size=(n, k))
    raw[np.arange(n), code] += 1.2
    return code, np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_means_over_classes_are_scikit_learns(average):
    code, p = several()
    value, low, high = one_vs_rest(p, code, average)
    assert value == pytest.approx(skm.roc_auc_score(code, p, multi_class="ovr", average=average), abs=1e-12)
    assert low < value < high


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_their_error_is_that_of_a_bootstrap(average):
    code, p = several(600)
    rng = np.random.default_rng(1)
    drawn = [one_vs_rest(p[i], code[i], average)[0] for i in (rng.integers(0, 600, 600) for _ in range(400))]
    _, low, high = one_vs_rest(p, code, average)
    assert (high - low) / 2 / 1.96 == pytest.approx(np.std(drawn), rel=0.15)


@pytest.mark.parametrize("average", ["macro", "weighted"])
def test_perfect_classes_of_few_rows_leave_doubt(average):
    code = np.array([0, 1, 2] * 5)
    value, low, high = one_vs_rest(np.eye(3)[code], code, average)
    assert (value, high) == (1.0, 1.0)
    assert low < 0.6
