"""A table is never missed: what keeps the gateway from reading passes, and what it could not read it reads then."""

from __future__ import annotations

import resource
import threading
import time

import pytest

from workbench.gateway.routing import fence

HIGH = 60.0
"""``x1`` on which ``nan`` answers NaN."""


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


def may_open_files(gateway, *, may: bool) -> None:
    _, hard = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (hard if may else 0, hard))


def test_a_rollback_that_could_not_be_read_is_taken_when_it_can(gateway, routes, wait_until):
    gateway.take(champion=routes.always, standby=routes.champion)
    may_open_files(gateway, may=False)
    version = gateway.route(champion=routes.champion, standby=routes.always)
    time.sleep(0.2)
    may_open_files(gateway, may=True)
    wait_until(lambda: gateway.status.table_version == version, seconds=5)
    assert gateway.status.refused == ""


def test_a_table_that_cannot_be_read_is_told_of_once_and_serving_goes_on(gateway, routes, wait_until):
    in_force = gateway.take(champion=routes.champion)
    place = gateway.state / "gateway" / "tiny" / "routes.json"
    aside = place.rename(place.with_suffix(".aside"))
    place.mkdir()
    wait_until(lambda: gateway.status.refused == "routes.json cannot be read: Is a directory.")
    assert gateway.status.refused_version is None
    assert gateway.ask(1.0)[0] == 200
    time.sleep(0.2)
    assert gateway.output.count("routes.json cannot be read: Is a directory") == 1
    place.rmdir()
    aside.rename(place)
    wait_until(lambda: gateway.status.refused == "")
    assert gateway.status.table_version == in_force


def test_a_controller_that_takes_over_takes_no_version_away(gateway, routes, wait_until):
    gateway.take(champion=routes.never)
    gateway.take(champion=routes.nan)
    assert gateway.ask(HIGH) == (200, "10", [0])
    fence(gateway.state, "tiny", 5)
    wait_until(lambda: gateway.status.token == 5)
    assert gateway.ask(HIGH) == (200, "10", [0])
    assert gateway.status.loaded == ("tiny/10", "tiny/6")


def test_a_call_that_ends_when_there_is_no_champion_any_more_is_recorded(gateway, routes, wait_until):
    table = gateway.take(champion=routes.slow, token=5)
    answers = []
    calling = threading.Thread(target=lambda: answers.append(gateway.ask(1.0)))
    calling.start()
    time.sleep(0.2)
    gateway.take(token=5)
    calling.join()
    assert answers == [(503, None, "tiny/4 could not answer.")]
    (exchange,) = gateway.captured(1, table)
    assert (exchange.status, exchange.arm, exchange.served_by) == (503, "none", None)
