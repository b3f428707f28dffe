"""Quotas of keys and of failed attempts, over real sockets and with a clock of their own."""

from __future__ import annotations

import re

import pytest

from workbench.gateway.door import quota
from workbench.gateway.door.callers import Caller
from workbench.gateway.problems import Problem


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_auth": "keys", "gateway_per_minute": 5})


def test_a_key_that_is_used_too_often_has_to_wait(gateway, new_key, ask):
    key, other = new_key(gateway, "infer"), new_key(gateway, "infer")
    for left in (4, 3, 2, 1, 0):
        status, headers, _ = ask(gateway, key)
        assert status == 200
        assert headers["RateLimit-Policy"] == '"minute";q=5;w=60'
        assert re.fullmatch(rf'"minute";r={left};t=\d+', headers["RateLimit"])
    status, headers, body = ask(gateway, key)
    assert status == 429
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert headers["RateLimit"].startswith('"minute";r=0;')
    assert "may ask 5 times a minute" in body["error"]
    assert ask(gateway, other)[0] == 200


def test_a_key_may_have_a_quota_of_its_own(gateway, new_key, ask):
    key = new_key(gateway, "infer", per_minute=7)
    assert [ask(gateway, key)[0] for _ in range(8)] == [200] * 7 + [429]


def test_probes_take_nothing_of_a_quota(gateway, new_key):
    key = new_key(gateway, "infer")
    for _ in range(8):
        assert gateway.request("GET", "/ping", headers={"X-Api-Key": key})[0] == 200


def test_guessing_is_slow_and_holds_up_nobody_who_is_known(gateway, new_key, ask):
    here, there = {"X_Forwarded_For": "10.0.0.1"}, {"X_Forwarded_For": "10.0.0.2"}
    known, stranger = (new_key(gateway, "infer", per_minute=1000) for _ in range(2))
    assert ask(gateway, known, **here)[0] == 200
    wrong = known[:-1] + ("A" if known[-1] != "A" else "B")
    statuses = [ask(gateway, wrong, **here)[0] for _ in range(quota.ATTEMPTS + 5)]
    assert statuses == [401] * quota.ATTEMPTS + [429] * 5
    status, headers, _ = ask(gateway, stranger, **here)
    assert status == 429, "a right guess would show itself"
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert ask(gateway, known, **here)[0] == 200
    assert ask(gateway, stranger, **there)[0] == 200


def test_addresses_of_one_network_of_version_6_count_as_one(monkeypatch):
    attempts = quota.Attempts()
    for n in range(quota.ATTEMPTS):
        attempts.failed(f"2001:db8::{n:x}")
    with pytest.raises(Problem, match="Too many attempts"):
        attempts.check("2001:db8::ffff")
    attempts.check("2001:db8:0:1::1")
    attempts.check("192.0.2.1")


def test_nothing_is_kept_of_addresses_whose_minute_is_over(monkeypatch):
    attempts = quota.Attempts()
    for n in range(100):
        attempts.failed(f"192.0.2.{n}")
    storage = attempts._limiter.storage
    assert len(storage.storage) == 100
    now = quota.time.time()
    monkeypatch.setattr("time.time", lambda: now + 130)
    storage._MemoryStorage__expire_events()
    assert len(storage.storage) == len(storage.expirations) == 0


def test_a_quota_of_nothing_counts_nothing():
    quotas = quota.Quotas(0)
    caller = Caller("key 1", "ada", frozenset({"infer"}))
    assert all(quotas.take(caller) == [] for _ in range(1000))
