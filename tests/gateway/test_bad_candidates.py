"""Whatever a candidate does under load, whoever asks notices nothing: the champion answers in its place."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from workbench.testing.traffic import send

#: A third of the rows make the candidate misbehave; the champion answers 1 for all of them.
ROWS = [{"x1": 60.0 if i % 3 == 0 else 1.0} for i in range(300)]


@pytest.mark.parametrize("candidate", ["failing", "hanging", "crashing", "leaking", "nan", "strange"])
def test_under_load_no_request_fails_and_the_champion_stays_quick(gateways, routes, candidate, capsys):
    gateway = gateways(
        champion=routes.champion,
        candidate=getattr(routes, candidate),
        share=0.3,
        settings={"gateway_deadline_seconds": 1, "gateway_worker_memory_mb": 400},
    )
    sent = send(gateway.url, "tiny", ROWS, rate=50, connections=16)
    assert sent.failed == 0, sent
    seen = gateway.captured(len(ROWS))
    assert len(seen) == len(ROWS)
    by_champion = sorted(e.latency_ms for e in seen if e.coin >= e.share)
    assert by_champion[int(0.95 * len(by_champion))] < 500
    arms = Counter(e.arm for e in seen)  # while its breaker is open none counts
    assert sum(e.coin < e.share for e in seen) > 40  # of 90 on average
    errors = {e.error for e in seen if e.arm == "candidate" and e.error}
    if candidate != "leaking":
        assert errors
        assert all(e.served_by == 1 for e in seen if e.error)
    with capsys.disabled():
        sys.stdout.write(f"\n  {candidate}: {dict(arms)}, {len(errors)} reasons\n")


def test_a_leaking_candidate_is_replaced_while_it_serves(gateways, routes, wait_until):
    gateway = gateways(
        champion=routes.champion,
        candidate=routes.leaking,
        share=1.0,
        settings={"gateway_worker_memory_mb": 400},
    )
    before = set(gateway.status.workers["tiny/14"])
    sent = send(gateway.url, "tiny", [{"x1": 60.0}] * 40, rate=20)
    assert sent.failed == 0, sent
    wait_until(lambda: before != set(gateway.status.workers["tiny/14"]))
    assert gateway.ask(1.0)[0] == 200
