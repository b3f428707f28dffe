"""Versions that fail: a candidate costs the caller nothing, a champion is said to have failed, a shadow is not felt."""

from __future__ import annotations

import time

import pytest

ASK_HIGH = 60.0
"""``x1`` above 50, on which ``failing`` raises and ``nan`` answers NaN."""


def alone(gateway, champion):
    """Route to a champion with nobody behind it: the one before is forgotten with the next table."""
    gateway.take(champion=champion)
    return gateway.take(champion=champion)


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_deadline_seconds": 0.3})


@pytest.mark.parametrize(
    ("candidate", "x1", "error"),
    [
        ("failing", [ASK_HIGH], "RuntimeError: no answer for x1 above 50"),
        ("nan", [ASK_HIGH], "NaN"),
        ("too_long", [1.0] * 101, "answered with shape"),
        ("strange", [ASK_HIGH], "no label"),
        ("slow", [1.0], "no answer within 0.3 s"),
    ],
)
def test_when_the_candidate_fails_the_champion_answers_and_the_arm_stays(
    gateway, routes, candidate, x1, error
):
    route = getattr(routes, candidate)
    table = gateway.take(champion=routes.champion, candidate=route, share=1.0)
    assert gateway.ask(*x1) == (200, "1", [1] * len(x1))
    (exchange,) = gateway.captured(1, table)
    assert exchange.arm == "candidate"
    assert exchange.version == route.version
    assert exchange.served_by == 1
    assert exchange.status == 200
    assert error in exchange.error
    assert exchange.outputs == [1] * len(x1)


def test_a_candidate_that_answers_is_the_answer(gateway, routes):
    table = gateway.take(champion=routes.champion, candidate=routes.failing, share=1.0)
    assert gateway.ask(-1.0) == (200, "3", [0])
    (exchange,) = gateway.captured(1, table)
    assert exchange.error == ""
    assert exchange.served_by == 3


def test_a_candidate_that_reads_another_column_gets_it_or_fails_alone(gateway, routes):
    table = gateway.take(champion=routes.champion, candidate=routes.numeric, share=1.0)
    assert gateway.ask(1.0)[:2] == (200, "1")
    (exchange,) = gateway.captured(1, table)
    assert "'x2'" in exchange.error
    columns = [{"name": n, "shape": [1], "datatype": "FP64", "data": [1.0]} for n in ("x1", "x2")]
    status, headers, _ = gateway.post({"inputs": columns})
    assert (status, headers["X-Workbench-Version"]) == (200, "8")


def test_a_champion_that_raises_is_500_without_its_words(gateway, routes):
    table = alone(gateway, routes.failing)
    status, version, error = gateway.ask(ASK_HIGH)
    assert (status, version, error) == (500, None, "tiny/3 could not answer.")
    (exchange,) = gateway.captured(1, table)
    assert exchange.served_by is None
    assert exchange.outputs is None
    assert exchange.status == 500
    assert "RuntimeError" in exchange.error
    assert exchange.inputs == [{"x1": ASK_HIGH}]


def test_a_champion_that_hangs_is_504_at_the_deadline(gateway, routes):
    table = alone(gateway, routes.slow)
    start = time.monotonic()
    status, _, error = gateway.ask(1.0)
    took = time.monotonic() - start
    assert (status, error) == (504, "tiny/4 did not answer in time.")
    assert 0.3 <= took < 1.5, f"{took:.2f} s"
    assert gateway.captured(1, table)[0].status == 504


def test_the_shadow_sees_what_the_champion_answered_and_its_answer_is_kept(gateway, routes):
    table = gateway.take(champion=routes.champion, shadow=routes.always)
    assert gateway.ask(-1.0) == (200, "1", [0])
    (exchange,) = gateway.captured(1, table)
    assert exchange.arm == "champion"
    assert exchange.outputs == [0]
    assert exchange.shadow_version == 2
    assert exchange.shadow_outputs == [1]
    assert exchange.shadow_error == ""
    assert exchange.shadow_latency_ms > 0


def test_a_shadow_that_fails_or_hangs_is_not_felt(gateway, routes):
    table = gateway.take(champion=routes.champion, shadow=routes.failing)
    assert gateway.ask(ASK_HIGH)[0] == 200
    (exchange,) = gateway.captured(1, table)
    assert exchange.shadow_outputs is None
    assert "RuntimeError" in exchange.shadow_error
    assert exchange.error == ""

    table = gateway.take(champion=routes.champion, shadow=routes.slow)
    slowest = 0.0
    for _ in range(10):
        start = time.monotonic()
        assert gateway.ask(1.0)[0] == 200
        slowest = max(slowest, time.monotonic() - start)
    assert slowest < 0.6  # what the shadow takes
    exchanges = gateway.captured(10, table)
    shown = [e for e in exchanges if e.shadow_version is not None]
    assert shown
    assert all("no answer within" in e.shadow_error for e in shown)


def test_what_the_busy_shadow_was_not_shown_is_counted_and_is_no_pair(gateways, routes):
    from workbench.testing.traffic import send

    gateway = gateways(
        champion=routes.champion, shadow=routes.slow, settings={"gateway_deadline_seconds": 2.0}
    )
    sent = send(gateway.url, "tiny", [{"x1": 1.0}] * 150)
    assert sent.failed == 0, sent
    exchanges = gateway.captured(150)
    dropped = [e for e in exchanges if e.shadow_version is None]
    assert dropped
    assert all(e.shadow_error == "" and e.shadow_outputs is None for e in dropped)
    answered = [e for e in exchanges if e.shadow_outputs is not None]
    assert answered
    time.sleep(1.2)
    assert gateway.status.shadows_dropped == len(dropped)
