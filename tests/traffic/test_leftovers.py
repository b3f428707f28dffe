"""What a process left that was killed while it wrote is taken away: nobody would ever look for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest

import workbench as wb
from workbench.testing.clock import ManualClock
from workbench.traffic import CaptureWriter, segments
from workbench.traffic.labels import Labels
from workbench.traffic.room import Traffic
from workbench.traffic.storage import LocalStorage, RemoteStorage, SpooledStorage

SECRET = b"ann.other@example.org"


def half(folder, *, age, endpoint="lending", number=1):
    """A segment that never got its name, last written so many seconds ago."""
    path = folder / endpoint / f".{10**15 + number:016d}-{1:016d}-{2:016d}-7.parquet.tmp"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(SECRET)
    os.utime(path, (time.time() - age,) * 2)
    return path


KILLED = """
import os, signal, sys
from pathlib import Path
from workbench.traffic.storage import LocalStorage

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

Path.replace = killed
LocalStorage(Path(sys.argv[1])).put("lending", "0000000000000005-0000000000000001-0000000000000009-1.parquet", b"x")
"""


def test_a_writer_takes_away_what_the_one_before_left_of_its_endpoint(tmp_path):
    bench = wb.open(tmp_path, actor="ada")
    folder = bench.settings.state / "traffic"
    ran = subprocess.run([sys.executable, "-c", KILLED, folder], check=False, timeout=60)
    assert ran.returncode == -signal.SIGKILL
    other = half(folder, age=0, endpoint="fraud")
    assert len(list((folder / "lending").iterdir())) == 1
    CaptureWriter.of(bench.settings, "lending").close()
    assert list((folder / "lending").iterdir()) == []
    assert other.exists()  # another gateway may be writing it


@pytest.mark.parametrize("way", ["erase", "retain"])
def test_erasing_and_dropping_take_away_halves_that_nobody_is_writing(
    tmp_path, room_in, exchange, write_segment, way
):
    write_segment(tmp_path, [exchange(0), exchange(1)], closed=10**15)
    old, alone = half(tmp_path, age=90), half(tmp_path, age=90, endpoint="quiet")
    young = half(tmp_path, age=10, number=2)
    room = room_in(tmp_path, ManualClock(exchange().time + timedelta(days=9)))
    if way == "erase":
        room.erase(request_ids=["r0"])
    else:
        assert room.retain(days=100) is None
    assert [path.exists() for path in (old, alone, young)] == [False, False, True]


def test_labels_of_a_removal_that_was_killed_do_not_lie_beside_the_others(
    tmp_path, room, exchange, write_segment
):
    write_segment(tmp_path, [exchange(0), exchange(1)], closed=10**15)
    room.label("r1", "good")
    left = tmp_path / ".labels" / ".labels.log.tmp"
    left.write_bytes(SECRET)
    room.erase(request_ids=["r0"])
    assert not left.exists()
    assert len(Labels(tmp_path).history()) == 1


# In object storage


@pytest.fixture
def spooled(tmp_path):
    return SpooledStorage(LocalStorage(tmp_path), RemoteStorage(f"memory://{tmp_path.name}/prefix"))


def test_halves_in_the_spool_are_taken_away(tmp_path, spooled):
    old, young = half(tmp_path, age=90), half(tmp_path, age=1, number=2)
    spooled.tidy(60)
    assert (old.exists(), young.exists()) == (False, True)
    spooled.tidy(0, "lending")
    assert not young.exists()


def test_what_is_erased_is_gone_from_the_storage_too_when_its_upload_was_cut_off(
    tmp_path, spooled, models, exchange
):
    name, body = segments.made([exchange(0, inputs=[{"who": 1}]), exchange(1, inputs=[{"who": 2}])], closed=5)
    spooled.put("lending", name, body)
    spooled.remote.put("lending", name, body)  # killed between the two halves of moving it
    room = Traffic(
        tmp_path,
        ManualClock(exchange().time),
        spooled,
        journal=lambda: models.journal,
        registry=lambda: models.registry,
        frozen=lambda key: [],
    )
    assert room.erase("who", 1).exchanges == 1
    assert spooled.remote.names("lending") == []
    spooled.move("lending", name)
    table = segments.decoded(spooled.remote.read("lending", name), name)
    assert table.column("request_id").to_pylist() == ["r1"]
    assert spooled.local.names("lending") == []
