"""A gateway that would stand open to others does not start, and one whose settings lack something neither."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.core.errors import InvalidInput, Refused
from workbench.core.settings import load
from workbench.gateway.door.front import Front, is_loopback


@pytest.fixture
def front(tmp_path):
    return lambda host="127.0.0.1", **settings: Front.of(load(tmp_path, **settings), "tiny", host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.1.2.3", "example.org", "localhost.example.org"])
def test_nobody_is_let_in_from_elsewhere_without_being_asked(front, host):
    with pytest.raises(Refused, match="nobody asks who they are") as refused:
        front(host)
    assert "gateway-key add" in refused.value.remedy
    assert front(host, gateway_auth="keys").way == "keys"
    assert front(host, gateway_open=True).way == "none"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_on_loopback_nobody_needs_to_be_asked(front, host):
    assert is_loopback(host)
    assert front(host).way == "none"


def test_the_process_ends_with_a_sentence_and_the_code_of_an_error(tmp_path):
    run = [
        sys.executable,
        "-m",
        "workbench.gateway",
        str(tmp_path),
        "tiny",
        "--host",
        "0.0.0.0",
        "--port",
        "0",
    ]
    ended = subprocess.run(run, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3
    assert "Whoever reaches 0.0.0.0 could ask" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("key", ["oidc_issuer", "oidc_audience"])
def test_tokens_need_to_know_whose_and_for_whom(front, key):
    given = {"oidc_issuer": "https://id.example.org", "oidc_audience": "us", key: ""}
    with pytest.raises(InvalidInput, match=f"{key}: it is empty, and gateway_auth is oidc"):
        front(gateway_auth="oidc", **given)


def test_where_nobody_is_asked_everybody_may_do_all_but_administration(front):
    def scopes(**settings):
        return front(**settings).public.authentication._anybody.scopes

    assert scopes() == {"infer", "label", "metrics"}
    assert scopes(gateway_admin_port=0) == {"infer", "label"}
