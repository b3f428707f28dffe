"""Seeded releases, looked at again and again: how often a good candidate is stopped, how soon a bad one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from statistics import median

import numpy as np

from workbench.releases.analysis import Observations
from workbench.releases.controller import step
from workbench.releases.records import Status
from workbench.releases.state import State
from workbench.releases.tallies import CanaryTally, ShadowTally, plus
from workbench.testing.clock import START
from workbench.testing.releases import PLAN, opened, plan, verdict

SHADOW, TENTH, HALF, CHAMPION = PLAN["stages"]
LONG = plan(
    stages=[
        SHADOW | {"min_requests": 400},
        TENTH | {"min_requests": 300},
        HALF | {"min_requests": 1000},
        CHAMPION,
    ]
)
CANARY_ONLY = plan(stages=[TENTH | {"min_requests": 2000}, CHAMPION], metrics={"errors": {"margin": 2.0}})


def simulate(of, seed: int, *, bad: float, champion_bad: float, differ: float = 0.1, every: int = 100):
    """Walk one release, looking after every so many requests. Returns it and the requests its candidate got."""
    rng = np.random.default_rng(seed)
    state, tallies, asked = opened(of), [], 0
    while not state.release.status.final:
        stage = state.release.stage
        share = of.stages[stage].share
        if of.stages[stage].kind == "shadow":
            failed, failed_too = rng.binomial(every, champion_bad), 0
            pairs = every - failed
            failed_too = rng.binomial(pairs, bad)
            new = ShadowTally(every, failed, pairs, failed_too, rng.binomial(pairs - failed_too, differ))
        else:
            n = rng.binomial(every, share)
            new = CanaryTally(n, rng.binomial(n, bad), every - n, rng.binomial(every - n, champion_bad))
        asked += new.exposure
        tallies = [*tallies[:stage], plus(tallies[stage], new) if stage < len(tallies) else new]
        state = look(state, Observations(tallies=tuple(tallies), permission=verdict()))
    return state.release, asked


def look(state: State, seen: Observations) -> State:
    following = step(state, seen, START + timedelta(minutes=1)).state
    return replace(following, release=following.release.model_copy(update={"stage_since": START}))


def test_a_candidate_as_good_as_the_champion_is_rarely_aborted_however_often_one_looks():
    ends = [simulate(LONG, seed, bad=0.02, champion_bad=0.02, every=400)[0] for seed in range(300)]
    aborted = sum(release.status is Status.ABORTED for release in ends)
    assert aborted / len(ends) <= LONG.alpha
    assert all(release.status.final for release in ends)


def test_a_candidate_at_the_limit_of_disagreement_is_rarely_aborted_for_it():
    at_limit = plan(stages=[SHADOW | {"min_requests": 3000, "require": []}, CHAMPION])
    ends = [
        simulate(at_limit, seed, bad=0.0, champion_bad=0.0, differ=0.2, every=150)[0] for seed in range(200)
    ]
    aborted = sum(release.status is Status.ABORTED for release in ends)
    assert aborted / len(ends) <= at_limit.alpha / 2


def test_a_candidate_that_fails_ten_times_as_often_is_always_aborted_and_soon():
    ends = [simulate(CANARY_ONLY, seed, bad=0.05, champion_bad=0.005, every=25) for seed in range(60)]
    aborted = sum(release.status is Status.ABORTED for release, _ in ends)
    until = median(asked for _, asked in ends)
    assert aborted == 60
    assert until < 200


def test_shadow_finds_the_same_candidate_before_it_answers_anybody():
    ends = [simulate(LONG, seed, bad=0.05, champion_bad=0.005)[0] for seed in range(100)]
    in_shadow = sum(release.status is Status.ABORTED and release.stage == 0 for release in ends)
    assert in_shadow >= 95


def test_failures_that_come_in_bursts_for_both_blame_nobody():
    rng = np.random.default_rng(7)
    aborted = 0
    for _ in range(60):
        state, tallies = opened(CANARY_ONLY), CanaryTally()
        while not state.release.status.final:
            rate = 0.5 if rng.random() < 0.1 else 0.005  # an outage, now and then
            n = rng.binomial(500, 0.1)
            tallies = plus(
                tallies, CanaryTally(n, rng.binomial(n, rate), 500 - n, rng.binomial(500 - n, rate))
            )
            state = look(state, Observations(tallies=(tallies,), permission=verdict()))
        aborted += state.release.status is Status.ABORTED
    assert aborted <= 3
