"""Seeded releases, looked at again and again: how often a good candidate is stopped, how soon a bad one."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from statistics import median

import numpy as np
import pytest

from workbench.core.values import Outcome
from workbench.releases.analysis import Observations
from workbench.releases.controller import step
from workbench.releases.records import Status
from workbench.releases.state import State
from workbench.releases.tallies import CanaryTally, ShadowTally, plus
from workbench.stats.sequential import log_e_ratios
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
    ends = [simulate(LONG, seed, bad=0.02, champion_bad=0.02, every=400)[0] for seed in range(100)]
    aborted = sum(release.status is Status.ABORTED for release in ends)
    assert aborted / len(ends) <= LONG.alpha
    assert all(release.status.final for release in ends)


def test_a_candidate_at_the_limit_of_disagreement_is_rarely_aborted_for_it():
    at_limit = plan(stages=[SHADOW | {"min_requests": 3000, "require": []}, CHAMPION])
    ends = [
        simulate(at_limit, seed, bad=0.0, champion_bad=0.0, differ=0.2, every=150)[0] for seed in range(100)
    ]
    aborted = sum(release.status is Status.ABORTED for release in ends)
    assert aborted / len(ends) <= at_limit.alpha / 2


def test_a_candidate_that_fails_ten_times_as_often_is_always_aborted_and_soon():
    ends = [simulate(CANARY_ONLY, seed, bad=0.05, champion_bad=0.005, every=25) for seed in range(30)]
    aborted = sum(release.status is Status.ABORTED for release, _ in ends)
    until = median(asked for _, asked in ends)
    assert aborted == 30
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


TENFOLD = plan(
    alpha=0.01,
    metrics={"errors": {"margin": 2.0}},
    stages=[TENTH | {"min_requests": 100_000}, CHAMPION],
)


def stop_of(seed: int, *, ratio: float) -> tuple[CanaryTally, CanaryTally]:
    """Counts of a canary when it must stop, looked at after every request, and one failure before."""
    rng = np.random.default_rng(seed)
    mine = rng.random(40_000) < 0.1
    bad = rng.random(40_000) < np.where(mine, 0.01 * ratio, 0.01)
    at = np.flatnonzero(bad)
    c, s = np.cumsum(bad & mine), np.cumsum(bad & ~mine)
    hit = int(np.argmax(log_e_ratios(c[at, None], s[at, None], np.array([0.1])) >= math.log(100)))
    assert hit, "it is found within 4,000 requests to the candidate"

    def counts(n: int) -> CanaryTally:
        return CanaryTally(int(mine[: n + 1].sum()), int(c[n]), int((~mine[: n + 1]).sum()), int(s[n]))

    return counts(at[hit]), counts(at[hit] - 1)


def test_three_times_the_risk_is_found_in_a_median_within_a_tenth_of_451_requests():
    stops = [stop_of(seed, ratio=3.0) for seed in range(1000)]
    assert median(stop.candidate_n for stop, _ in stops) == pytest.approx(451, rel=0.1)
    for stop, before in stops[:10]:
        state = opened(TENFOLD)
        assert step(state, Observations(tallies=(before,)), START).state.release.status is Status.RUNNING
        assert step(state, Observations(tallies=(stop,)), START).state.release.status is Status.ABORTED


def test_a_shadow_only_plan_promotes_on_pairs_alone_and_not_at_the_limit():
    shadow_only = plan(
        metrics={"errors": {}, "disagreement": {"at_most": 0.2}},
        stages=[SHADOW | {"min_requests": 100}, CHAMPION],
    )
    good = [simulate(shadow_only, seed, bad=0.01, champion_bad=0.01, differ=0.08)[0] for seed in range(15)]
    assert {release.status for release in good} == {Status.PROMOTED}
    assert all("disagreement proved below the limit of 20 %" in release.reason for release in good)
    promoted = 0
    for seed in range(50):
        rng, state, tally = np.random.default_rng(seed), opened(shadow_only), ShadowTally()
        for _ in range(10):
            tally = plus(tally, ShadowTally(200, 0, 200, 0, int(rng.binomial(200, 0.2))))
            state = look(state, Observations(tallies=(tally,), permission=verdict()))
            if state.release.status.final:
                break
        promoted += state.release.status is Status.PROMOTED
    assert promoted / 50 <= shadow_only.alpha


def test_without_traffic_nothing_is_ever_promoted():
    for of in (LONG, CANARY_ONLY):
        empty = ShadowTally() if of.steps[0].kind == "shadow" else CanaryTally()
        state = opened(of)
        for minute in range(1, 120):
            seen = Observations(tallies=(empty,), permission=verdict())
            state = step(state, seen, START + timedelta(minutes=minute)).state
            assert state.release.status in (Status.RUNNING, Status.ABORTED)
            assert all(v.outcome is Outcome.INCONCLUSIVE for v in state.release.verdicts)
        assert state.release.status is Status.ABORTED
        assert state.release.reason.startswith("Deadline")


def test_a_router_that_gives_more_than_its_coin_promised_is_called_a_mismatch_and_an_honest_one_is_not():
    def ends(seed: int, given: float) -> str:
        rng, state, tally = np.random.default_rng(seed), opened(TENFOLD), CanaryTally()
        for _ in range(20):
            n = int(rng.binomial(1000, given))
            bad, other = int(rng.binomial(n, 0.01)), int(rng.binomial(1000 - n, 0.01))
            tally = plus(tally, CanaryTally(n, bad, 1000 - n, other))
            state = look(state, Observations(tallies=(tally,), permission=verdict()))
            if state.release.status.final:
                return state.release.reason
        return ""

    sabotaged = [ends(seed, 0.12) for seed in range(10)]
    assert all(reason.startswith("Sample-ratio mismatch") for reason in sabotaged)
    assert all("the coin promised 10 %" in reason for reason in sabotaged)
    assert not any(ends(seed, 0.10).startswith("Sample-ratio") for seed in range(10))
