import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.stats.norm_balls import distance_to_plane, length, project, steepest

NORMS = pytest.mark.parametrize("norm", ["l2", "linf"])


def box(seed: int, n: int = 40, d: int = 6):
    """Slopes, and boxes around zero with ends that are zero, finite or infinite."""
    rng = np.random.default_rng(seed)
    ends = rng.choice([0.0, 0.1, 1.0, 5.0, np.inf], size=(2, n, d), p=[0.1, 0.2, 0.3, 0.2, 0.2])
    slope = rng.normal(size=(n, d)) * rng.choice([0, 1, 10], size=(n, d), p=[0.1, 0.6, 0.3])
    return slope, -ends[0], ends[1], rng


@NORMS
def test_without_a_box_the_distance_is_the_margin_over_the_dual_norm(norm):
    rng = np.random.default_rng(0)
    slope, margin, free = rng.normal(size=(30, 5)), rng.random(30), np.full((30, 5), np.inf)
    dual = np.linalg.norm(slope, ord=2 if norm == "l2" else 1, axis=1)
    np.testing.assert_allclose(distance_to_plane(margin, slope, -free, free, norm), margin / dual, rtol=1e-12)


@NORMS
def test_the_distance_in_a_box_is_what_an_optimiser_finds(norm):
    from scipy.optimize import linprog, minimize

    slope, low, high, rng = box(3, n=25, d=4)
    low, high = np.maximum(low, -20), np.minimum(high, 20)
    margin = rng.random(25) * 3
    found = distance_to_plane(margin, slope, low, high, norm)
    for i, exact in enumerate(found):
        best = np.where(slope[i] > 0, high[i], low[i])
        if slope[i] @ best < margin[i]:
            assert exact == np.inf
        elif norm == "linf":  # smallest r with |z_j| <= r
            rows = np.vstack([np.c_[np.eye(4), -np.ones(4)], np.c_[-np.eye(4), -np.ones(4)], [*-slope[i], 0]])
            bounds = [*zip(low[i], high[i], strict=True), (0, None)]
            peer = linprog([0] * 4 + [1], rows, [0] * 8 + [-margin[i]], bounds=bounds)
            assert exact == pytest.approx(peer.fun, abs=1e-8)
        else:
            peer = minimize(
                lambda z: z @ z,
                best,
                jac=lambda z: 2 * z,
                bounds=list(zip(low[i], high[i], strict=True)),
                constraints={"type": "ineq", "fun": lambda z, i=i: slope[i] @ z - margin[i]},
                method="SLSQP",
                options={"ftol": 1e-14, "maxiter": 500},
            )
            assert exact == pytest.approx(np.sqrt(peer.fun), abs=1e-4)


@NORMS
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), radius=st.just(0.0) | st.floats(1e-9, 4))
def test_no_random_move_beats_the_steepest_and_it_keeps_to_ball_and_box(norm, seed, radius):
    slope, low, high, rng = box(seed)
    radii = np.full(len(slope), radius)
    best = steepest(slope, radii, low, high, norm)
    assert (length(best, norm) <= radius * (1 + 1e-12)).all()
    assert ((low <= best) & (best <= high)).all()
    tries = rng.normal(size=slope.shape) * radius
    others = project(tries, radii, low, high, norm)
    assert ((slope * others).sum(1) <= (slope * best).sum(1) + 1e-9).all()


@NORMS
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_distance_and_steepest_say_the_same(norm, seed):
    slope, low, high, rng = box(seed)
    margin = rng.random(len(slope))
    found = distance_to_plane(margin, slope, low, high, norm)
    there = np.isfinite(found)
    best = steepest(slope[there], found[there], low[there], high[there], norm)
    np.testing.assert_allclose((slope[there] * best).sum(1), margin[there], rtol=1e-9)


def test_a_projection_is_nearer_than_any_other_move_inside():
    _, low, high, rng = box(5)
    tries, radii = rng.normal(size=low.shape) * 3, np.full(len(low), 1.5)
    near = project(tries, radii, low, high, "l2")
    for _ in range(50):
        other = steepest(rng.normal(size=low.shape), radii * rng.random(), low, high, "l2")
        assert (length(tries - near, "l2") <= length(tries - other, "l2") + 1e-9).all()


@NORMS
def test_nothing_to_gain_is_no_distance_and_no_slope_is_no_reach(norm):
    free = np.full((2, 3), np.inf)
    slope = np.array([[1.0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(distance_to_plane(np.array([0.0, 0.0]), slope, -free, free, norm), [0, 0])
    np.testing.assert_array_equal(
        distance_to_plane(np.array([1.0, 1.0]), slope, -free, free, norm), [1, np.inf]
    )
