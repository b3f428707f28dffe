"""Keys at a real gateway: shown in three ways, for one endpoint, for some scopes, until they end or are revoked."""

from __future__ import annotations

import base64
import json
import stat
import time
from datetime import UTC, datetime, timedelta

import pytest

import workbench as wb
from workbench.gateway.app import make_app
from workbench.gateway.door.callers import PROBES, SCOPES, needed
from workbench.gateway.door.keys import file_of
from workbench.journal import Event
from workbench.releases.gateway_keys import GatewayKeys
from workbench.testing.clock import ManualClock
from workbench.testing.sockets import send_raw


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_auth": "keys"})


def elsewhere(n):
    """Headers of a caller behind a proxy on this machine, so that failures of one test hold up no other."""
    return {"X_Forwarded_For": f"10.0.0.{n}"}


def test_nobody_is_answered_without_a_key(gateway, ask):
    status, headers, body = ask(gateway, **elsewhere(1))
    assert status == 401
    assert headers["WWW-Authenticate"] == "Bearer"
    assert "A key or a token is needed" in body["error"]


@pytest.mark.parametrize("basic", [b"\xc3\xa9", b"\xe9", b"YQ", b"\xff" * 1000], ids=range(4))
def test_a_password_that_cannot_be_read_is_none_and_counts_as_an_attempt(gateway, basic):
    elsewhere = b"X-Forwarded-For: 10.0.4.%d" % (sum(basic) % 250)
    head = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic " + basic
    statuses = [send_raw(gateway.url, head + b"\r\n" + elsewhere + b"\r\n\r\n").status for _ in range(31)]
    assert statuses == [401] * 30 + [429]


def test_every_route_but_the_probes_asks_for_a_key(gateway):
    for n, route in enumerate(make_app(None, None, None, max_body=1).routes):
        path = route.path.replace("{model:name}", "tiny").replace("{model}", "tiny").replace("{version}", "1")
        for method in route.methods - {"HEAD"}:
            headers = {"X-Forwarded-For": f"10.0.1.{n}"}
            status = gateway.request(method, path, headers=headers)[0]
            assert status == (200 if path in PROBES else 401), path
    assert gateway.request("GET", "/nothing", headers={"X-Forwarded-For": "10.0.1.99"})[0] == 401


def test_a_key_is_shown_as_bearer_as_header_or_as_password(gateway, new_key):
    key = new_key(gateway, "infer")
    basic = base64.b64encode(f"anybody:{key}".encode()).decode()
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"authorization": f"bearer  {key}"},
        {"X-Api-Key": key},
        {"X-Api-Key": key, "Authorization": "Basic bm9ib2R5Om5vdGhpbmc="},
        {"Authorization": f"Basic {basic}"},
    ):
        assert gateway.request("GET", "/v2", headers=headers)[0] == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("A" if key[-1] != "A" else "B"),
        lambda key: key[:4] + ("0" if key[4] != "0" else "1") + key[5:],
        lambda key: key[:-1],
        lambda key: key + "A",
        lambda key: key.upper(),
        lambda key: key.replace("wbk_", "wbk"),
        lambda key: f"{key}, {key}",
        lambda key: "wbk__",
        lambda key: "ü" * 60,
    ],
)
def test_what_is_nearly_a_key_is_none(gateway, new_key, ask, change):
    status, headers, body = ask(gateway, change(new_key(gateway, "infer")), **elsewhere(2))
    assert status == 401
    assert headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert "wbk_" not in body["error"]


def test_two_keys_at_once_are_none(gateway, new_key):
    key = new_key(gateway, "infer").encode()
    head = b"GET /v2 HTTP/1.1\r\nHost: localhost\r\nX-Api-Key: %s\r\nX-Api-Key: %s\r\n\r\n" % (key, key)
    assert send_raw(gateway.url, head).status == 401


def test_a_revoked_key_is_refused_within_a_second(gateway, new_key, ask, wait_until):
    key = new_key(gateway, "infer", name="intake")
    assert ask(gateway, key)[0] == 200
    bench = wb.open(gateway.root, actor="grace")
    bench.gateway_keys.revoke("intake", reason="left the team")
    wait_until(lambda: ask(gateway, key, **elsewhere(3))[0] == 401, seconds=1.0)
    entries = [e for e in bench.journal.read("gateway-keys") if e.payload["name"] == "intake"]
    assert [(e.kind, e.actor) for e in entries] == [
        ("gateway.key.added", "ada"),
        ("gateway.key.revoked", "grace"),
    ]
    assert entries[1].payload["reason"] == "left the team"
    bench.journal.close()


def test_a_key_ends_by_itself(gateway, ask):
    bench = wb.open(gateway.root, actor="ada")
    yesterday = ManualClock(datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=2))
    keys = GatewayKeys(gateway.state, yesterday, actor=lambda: "ada", journal=lambda: bench.journal)
    key = keys.add("tiny", name="short", days=1)[1]
    assert ask(gateway, key)[0] == 200
    time.sleep(2.1)
    assert ask(gateway, key, **elsewhere(4))[0] == 401
    bench.journal.close()


def test_a_key_is_good_for_its_endpoint_or_for_all(gateway, new_key, ask):
    with wb.open(gateway.root).journal as journal:
        journal.append("model/other", Event(kind="model.registered"))
    assert ask(gateway, new_key(gateway, "infer", endpoint="other"), **elsewhere(5))[0] == 401
    assert ask(gateway, new_key(gateway, "infer", endpoint="*"))[0] == 200


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_does_what_its_scopes_say_and_nothing_else(gateway, new_key, scope):
    key = new_key(gateway, scope)
    for method, path in (
        ("GET", "/v2"),
        ("GET", "/v2%0A"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
        ("GET", "/metrics%0A"),
        ("POST", "/labels"),
        ("POST", "/labels%0A"),
        ("POST", "/invocations"),
    ):
        wanted = needed(path.replace("%0A", "\n"))
        status, headers, _ = gateway.request(method, path, headers={"X-Api-Key": key})
        assert (status == 403) == (scope != wanted), path
        if status == 403:
            assert headers["WWW-Authenticate"] == f'Bearer error="insufficient_scope", scope="{wanted}"'


def test_no_body_is_read_of_whoever_has_no_key(gateway):
    head = b"POST /invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\nX-Forwarded-For: 10.0.0.6\r\n\r\n"
    answered = send_raw(gateway.url, head)
    assert answered.status == 401


def test_only_a_hash_of_the_secret_is_kept_in_a_file_of_its_owner_alone(gateway, new_key):
    key = new_key(gateway, "infer")
    secret = key.rpartition("_")[2] if key.count("_") == 2 else key.split("_", 2)[2]
    file = file_of(gateway.state)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for path in gateway.root.rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path


def test_a_damaged_file_lets_nobody_in_until_it_is_right_again(gateway, new_key, ask, wait_until):
    key, file = new_key(gateway, "infer"), file_of(gateway.state)
    assert ask(gateway, key)[0] == 200
    right = file.read_bytes()
    file.write_bytes(right[:-20])
    wait_until(lambda: ask(gateway, key)[0] == 503, seconds=1.0)
    _, headers, body = ask(gateway, key)
    assert headers["Retry-After"] == "5"
    assert str(gateway.root) not in json.dumps(body)
    file.write_bytes(right)
    wait_until(lambda: ask(gateway, key)[0] == 200, seconds=1.0)
