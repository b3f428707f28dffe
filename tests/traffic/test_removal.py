"""What is erased is gone, whatever else is there stays byte for byte, and the journal tells how much it was."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.core.digests import canonical_json, of_file
from workbench.core.errors import InvalidInput, Unavailable
from workbench.testing.clock import ManualClock
from workbench.traffic import TrafficStore, segments
from workbench.traffic.removal import Key
from workbench.traffic.storage import LocalStorage

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def put(folder, *batches, endpoint="lending"):
    for place, batch in enumerate(batches):
        LocalStorage(folder).put(endpoint, *segments.made(batch, closed=10**15 + place))


def told(bench):
    return bench.journal.read("traffic")


def digests(folder):
    names = LocalStorage(folder).names("lending")
    return {name: of_file(folder / "lending" / name) for name in names}


def cells(folder, endpoint="lending"):
    """Every exchange as it lies on the disk, by segment."""
    store = TrafficStore(folder)
    return {name: store.segment(endpoint, name).to_pylist() for name in store.storage.names(endpoint)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(
    batches=st.lists(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3), min_size=1, max_size=6))
)
def test_erasing_a_subject_leaves_every_other_exchange_as_it_was(
    tmp_path_factory, room_in, exchange, models, batches
):
    """Each number is the person of one row."""
    folder = tmp_path_factory.mktemp("t")
    number = iter(range(1000))
    written = [
        [
            exchange(next(number), inputs=[{"person": p, "text": "é\u2028"} for p in people])
            for people in batch
        ]
        for batch in batches
    ]
    put(folder, *written)
    before, length = cells(folder), len(told(models))
    room = room_in(folder)
    removal = room.erase("person", 1)
    wanted = {
        name: [row for row in kept if not any(one["person"] == 1 for one in json.loads(row["inputs"]))]
        for name, kept in before.items()
    }
    assert cells(folder) == wanted
    assert removal.exchanges == sum(map(len, before.values())) - sum(map(len, wanted.values()))
    [entry] = told(models)[length:]
    assert (entry.kind, entry.payload["exchanges"]) == ("traffic.erased", removal.exchanges)


def test_the_journal_keeps_counts_and_digests_and_a_hash_that_only_who_knows_the_key_can_check(
    tmp_path, room, exchange, models
):
    people = ["ann@example.org", "bob@example.org"]
    batch = [exchange(n, inputs=[{"mail": people[n % 2]}], table_version=3 + n // 4) for n in range(8)]
    put(tmp_path, batch[:4], batch[4:])
    before = list(digests(tmp_path).values())
    room.erase("mail", people[0])
    after = list(digests(tmp_path).values())
    payload = told(models)[-1].payload
    part = payload["endpoints"]["lending"]
    assert [(s["before"], s["after"]) for s in part["segments"]] == list(zip(before, after, strict=True))
    assert [(some["table_version"], some["version"], some["n"]) for some in part["decided"]] == [
        (3, 1, 2),
        (4, 1, 2),
    ]
    assert "ann" not in json.dumps(payload)
    said = canonical_json(["mail", people[0]])
    salt = bytes.fromhex(payload["salt"])
    assert hashlib.scrypt(said, salt=salt, n=2**14, r=8, p=1, dklen=32).hex() == payload["key"]
    again = room.erase("mail", people[0])
    assert again.exchanges == 0
    assert again.key != payload["key"]


def test_a_number_is_found_however_it_is_written_and_true_is_no_number():
    def holds(value, cell):
        return Key("id", value).holds("r", [{"id": cell}])

    assert holds("7", 7)
    assert holds(7, "7")
    assert holds(7, 7.0)
    assert not holds(1, True)
    assert not holds("7", None)
    assert not Key("id", 7).holds("r", [{"other": 7}])


def test_requests_are_erased_by_their_ids_with_their_labels_though_nothing_was_captured(
    tmp_path, room, exchange
):
    put(tmp_path, [exchange(n) for n in range(4)])
    room.label_many({"r1": "good", "r2": "bad", "never": "good"})
    room.label("r1", "bad")
    removal = room.erase(request_ids=["r1", "never"])
    assert (removal.exchanges, removal.labels) == (1, 3)
    assert [label.request_id for label in room.labels()] == ["r2"]
    assert list(room.frame()["request_id"]) == ["r0", "r2", "r3"]


def test_a_cursor_goes_on_where_it_was_after_an_erasure(tmp_path, room, exchange):
    put(tmp_path, [exchange(0)], [exchange(1)])
    cursor = room.end("lending")
    room.erase(request_ids=["r1"])
    assert room.end("lending") == cursor
    LocalStorage(tmp_path).put("lending", *segments.made([exchange(2)], closed=10**15 + 9))
    new, _ = room.after("lending", cursor)
    assert list(new["request_id"]) == ["r2"]
    assert [some.n for some in room.decided("lending")[0]] == [2]


def test_a_mistyped_column_is_refused_and_nothing_is_told(tmp_path, room, exchange, models):
    put(tmp_path, [exchange(0)])
    length = len(told(models))
    with pytest.raises(InvalidInput, match="no exchange has a column 'agee'") as refused:
        room.erase("agee", 30)
    assert "'age'" in refused.value.remedy
    for unclear in ({}, {"subject_column": "age"}, {"value": 3}, {"request_ids": "r0"}):
        with pytest.raises(InvalidInput):
            room.erase(**unclear)
    with pytest.raises(InvalidInput):
        room.erase("age", 30, request_ids=["r0"])
    assert len(told(models)) == length


def test_frozen_incidents_are_named_and_stay_as_they_are(models, exchange):
    traffic = models.traffic
    put(
        traffic.folder,
        [exchange(n, request_id=f"f{n}", inputs=[{"who": n}], outputs=[1]) for n in range(3)],
        endpoint="tiny",
    )
    window = (START - timedelta(seconds=1), START + timedelta(seconds=9))
    incident = models.open_incident("odd", window=window, endpoint="tiny")
    removal = traffic.erase("who", 1)
    assert (removal.exchanges, removal.incidents) == (1, ("INC-1",))
    assert "INC-1 holds rows of it and was not changed" in str(removal)
    assert len(models.incidents.rows(incident)) == 3
    assert traffic.erase(request_ids=["f2"]).incidents == ("INC-1",)
    assert traffic.erase("who", 99).incidents == ()
    assert models.verify().ok


# Retention


def test_what_ended_before_is_dropped_with_its_labels_and_the_newest_name_stays(
    tmp_path, room_in, exchange, models
):
    day = 86_400
    put(tmp_path, [exchange(0)], [exchange(day)], [exchange(10 * day)])
    put(tmp_path, [exchange(1)], endpoint="quiet")
    clock = ManualClock(START)
    room = room_in(tmp_path, clock)
    room.label_many({"r0": "good", f"r{10 * day}": "good", "never": "bad"})
    clock.jump(START + timedelta(days=9))
    newest = room.end("quiet")
    removal = room.retain(days=5)
    assert removal.exchanges == 3
    assert removal.labels == 2
    assert list(room.frame()["request_id"]) == [f"r{10 * day}"]
    assert [label.request_id for label in room.labels()] == [f"r{10 * day}"]
    assert room.end("quiet") == newest
    assert told(models)[-1].kind == "traffic.dropped"
    assert told(models)[-1].payload["endpoints"]["lending"]["exchanges"] == 2
    assert room.retain(days=5) is None
    with pytest.raises(InvalidInput, match="days"):
        room.retain(days=0)


def test_a_segment_dropped_between_being_listed_and_read_holds_nothing(tmp_path, exchange):
    put(tmp_path, [exchange(0)])
    [path] = (tmp_path / "lending").iterdir()
    path.unlink()
    assert TrafficStore(tmp_path).segment("lending", path.name).num_rows == 0


# When something goes wrong


def test_a_full_disk_changes_nothing(tmp_path, room, exchange, monkeypatch):
    put(tmp_path, [exchange(0), exchange(1)])
    before = cells(tmp_path)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="No space"):
        room.erase(request_ids=["r0"])
    monkeypatch.undo()
    assert cells(tmp_path) == before
    assert room.erase(request_ids=["r0"]).exchanges == 1


KILLED = """
import json, os, shutil, signal, sys
from pathlib import Path
import workbench as wb
from workbench.core.digests import of_file
from workbench.traffic.storage import LocalStorage
import pyarrow.parquet, pyarrow.compute, workbench.incidents, workbench.traffic.labels

template, work = Path(sys.argv[1]), Path(sys.argv[2])

def digests(root):
    folder = root / ".workbench" / "traffic"
    return {name: of_file(folder / "lending" / name) for name in LocalStorage(folder).names("lending")}

def dying(nth):
    # Killed right before the nth thing that reaches the disk.
    count = 0
    def wrap(owner, name):
        real = getattr(owner, name)
        def point(*arguments, **named):
            nonlocal count
            count += 1
            if count == nth:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **named)
        setattr(owner, name, point)
    for name in ("replace", "unlink"):
        wrap(Path, name)
    wrap(os, "fsync")

def erase(root, nth=0):
    bench = wb.open(root, actor="ada")
    bench.journal
    if nth:
        dying(nth)
    bench.traffic.erase("age", 31)
    bench.journal.close()

def copied():
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(template, work)

copied()
old = digests(work)
pid = os.fork()
if pid == 0:
    erase(work)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
new, deaths, between = digests(work), 0, 0
assert set(old) == set(new) and old != new
for nth in range(1, 200):
    copied()
    pid = os.fork()
    if pid == 0:
        try:
            erase(work, nth)
        finally:
            os._exit(0)
    if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
        break
    deaths += 1
    found = digests(work)
    assert all(found[name] in (old[name], new[name]) for name in old) and set(found) == set(old), nth
    between += found not in (old, new)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            bench = wb.open(work, actor="ada")
            bench.traffic.erase("age", 31)
            assert digests(work) == new
            assert [l.request_id for l in bench.traffic.labels()] == ["r0"], bench.traffic.labels()
            entries = bench.journal.read("traffic")
            assert sum(entry.payload["exchanges"] for entry in entries) == 3
            assert len({entry.payload["id"] for entry in entries}) == len(entries)
            assert bench.verify().ok
            left = [p.name for p in (work / ".workbench" / "traffic").rglob(".*") if p.is_file()]
            assert left == [".removal.lock"], left
            code = 0
        except BaseException:
            import traceback; traceback.print_exc()
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0, nth
print(json.dumps({"deaths": deaths, "between": between}))
"""


def test_killed_anywhere_an_erasure_leaves_each_segment_old_or_new_and_the_next_one_finishes_it(
    tmp_path, exchange
):
    bench = wb.open(tmp_path / "template", actor="ada")
    put(bench.traffic.folder, *([exchange(n), exchange(1, request_id=f"x{n}")] for n in (0, 5, 7)))
    bench.traffic.label_many({"r0": "good", "x0": "bad", "x7": "bad"})
    bench.journal.close()
    ran = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "template", tmp_path / "work"],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert found["deaths"] >= 12
    assert found["between"] >= 2
    assert TrafficStore(tmp_path / "work" / ".workbench" / "traffic").endpoints() == ["lending"]
