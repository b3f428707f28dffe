"""What is told over HTTP is checked and kept as what is told in a notebook, and by nobody else's code."""

from __future__ import annotations

import json
import os

import pytest

from workbench.gateway.labels import MOST
from workbench.traffic import TrafficStore
from workbench.traffic.labels import Labels

IDS = ("asked-1", "asked-2")


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    """A gateway that has answered two requests, of one row and of two, and has captured them."""
    running = gateways(champion=routes.champion)
    for name, x1 in zip(IDS, ([1.0], [1.0, -1.0]), strict=True):
        tensor = {"name": "x1", "shape": [len(x1)], "datatype": "FP64", "data": x1}
        assert running.post({"inputs": [tensor]}, X_Request_Id=name)[0] == 200
    running.captured(2)
    return running


def kept(gateway):
    return Labels(gateway.state / "traffic").history()


def told(gateway, body, **headers):
    status, _, answer = gateway.post(body, "/labels", **headers)
    return status, answer


def test_labels_are_kept_and_join_to_their_rows(gateway):
    before = len(kept(gateway))
    assert told(gateway, {"asked-1": 1, "asked-2": [0, 1]}) == (200, {"labels": 3, "waiting": 0})
    rows = [
        {"request_id": "asked-2", "label": 0, "row": 1},
        {"request_id": "asked-1", "label": 0},
    ]
    assert told(gateway, rows) == (200, {"labels": 2, "waiting": 0})
    assert len(kept(gateway)) == before + 5
    frame = TrafficStore(gateway.state / "traffic").frame("tiny", labels=True).set_index("request_id")
    assert frame["labels"]["asked-1"] == [0]
    assert frame["labels"]["asked-2"] == [0, 0]


def test_a_label_may_come_before_its_exchange(gateway):
    assert told(gateway, {"not-yet": 1}) == (200, {"labels": 1, "waiting": 1})
    tensor = {"name": "x1", "shape": [1], "datatype": "FP64", "data": [2.0]}
    assert gateway.post({"inputs": [tensor]}, X_Request_Id="not-yet")[0] == 200
    gateway.captured(3)
    frame = TrafficStore(gateway.state / "traffic").frame("tiny", request_ids=["not-yet"], labels=True)
    assert frame["labels"].tolist() == [[1]]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        ({"asked-1": "1"}, 422, "label"),
        ({"asked-1": 2}, 422, "label"),
        ({"asked-1": None}, 422, "label"),
        ({"asked-1": True}, 422, "label"),
        ({"asked-1": []}, 422, "label"),
        ({"asked-1": {"label": 1}}, 422, "label"),
        ({"asked-1": [0, 1]}, 422, "row"),
        ({"never": "yes"}, 422, "label"),
        ({"": 1}, 422, "request_id"),
        ({"x" * 201: 1}, 422, "request_id"),
        ({}, 422, "0 labels"),
        ([], 422, "0 labels"),
        ([{"label": 1}], 422, "request_id"),
        ([{"request_id": "asked-1"}], 422, "label"),
        ([{"request_id": "asked-1", "label": 1, "row": -1}], 422, "row"),
        ([{"request_id": "asked-1", "label": 1, "row": True}], 422, "row"),
        ([{"request_id": "asked-1", "label": 1, "row": 1}], 422, "row"),
        ([{"request_id": 7, "label": 1}], 422, "request_id"),
        ([{"request_id": "asked-1", "label": 1, "Row": 1}], 422, "Row"),
        ([1], 400, "Entry 0"),
        ("7", 400, "object"),
        ("null", 400, "object"),
        ('{"asked-1": NaN}', 422, "label"),
        ('{"asked-1": 1e999}', 422, "label"),
        ('{"asked-1": ' + "9" * 400 + "}", 422, "label"),
        ('{"never": "\\ud800"}', 400, "surrogate"),
        ('{"asked-1": 1, "asked-1": 0}', 400, "asked-1"),
        ("[" * 100 + "]" * 100, 400, "nested"),
        ("{", 400, "JSON"),
        (b"\xff", 400, "UTF-8"),
    ],
)
def test_what_is_wrong_is_refused_by_name_and_nothing_of_it_is_kept(gateway, body, status, says):
    before = kept(gateway)
    found, answer = told(gateway, body)
    assert (found, says in answer["error"]) == (status, True), answer
    assert kept(gateway) == before


def test_of_many_none_is_kept_when_one_does_not_fit(gateway):
    before = kept(gateway)
    assert told(gateway, {"asked-1": 1, "other": 0, "third": "<script>"})[0] == 422
    assert kept(gateway) == before


def test_a_body_has_limits_and_a_kind(gateway):
    assert told(gateway, {f"r{n}": 1 for n in range(MOST + 1)})[0] == 422
    assert told(gateway, {f"r{n}": 1 for n in range(MOST)}) == (200, {"labels": MOST, "waiting": MOST})
    assert told(gateway, {"asked-1": "x" * (1 << 21)})[0] == 413
    assert told(gateway, "request_id,label\nasked-1,1", Content_Type="text/csv")[0] == 415
    assert gateway.request("GET", "/labels")[0] == 405


def test_a_model_that_predicts_numbers_takes_numbers(gateways, routes):
    gateway = gateways(champion=routes.regressor)
    assert told(gateway, {"a": 2, "b": 2.5}) == (200, {"labels": 2, "waiting": 2})
    assert [label.value for label in kept(gateway)] == [2.0, 2.5]
    for wrong in ("2", True):
        assert told(gateway, {"a": wrong})[0] == 422


def test_beside_a_damaged_segment_it_names_it_and_keeps_nothing(gateways, routes):
    gateway = gateways(champion=routes.champion)
    folder = gateway.state / "traffic" / "tiny"
    folder.mkdir(parents=True)
    damaged = folder / f"{10**15:016d}-{1:016d}-{2:016d}-7.parquet"
    damaged.write_bytes(b"PAR1 nonsense")
    status, answer = told(gateway, {"a": 1})
    assert status == 503
    assert damaged.name in answer["error"]
    assert "backup" in answer["error"]
    assert os.fspath(gateway.state) not in json.dumps(answer)
    assert kept(gateway) == []
    damaged.unlink()
    assert told(gateway, {"a": 1}) == (200, {"labels": 1, "waiting": 1})
    [label] = kept(gateway)
    assert label.endpoint == "tiny"


def test_no_row_beyond_every_request_is_kept(gateway):
    before = kept(gateway)
    status, answer = told(gateway, [{"request_id": "to-come", "label": 1, "row": 5_000_000_000}])
    assert (status, "row: " in answer["error"]) == (422, True)
    assert kept(gateway) == before


def test_without_a_champion_and_without_room_it_says_so_and_keeps_nothing(gateways, routes):
    gateway = gateways()
    assert told(gateway, {"a": 1})[0] == 503
    gateway.take(champion=routes.champion)
    place = gateway.state / "traffic" / ".labels"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where the folder should be")
    status, headers, answer = gateway.post({"a": 1}, "/labels")
    assert (status, headers["Retry-After"]) == (503, "1")
    assert os.fspath(gateway.state) not in json.dumps(answer)
    assert gateway.ask(1.0)[0] == 200
    place.unlink()
    assert told(gateway, {"a": 1})[0] == 200
