"""Who answers when a version fails: champion, standby, last good, the declared answer, 503; within two deadlines."""

from __future__ import annotations

import time

import pytest

from workbench.gateway import RoutingTable, kill, revive
from workbench.gateway.chain import Chain
from workbench.gateway.limits import Limits
from workbench.gateway.live import Live

HIGH = 60.0
"""``x1`` on which ``failing`` raises and ``nan`` answers NaN."""
DEADLINE = 0.4


class Version:
    """A version in memory, as the chain sees it."""

    def __init__(self, version):
        self.version = version


@pytest.fixture
def follow(routes):
    """A chain, and a way to give it the next table by version numbers; returns the order it then has."""
    chain = Chain()
    by_number = {1: routes.champion, 2: routes.always, 3: routes.failing, 4: routes.slow}
    versions = {number: Version(number) for number in by_number}

    def take(champion, **others):
        places = {name: by_number[number] for name, number in ({"champion": champion} | others).items()}
        table = RoutingTable(endpoint="tiny", version=1, **places)
        loaded = {route.version: versions[route.version] for route in table.routes}
        chain.follow(Live(table, loaded, Limits(rows=1, cells=1)))
        return [one.version for one in chain.order]

    return take


def test_the_champion_before_a_promotion_is_the_last_good(follow):
    assert follow(1) == [1]
    assert follow(1, candidate=2) == [1]
    assert follow(2) == [2, 1]


def test_the_standby_comes_before_the_last_good(follow):
    follow(1)
    assert follow(2, standby=4) == [2, 4, 1]
    follow(1)
    assert follow(2, standby=1) == [2, 1]


def test_what_is_no_longer_in_memory_is_not_asked(follow):
    follow(1)
    follow(2)
    assert follow(2, candidate=3) == [2]
    assert follow(2, standby=1) == [2, 1]


def test_a_version_that_was_rolled_back_from_is_not_good(follow):
    follow(1)
    follow(2)
    assert follow(1) == [1]
    assert follow(3) == [3, 1]
    assert follow(1) == [1]


def test_going_back_to_a_standby_of_before_this_process_is_going_back_too(follow):
    follow(2, standby=1)
    assert follow(1) == [1]


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_deadline_seconds": DEADLINE})


def test_the_standby_answers_for_a_champion_that_fails(gateway, routes):
    table = gateway.take(champion=routes.failing, standby=routes.champion)
    assert gateway.ask(HIGH) == (200, "1", [1])
    (exchange,) = gateway.captured(1, table)
    assert (exchange.arm, exchange.version, exchange.served_by) == ("champion", 3, 1)
    assert "RuntimeError" in exchange.error
    assert exchange.status == 200


def test_the_champion_of_the_table_before_answers_while_it_is_in_memory(gateway, routes):
    gateway.take(champion=routes.never)
    gateway.take(champion=routes.nan)
    assert gateway.ask(HIGH) == (200, "10", [0])
    gateway.take(champion=routes.nan)
    assert gateway.ask(HIGH)[0] == 500


def test_a_version_that_was_rolled_back_from_never_answers(gateway, routes):
    gateway.take(champion=routes.failing)
    gateway.take(champion=routes.always, standby=routes.failing)
    gateway.take(champion=routes.failing)
    assert gateway.ask(HIGH)[0] == 500


def test_candidate_champion_and_standby_are_asked_in_turn_and_then_the_declared_answer(gateway, routes):
    others = {"candidate": routes.nan, "share": 1.0, "standby": routes.numeric}
    for _ in range(2):  # then no champion from before can answer
        table = gateway.take(champion=routes.failing, fallback=0, **others)
    assert gateway.ask(HIGH) == (200, "fallback", [0])
    (exchange,) = gateway.captured(1, table)
    assert (exchange.arm, exchange.version, exchange.served_by) == ("candidate", 6, None)
    assert (exchange.status, exchange.outputs) == (200, [0])
    assert "NaN" in exchange.error
    assert gateway.ask(1.0) == (200, "6", [1.0])
    table = gateway.take(champion=routes.failing, **others)
    assert gateway.ask(HIGH) == (503, None, "No version of tiny could answer.")
    assert gateway.captured(1, table)[0].status == 503


def test_a_request_ends_within_two_deadlines_whoever_is_asked(gateway, routes, capsys):
    table = gateway.take(
        champion=routes.hanging, candidate=routes.slow, share=1.0, standby=routes.always, fallback=0
    )
    start = time.monotonic()
    assert gateway.ask(HIGH) == (200, "fallback", [0])  # no time was left for the standby
    took = time.monotonic() - start
    with capsys.disabled():
        print(f"\n  two versions that hang: answered after {took / DEADLINE:.2f} deadlines")  # noqa: T201
    assert 2 * DEADLINE <= took < 2 * DEADLINE + 0.5
    assert "no answer within" in gateway.captured(1, table)[0].error


def test_a_caller_who_names_a_version_gets_that_one_or_nothing(gateway, routes):
    gateway.take(champion=routes.champion, candidate=routes.failing, fallback=0)
    path = "/v2/models/tiny/versions/3/infer"
    assert gateway.ask(HIGH, path=path) == (500, None, "tiny/3 could not answer.")


def test_killed_no_version_is_asked(gateway, routes, wait_until):
    gateway.take(champion=routes.champion, standby=routes.always)
    kill(gateway.state, "tiny")
    wait_until(lambda: gateway.status.killed)
    assert gateway.ask(1.0)[0] == 503
    revive(gateway.state, "tiny")
    gateway.take(champion=routes.champion, standby=routes.always, fallback=0)
    kill(gateway.state, "tiny")
    wait_until(lambda: gateway.status.killed)
    assert gateway.ask(1.0) == (200, "fallback", [0])
    revive(gateway.state, "tiny")
    wait_until(lambda: not gateway.status.killed)
