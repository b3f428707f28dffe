from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats.shapley import Walks, kendall_tau, top_overlap, weighted_importance


def brute_force(f, row, background):
    """Shapley values by definition: the mean over all orders of what each column adds."""
    d = len(row)
    found = np.zeros(d)
    orders = list(permutations(range(d)))
    for z in background:
        for order in orders:
            point = z.copy()
            for j in order:
                before = f(point[None])[0]
                point[j] = row[j]
                found[j] += f(point[None])[0] - before
    return found / (len(orders) * len(background))


def crooked(X):
    return X[:, 0] * X[:, 1] * X[:, 2] + np.sin(X[:, 3]) * X[:, 0] + X[:, 2] ** 2


def walked(f, row, background, walks):
    taken = walks.taken[0]
    values = f(np.where(taken, row, background[:, None, None]).reshape(-1, len(row)))
    return walks.contributions(values.reshape(1, *taken.shape[:-1]))[0].mean(axis=0)


def test_walks_over_every_order_are_the_shapley_values_by_definition():
    rng = np.random.default_rng(0)
    row, z = rng.normal(size=4), rng.normal(size=4)
    orders = np.array(list(permutations(range(4))))
    found = walked(crooked, row, np.tile(z, (24, 1)), Walks(orders[None]))
    assert found == pytest.approx(brute_force(crooked, row, z[None]), abs=1e-12)


def test_one_walk_and_back_is_exact_where_columns_act_in_pairs():
    rng = np.random.default_rng(1)
    row, background = rng.normal(size=4), rng.normal(size=(3, 4))

    def pairs(X):
        return X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] - X[:, 0] * X[:, 3] + X[:, 1] ** 3

    found = walked(pairs, row, background, Walks.drawn(1, 3, 4, rng))
    assert found == pytest.approx(brute_force(pairs, row, background), abs=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_contributions_always_add_up_to_the_difference_of_the_outputs(seed, d):
    rng = np.random.default_rng(seed)
    row, background = rng.normal(size=d), rng.normal(size=(3, d))

    def f(X):
        return np.prod(X, axis=1) + X[:, 0] ** 2

    found = walked(f, row, background, Walks.drawn(1, 3, d, rng))
    assert found.sum() == pytest.approx(f(row[None])[0] - f(background).mean(), abs=1e-9)


def test_rankings_agree_with_scipy_and_a_ranking_of_nothing_is_not_a_number():
    from scipy.stats import kendalltau

    rng = np.random.default_rng(2)
    a, b = rng.normal(size=12), rng.normal(size=12)
    assert kendall_tau(a, b) == pytest.approx(kendalltau(a, b).statistic)
    assert np.isnan(kendall_tau(np.ones(3), a[:3]))
    assert np.isnan(kendall_tau(a[:1], b[:1]))
    assert kendall_tau(a[:2], a[:2]) == 1
    assert kendall_tau(a[:2], -a[:2]) == -1
    assert top_overlap(np.array([3.0, 2, 1]), np.array([1.0, 3, 2]), 2) == 0.5
    assert top_overlap(np.array([3.0, 2]), np.array([1.0, 3]), 9) == 1.0


def test_weighting_parts_of_the_background_is_what_it_says():
    rng = np.random.default_rng(3)
    values, rows, blocks = rng.normal(size=(2, 5, 3)), np.full((1, 5), 0.2), np.array([[0.25, 0.75]])
    by_hand = np.abs(0.25 * values[0] + 0.75 * values[1]).mean(axis=0)
    assert weighted_importance(values, rows, blocks)[0] == pytest.approx(by_hand)
    assert weighted_importance(values[:1], rows, np.ones((1, 1)))[0] == pytest.approx(
        np.abs(values[0]).mean(axis=0)
    )
