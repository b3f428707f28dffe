"""What was written is read: windows, cursors, and the unfolding into rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.core.errors import InvalidInput, Tampered
from workbench.traffic import CaptureWriter, Exchange, TrafficStore, rows, segments

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
)
batches = st.lists(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), cells))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(inputs=batches, outputs=st.none() | st.lists(cells))
def test_an_exchange_comes_back_exactly_as_it_was_put(tmp_path_factory, inputs, outputs, exchange):
    folder = tmp_path_factory.mktemp("t")
    put = exchange(inputs=inputs, outputs=outputs, shadow_version=2, shadow_outputs=outputs)
    writer = CaptureWriter(folder)
    writer.put(put)
    writer.close()
    (read,) = TrafficStore(folder).exchanges()
    assert read == put
    assert [[type(v) for v in row.values()] for row in read.inputs] == [
        [type(v) for v in row.values()] for row in put.inputs
    ]


def test_an_empty_store_gives_an_empty_frame_with_every_column(store):
    frame = store.frame("lending")
    assert frame.empty
    assert list(frame.columns) == list(Exchange.model_fields)
    assert store.exchanges() == []
    assert store.endpoints() == []
    assert store.end("lending") == ""


def test_a_window_holds_both_its_ends_and_nothing_else(writer, store, exchange):
    for number in range(10):
        writer.put(exchange(number))
    writer.flush()
    found = store.frame("lending", since=START + timedelta(seconds=3), until=START + timedelta(seconds=6))
    assert list(found["request_id"]) == ["r3", "r4", "r5", "r6"]


def test_a_window_reads_only_segments_that_can_overlap_it(writer, store, monkeypatch, exchange):
    for number in range(5):
        writer.put(exchange(number * 100))
        writer.flush()
    read = []
    original = store.storage.read
    monkeypatch.setattr(store.storage, "read", lambda *name: read.append(name) or original(*name))
    found = store.frame("lending", since=START + timedelta(seconds=150), until=START + timedelta(seconds=250))
    assert list(found["request_id"]) == ["r200"]
    assert len(read) == 1


def test_requests_are_found_by_their_ids(writer, store, exchange):
    for number in range(5):
        writer.put(exchange(number))
    writer.flush()
    assert {e.request_id for e in store.exchanges(request_ids={"r1", "r4", "gone"})} == {"r1", "r4"}


def test_a_frame_is_in_the_order_of_time_whatever_the_order_of_writing(writer, store, exchange):
    for number in (3, 1, 2):
        writer.put(exchange(number))
        writer.flush()
    assert list(store.frame()["request_id"]) == ["r1", "r2", "r3"]


def test_a_cursor_gives_every_exchange_exactly_once(writer, store, exchange):
    seen, cursor = [], ""
    for number in range(7):
        writer.put(exchange(number))
        if number % 3 == 0:
            writer.flush()
        new, cursor = store.after("lending", cursor)
        seen += list(new["request_id"])
    writer.flush()
    new, cursor = store.after("lending", cursor)
    assert seen + list(new["request_id"]) == [f"r{n}" for n in range(7)]
    again, same = store.after("lending", cursor)
    assert again.empty
    assert same == cursor == store.end("lending")


def test_a_cursor_outlives_a_clock_that_was_set_back(tmp_path, store, exchange, write_segment):
    ahead = segments.microseconds(datetime.now(UTC) + timedelta(days=400))
    write_segment(tmp_path, [exchange(0)], closed=ahead)
    cursor = store.end("lending")
    writer = CaptureWriter(tmp_path)
    writer.put(exchange(1))
    writer.close()
    new, _ = store.after("lending", cursor)
    assert list(new["request_id"]) == ["r1"]


def test_versions_that_may_be_missing_stay_whole_numbers(writer, store, exchange):
    writer.put(exchange(0, served_by=None, outputs=None, error="ValueError", status=500))
    writer.put(exchange(1, served_by=2, shadow_version=3, shadow_outputs=["bad"]))
    writer.flush()
    frame = store.frame()
    assert frame["served_by"].dtype == frame["shadow_version"].dtype == "Int64"
    assert frame["outputs"].tolist() == [None, ["good"]]
    assert frame["shadow_outputs"].tolist() == [None, ["bad"]]


def test_rows_unfold_a_batch_and_keep_who_answered(writer, store, exchange):
    pair = [{"age": 30, "income": 1.5}, {"age": 40, "income": None}]
    writer.put(exchange(0, inputs=pair, outputs=["good", "bad"], served_by=2))
    writer.put(exchange(1, inputs=pair[:1], outputs=None, served_by=None, error="deadline"))
    writer.flush()
    unfolded = rows(store.frame())
    assert unfolded["age"].tolist() == [30, 40, 30]
    assert unfolded["__request_id"].tolist() == ["r0", "r0", "r1"]
    assert unfolded["__prediction"].tolist()[:2] == ["good", "bad"]
    assert unfolded["__prediction"].isna().tolist() == [False, False, True]
    assert unfolded["__version"].isna().tolist() == [False, False, True]
    assert unfolded["__error"].tolist() == ["", "", "deadline"]


def test_rows_of_nothing_are_no_rows(store):
    assert rows(store.frame()).empty


def test_a_time_without_a_zone_is_refused(store):
    with pytest.raises(InvalidInput, match="time zone"):
        store.frame(since=datetime(2026, 3, 1))  # noqa: DTZ001


def test_an_endpoint_that_is_a_path_is_refused(store):
    for name in ("../secrets", "a/b", "", ".."):
        with pytest.raises(InvalidInput):
            store.frame(name)
        with pytest.raises(InvalidInput):
            store.after(name)


def test_a_damaged_segment_is_named(tmp_path, writer, store, exchange):
    for number in range(50):
        writer.put(exchange(number))
    writer.flush()
    (path,) = (tmp_path / "lending").iterdir()
    body = bytearray(path.read_bytes())
    body[60] ^= 0xFF
    path.write_bytes(body)
    with pytest.raises(Tampered, match=path.name):
        store.frame()


def test_exchanges_are_counted_by_table_and_versions_with_their_first_and_last(writer, store, exchange):
    for number in range(10):
        writer.put(exchange(number, table_version=3 + number // 6, served_by=None if number == 4 else 1))
        writer.flush()  # a segment each: the counts of one table come together
    writer.put(exchange(20, table_version=9, shadow_version=2, share=0.0))
    writer.flush()
    found, damaged = store.decided("lending")
    assert damaged == []
    assert [(some.table_version, some.served_by, some.shadow_version, some.n) for some in found] == [
        (3, 1, None, 5),
        (3, None, None, 1),
        (4, 1, None, 4),
        (9, 1, 2, 1),
    ]
    assert [(some.first - START).seconds for some in found] == [0, 4, 6, 20]
    assert [(some.last - START).seconds for some in found] == [5, 4, 9, 20]
    assert store.decided("nobody") == ([], [])


def test_a_damaged_segment_is_named_and_the_others_are_counted(tmp_path, writer, store, exchange):
    for number in range(3):
        writer.put(exchange(number))
        writer.flush()
    first = min((tmp_path / "lending").iterdir())
    first.write_bytes(b"PAR1 nonsense")
    found, (damaged,) = store.decided("lending")
    assert first.name in damaged
    assert [some.n for some in found] == [2]


def test_a_hundred_thousand_exchanges_are_read_in_seconds(tmp_path, store, exchange, write_segment):
    import time

    batch = [exchange(number) for number in range(500)]
    for number in range(200):
        write_segment(tmp_path, batch, closed=10**15 + number)
    start = time.process_time()
    frame = store.frame("lending")
    unfolded = rows(frame)
    took = time.process_time() - start
    assert len(frame) == len(unfolded) == 100_000
    assert isinstance(frame["time"].dtype, pd.DatetimeTZDtype)
    assert took < 10, f"{took:.1f} s of CPU"
