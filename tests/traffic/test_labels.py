"""Labels come late, in any order and from several processes, and none is lost or joined to another request."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.core.errors import InvalidInput, Tampered
from workbench.traffic import rows
from workbench.traffic.labels import Label, Labels
from workbench.traffic.telling import Labelled

NOW = datetime(2026, 3, 1, tzinfo=UTC)

#: What happens, in any order: request n comes, with two rows, or something is said about one of its rows.
events = st.lists(
    st.one_of(
        st.tuples(st.just("exchange"), st.integers(0, 5)),
        st.tuples(st.integers(0, 5), st.integers(0, 1), st.sampled_from([0, 1])),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(events=events)
def test_labels_join_exactly_whatever_comes_first(tmp_path_factory, room_in, exchange, write_segment, events):
    folder = tmp_path_factory.mktemp("t")
    room, here, true = room_in(folder), set(), {}
    for place, event in enumerate(events):
        if event[0] != "exchange":
            number, row, value = event
            assert room.label(f"r{number}", value, row=row).waiting == (number not in here)
            true[number, row] = value
        elif event[1] not in here:
            number = event[1]
            here.add(number)
            pair = exchange(number, endpoint="tiny", inputs=[{"x": 1}, {"x": 2}], outputs=[0, 1])
            write_segment(folder, [pair], closed=10**15 + place, endpoint="tiny")
    frame = room.frame(labels=True)
    assert dict(zip(frame["request_id"], frame["labels"], strict=True)) == {
        f"r{number}": [true.get((number, 0)), true.get((number, 1))] for number in here
    }
    assert rows(frame)["__label"].tolist() == [
        true.get((int(name[1:]), row)) for name in frame["request_id"] for row in (0, 1)
    ]
    assert room.waiting() == len({number for number, _ in true} - here)
    assert len(room.labels()) == sum(event[0] != "exchange" for event in events)


def test_the_last_label_counts_and_the_ones_before_it_are_kept(room):
    for value in ("good", "bad", "good"):
        room.label("r1", value)
    room.label("r2", "bad")
    assert [label.value for label in room.labels("r1")] == ["good", "bad", "good"]
    assert Labels(room.folder).last(["e"]) == {("e", "r1"): {0: "good"}, ("e", "r2"): {0: "bad"}}


def test_a_frame_without_labels_is_as_before(room, writer, exchange):
    writer.put(exchange())
    writer.flush()
    room.label("r0", "good")
    assert "labels" not in room.frame().columns
    assert "__label" not in rows(room.frame()).columns


def test_a_label_keeps_its_type(tmp_path):
    told = [1, True, 1.5, "1", "é\u2028\n", "", 2**63 - 1]
    Labels(tmp_path).append(Label(f"r{n}", 0, value, NOW) for n, value in enumerate(told))
    read = [label.value for label in Labels(tmp_path).history()]
    assert read == told
    assert [type(value) for value in read] == [type(value) for value in told]


# What fits


@pytest.fixture
def captured(tmp_path, exchange, write_segment):
    for endpoint, name in (("tiny", "t1"), ("score", "s1")):
        put = exchange(endpoint=endpoint, request_id=name, inputs=[{"x1": 1.0}], outputs=[1])
        write_segment(tmp_path, [put], closed=10**15, endpoint=endpoint)


@pytest.mark.usefixtures("captured")
@pytest.mark.parametrize("value", ["1", 2, True, 0.5, None, float("nan"), [1], "<b>"])
def test_what_is_no_label_of_the_model_is_refused_naming_the_field(room, value):
    with pytest.raises(InvalidInput, match="label: ") as refused:
        room.label("t1", value)
    assert refused.value.field == "label"
    assert room.labels() == []


@pytest.mark.usefixtures("captured")
def test_a_model_that_predicts_numbers_takes_numbers(room):
    room.label("s1", 3)
    assert [label.value for label in room.labels()] == [3.0]
    for value in ("3", True, float("inf")):
        with pytest.raises(InvalidInput, match="label: "):
            room.label("s1", value)


@pytest.mark.usefixtures("captured")
def test_the_label_of_a_request_to_come_must_fit_one_of_the_models(room):
    assert room.label("later", 1).waiting == 1
    assert room.label("later", 2.5).waiting == 1
    with pytest.raises(InvalidInput, match="later"):
        room.label("later", "yes")


@pytest.mark.usefixtures("captured")
def test_a_row_that_the_request_does_not_have_is_refused(room):
    for row in (1, -1, True, "0", 1.5):
        with pytest.raises(InvalidInput, match="row: "):
            room.label("t1", 1, row=row)


def test_what_cannot_be_a_request_id_is_refused(room):
    for request_id in ("", None, 7, "x" * 201):
        with pytest.raises(InvalidInput) as refused:
            room.label(request_id, 1)
        assert refused.value.field == "request_id"
    with pytest.raises(InvalidInput):
        room.label("\ud800", 1)


# Many at once


@pytest.mark.usefixtures("captured")
def test_many_are_told_as_a_mapping_a_frame_or_a_file(room, tmp_path):
    frame = pd.DataFrame({"request_id": ["t1", "007"], "label": [1, 0], "row": [0, 4]})
    frame.to_csv(tmp_path / "labels.csv", index=False)
    frame.to_parquet(tmp_path / "labels.parquet")
    for told in (frame, tmp_path / "labels.csv", str(tmp_path / "labels.parquet")):
        said = room.label_many(told)
        assert (said.labels, said.waiting) == (2, 1)
    assert [(label.request_id, label.row, label.value) for label in room.labels()] == [
        ("t1", 0, 1),
        ("007", 4, 0),
    ] * 3
    assert room.label_many({"t1": 0}).waiting == 0
    assert room.frame("tiny", labels=True)["labels"].tolist() == [[0]]


@pytest.mark.usefixtures("captured")
def test_of_many_none_is_kept_when_one_does_not_fit(room):
    with pytest.raises(InvalidInput, match="'t1'"):
        room.label_many({"other": 1, "t1": "maybe"})
    assert room.labels() == []
    with pytest.raises(InvalidInput) as refused:
        room.label_many(pd.DataFrame({"request_id": ["t1"], "Label": [1]}))
    assert refused.value.field == "label"
    assert "'Label'" in refused.value.remedy


# On the disk


def test_a_torn_tail_is_survived_and_taken_away_by_the_next_writer(tmp_path):
    labels = Labels(tmp_path)
    labels.append([Label("a", 0, 1, NOW), Label("b", 0, 1, NOW)])
    log = tmp_path / ".labels" / "labels.log"
    whole = log.read_bytes()
    half = whole.index(b"\n") + 1
    for torn in range(half + 1, len(whole)):
        log.write_bytes(whole[:torn])
        assert [label.request_id for label in labels.history()] == ["a"]
    log.write_bytes(whole + b"\0" * 10_000)
    labels.append([Label("c", 0, 1, NOW)])
    assert [label.request_id for label in labels.history()] == ["a", "b", "c"]


def test_a_label_that_was_edited_is_named(tmp_path):
    labels = Labels(tmp_path)
    labels.append(Label(f"r{n}", 0, n, NOW) for n in range(5))
    log = tmp_path / ".labels" / "labels.log"
    log.write_bytes(log.read_bytes().replace(b'"r3",0,3', b'"r3",0,4'))
    with pytest.raises(Tampered, match="Line 4"):
        labels.history()


def test_two_processes_labelling_at_once_lose_nothing(tmp_path):
    code = (
        "import sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from workbench.traffic.labels import Label, Labels\n"
        "labels = Labels(Path(sys.argv[1]))\n"
        "for n in range(200):\n"
        "    labels.append([Label(f'{sys.argv[2]}{n}', row, n, datetime.now(UTC)) for row in (0, 1)])\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, tmp_path, name]) for name in ("a", "b")]
    assert [process.wait(60) for process in running] == [0, 0]
    found = Labels(tmp_path).history()
    for name in ("a", "b"):
        own = [(label.request_id, label.row) for label in found if label.request_id.startswith(name)]
        assert own == [(f"{name}{n}", row) for n in range(200) for row in (0, 1)]


def test_a_hundred_thousand_labels_are_read_in_seconds(tmp_path):
    import time

    labels = Labels(tmp_path)
    labels.append(Label(f"r{n}", 0, 1, NOW) for n in range(100_000))
    start = time.process_time()
    assert len(labels.last(["tiny"])) == 100_000
    assert time.process_time() - start < 5


def test_what_became_of_labels_reads_well_of_one_and_of_many():
    said = [str(Labelled(labels=n, waiting=waiting)) for n, waiting in ((1, 0), (1, 1), (2000, 2))]
    assert said == [
        "1 label kept",
        "1 label kept, 1 of a request that is not there (yet)",
        "2,000 labels kept, 2 of requests that are not there (yet)",
    ]
