"""The administration port: what tells is open on loopback, what stops takes a key, and the journal learns of it."""

from __future__ import annotations

import http.client
import json
import socket
from urllib.parse import urlsplit

import pytest

import workbench as wb
from workbench.core.errors import Unavailable
from workbench.testing.gateway import GatewayProcess


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_auth": "keys", "gateway_admin_port": 0})


@pytest.fixture(scope="module")
def unasked(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_admin_port": 0})


def admin(gateway, method, path, body=None, **headers):
    parts = urlsplit(gateway.status.admin)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def test_it_tells_on_loopback_without_a_key(gateway):
    assert gateway.status.admin.startswith("http://127.0.0.1:")
    assert b"workbench_requests" in admin(gateway, "GET", "/metrics")[1]
    status = json.loads(admin(gateway, "GET", "/status")[1])
    assert (status["endpoint"], status["champion"]) == ("tiny", "tiny/1")
    document = json.loads(admin(gateway, "GET", "/openapi.json")[1])
    assert set(document["components"]["securitySchemes"]) == {"key"}


def test_it_answers_by_loopback_names_alone_and_no_page(gateway):
    assert admin(gateway, "GET", "/status", Host="evil.example.org")[0] == 421
    assert admin(gateway, "GET", "/status", Origin="http://evil.example.org")[0] == 403


def test_models_are_not_asked_there_and_nothing_is_stopped_on_the_public_port(gateway, new_key):
    key = new_key(gateway, "infer", "admin")
    assert admin(gateway, "POST", "/invocations", "{}", X_Api_Key=key)[0] == 404
    assert gateway.request("POST", "/kill", "{}", {"X-Api-Key": key})[0] == 404


def test_metrics_have_left_the_public_port_but_for_whoever_has_the_scope(gateway, unasked, new_key):
    assert unasked.request("GET", "/metrics")[0] == 403
    assert unasked.request("GET", "/v2")[0] == 200
    assert gateway.request("GET", "/metrics", headers={"X-Api-Key": new_key(gateway, "infer")})[0] == 403
    assert gateway.request("GET", "/metrics", headers={"X-Api-Key": new_key(gateway, "metrics")})[0] == 200


def test_stopping_takes_the_scope_admin(gateway, unasked, new_key):
    stop = json.dumps({"reason": "hold"})
    assert admin(gateway, "POST", "/kill", stop)[0] == 401
    assert admin(gateway, "POST", "/kill", stop, X_Api_Key=new_key(gateway, "infer"))[0] == 403
    assert admin(unasked, "POST", "/kill", stop)[0] == 403
    assert not gateway.status.killed
    assert not unasked.status.killed


@pytest.mark.parametrize(
    "body", ["", "{}", '{"reason": ""}', '{"reason": 1}', '{"reason": "a\\nb"}', '["hold"]']
)
def test_stopping_needs_a_reason(gateway, new_key, body):
    assert admin(gateway, "POST", "/kill", body, X_Api_Key=new_key(gateway, "admin"))[0] == 400
    assert not gateway.status.killed


def test_what_it_stops_is_stopped_and_the_journal_learns_why_and_by_whose_key(
    gateway, new_key, ask, wait_until
):
    caller = new_key(gateway, "infer")
    assert ask(gateway, caller)[0] == 200
    key = new_key(gateway, "admin", name="on-call")
    assert admin(gateway, "POST", "/kill", json.dumps({"reason": "INC-7"}), X_Api_Key=key)[0] == 200
    wait_until(lambda: ask(gateway, caller)[0] == 503, seconds=1.0)
    bench = wb.open(gateway.root, actor="grace")
    bench.releases.settle("tiny")
    [entry] = [e for e in bench.journal.read("endpoint/tiny") if e.kind == "endpoint.killed"]
    assert entry.payload["reason"] == "INC-7 (by on-call, at the gateway)"
    bench.revive("tiny", reason="over")
    wait_until(lambda: ask(gateway, caller)[0] == 200)
    bench.journal.close()


def test_both_ports_are_closed_when_it_ends(gateways, routes):
    gateway = gateways(champion=routes.champion, settings={"gateway_admin_port": 0})
    places = [urlsplit(url) for url in (gateway.url, gateway.status.admin)]
    assert gateway.stop() == 0
    for place in places:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((place.hostname, place.port), timeout=5)


def test_a_taken_port_is_said_at_once(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = GatewayProcess(tmp_path, "tiny", settings={"gateway_admin_port": port})
        with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}"):
            process.wait()
        assert "gateway_admin_port in workbench.toml" in process.output
        process.end()
