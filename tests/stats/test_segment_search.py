from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats.segment_search import Feature, Rows, search


def runs(bins):
    """Every run of neighbouring bins but the whole."""
    place = np.arange(bins)
    return np.array(
        [(place >= i) & (place < j) for i in range(bins) for j in range(i + 1, bins + 1) if j - i < bins]
    )


def noise(n=4000, features=6, bins=4, seed=0):
    rng = np.random.default_rng(seed)
    columns = [Feature(rng.integers(0, bins, n), runs(bins)) for _ in range(features)]
    return Rows(columns, (rng.random(n) < 0.15).astype(float))


def planted(depth, n=8000, seed=0):
    rows = noise(n, seed=seed)
    inside = np.ones(n, dtype=bool)
    for feature in rows.features[:depth]:
        inside &= feature.codes < 2
    loss = rows.loss.copy()
    loss[inside] = np.random.default_rng(seed).random(inside.sum()) < 0.35
    return Rows(rows.features, loss), inside


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_single_terms_and_pairs_are_all_looked_at(seed):
    """The best of one and of two terms by brute force is what the search ranks first."""
    rows = noise(300, features=3, seed=seed)
    every = [((f, t),) for f in range(3) for t in range(len(rows.features[f].terms))]
    every += [(a[0], b[0]) for a, b in combinations(every, 2) if a[0][0] < b[0][0]]
    price = 2 * np.log(sum(len(feature.terms) for feature in rows.features))

    def surplus(segment):
        inside = rows.members(segment)
        n, total = np.array(inside.sum()), np.array(rows.loss[inside].sum())
        z = float(rows.z(n, total, 20))
        return z * abs(z) - price * len(segment)

    best = max(map(surplus, every))
    found = search(rows, depth=2, support=20)
    assert found[0].surplus == pytest.approx(best)


def test_z_is_the_difference_of_means_in_standard_errors():
    rows = noise(500)
    inside = rows.members(((0, 0),))
    z = float(rows.z(np.array(inside.sum()), np.array(rows.loss[inside].sum()), 1))
    difference = rows.loss[inside].mean() - rows.loss[~inside].mean()
    error = rows.loss.std() * (1 / inside.sum() + 1 / (~inside).sum()) ** 0.5
    assert z == pytest.approx(difference / error)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_planted_segment_of_up_to_three_terms_comes_first(depth):
    rows, inside = planted(depth)
    found = rows.members(search(rows)[0].segment)
    assert (found & inside).sum() / (found | inside).sum() > 0.9


def test_segments_that_are_returned_hold_different_rows():
    rows, _ = planted(2)
    found = [rows.members(one.segment) for one in search(rows)]
    taken = np.zeros(len(rows.loss), dtype=bool)
    for members in found:
        assert (members & ~taken).sum() >= 0.5 * members.sum()
        taken |= members


def test_support_is_kept_on_both_sides():
    rows, _ = planted(3)
    for one in search(rows, support=500, most=50):
        assert 500 <= rows.members(one.segment).sum() <= len(rows.loss) - 500


def test_nothing_to_tell_apart_is_nothing_found():
    rows = noise(200)
    assert search(Rows(rows.features, np.zeros(200))) == []
    assert search(Rows([], rows.loss)) == []
    assert search(rows, support=150) == []
