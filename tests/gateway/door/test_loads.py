"""A load is sent to a gateway that asks who calls: with a key in the variable for it, and never without one."""

from __future__ import annotations

import pytest

from workbench.core.errors import Unavailable
from workbench.traffic.load import send_load
from workbench.traffic.sending import KEY

ROWS = [{"x1": 1.0}]


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion, settings={"gateway_auth": "keys"})


def test_a_load_shows_the_key_that_the_variable_holds(gateway, new_key, monkeypatch):
    monkeypatch.setenv(KEY, new_key(gateway, "infer"))
    assert send_load(gateway.url, "tiny", ROWS, rate=10, seconds=0.5).answered == 5


def test_without_a_key_it_says_how_to_get_one(gateway, monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    with pytest.raises(
        Unavailable, match=rf"does not let you in: A key .*{KEY}.*workbench gateway-key add tiny"
    ):
        send_load(gateway.url, "tiny", ROWS, rate=10, seconds=0.5)


def test_of_a_model_that_is_not_there_it_says_what_the_gateway_says(gateway, new_key, monkeypatch):
    monkeypatch.setenv(KEY, new_key(gateway, "infer"))
    with pytest.raises(Unavailable, match=r"answers 404: .*'other'"):
        send_load(gateway.url, "other", ROWS, rate=10, seconds=0.5)
