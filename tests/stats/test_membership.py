import itertools
import warnings
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats import membership


@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=4, max_size=60))
def test_the_best_threshold_is_the_one_of_the_greatest_advantage(rows):
    scores = np.array([float(score) for score, _ in rows])
    member = np.array([kind for _, kind in rows])
    if member.all() or not member.any() or len(np.unique(scores)) < 2:
        return

    def gain(threshold: float) -> float:
        return (scores > threshold)[member].mean() - (scores > threshold)[~member].mean()

    best = max(gain(threshold) for threshold in np.unique(scores)[:-1])
    assert gain(membership.best_threshold(scores, member)) == pytest.approx(best)


@given(st.lists(st.integers(0, 20), min_size=10, max_size=200), st.sampled_from([0.1, 0.25, 0.5]))
def test_at_most_the_stated_share_of_non_members_is_above_the_threshold(scores, rate):
    scores = np.array(scores, dtype=float)
    threshold = membership.threshold_at(scores, rate)
    assert (scores > threshold).mean() <= rate
    lower = scores[scores < threshold]
    assert not lower.size or (scores > lower.max()).mean() > rate  # and no lower one would do


def by_definition(train, labels, test, test_labels):
    """Shapley values of the nearest neighbour, over all coalitions and all orders of equal distances."""
    n, values = len(train), np.zeros(len(train))
    for row, label in zip(test, test_labels, strict=True):
        far = np.linalg.norm(train - row, axis=1).round(9)
        orders = [o for o in itertools.permutations(range(n)) if (np.diff(far[list(o)]) >= 0).all()]
        for order in orders:
            place = np.argsort(order)

            def worth(some, place=place, label=label):
                return float(labels[min(some, key=place.__getitem__)] == label) if some else 0.0

            for i in range(n):
                for size in range(n):
                    weight = factorial(size) * factorial(n - size - 1) / factorial(n)
                    for some in itertools.combinations([j for j in range(n) if j != i], size):
                        values[i] += weight * (worth((*some, i)) - worth(some)) / len(orders)
    return values * n / len(test)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_shapr_is_the_shapley_value_by_its_definition_also_with_equal_distances(seed):
    rng = np.random.default_rng(seed)
    first = rng.choice([0.1, 0.4, 0.9], 5)
    train, labels = np.column_stack([first, 1 - first]), rng.integers(0, 2, 5)
    other = rng.random(3).round(2)
    test, test_labels = np.column_stack([other, 1 - other]), rng.integers(0, 2, 3)
    found = membership.shapr(train, labels, test, test_labels)
    assert found == pytest.approx(by_definition(train, labels, test, test_labels), abs=1e-9)


def test_shapr_is_the_toolboxs_where_no_distances_are_equal():
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the toolbox warns that there is no torch
        from art.estimators.classification import SklearnClassifier
        from art.metrics import SHAPr
    rng = np.random.default_rng(0)
    X, X_test = rng.normal(size=(60, 3)), rng.normal(size=(40, 3))
    y, y_test = ((rows[:, 0] + 0.5 * rng.normal(size=len(rows)) > 0).astype(int) for rows in (X, X_test))
    model = LogisticRegression().fit(X, y)
    theirs = SHAPr(SklearnClassifier(model), X, y, X_test, y_test)
    ours = membership.shapr(model.predict_proba(X), y, model.predict_proba(X_test), y_test)
    assert ours == pytest.approx(theirs, abs=1e-4)  # it works in 32 bits


def test_shapr_sums_to_the_accuracy_of_the_nearest_neighbour():
    rng = np.random.default_rng(1)
    train, test = rng.random((80, 2)), rng.random((30, 2))
    labels, test_labels = rng.integers(0, 3, 80), rng.integers(0, 3, 30)
    near = np.linalg.norm(test[:, None] - train[None], axis=2).argmin(axis=1)
    accuracy = (labels[near] == test_labels).mean()
    assert membership.shapr(train, labels, test, test_labels).sum() / 80 == pytest.approx(accuracy)
