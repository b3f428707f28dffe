import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats import label_noise


def made(n: int, moves: np.ndarray, *, seed: int = 0, sharp: float = 4.0):
    """Chances of the true class, what they become with labels gone wrong, true classes and labels."""
    rng = np.random.default_rng(seed)
    k = len(moves)
    q = np.exp(sharp * rng.normal(size=(n, k)))
    q /= q.sum(axis=1, keepdims=True)
    true = (q.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    labels = (moves[true].cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return q @ moves, true, labels


@pytest.mark.parametrize("moves", [[[0.95, 0.05], [0.1, 0.9]], [[0.9, 0.1, 0], [0, 1, 0], [0.05, 0.1, 0.85]]])
def test_anchors_show_how_labels_go_wrong(moves):
    moves = np.array(moves, dtype=float)
    p, true, labels = made(40_000, moves)
    chosen = label_noise.anchors(p, np.bincount(labels))
    found = label_noise.transitions(labels, chosen, len(moves))
    assert found == pytest.approx(moves, abs=0.02)
    assert label_noise.trend(labels, chosen) < 3
    wrong = label_noise.chance_wrong(p, labels, moves)
    flagged = wrong >= 0.5
    assert (true != labels)[flagged].mean() == pytest.approx(wrong[flagged].mean(), abs=0.03)
    assert wrong.mean() == pytest.approx((true != labels).mean(), abs=0.005)


def test_classes_that_overlap_everywhere_are_told_from_wrong_labels():
    p, _, labels = made(20_000, np.eye(2), sharp=0.5)
    chosen = label_noise.anchors(p, np.bincount(labels))
    assert label_noise.trend(labels, chosen) > 3


def test_confident_learning_counts_what_the_paper_counts():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9], [0.55, 0.45]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    # thresholds: (.9+.6+.2)/3 = .567 for 0, (.7+.9+.45)/3 = .683 for 1; the last row is sure of neither
    assert label_noise.confident_joint(p, labels).tolist() == [[2, 1], [0, 2]]
    joint = label_noise.confident_joint(p, labels)
    value, low, high = label_noise.confident_share(joint, np.array([3, 3]))
    assert value == pytest.approx(1 / 6)
    assert low < value < high


@given(st.integers(2, 5), st.integers(20, 200), st.floats(0.01, 0.5))
def test_flipped_labels_are_other_labels_and_as_many_as_asked(k, n, share):
    labels = np.random.default_rng(1).integers(0, k, n)
    turned, where = label_noise.flip(labels, k, share, np.random.default_rng(0))
    assert len(where) == max(1, round(share * n))
    assert (np.flatnonzero(turned != labels) == where).all()
    assert turned.min() >= 0
    assert turned.max() < k


def test_what_cannot_be_inverted_is_not_known():
    p = np.full((4, 2), 0.5)
    assert np.isnan(label_noise.chance_wrong(p, np.array([0, 1, 0, 1]), np.full((2, 2), 0.5))).all()
