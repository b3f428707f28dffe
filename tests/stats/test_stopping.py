"""How long a test takes: the simulated stops are those of one that looks after every request."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.stats.sequential import log_e_ratio, log_e_ratios
from workbench.stats.stopping import boundary, until_objective, until_order, until_settled


@pytest.mark.parametrize(("ratio", "published"), [(2, 1363), (3, 451), (5, 162)])
def test_harm_shows_after_about_as_many_requests_as_published(ratio, published):
    found = until_settled(ratio * 0.01, 0.01, 0.1, alpha=0.01, runs=4000)
    assert found.median == pytest.approx(published, rel=0.1)


def test_no_worse_than_twice_takes_about_the_thousands_that_are_published():
    found = until_settled(0.01, 0.01, 0.5, alpha=0.05, log_ratio=math.log(2), sign=-1)
    assert np.median(found.units) == pytest.approx(4700, rel=0.1)
    assert np.median(found.units) == pytest.approx(2 * found.median, rel=0.02)


@pytest.mark.parametrize(("sign", "log_ratio"), [(+1, 0.0), (-1, math.log(2))])
def test_on_the_boundary_the_evidence_suffices_and_one_step_beyond_it_does_not(sign, log_ratio):
    counts = (20, 60, 200, 90_000)
    edge = boundary(counts, 0.1, 0.05, log_ratio, sign)
    threshold = math.log(20)
    for events, rest in zip(counts, edge, strict=True):
        assert log_e_ratio(events, rest, 0.1, log_ratio, sign) >= threshold
        assert log_e_ratio(events, rest + sign, 0.1, log_ratio, sign) < threshold


def test_a_walk_stops_where_one_that_looks_after_every_request_stops():
    rng, stops = np.random.default_rng(0), []
    for _ in range(400):
        mine = rng.random(6000) < 0.2
        bad = rng.random(6000) < np.where(mine, 0.1, 0.02)
        at = np.flatnonzero(bad)
        c, s = np.cumsum(bad & mine)[at, None], np.cumsum(bad & ~mine)[at, None]
        hit = at[np.argmax(log_e_ratios(c, s, [0.2]) >= math.log(20))]
        stops.append(mine[: hit + 1].sum())
    walked = until_settled(0.1, 0.02, 0.2, alpha=0.05, runs=4000)
    assert walked.median == pytest.approx(np.median(stops), rel=0.08)
    for quantile in (0.25, 0.75):
        assert np.quantile(walked.candidate, quantile) == pytest.approx(
            np.quantile(stops, quantile), rel=0.12
        )


@pytest.mark.parametrize(("margin", "published"), [(1.1, 124_000), (1.05, 513_000)])
def test_a_proof_that_takes_thousands_of_events_is_simulated_to_its_end(margin, published):
    found = until_settled(0.02, 0.02, 0.5, alpha=0.025, log_ratio=math.log(margin), sign=-1, runs=1000)
    assert np.isfinite(found.candidate).all()
    assert found.median == pytest.approx(published, rel=0.07)


def test_a_slower_arm_shows_after_as_many_requests_as_when_each_is_timed():
    rng, units, stops = np.random.default_rng(0), 3000, []
    theirs = np.exp(0.3 * rng.standard_normal(5000))
    limits = np.quantile(theirs, (0.5, 0.75, 0.9, 0.95, 0.99))
    looks = np.unique(np.geomspace(20, units, 250).astype(int))
    for _ in range(300):
        mine = rng.random(units) < 0.1
        took = rng.choice(theirs, units) * np.where(mine, 1.2, 1.0)
        over = took[:, None] > limits
        c, s = (np.cumsum(over & of[:, None], axis=0)[looks - 1] for of in (mine, ~mine))
        kernels = log_e_ratios(c.reshape(-1, 1), s.reshape(-1, 1), [0.1]).reshape(c.shape)
        hit = np.argmax(np.logaddexp.reduce(kernels, axis=1) - math.log(5) >= math.log(40))
        stops.append(0.1 * looks[hit])
    over = [(ratio * theirs[:, None] > limits).mean(axis=0) for ratio in (1.2, 1.0)]
    assert until_order(*over, 0.1, alpha=0.025) == pytest.approx(np.median(stops), rel=0.1)
    assert until_order(over[1], over[1], 0.1, alpha=0.025) == math.inf


def test_a_candidate_as_good_as_the_champion_is_rarely_stopped():
    found = until_settled(0.01, 0.01, 0.1, alpha=0.05, runs=2000)
    assert np.isfinite(found.candidate).mean() <= 0.05
    assert found.median == math.inf


def test_an_objective_is_settled_sooner_the_farther_the_rate_is_from_it():
    harm = [until_objective(rate, 0.01, alpha=0.05).median for rate in (0.02, 0.03, 0.05)]
    proof = [until_objective(rate, 0.01, alpha=0.05, sign=-1).median for rate in (0.005, 0.002, 0.0)]
    assert harm == sorted(harm, reverse=True)
    assert proof == sorted(proof, reverse=True)
    assert all(map(math.isfinite, [*harm, *proof]))


def test_with_no_events_nothing_is_ever_settled_between_two_arms():
    assert until_settled(0.0, 0.0, 0.1, alpha=0.05).median == math.inf


def test_what_always_fails_is_found_after_a_handful():
    assert until_settled(1.0, 0.0, 0.5, alpha=0.05).median < 10
    assert until_settled(1.0, 1.0, 0.5, alpha=0.05).median == math.inf


def test_a_rate_beyond_one_is_refused():
    with pytest.raises(ValueError, match="candidate_rate"):
        until_settled(1.2, 0.01, 0.1, alpha=0.05)
