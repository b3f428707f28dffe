"""By which name it is asked, and by which page: over raw sockets at a gateway that asks for no key."""

from __future__ import annotations

import pytest

from workbench.gateway.door.credentials import Heads
from workbench.gateway.door.hosts import Hosts
from workbench.gateway.problems import Problem
from workbench.testing.sockets import send_raw


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


@pytest.fixture(scope="module")
def named(gateways, routes):
    return gateways(
        champion=routes.champion, settings={"gateway_hosts": ["models.example.org", "[2001:db8::1]"]}
    )


def status(gateway, *lines, path="/v2", method="GET"):
    head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "Connection: close", "", ""])
    return send_raw(gateway.url, head.encode()).status


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("localhost", 200),
        ("LOCALHOST:8765", 200),
        ("localhost.", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("evil.example.org", 421),
        ("localhost.evil.example.org", 421),
        ("127.0.0.1.nip.io", 421),
        ("localhost@evil.example.org", 421),
        ("localhost:80:80", 421),
        ("10.0.0.1", 421),
        ("", 421),
    ],
)
def test_it_is_asked_by_its_own_names_alone(gateway, host, answer):
    assert status(gateway, f"Host: {host}") == answer


def test_without_a_host_or_with_two_nothing_is_answered(gateway):
    assert status(gateway) == 400
    assert status(gateway, "Host: localhost", "Host: evil.example.org") == 421


def test_probes_are_answered_by_any_name(gateway):
    for path in ("/ping", "/health", "/v2/health/live", "/v2/health/ready"):
        assert status(gateway, "Host: 10.1.2.3:8765", path=path) == 200


def test_the_settings_name_its_hosts(named):
    assert status(named, "Host: models.example.org") == 200
    assert status(named, "Host: [2001:db8::1]:443") == 200
    assert status(named, "Host: localhost") == 421


def test_where_it_listens_everywhere_it_is_asked_by_the_address_it_was_reached_at():
    hosts = Hosts(None, "0.0.0.0")
    hosts.check(Heads("10.1.2.3:8765", None, None, None), "10.1.2.3")
    with pytest.raises(Problem) as refused:
        hosts.check(Heads("10.1.2.4:8765", None, None, None), "10.1.2.3")
    assert refused.value.status == 421


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", "http://localhost:1", "localhost"])
def test_a_page_of_another_origin_is_refused(gateway, origin):
    for method in ("GET", "OPTIONS"):
        assert status(gateway, "Host: localhost", f"Origin: {origin}", method=method) == 403


def test_no_answer_opens_anything_to_other_pages(gateway):
    asked = {
        "Origin": "https://evil.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    answers = [
        gateway.request("OPTIONS", "/invocations", headers=asked),
        gateway.request("POST", "/invocations", "{}", {"Origin": "https://evil.example.org"}),
        gateway.request("GET", "/v2"),
        gateway.request("OPTIONS", "/v2"),
    ]
    assert [answer[0] for answer in answers] == [403, 403, 200, 405]
    for _, headers, _ in answers:
        assert not any(name.lower().startswith("access-control-") for name in headers)


def test_answers_are_data_that_nothing_keeps(gateway):
    for path in ("/v2", "/ping", "/nothing", "/openapi.json"):
        _, headers, _ = gateway.request("GET", path)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in headers
        assert "Server" not in headers
