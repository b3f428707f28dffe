"""The circuit breaker: opens on hard failures, tries one call after a pause, and spares the candidate, not its arm."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from workbench.gateway import breaker
from workbench.gateway.breaker import CONSECUTIVE, LEAST, PAUSE, WINDOW, Breaker, Breakers
from workbench.testing.traffic import send


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def outcomes(one, *oks):
    for ok in oks:
        one.leave(one.enter(), ok=ok)


def opened(clock):
    one = Breaker(clock=clock)
    outcomes(one, *[False] * CONSECUTIVE)
    return one


def test_failures_in_a_row_open_it():
    one = Breaker()
    outcomes(one, *[False] * (CONSECUTIVE - 1), True, *[False] * (CONSECUTIVE - 1))
    assert one.state == "closed"
    outcomes(one, False)
    assert one.state == "open"
    assert one.enter() is None


def test_half_of_enough_calls_opens_it():
    one = Breaker()
    outcomes(one, *[True, False] * (LEAST // 2 - 1), True)
    assert one.state == "closed"
    outcomes(one, False)
    assert one.state == "open"


def test_what_is_older_than_the_window_is_forgotten():
    clock = Clock()
    one = Breaker(clock=clock)
    outcomes(one, *[True, False] * (LEAST // 2 - 1), True)
    clock.now += WINDOW + 1
    outcomes(one, *[True, False, True])
    assert one.state == "closed"


def test_the_window_is_bounded_by_calls_too():
    one = Breaker(clock=Clock())
    outcomes(one, *[True] * 10_000)
    outcomes(one, *[False, False, False, True] * 60)
    assert one.state == "open"


def test_after_the_pause_one_call_goes_through():
    clock = Clock()
    one = opened(clock)
    clock.now += PAUSE - 0.01
    assert one.enter() is None
    clock.now += 0.02
    trial = one.enter()
    assert trial is not None
    assert one.state == "half-open"
    assert one.enter() is None
    one.leave(trial, ok=True)
    assert one.state == "closed"


def test_a_trial_that_fails_begins_another_pause():
    clock = Clock()
    one = opened(clock)
    clock.now += PAUSE
    one.leave(one.enter(), ok=False)
    assert one.enter() is None
    clock.now += PAUSE
    assert one.enter() is not None


def test_a_trial_that_says_nothing_hands_its_turn_on():
    clock = Clock()
    one = opened(clock)
    clock.now += PAUSE
    one.leave(one.enter(), ok=None)
    assert one.enter() is not None


def test_an_answer_that_comes_late_changes_nothing():
    clock = Clock()
    one = Breaker(clock=clock)
    late = one.enter()
    outcomes(one, *[False] * CONSECUTIVE)
    one.leave(late, ok=True)
    assert one.state == "open"
    clock.now += PAUSE
    trial = one.enter()
    one.leave(late, ok=True)
    assert one.state == "half-open"
    one.leave(trial, ok=True)
    one.leave(late, ok=False)
    assert one.state == "closed"


def test_a_version_that_was_let_go_comes_back_as_new():
    told = []
    all_of_them = Breakers(lambda version, state: told.append((version, state)))
    for version in (1, 2):
        outcomes(all_of_them.of(version), *[False] * CONSECUTIVE)
    assert all_of_them.tripped == {1: "open", 2: "open"}
    all_of_them.keep([2])
    assert all_of_them.tripped == {2: "open"}
    assert all_of_them.of(1).state == "closed"
    assert told == [(1, "open"), (2, "open"), (1, "closed")]


def test_an_answer_never_opens_it():
    one = Breaker(clock=Clock())
    outcomes(one, *([False] * (CONSECUTIVE - 1) + [True]) * 2, *[False] * 2, *[True] * (LEAST - 12))
    assert one.state == "closed"
    outcomes(one, False)
    assert one.state == "open"


class Model(RuleBasedStateMachine):
    """Calls that overlap in any order, on a clock that stands or goes on."""

    @initialize()
    def begin(self):
        self.clock = Clock()
        self.told = []
        self.one = Breaker(self.told.append, clock=self.clock)
        self.calls = []
        self.opened_at = None
        self.trials = 0
        self.failures = 0
        """Since the last success, among calls that still say something."""

    @rule(seconds=st.sampled_from([0.0, 0.5, PAUSE, WINDOW]))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule()
    def enter(self):
        before = self.one.state
        ticket = self.one.enter()
        if before == "open":
            assert (ticket is not None) == (self.clock.now >= self.opened_at + PAUSE)
        if before == "half-open":
            assert ticket is None
        if before == "closed":
            assert ticket is not None
        if ticket is not None:
            self.calls.append((ticket, self.one.state))

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), ok=st.sampled_from([True, False, False, None]))
    def leave(self, data, ok):
        ticket, as_entered = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        before, changes = self.one.state, len(self.told)
        self.one.leave(ticket, ok=ok)
        if len(self.told) == changes:
            return
        assert as_entered == before  # what began in another state changes nothing
        assert len(self.told) == changes + 1
        if before == "closed":
            assert ok is False
            self.opened_at = self.clock.now
        elif ok is False:
            self.opened_at = self.clock.now
        assert self.one.state == ("closed" if ok else "open")

    @invariant()
    def one_trial_at_most(self):
        trials = [ticket for ticket, state in self.calls if state == "half-open"]
        assert (self.one.state == "half-open") == (self.one._epoch in trials)

    @invariant()
    def every_change_is_told_once(self):
        allowed = {
            ("closed", "open"),
            ("open", "half-open"),
            ("half-open", "open"),
            ("half-open", "closed"),
        }
        steps = ["closed", *self.told]
        assert set(pairwise(steps)) <= allowed
        assert steps[-1] == self.one.state

    @invariant()
    def the_window_is_bounded(self):
        assert len(self.one._seen) <= breaker.KEPT
        assert self.one._failed == sum(not ok for _, ok in self.one._seen)


Model.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
test_overlapping_calls = Model.TestCase


FAILS, ANSWERS = 60.0, -1.0
"""``x1`` on which the version called failing raises, and one on which it answers 0."""


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


def metric(gateway, line):
    return line in gateway.request("GET", "/metrics")[2].decode().splitlines()


def test_a_candidate_that_keeps_failing_is_left_alone_and_its_arm_pays(gateway, routes, wait_until):
    table = gateway.take(champion=routes.champion, candidate=routes.failing, share=1.0)
    for _ in range(CONSECUTIVE):
        assert gateway.ask(FAILS) == (200, "1", [1])
    since = time.monotonic()
    assert gateway.ask(ANSWERS) == (200, "1", [0])  # the candidate could have answered
    *failed, spared = gateway.captured(CONSECUTIVE + 1, table)
    assert all("RuntimeError" in e.error for e in failed)
    assert spared.error == "the breaker of tiny/3 is open"
    assert (spared.arm, spared.version, spared.served_by) == ("candidate", 3, 1)
    assert 0 <= spared.coin < 1
    wait_until(lambda: gateway.status.breakers == {"tiny/3": "open"})
    assert metric(gateway, 'workbench_breaker{version="tiny/3",workbench_breaker="open"} 1.0')
    time.sleep(max(0.0, since + PAUSE - time.monotonic()))
    assert gateway.ask(ANSWERS) == (200, "3", [0])
    wait_until(lambda: gateway.status.breakers == {})
    assert metric(gateway, 'workbench_breaker{version="tiny/3",workbench_breaker="closed"} 1.0')


def test_a_champion_with_nobody_behind_it_is_asked_all_the_same(gateway, routes, wait_until):
    for _ in range(2):  # then no champion from before can answer
        table = gateway.take(champion=routes.failing)
    for _ in range(CONSECUTIVE + 1):
        assert gateway.ask(FAILS)[0] == 500
    wait_until(lambda: gateway.status.breakers == {"tiny/3": "open"})
    assert gateway.ask(ANSWERS) == (200, "3", [0])
    assert gateway.captured(CONSECUTIVE + 2, table)[-1].error == ""


def test_it_is_asked_as_well_when_the_candidate_has_failed_before(gateway, routes, wait_until):
    behind = {"champion": routes.failing, "candidate": routes.numeric}
    for _ in range(2):  # then no champion from before can answer
        gateway.take(**behind)
    for _ in range(CONSECUTIVE):
        gateway.ask(FAILS)
    wait_until(lambda: gateway.status.breakers == {"tiny/3": "open"})
    table = gateway.take(share=1.0, **behind)
    assert gateway.ask(ANSWERS) == (200, "3", [0])
    (exchange,) = gateway.captured(1, table)
    assert (exchange.arm, exchange.version) == ("candidate", 8)
    assert "'x2'" in exchange.error


def test_a_champion_with_an_open_breaker_is_passed_over_for_its_standby(gateway, routes, wait_until):
    table = gateway.take(champion=routes.failing, standby=routes.always)
    for _ in range(CONSECUTIVE):
        assert gateway.ask(FAILS)[:2] == (200, "2")
    wait_until(lambda: gateway.status.breakers != {})
    assert gateway.ask(ANSWERS) == (200, "2", [1])
    exchange = gateway.captured(CONSECUTIVE + 1, table)[-1]
    assert (exchange.arm, exchange.error) == ("champion", "the breaker of tiny/3 is open")


def test_who_names_a_version_neither_asks_its_breaker_nor_tells_it(gateway, routes, wait_until):
    gateway.take(champion=routes.champion)
    gateway.take(champion=routes.champion)  # the failing one is let go, and comes back as new
    gateway.take(champion=routes.champion, candidate=routes.failing)
    for _ in range(CONSECUTIVE + 1):
        assert gateway.ask(FAILS, path="/v2/models/tiny/versions/3/infer")[0] == 500
    assert gateway.ask(ANSWERS, path="/v2/models/tiny/versions/3/infer")[:2] == (200, "3")
    assert gateway.status.breakers == {}


def test_calls_that_only_waited_for_their_turn_do_not_open_it(gateways, routes):
    gateway = gateways(champion=routes.slow, settings={"gateway_deadline_seconds": 1.0})
    sent = send(gateway.url, "tiny", [{"x1": 1.0}] * 16, connections=16)
    assert sent.statuses[504] > 2 * CONSECUTIVE
    assert not metric(gateway, 'workbench_breaker{version="tiny/4",workbench_breaker="open"} 1.0')
