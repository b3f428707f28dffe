"""Putting never waits, half a second is enough, and what is lost is counted."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from workbench.core.errors import InvalidInput
from workbench.traffic import CaptureWriter, TrafficStore, segments
from workbench.traffic.writer import SEGMENT_EXCHANGES


def test_an_exchange_is_readable_within_half_a_second(writer, store, exchange):
    store.frame()  # Arrow is imported before the clock starts
    writer.put(exchange(0))
    writer.flush()
    writer.put(exchange(1))
    put = time.monotonic()
    while len(store.frame()) < 2:
        assert time.monotonic() - put < 2
        time.sleep(0.01)
    took = time.monotonic() - put
    assert took < 1, f"{took:.2f} s"  # half a second on an idle machine


def test_segments_are_closed_at_five_hundred_exchanges(tmp_path, exchange):
    writer = CaptureWriter(tmp_path)
    for number in range(SEGMENT_EXCHANGES * 2 + 1):
        writer.put(exchange(number))
    writer.close()
    store = TrafficStore(tmp_path)
    sizes = [store.segment("lending", name).num_rows for name in store.storage.names("lending")]
    assert max(sizes) <= SEGMENT_EXCHANGES
    assert sum(sizes) == SEGMENT_EXCHANGES * 2 + 1


def test_threads_putting_at_once_lose_nothing(tmp_path, exchange):
    writer = CaptureWriter(tmp_path)
    threads = [
        threading.Thread(target=lambda n=n: [writer.put(exchange(n * 1000 + i)) for i in range(300)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    assert writer.lost == 0
    assert TrafficStore(tmp_path).frame()["request_id"].nunique() == 1200


def test_what_finds_no_room_is_lost_and_counted(tmp_path, exchange):
    writer = CaptureWriter(tmp_path, max_rows=10)
    with writer._change:  # the thread cannot take any
        pass
    big = exchange(0, inputs=[{"age": 1}] * 11, outputs=[1] * 11)
    writer.put(big)
    assert writer.lost == 1
    writer.put(exchange(1))
    writer.close()
    writer.put(exchange(2))
    assert writer.lost == 2
    assert list(TrafficStore(tmp_path).frame()["request_id"]) == ["r1"]


def test_a_disk_that_refuses_is_counted_and_the_writer_lives(tmp_path, exchange, caplog):
    (tmp_path / "lending").write_text("a file where the folder should be")
    writer = CaptureWriter(tmp_path)
    with caplog.at_level(logging.CRITICAL, logger="workbench.traffic.writer"):
        writer.put(exchange(0))
        writer.flush()
    assert writer.lost == 1
    (tmp_path / "lending").unlink()
    writer.put(exchange(1))
    writer.close()
    assert list(TrafficStore(tmp_path).frame()["request_id"]) == ["r1"]


def test_endpoints_have_folders_of_their_own(tmp_path, exchange):
    writer = CaptureWriter(tmp_path)
    writer.put(exchange(0))
    writer.put(exchange(1, endpoint="fraud"))
    writer.close()
    store = TrafficStore(tmp_path)
    assert store.endpoints() == ["fraud", "lending"]
    assert list(store.frame("fraud")["request_id"]) == ["r1"]


def test_an_endpoint_that_is_a_path_writes_nothing(tmp_path, writer, exchange):
    with pytest.raises(InvalidInput):
        writer.put(exchange(0, endpoint="../outside"))
    assert list(tmp_path.iterdir()) == []


def test_names_sort_by_closing_time_and_tell_the_window():
    early, late = segments.Segment(10**15, 5, 7, 99), segments.Segment(10**15 + 1, 3, 4, 2)
    assert early.name < late.name
    assert segments.Segment.parse(early.name) == early
    assert segments.Segment.parse("notes.parquet") is None
