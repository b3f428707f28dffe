"""Segments in object storage: whole, listed, read, erased and dropped there; serving waits for none of it."""

from __future__ import annotations

import logging
import time
import uuid

import pytest

import workbench as wb
from workbench.core.errors import InvalidInput, Unavailable
from workbench.testing.clock import ManualClock
from workbench.traffic import CaptureWriter, TrafficStore, segments
from workbench.traffic.room import Traffic
from workbench.traffic.storage import LocalStorage, RemoteStorage, SpooledStorage, storage_of
from workbench.traffic.upload import Uploader


class Unsteady(RemoteStorage):
    """Object storage that does not answer for a while."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.down = False
        self.tries = 0

    def put(self, endpoint: str, name: str, body: bytes) -> None:
        self.tries += 1
        if self.down:
            raise Unavailable("nobody answers")
        super().put(endpoint, name, body)


@pytest.fixture
def url():
    return f"memory://{uuid.uuid4().hex}/prefix"


@pytest.fixture
def spooled(tmp_path, url):
    return SpooledStorage(LocalStorage(tmp_path), Unsteady(url))


def writer_to(storage, **options):
    folder = storage.local.folder
    return CaptureWriter(folder, storage, uploader=Uploader(storage, "lending"), **options)


def until(true, seconds=20.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_segments_are_moved_and_read_where_they_are(tmp_path, spooled, url, exchange):
    writer = writer_to(spooled)
    for number in range(1200):
        writer.put(exchange(number))
    writer.close()
    assert writer.lost == 0
    assert spooled.local.names("lending") == []
    elsewhere = TrafficStore(tmp_path / "another machine", RemoteStorage(url))
    assert elsewhere.endpoints() == ["lending"]
    assert elsewhere.frame("lending")["request_id"].tolist() == [f"r{n}" for n in range(1200)]
    assert elsewhere.decided("lending")[0][0].n == 1200


def test_a_cursor_gives_every_exchange_once_here_and_elsewhere(tmp_path, spooled, url, exchange):
    writer = writer_to(spooled)
    stores = [TrafficStore(tmp_path, spooled), TrafficStore(tmp_path / "other", RemoteStorage(url))]
    seen, cursors = ([], []), ["", ""]
    for number in range(40):
        writer.put(exchange(number))
        if number % 4 == 0:
            writer.flush()
        for place, store in enumerate(stores):
            new, cursors[place] = store.after("lending", cursors[place])
            seen[place].extend(new["request_id"])
    writer.close()
    for place, store in enumerate(stores):
        new, _ = store.after("lending", cursors[place])
        assert seen[place] + list(new["request_id"]) == [f"r{n}" for n in range(40)]


def test_while_the_storage_is_down_nothing_waits_and_nothing_is_lost(spooled, exchange, caplog):
    spooled.remote.down = True
    with caplog.at_level(logging.CRITICAL, logger="workbench.traffic.upload"):
        writer = writer_to(spooled)
        began = time.monotonic()
        for number in range(600):
            writer.put(exchange(number))
        writer.flush()
        assert time.monotonic() - began < 5
        until(lambda: spooled.remote.tries >= 3)
        assert (writer.lost, writer.written) == (0, 600)
        assert len(TrafficStore(spooled.local.folder, spooled).frame("lending")) == 600
        spooled.remote.down = False
        until(lambda: spooled.local.names("lending") == [])
        writer.close()
    assert len(TrafficStore(spooled.local.folder, spooled.remote).frame("lending")) == 600


def test_what_waits_when_the_process_ends_is_moved_by_the_next_one_in_its_order(spooled, exchange, caplog):
    spooled.remote.down = True
    with caplog.at_level(logging.CRITICAL, logger="workbench.traffic.upload"):
        writer = writer_to(spooled)
        writer.put(exchange(0))
        writer.close()
    waiting = spooled.local.names("lending")
    assert len(waiting) == 1
    spooled.remote.down = False
    writer = writer_to(spooled)
    writer.put(exchange(1))
    writer.close()
    assert spooled.remote.names("lending")[0] == waiting[0]
    assert len(spooled.remote.names("lending")) == 2


def test_names_go_on_from_what_was_moved_even_when_the_clock_was_set_back(spooled, exchange):
    ahead = segments.microseconds(wb.core.clock.SystemClock().now()) + 10**13
    spooled.put("lending", *segments.made([exchange(0)], closed=ahead))
    spooled.move("lending", spooled.local.names("lending")[0])
    writer = writer_to(spooled)
    writer.put(exchange(1))
    writer.close()
    store = TrafficStore(spooled.local.folder, spooled)
    assert store.frame("lending")["request_id"].tolist() == ["r0", "r1"]
    assert [segments.Segment.parse(name).closed for name in spooled.names("lending")] == [ahead, ahead + 1]


def test_beyond_the_bound_of_the_spool_exchanges_are_lost_and_counted(tmp_path, url, exchange, caplog):
    storage = SpooledStorage(LocalStorage(tmp_path), Unsteady(url), most=20_000)
    storage.remote.down = True
    with caplog.at_level(logging.CRITICAL):
        writer = writer_to(storage)
        for number in range(20):
            writer.put(exchange(number))
            writer.flush()
        assert 0 < writer.lost < 20
        assert writer.written + writer.lost == 20
        kept = TrafficStore(tmp_path, storage).frame("lending")["request_id"].tolist()
        assert kept == [f"r{n}" for n in range(writer.written)]
        storage.remote.down = False
        until(lambda: storage.local.names("lending") == [])
        writer.put(exchange(99))
        writer.close()
    assert "r99" in TrafficStore(tmp_path, storage.remote).frame("lending")["request_id"].tolist()


@pytest.mark.parametrize("moved", ["none", "some", "all"])
def test_erasing_and_dropping_reach_what_waits_and_what_was_moved(spooled, models, exchange, moved):
    room = Traffic(
        spooled.local.folder,
        clock := ManualClock(exchange().time),
        spooled,
        journal=lambda: models.journal,
        registry=lambda: models.registry,
        frozen=lambda key: [],
    )
    for place in range(3):
        batch = [exchange(2 * place), exchange(2 * place + 1, inputs=[{"age": 7}])]
        spooled.put("lending", *segments.made(batch, closed=10**15 + place))
    there = spooled.names("lending")
    for name in there[: {"none": 0, "some": 2, "all": 3}[moved]]:
        spooled.move("lending", name)
    waiting = spooled.local.names("lending")
    assert room.erase("age", 7).exchanges == 3
    assert room.frame("lending")["request_id"].tolist() == ["r0", "r2", "r4"]
    assert (spooled.names("lending"), spooled.local.names("lending")) == (there, waiting)
    clock.jump(exchange(10**6).time)
    assert room.retain(days=1).exchanges == 3
    assert room.frame("lending").empty
    assert spooled.names("lending") == there[-1:]
    left = [path.name for path in spooled.local.folder.rglob(".*.new")]
    assert left == []


def test_what_is_erased_while_it_waits_is_not_moved(spooled, room_in, exchange):
    spooled.put("lending", *segments.made([exchange(0), exchange(1)], closed=10**15))
    room = room_in(spooled.local.folder)  # of the same folder: what waits is what it sees
    room.erase(request_ids=["r0"])
    [name] = spooled.local.names("lending")
    spooled.move("lending", name)
    store = TrafficStore(spooled.local.folder, spooled.remote)
    assert store.frame("lending")["request_id"].tolist() == ["r1"]


# Which storage


def test_a_folder_by_its_url_holds_the_segments_and_the_project_the_labels(tmp_path, exchange):
    (tmp_path / "project").mkdir()
    place = tmp_path / "elsewhere"
    (tmp_path / "project" / "workbench.toml").write_text(f'capture_url = "{place.as_uri()}"\n')
    bench = wb.open(tmp_path / "project", actor="ada")
    writer = CaptureWriter.of(bench.settings, "lending")
    for number in range(3):
        writer.put(exchange(number))
    writer.close()
    assert len(list((place / "lending").glob("*.parquet"))) == 1
    bench.traffic.label("r1", "good")
    assert bench.traffic.frame("lending", labels=True)["labels"].tolist() == [[None], ["good"], [None]]
    assert bench.traffic.erase(request_ids=["r1"]).exchanges == 1
    assert TrafficStore.of(bench.settings).frame("lending")["request_id"].tolist() == ["r0", "r2"]
    assert list(bench.settings.state.rglob("*.parquet")) == []


def test_without_a_url_segments_lie_in_the_project(tmp_path):
    settings = wb.open(tmp_path, actor="ada").settings
    assert storage_of(settings).folder == settings.state / "traffic"


@pytest.mark.parametrize("url", ["ftp://host/x", "traffic", "https://host/x", "nonsense://x"])
def test_a_storage_that_may_show_halves_is_refused(url):
    with pytest.raises(InvalidInput, match="capture_url"):
        RemoteStorage(url)


def test_a_storage_whose_library_is_missing_names_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(InvalidInput, match="gcsfs"):
        RemoteStorage("gs://bucket/prefix")
