from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.journal import Event
from workbench.releases.observe import Ledger, same, tally
from workbench.releases.state import STAGE_ENTERED
from workbench.releases.tallies import Arms, CanaryTally, ShadowTally
from workbench.releases.yardsticks import LEAST, OTHER, Yardsticks
from workbench.testing.clock import START
from workbench.testing.releases import Traffic, after, opened, plan
from workbench.traffic import CaptureWriter, TrafficStore

AGE = timedelta(seconds=3)


@pytest.fixture
def store(tmp_path):
    return TrafficStore(tmp_path)


@pytest.fixture
def capture(tmp_path):
    writer = CaptureWriter(tmp_path)

    def put(*exchanges) -> None:
        for exchange in exchanges:
            writer.put(exchange)
        writer.flush()

    yield put
    writer.close()


def in_canary():
    entered = Event(kind=STAGE_ENTERED, payload={"stage": 1, "since_table": 4, "reason": ""})
    return after(opened(), [entered])


def shadow(n=1, *, seed=0, **changes):
    made = Traffic(seed).shadow(n, table=2, time=START)
    return [exchange.model_copy(update=changes) for exchange in made]


def canary(n=1, *, seed=0, **changes):
    made = Traffic(seed).canary(n, 0.1, table=5, time=START)
    return [exchange.model_copy(update=changes) for exchange in made]


def read(store, state=None, *, later=10.0):
    return Ledger(store, "", AGE).read(state or opened(), START + timedelta(seconds=later))


def test_pairs_are_requests_both_were_given_and_the_champion_answered(store, capture):
    capture(
        *shadow(10),
        *shadow(2, shadow_outputs=[1]),
        *shadow(3, shadow_outputs=None, shadow_error="ValueError: no"),
        *shadow(4, shadow_version=None, shadow_outputs=None),  # shed: the gateway was busy
        *shadow(5, error="RuntimeError: down", outputs=None, shadow_version=None, shadow_outputs=None),
        *shadow(6, arm="none"),  # the caller named a version
        *shadow(7, shadow_version=9),
    )
    [found] = read(store)
    assert found == ShadowTally(requests=31, champion_bad=5, pairs=15, candidate_bad=3, differ=2)
    assert (found.exposure, found.compared) == (15, 12)


def test_requests_count_for_the_arm_the_coin_chose_whoever_answered(store, capture):
    capture(
        *canary(10, arm="champion", version=1),
        *canary(3, arm="candidate", version=2),
        *canary(2, arm="candidate", version=2, error="no answer within 2 s", served_by=1),
        *canary(1, arm="champion", version=1, error="RuntimeError: down", served_by=None, outputs=None),
        *canary(4, arm="none", version=2),
        *canary(5, arm="candidate", version=2, share=0.5),  # another coin
    )
    assert read(store, in_canary())[1] == CanaryTally(5, 2, 11, 1)


def test_a_request_belongs_to_the_stage_whose_table_decided_it(store, capture):
    early = shadow(3, table_version=1)  # before the release
    capture(
        *early,
        *shadow(4, table_version=4),
        *canary(6, arm="champion", version=1),
        *shadow(2, table_version=3),
    )
    first, second = read(store, in_canary())
    assert (first.requests, second.champion_n) == (6, 6)


def test_an_entity_counts_once_under_the_coins_of_a_release_at_its_first_request(store, capture):
    champion = {"arm": "champion", "version": 1}
    failed = {"arm": "candidate", "version": 2, "error": "ValueError: no", "served_by": 1}
    capture(
        *canary(1, unit="ada", arm="candidate", version=2),
        *canary(3, unit="ada", time=START + timedelta(seconds=1), **failed),
        *canary(1, unit="bob", **failed),
        *canary(2, unit="bob", time=START + timedelta(seconds=1), **champion),
        *canary(4, **champion),  # alone: each is its own unit
    )
    assert read(store, in_canary())[1] == CanaryTally(2, 1, 4, 0)


def test_an_entity_is_remembered_from_look_to_look_and_from_step_to_step(store, capture):
    ledger = Ledger(store, "", AGE)
    at_half = Event(kind=STAGE_ENTERED, payload={"stage": 2, "since_table": 9, "reason": ""})
    champion = {"arm": "champion", "version": 1}
    capture(*canary(1, unit="ada", **champion))
    assert ledger.read(in_canary(), START + timedelta(seconds=5))[1].champion_n == 1
    capture(
        *canary(1, unit="ada", time=START + timedelta(seconds=5), **champion),
        *canary(1, unit="ada", time=START + timedelta(seconds=6), share=0.5, table_version=10, **champion),
        *canary(1, unit="bob", time=START + timedelta(seconds=6), share=0.5, table_version=10, **champion),
    )
    state, now = after(in_canary(), [at_half]), START + timedelta(seconds=20)
    counted = ledger.read(state, now)
    assert (counted[1].champion_n, counted[2].champion_n) == (1, 1)
    assert Ledger(store, "", AGE).read(state, now) == counted


def test_the_first_request_of_an_entity_is_the_first_in_time_however_captures_come(store, capture):
    champion = {"arm": "champion", "version": 1}
    capture(*canary(1, unit="ada", time=START + timedelta(seconds=2), **champion))
    capture(*canary(1, unit="ada", time=START, error="RuntimeError: down", outputs=None, **champion))
    assert read(store, in_canary())[1] == CanaryTally(0, 0, 1, 1)


def test_pairs_of_one_entity_count_once_in_shadow_and_leave_its_coin_fresh(store, capture):
    capture(
        *shadow(5, unit="ada", table_version=2),
        *canary(1, unit="ada", arm="candidate", version=2),
    )
    pairs, thrown = read(store, in_canary())
    assert (pairs.pairs, thrown.candidate_n) == (1, 1)


def test_an_entity_whose_first_request_came_in_a_hard_time_counts_for_no_arm(store, capture):
    """It would come again only if it was turned away, and only the candidate's are."""
    mine = {"arm": "candidate", "version": 2}
    ledger = Ledger(store, "", AGE)
    capture(
        *canary(1, unit="ada", arm="none"),
        *canary(1, unit="ada", time=START + timedelta(seconds=1), **mine),
        *canary(1, unit="bob", **mine),
        *canary(1, unit="bob", time=START + timedelta(seconds=1), arm="none"),
    )
    assert ledger.read(in_canary(), START + timedelta(seconds=10))[1] == CanaryTally(1, 0, 0, 0)
    capture(*canary(1, unit="ada", time=START + timedelta(seconds=9), **mine))
    assert ledger.read(in_canary(), START + timedelta(seconds=20))[1] == CanaryTally(1, 0, 0, 0)


def test_a_request_for_a_named_version_does_not_use_up_an_entity(store, capture):
    capture(
        *canary(2, arm="none"),  # without a coin no entity is noted
        *canary(1, unit="ada", time=START + timedelta(seconds=1), arm="candidate", version=2),
    )
    assert read(store, in_canary())[1] == CanaryTally(1, 0, 0, 0)


def test_where_the_candidate_answers_everything_only_its_own_requests_count(store, capture):
    of = plan(
        metrics={"objective": {"at_most": 0.02}},
        stages=[
            {"name": "all", "kind": "blue_green", "min_requests": 50},
            {"name": "champion", "kind": "champion"},
        ],
    )
    mine = {"arm": "candidate", "version": 2, "share": 1.0, "table_version": 2}
    capture(
        *canary(6, **mine),
        *canary(1, **mine, error="ValueError: no", served_by=1),
        *canary(3, arm="champion", version=1, table_version=2),  # decided before the switch
    )
    assert read(store, opened(of)) == (CanaryTally(7, 1, 0, 0),)


def test_latency_and_groups_are_counted_by_what_was_frozen(store, capture):
    of = plan(
        metrics={"errors": {}, "latency": {}, "guardrails": {"column": "x1"}},
        stages=[
            {"name": "tenth", "kind": "canary", "weight": 0.1, "min_requests": 50},
            {"name": "champion", "kind": "champion"},
        ],
    )
    frozen = Yardsticks(latency_ms=(0.5, 5.0), latency_requests=900, groups=("0", "1", OTHER))
    mine, theirs = {"arm": "candidate", "version": 2}, {"arm": "champion", "version": 1}
    capture(
        *canary(2, **mine, latency_ms=9.0, inputs=[{"x1": 1.0}]),
        *canary(1, **mine, latency_ms=0.1, inputs=[{"x1": 0.0}, {"x1": 1.0}]),
        *canary(3, **theirs, latency_ms=1.0, inputs=[{"x1": 7.0}]),
    )
    [found] = read(store, opened(of, yardsticks=frozen))
    assert found.slow == (Arms(3, 2, 3, 3), Arms(3, 2, 3, 0))
    assert found.groups == {"1": Arms(2, 0, 0, 0), OTHER: Arms(0, 0, 3, 0)}


def test_what_the_champion_answers_in_a_stage_may_be_frozen_at_its_end(store, capture):
    state = opened(plan(metrics={"errors": {}, "disagreement": {"at_most": 0.2}, "latency": {}}))
    ledger = Ledger(store, "", AGE)
    capture(*shadow(LEAST - 1, latency_ms=3.0))
    ledger.read(state, START + timedelta(seconds=10))
    assert ledger.thresholds(state) == ((), LEAST - 1)
    capture(*shadow(1, latency_ms=3.0), *shadow(5, latency_ms=900.0, error="late", outputs=None))
    ledger.read(state, START + timedelta(seconds=10))
    assert ledger.thresholds(state) == ((3.0,) * 5, LEAST)


def test_young_requests_wait_until_they_are_old_enough_and_count_once(store, capture):
    ledger = Ledger(store, "", AGE)
    capture(*shadow(5))
    assert ledger.read(opened(), START + timedelta(seconds=1)) == (ShadowTally(),)
    capture(*shadow(3, time=START + timedelta(seconds=2)))
    assert ledger.read(opened(), START + timedelta(seconds=4))[0].pairs == 5
    assert ledger.read(opened(), START + timedelta(seconds=4))[0].pairs == 5
    assert ledger.read(opened(), START + timedelta(seconds=9))[0].pairs == 8


def test_a_new_ledger_counts_the_same_as_one_that_was_there_all_along(store, capture):
    old = Ledger(store, "", AGE)
    for second in range(5):
        at = START + timedelta(seconds=second)
        capture(*Traffic(second).shadow(20, table=2, time=at, differ=0.2, bad=0.1))
        old.read(opened(), at)
    now = START + timedelta(seconds=6)
    assert old.read(opened(), now) == Ledger(store, "", AGE).read(opened(), now)


def test_numbers_within_the_tolerance_of_the_plan_are_the_same_answer(store, capture):
    capture(*shadow(4, outputs=[10.0], shadow_outputs=[10.4]))
    assert read(store)[0].differ == 4
    tolerant = opened(plan(metrics={"errors": {}, "disagreement": {"at_most": 0.2, "tolerance": 0.5}}))
    assert read(store, tolerant)[0].differ == 0


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ([1, 0], [1, 0], True),
        ([1, 0], [1, 1], False),
        ([1], [1.0], True),
        ([0.1 + 0.2], [0.3], True),
        (["yes"], ["yes"], True),
        (["1"], [1], False),
        ([True], [False], False),
        ([None], [None], True),
        ([[0.2, 0.8]], [[0.2, 0.8]], True),
        ([1], [1, 1], False),
    ],
)
def test_answers_are_compared_row_by_row(left, right, equal):
    assert same(left, right, 0.0) == equal


@given(st.integers(0, 99), st.floats(0, 1), st.floats(0, 1))
def test_counts_never_exceed_what_there_was(seed, differ, bad):
    import pandas as pd

    made = Traffic(seed).shadow(30, table=2, time=START, differ=differ, bad=bad)
    frame = pd.DataFrame([dict(e) for e in made]).astype({"shadow_version": "Int64"})
    found = tally(frame, opened(), 0)
    assert found.requests == found.pairs == 30
    assert 0 <= found.differ <= found.compared <= found.pairs
