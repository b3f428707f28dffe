"""Shedding under a real load: the shadow first, the candidate next, the champion last, and no arm pays for it."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from workbench.gateway.shedding import Load
from workbench.testing import models
from workbench.testing.gateway import make_route
from workbench.testing.traffic import send

MOST = 16


@pytest.fixture(scope="module")
def slow(tmp_path_factory):
    """Two versions that take 30 ms for a request."""
    root = tmp_path_factory.mktemp("slow")
    train = models.tiny_frame().loc[:, ["x1", "y"]]

    def route(version):
        made = make_route(root, models.Slow(0.03), train, target="y", version=version)
        return made.model_copy(update={"path": str(root / made.path)})

    return route(21), route(22)


@pytest.fixture(scope="module")
def gateway(gateways, slow):
    return gateways(champion=slow[0], settings={"gateway_max_waiting": MOST})


def test_the_order_is_shadow_candidate_champion():
    load = Load(16)
    given_up = {}
    for load.under_way in range(17):
        given_up[load.under_way] = (not load.copies, not load.calm, load.full)
    assert [n for n, (copies, _, _) in given_up.items() if copies] == list(range(9, 17))
    assert [n for n, (_, candidate, _) in given_up.items() if candidate] == [12, 13, 14, 15, 16]
    assert [n for n, (_, _, champion) in given_up.items() if champion] == [16]


def burst(gateway, n):
    """Send over three times as many connections as may be under way; returns what was sent."""
    return send(gateway.url, "tiny", [{"x1": 1.0}] * n, connections=3 * MOST)


def shed(gateway, what):
    lines = gateway.request("GET", "/metrics")[2].decode().splitlines()
    found = [line for line in lines if line.startswith(f'workbench_shed_total{{what="{what}"}}')]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_under_overload_nothing_that_was_given_up_counts_for_an_arm(gateway, slow, capsys):
    table = gateway.take(champion=slow[0], candidate=slow[1], share=0.5)
    bursts = [burst(gateway, 3 * MOST) for _ in range(20)]  # each begins in a calm time
    assert {status for sent in bursts for status in sent.statuses} == {200, 503}
    n = 20 * 3 * MOST
    exchanges = gateway.captured(n, table)
    turned_away = [e for e in exchanges if e.status == 503]
    assert {(e.arm, e.arm_name, e.served_by) for e in turned_away} == {("none", "", None)}
    assert {e.error for e in turned_away} == {"shed: too many requests were under way"}
    arms = Counter(e.arm for e in exchanges)
    counted = arms["candidate"] + arms["champion"]
    assert counted > n / 8
    away = Counter(e.version for e in turned_away)
    with capsys.disabled():
        print(  # noqa: T201
            f"\n  of {n} requests {counted} counted, {arms['candidate']} of them the candidate's; "
            f"turned away: {away[21]} of the champion's, {away[22]} of the candidate's"
        )
    # What counts was divided by the coin alone, though the candidate was turned away far more often.
    assert abs(arms["candidate"] - counted / 2) < 4 * math.sqrt(counted / 4)
    assert away[22] > away[21]
    assert all(e.error == "" for e in exchanges if e.arm != "none")
    # The coin of each is there, so that who doubts it can look.
    assert all((e.coin < 0.5) == (e.version == 22) for e in exchanges)
    assert shed(gateway, "candidate") == away[22]


def test_the_champion_is_turned_away_at_the_limit_alone_and_health_goes_on(gateway, slow):
    table = gateway.take(champion=slow[0])
    sent = burst(gateway, 300)
    assert sent.statuses.keys() == {200, 503}
    exchanges = gateway.captured(300, table)
    assert Counter(e.status for e in exchanges) == sent.statuses
    served = [e for e in exchanges if e.status == 200]
    assert {e.arm for e in served} == {"champion", "none"}
    # The queue is bounded: nobody waits for more than the limit's worth of calls (two workers, 30 ms each).
    assert max(e.latency_ms for e in served) < 1000 * MOST * 0.03 + 500
    assert gateway.request("GET", "/v2/health/ready")[0] == 200


def test_a_request_that_is_turned_away_is_told_when_to_come_back(gateway, slow):
    import threading

    gateway.take(champion=slow[0])
    seen = []

    def post():
        tensor = {"name": "x1", "shape": [1], "datatype": "FP64", "data": [1.0]}
        status, headers, _ = gateway.post({"inputs": [tensor]})
        seen.append((status, headers.get("Retry-After")))

    callers = [threading.Thread(target=post) for _ in range(4 * MOST)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert set(seen) == {(200, None), (503, "1")}


def test_the_shadow_gives_way_before_any_caller(gateway, slow):
    table = gateway.take(champion=slow[0], shadow=slow[1])
    before = shed(gateway, "champion"), shed(gateway, "candidate"), shed(gateway, "shadow")
    tensor = {"name": "x1", "shape": [1], "datatype": "FP64", "data": [1.0]}
    in_flight = MOST * 3 // 4 - 1  # above half, below three quarters
    import threading

    def post():
        for _ in range(10):
            assert gateway.post({"inputs": [tensor]})[0] == 200

    callers = [threading.Thread(target=post) for _ in range(in_flight)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    exchanges = gateway.captured(10 * in_flight, table)
    copied = sum(e.shadow_version is not None for e in exchanges)
    assert 0 < copied < len(exchanges)
    assert {e.arm for e in exchanges} == {"champion"}
    after = shed(gateway, "champion"), shed(gateway, "candidate"), shed(gateway, "shadow")
    assert after[:2] == before[:2]
    assert after[2] > before[2]
