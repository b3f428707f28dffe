"""A/B and blue/green: the caller and the record know the arm by its name, metrics by champion and candidate alone."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from workbench.gateway import RoutingTable

SPLIT = {"share": 0.5, "sticky": "x1", "salt": "test 1"}
ENTITIES = [n / 10 for n in range(-20, 20)]


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


def post(gateway, x1):
    """Status, name of the arm and version of the answer."""
    tensor = {"name": "x1", "shape": [1], "datatype": "FP64", "data": [x1]}
    status, headers, _ = gateway.post({"inputs": [tensor]})
    return status, headers.get("X-Workbench-Arm"), headers.get("X-Workbench-Version")


def metrics(gateway):
    return gateway.request("GET", "/metrics")[2].decode()


def test_caller_and_record_are_told_the_arm_by_its_name(gateway, routes):
    table = gateway.take(
        champion=routes.champion, candidate=routes.always, arms=("control", "treatment"), **SPLIT
    )
    told = [post(gateway, x1) for x1 in ENTITIES]
    assert set(told) == {(200, "control", "1"), (200, "treatment", "2")}
    kept = {e.inputs[0]["x1"]: (e.arm, e.arm_name) for e in gateway.captured(len(ENTITIES), table)}
    for x1, (_, name, _) in zip(ENTITIES, told, strict=True):
        assert kept[x1] == ({"control": "champion", "treatment": "candidate"}[name], name)


def test_names_of_arms_are_no_labels(gateway, routes):
    gateway.take(champion=routes.champion, candidate=routes.always, arms=("control", "treatment"), **SPLIT)
    for x1 in ENTITIES:
        gateway.ask(x1)
    text = metrics(gateway)
    assert 'arm="candidate"' in text
    assert "treatment" not in text


def test_outside_a_test_there_is_no_name(gateway, routes):
    table = gateway.take(champion=routes.champion, candidate=routes.always, **SPLIT)
    assert post(gateway, 1.0)[1] is None
    assert gateway.captured(1, table)[0].arm_name == ""


def test_who_names_a_version_is_in_no_arm(gateway, routes):
    table = gateway.take(champion=routes.champion, candidate=routes.always, arms=("a", "b"), **SPLIT)
    tensor = {"name": "x1", "shape": [1], "datatype": "FP64", "data": [1.0]}
    _, headers, _ = gateway.post({"inputs": [tensor]}, "/v2/models/tiny/versions/2/infer")
    assert "X-Workbench-Arm" not in headers
    (exchange,) = gateway.captured(1, table)
    assert (exchange.arm, exchange.arm_name, exchange.coin) == ("none", "", None)


def test_a_name_cannot_end_the_header(gateway, routes):
    gateway.take(
        champion=routes.champion, candidate=routes.always, share=1.0, arms=("a", "b\r\nSet-Cookie: ü=1")
    )
    tensor = {"name": "x1", "shape": [1], "datatype": "FP64", "data": [1.0]}
    status, headers, _ = gateway.post({"inputs": [tensor]})
    assert status == 200
    assert headers["X-Workbench-Arm"] == "b%0D%0ASet-Cookie%3A%20%C3%BC%3D1"
    assert "Set-Cookie" not in headers


def test_the_arm_is_told_of_an_error_too(gateway, routes):
    for _ in range(2):  # then no champion from before can answer
        gateway.take(champion=routes.failing, candidate=routes.failing, share=1.0, arms=("a", "b"))
    assert post(gateway, 60.0)[:2] == (500, "b")


@pytest.mark.parametrize("arms", [("a", "a"), ("", "b"), ("a", "")])
def test_arms_need_two_names(routes, arms):
    with pytest.raises(ValidationError, match="two names"):
        RoutingTable(endpoint="tiny", version=1, champion=routes.champion, candidate=routes.always, arms=arms)


def test_blue_and_green_all_go_to_the_candidate_and_the_champion_waits(gateway, routes):
    table = gateway.take(champion=routes.champion, candidate=routes.failing, share=1.0)
    assert [gateway.ask(x1)[:2] for x1 in ENTITIES] == [(200, "3")] * len(ENTITIES)
    assert gateway.ask(60.0) == (200, "1", [1])
    exchanges = gateway.captured(len(ENTITIES) + 1, table)
    assert {e.arm for e in exchanges} == {"candidate"}
    assert {"tiny/1", "tiny/3"} <= set(gateway.status.loaded)
    table = gateway.take(champion=routes.champion, standby=routes.failing)  # back, without a load
    assert gateway.ask(60.0) == (200, "1", [1])
