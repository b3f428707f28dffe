"""A label belongs to the requests of one endpoint, and stays as long as one of them is there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zlib import crc32

import orjson
import pandas as pd
import pytest

from workbench.core.clock import SystemClock
from workbench.core.errors import InvalidInput
from workbench.testing.clock import ManualClock
from workbench.traffic import TrafficStore
from workbench.traffic.labels import Label, Labels
from workbench.traffic.records import MOST_ROWS
from workbench.traffic.telling import Teller

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = 86_400


@pytest.fixture
def captured(tmp_path, exchange, write_segment):
    """Request r1 of both endpoints, and one of each that the other has not."""
    for endpoint in ("score", "tiny"):
        put = [
            exchange(0, endpoint=endpoint, request_id=name, inputs=[{"x1": 1.0}]) for name in ("r1", endpoint)
        ]
        write_segment(tmp_path, put, closed=10**15, endpoint=endpoint)


@pytest.fixture
def gateway_of(tmp_path):
    """What a gateway tells labels with, whose models take anything."""

    def made(endpoint):
        teller = Teller(TrafficStore(tmp_path), Labels(tmp_path), SystemClock(), lambda _: None, patience=1.0)
        return lambda *told, by="": teller.keep(told, endpoint=endpoint, by=by)

    return made


def joined(room, endpoint):
    frame = room.frame(endpoint, labels=True)
    return dict(zip(frame["request_id"], frame["labels"], strict=True))


def old_line(folder, *fields):
    """Append a line as it was written before labels had an endpoint."""
    text = orjson.dumps(list(fields))
    (folder / ".labels").mkdir(exist_ok=True)
    with (folder / ".labels" / "labels.log").open("ab") as file:
        file.write(b"%08x %s\n" % (crc32(text), text))


# Whose it is


@pytest.mark.usefixtures("captured")
def test_what_one_gateway_is_told_changes_no_label_of_another(room, gateway_of):
    tiny, score = gateway_of("tiny"), gateway_of("score")
    tiny(("r1", 0, 1), ("tiny", 0, 1))
    assert score(("r1", 0, 0.5), ("tiny", 0, 0.5)).waiting == 1
    assert joined(room, "tiny") == {"r1": [1], "tiny": [1]}
    assert joined(room, "score") == {"r1": [0.5], "score": [None]}
    assert room.waiting() == 1
    both = room.frame(labels=True)
    told = zip(both["endpoint"], both["request_id"], map(str, both["labels"]), strict=True)
    assert ("score", "r1", "[0.5]") in (everything := set(told))
    assert ("tiny", "r1", "[1]") in everything


@pytest.mark.usefixtures("captured")
def test_who_told_it_and_of_which_endpoint_is_kept(tmp_path, room_in, gateway_of):
    room = room_in(tmp_path, actor=lambda: "ada")
    room.label("tiny", 1)
    gateway_of("score")(("tiny", 0, 2.0), by="billing")
    room.label("nobody", 0)
    told = [(label.request_id, label.endpoint, label.by) for label in room.labels()]
    assert told == [("tiny", "tiny", "ada"), ("tiny", "score", "billing"), ("nobody", "", "ada")]


@pytest.mark.usefixtures("captured")
def test_a_request_id_of_two_endpoints_needs_the_endpoint(room):
    with pytest.raises(InvalidInput, match="'r1' is a request of score and of tiny") as refused:
        room.label("r1", 1)
    assert refused.value.field == "endpoint"
    assert room.labels() == []
    room.label("r1", 1, endpoint="tiny")
    room.label_many({"r1": 0.25}, endpoint="score")
    assert (joined(room, "tiny")["r1"], joined(room, "score")["r1"]) == ([1], [0.25])
    with pytest.raises(InvalidInput, match="endpoint: ") as refused:
        room.label("r1", 1, endpoint="tinny")
    assert "'tiny'" in refused.value.remedy


@pytest.mark.usefixtures("captured")
def test_a_label_from_before_lines_had_an_endpoint_joins_as_it_did(tmp_path, room):
    old_line(tmp_path, "r1", 0, 1, START)
    assert joined(room, "tiny")["r1"] == joined(room, "score")["r1"] == [1]
    room.label("r1", 0, endpoint="tiny")
    assert (joined(room, "tiny")["r1"], joined(room, "score")["r1"]) == ([0], [1])
    old_line(tmp_path, "r1", 0, 1, START)
    assert joined(room, "tiny")["r1"] == [1]
    assert [label.endpoint for label in room.labels("r1")] == ["", "tiny", ""]
    room.erase(request_ids=["tiny"])
    assert [label.endpoint for label in room.labels("r1")] == ["", "tiny", ""]


def test_a_label_that_came_first_joins_where_its_exchange_comes(tmp_path, room, exchange, write_segment):
    room.label("r7", 1)
    write_segment(tmp_path, [exchange(7, endpoint="tiny")], closed=10**15, endpoint="tiny")
    assert joined(room, "tiny") == {"r7": [1]}


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize("request_id", ["later", "tiny"])
def test_a_row_beyond_every_request_is_refused_before_its_exchange_is_there(room, request_id):
    with pytest.raises(InvalidInput, match="row: ") as refused:
        room.label(request_id, 1, row=MOST_ROWS)
    assert refused.value.field == "row"
    with pytest.raises(InvalidInput, match="row: "):
        room.label_many(pd.DataFrame({"request_id": ["later"], "label": [1], "row": [5_000_000_000]}))
    assert room.label("later", 1, row=MOST_ROWS - 1).labels == 1


# How long it stays


def twice(tmp_path, write_segment, exchange, *, endpoint="tiny", second=100 * DAY):
    """Request r0, whose id was given again later."""
    for place, after in enumerate((0, second)):
        time = START + timedelta(seconds=after)
        put = [exchange(0, time=time, endpoint=endpoint, inputs=[{"who": place}])]
        write_segment(tmp_path, put, closed=10**15 + place, endpoint=endpoint)


def test_dropping_what_is_old_keeps_the_labels_of_a_request_that_stays(
    tmp_path, room_in, exchange, write_segment
):
    twice(tmp_path, write_segment, exchange)
    clock = ManualClock(START)
    room = room_in(tmp_path, clock)
    Labels(tmp_path).append([Label("r0", 0, 0, START)])
    room.label("r0", 1)
    clock.jump(START + timedelta(days=100))
    removal = room.retain(days=50)
    assert (removal.exchanges, removal.labels) == (1, 0)
    assert joined(room, "tiny") == {"r0": [1]}
    clock.jump(START + timedelta(days=300))
    assert room.retain(days=50).labels == 2
    assert room.labels() == []


@pytest.mark.parametrize("together", [True, False])
def test_erasing_a_person_keeps_the_labels_of_a_request_that_stays(
    tmp_path, room, exchange, write_segment, together
):
    if together:
        pair = [exchange(0, endpoint="tiny", inputs=[{"who": who}]) for who in (0, 1)]
        write_segment(tmp_path, pair, closed=10**15, endpoint="tiny")
    else:
        twice(tmp_path, write_segment, exchange)
    room.label("r0", 1)
    removal = room.erase("who", 0)
    assert (removal.exchanges, removal.labels) == (1, 0)
    assert joined(room, "tiny") == {"r0": [1]}
    assert room.erase("who", 1).labels == 1
    assert room.labels() == []


def test_of_another_endpoints_request_with_the_same_id_the_labels_stay(
    tmp_path, room, exchange, write_segment, gateway_of
):
    for endpoint, who in (("tiny", 0), ("score", 1)):
        put = [exchange(0, endpoint=endpoint, inputs=[{"who": who}])]
        write_segment(tmp_path, put, closed=10**15, endpoint=endpoint)
        gateway_of(endpoint)(("r0", 0, who))
    old_line(tmp_path, "r0", 0, 5, START)
    removal = room.erase("who", 0)
    assert (removal.exchanges, removal.labels) == (1, 1)
    assert [(label.endpoint, label.value) for label in room.labels()] == [("score", 1), ("", 5)]
    assert room.erase("who", 1).labels == 2


def test_a_removal_that_is_finished_later_keeps_the_labels_of_a_request_that_stays(
    tmp_path, room_in, exchange, write_segment, monkeypatch
):
    """The process ends right after the plan was written."""
    twice(tmp_path, write_segment, exchange)
    room = room_in(tmp_path)
    room.label("r0", 1)
    write_segment(
        tmp_path, [exchange(9, endpoint="tiny", inputs=[{"who": 0}])], closed=10**15 + 5, endpoint="tiny"
    )
    room.label("r9", 1)

    def dying(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Labels, "drop", dying)
    with pytest.raises(KeyboardInterrupt):
        room.erase("who", 0)
    monkeypatch.undo()
    assert room.erase("who", 7).exchanges == 0
    assert [label.request_id for label in room.labels()] == ["r0"]
    assert joined(room, "tiny") == {"r0": [1]}
