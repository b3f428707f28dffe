from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from workbench.core.values import Outcome
from workbench.releases.analysis import judge
from workbench.releases.controller import step
from workbench.releases.latency import slow_counts
from workbench.releases.records import Status
from workbench.releases.state import STAGE_ENTERED
from workbench.releases.tallies import Arms, CanaryTally
from workbench.releases.yardsticks import LEAST, Yardsticks, thresholds
from workbench.stats.sequential import log_e_order
from workbench.testing.clock import START
from workbench.testing.releases import (
    Traffic,
    after,
    opened,
    plan,
    quiet_canary,
    quiet_shadow,
    seen,
    verdict,
)

LIMITS = (10.0, 20.0, 40.0, 60.0, 100.0)
FROZEN = Yardsticks(latency_ms=LIMITS, latency_requests=1000)
METRICS = {"errors": {}, "disagreement": {"at_most": 0.2}, "latency": {}}


def timed(share: float, n: int, candidate_over, champion_over) -> CanaryTally:
    """A canary step in which so many of each arm exceeded each threshold."""
    candidate = round(share * n)
    slow = tuple(
        Arms(candidate, mine, n - candidate, theirs)
        for mine, theirs in zip(candidate_over, champion_over, strict=True)
    )
    return CanaryTally(candidate, 0, n - candidate, 0, slow=slow)


def judged(*tallies, yardsticks=FROZEN):
    found = judge(plan(metrics=METRICS), 0.05, tallies, [], yardsticks)
    return {v.metric: v for v in found}


def test_thresholds_are_quantiles_of_what_the_champion_answered_and_the_objective():
    assert thresholds(range(1, 1001), None) == (501, 751, 901, 951, 991)
    assert thresholds(range(1, 1001), 250.0) == (501, 751, 901, 951, 991, 250)
    assert thresholds(range(LEAST - 1), None) == ()


def test_requests_above_each_threshold_are_counted_and_one_without_an_answer_is_above_all():
    arms = pd.DataFrame({"latency_ms": [5.0, 15.0, 0.1, 2000.0], "error": ["", "", "ValueError", "late"]})
    candidate, champion = arms.iloc[:3], arms.iloc[3:]
    assert slow_counts(candidate, champion, (10.0, 20.0)) == (Arms(3, 2, 1, 1), Arms(3, 1, 1, 1))


def test_a_candidate_that_is_slower_in_the_tail_only_is_found_there():
    tally = timed(0.5, 4000, (1000, 500, 200, 100, 60), (1000, 500, 200, 100, 15))
    verdict = judged(quiet_shadow(), CanaryTally(), tally)["latency"]
    assert verdict.outcome is Outcome.FAIL
    assert verdict.sentence.startswith(
        "Longer than 100 ms (the champion's p99) took 60 of 2,000 requests (3.0 %) of the candidate, "
        "15 of 2,000 requests (0.75 %) of the champion: proved slower than the champion (evidence"
    )
    assert (verdict.candidate_bad, verdict.champion_bad) == (60, 15)


def test_a_candidate_that_is_a_little_slower_all_along_is_found_at_the_median():
    tally = timed(0.5, 4000, (1300, 600, 210, 100, 20), (1000, 500, 200, 100, 20))
    verdict = judged(quiet_shadow(), CanaryTally(), tally)["latency"]
    assert verdict.outcome is Outcome.FAIL
    assert "Longer than 10 ms (the champion's p50)" in verdict.sentence


def test_a_candidate_as_fast_or_faster_shows_no_harm_and_is_never_proved():
    for mine in ((1000, 500, 200, 100, 20), (400, 100, 20, 5, 0)):
        verdict = judged(quiet_shadow(), CanaryTally(), timed(0.5, 4000, mine, (1000, 500, 200, 100, 20)))[
            "latency"
        ]
        assert verdict.outcome is Outcome.INCONCLUSIVE
        assert verdict.sentence.endswith("no evidence of harm.")


def test_the_evidence_is_the_mean_over_thresholds_and_carries_over_steps():
    first = timed(0.1, 1000, (60, 30, 15, 8, 2), (450, 220, 90, 44, 9))
    second = timed(0.5, 1000, (280, 140, 60, 30, 7), (250, 120, 50, 25, 5))
    found = judged(quiet_shadow(), first, second)["latency"]
    mine = [[a.candidate_bad, b.candidate_bad] for a, b in zip(first.slow, second.slow, strict=True)]
    theirs = [[a.champion_bad, b.champion_bad] for a, b in zip(first.slow, second.slow, strict=True)]
    assert found.points[-1].log_e_worse == pytest.approx(log_e_order(mine, theirs, [0.1, 0.5]))
    assert "with the stages before" in found.sentence


def test_about_so_many_more_requests_like_these_settle_it():
    def grown(factor: float):
        counts = [(600, 320, 120, 60, 12), (500, 250, 100, 50, 10)]
        mine, theirs = ([round(k * factor) for k in side] for side in counts)
        half = timed(0.5, round(2000 * factor), mine, theirs)
        return judged(quiet_shadow(), CanaryTally(), half)["latency"]

    first = grown(1)
    assert first.outcome is Outcome.INCONCLUSIVE
    assert first.still_needed is not None
    assert grown(1 + 1.05 * first.still_needed / 2000).outcome is Outcome.FAIL
    assert grown(1 + 0.9 * first.still_needed / 2000).outcome is Outcome.INCONCLUSIVE


def test_copies_are_not_timed():
    assert "latency" not in judged(quiet_shadow())


def test_with_too_little_traffic_before_nothing_is_said_of_latency_and_the_sentence_says_why():
    verdict = judged(quiet_shadow(), quiet_canary(0.1), yardsticks=Yardsticks())["latency"]
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "The champion had answered too little before this stage" in verdict.sentence
    assert verdict.candidate_n == 0


def test_thresholds_that_were_not_there_at_the_start_are_frozen_when_the_shadow_stage_ends():
    state = opened(plan(metrics=METRICS))
    looked = seen(quiet_shadow(400), latency_ms=LIMITS, latency_requests=400, table_version=4)
    entered = step(state, looked, START + timedelta(minutes=1))
    [event] = [event for event in entered.events if event.kind == STAGE_ENTERED]
    assert event.payload["yardsticks"]["latency_ms"] == list(LIMITS)
    yardsticks = after(state, entered.events).yardsticks
    assert (yardsticks.latency_from, yardsticks.latency_requests) == (1, 400)
    assert yardsticks.latency_in(1) == LIMITS
    assert yardsticks.latency_in(0) == ()


def test_thresholds_once_frozen_stay_whatever_is_seen_later():
    state = opened(plan(metrics=METRICS), yardsticks=FROZEN)
    entered = step(state, seen(quiet_shadow(400), latency_ms=(1.0,) * 5), START + timedelta(minutes=1))
    assert after(state, entered.events).yardsticks == FROZEN


def test_a_slower_candidate_ends_the_release_by_its_sentence():
    state = opened(plan(metrics=METRICS), yardsticks=FROZEN)
    state = after(state, step(state, seen(quiet_shadow(400), table_version=4), START).events)
    slow = timed(0.1, 4000, (390, 380, 300, 200, 100), (1800, 900, 360, 180, 36))
    ended = step(state, seen(quiet_shadow(400), slow, permission=verdict()), START)
    assert ended.state.release.reason.startswith("Longer than")
    assert "proved slower" in ended.state.release.reason


def test_time_outs_alone_show_in_latency_too():
    rng = np.random.default_rng(0)
    mine = pd.DataFrame({"latency_ms": rng.exponential(8.0, 1000), "error": ""})
    mine.loc[rng.random(1000) < 0.08, "error"] = "no answer within 2 s"
    theirs = pd.DataFrame({"latency_ms": rng.exponential(8.0, 1000), "error": ""})
    limits = thresholds(rng.exponential(8.0, 1000), None)
    tally = CanaryTally(1000, 80, 1000, 0, slow=slow_counts(mine, theirs, limits))
    of = plan(
        metrics=METRICS,
        stages=[
            {"name": "half", "kind": "canary", "weight": 0.5, "min_requests": 50},
            {"name": "champion", "kind": "champion"},
        ],
    )
    found = judge(of, 0.05, [tally], [], Yardsticks(latency_ms=limits))
    assert {v.metric: v.outcome for v in found}["latency"] is Outcome.FAIL


def test_a_slower_candidate_is_aborted_on_captured_traffic_and_a_controller_that_was_restarted_says_the_same(
    project,
):
    project.promote(1)
    rng = np.random.default_rng(2)

    def capture(n: int, share: float) -> None:
        at = {"table": project.table().version, "time": project.clock.now()}
        made = Traffic(n, champion=1, candidate=2).canary(n, share, **at)
        slower = {"champion": 1.0, "candidate": 3.0}
        project.capture([e.model_copy(update={"latency_ms": rng.exponential(slower[e.arm])}) for e in made])

    capture(500, 0.0)
    stage = {"name": "half", "kind": "canary", "weight": 0.5, "min_requests": 2000}
    of = plan(metrics={"errors": {}, "latency": {}}, stages=[stage, {"name": "champion", "kind": "champion"}])
    release = project.open(2, plan=of)
    capture(30, 0.5)
    assert project.releases.tick(release.id).status is Status.RUNNING
    capture(400, 0.5)
    fresh = project.another().tick(release.id)
    assert fresh.status is Status.ABORTED
    assert fresh.reason.startswith("Longer than")
    [latency] = [v for v in fresh.verdicts if v.metric == "latency"]
    assert latency.candidate_n + latency.champion_n == 430
