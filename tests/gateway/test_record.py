"""The gateway's own record: what it did, line by line, whatever the disk does and whoever edits it."""

from __future__ import annotations

import json
import signal
import statistics
import sys
import threading
import time
from itertools import pairwise

import pytest

from workbench.gateway import RoutingTable, kill, recorder, revive, write_table
from workbench.gateway.record import Line, parts, read_record
from workbench.gateway.recorder import Recorder
from workbench.testing.gateway import GatewayProcess


def record_of(gateway):
    return read_record(gateway.state, "tiny")


def served(route):
    return (route.model.ref, route.digest) if route else None


def who(line):
    return tuple(one and (one.ref, one.digest) for one in (line.champion, line.candidate, line.shadow))


def test_every_change_of_what_is_in_force_is_a_line(gateways, routes, wait_until):
    gateway = gateways(champion=routes.champion)
    gateway.take(champion=routes.champion, shadow=routes.always)
    gateway.take(champion=routes.champion, candidate=routes.always, share=0.25)
    kill(gateway.state, "tiny", "drill")
    wait_until(lambda: gateway.status.killed)
    revive(gateway.state, "tiny")
    wait_until(lambda: not gateway.status.killed)
    missing = routes.never.model_copy(update={"path": "nowhere"})
    version = gateway.route(champion=missing)
    wait_until(lambda: gateway.status.refused_version == version)
    assert gateway.stop() == 0
    lines, flaws = record_of(gateway)
    assert flaws == ()
    assert [(line.what, line.table) for line in lines] == [
        ("started", 0),
        ("table", 1),
        ("table", 2),
        ("table", 3),
        ("killed", 3),
        ("revived", 3),
        ("refused", 3),
        ("stopped", 3),
    ]
    champion, tried = served(routes.champion), served(routes.always)
    assert who(lines[1]) == (champion, None, None)
    assert who(lines[2]) == (champion, None, tried)
    assert (who(lines[3]), lines[3].share) == ((champion, tried, None), 0.25)
    assert [line.killed for line in lines] == [False] * 4 + [True] + [False] * 3
    assert (lines[6].refused_version, who(lines[6])) == (version, who(lines[3]))
    assert "not there" in lines[6].reason
    assert all(a.time <= b.time for a, b in pairwise(lines))


def test_the_next_process_goes_on_where_the_one_before_ended_however_it_ended(tmp_path, routes):
    state = tmp_path / ".workbench"
    write_table(state, RoutingTable(endpoint="tiny", version=1, champion=routes.champion))
    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        process = GatewayProcess(tmp_path, "tiny")
        process.wait()
        process.stop(how)
        process.end()
        with (state / "gateway" / "tiny" / "record.jsonl").open("ab") as file:
            file.write(b'{"time": half a li')  # as a power cut leaves it
    lines, flaws = read_record(state, "tiny")
    assert flaws == ()
    kinds = [line.what for line in lines]
    assert kinds == ["started", "table", "stopped", "started", "table", "started", "table", "stopped"]


def test_a_disk_that_takes_no_record_takes_neither_the_kill_switch_nor_a_table_away(
    gateways, routes, wait_until
):
    gateway = gateways(champion=routes.champion)
    folder = gateway.state / "gateway" / "tiny"
    wait_until(lambda: len(record_of(gateway).lines) == 2)
    (folder / "record.jsonl").rename(folder / "kept")
    (folder / "record.jsonl").mkdir()  # as on a full disk, every writing fails
    kill(gateway.state, "tiny")
    wait_until(lambda: gateway.ask(1.0)[0] == 503)
    revive(gateway.state, "tiny")
    wait_until(lambda: gateway.ask(1.0)[0] == 200)
    gateway.take(champion=routes.always)
    assert gateway.ask(-1.0)[1] == "2"
    (folder / "record.jsonl").rmdir()
    (folder / "kept").rename(folder / "record.jsonl")
    wait_until(lambda: len(record_of(gateway).lines) == 5)
    lines, flaws = record_of(gateway)
    assert flaws == ()
    assert [line.what for line in lines[2:]] == ["killed", "revived", "table"]
    assert (lines[2].time - lines[1].time).total_seconds() >= 0


# The writer by itself


def line(version=1, **changes):
    return Line.of("table", None, killed=False).model_copy(update={"table": version, **changes})


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "gateway" / "tiny"
    place.mkdir(parents=True)
    return place


def write(folder, *lines):
    writer = Recorder(folder)
    for one in lines:
        writer.put(one)
    writer.close()


def test_full_files_are_put_aside_and_all_of_them_are_read(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "FULL", 1000)
    write(folder, *map(line, range(1, 40)))
    write(folder, *map(line, range(40, 60)))
    assert len(parts(folder)) > 5
    lines, flaws = read_record(tmp_path, "tiny")
    assert flaws == ()
    assert [one.table for one in lines] == list(range(1, 60))


def test_a_whole_file_that_is_gone_is_named(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "FULL", 1000)
    write(folder, *map(line, range(1, 40)))
    parts(folder)[1].unlink()
    assert "does not follow the line before it" in read_record(tmp_path, "tiny").flaws[0]
    parts(folder)[0].unlink()
    assert "what came before was cut away" in read_record(tmp_path, "tiny").flaws[0]


def test_any_edited_or_dropped_line_but_the_last_is_named(folder, tmp_path):
    write(folder, *map(line, range(1, 6)))
    path = folder / "record.jsonl"
    whole = path.read_bytes().splitlines(keepends=True)
    for at in range(4):
        edited = json.loads(whole[at]) | {"table": 9}
        path.write_bytes(b"".join([*whole[:at], json.dumps(edited).encode() + b"\n", *whole[at + 1 :]]))
        (flaw,) = read_record(tmp_path, "tiny").flaws
        assert f"Line {at + 2} of record.jsonl" in flaw
        path.write_bytes(b"".join([*whole[:at], b"nonsense\n", *whole[at + 1 :]]))
        assert f"Line {at + 1} of record.jsonl" in read_record(tmp_path, "tiny").flaws[0]
        path.write_bytes(b"".join([*whole[:at], *whole[at + 1 :]]))
        (flaw,) = read_record(tmp_path, "tiny").flaws
        assert f"Line {at + 1} of record.jsonl" in flaw


def test_a_cut_while_the_process_runs_shows_at_its_next_line(folder, tmp_path):
    writer = Recorder(folder)
    for one in map(line, range(1, 4)):
        writer.put(one)
    path = folder / "record.jsonl"
    while len(read_record(tmp_path, "tiny").lines) < 3:
        time.sleep(0.01)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    writer.put(line(4))
    writer.close()
    assert len(read_record(tmp_path, "tiny").flaws) == 1


def test_lines_beyond_those_that_may_wait_are_counted_in_the_next(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "WAITING", 3)
    monkeypatch.setattr(recorder, "AGAIN", 0.01)
    (folder / "record.jsonl").mkdir()
    writer = Recorder(folder)
    writer.put(line(1))
    while writer._waiting.qsize():  # the thread holds it, and tries again and again
        time.sleep(0.001)
    for version in range(2, 10):
        writer.put(line(version))
    (folder / "record.jsonl").rmdir()
    while writer._waiting.qsize():
        time.sleep(0.001)
    writer.put(line(10))
    writer.close()
    lines, flaws = read_record(tmp_path, "tiny")
    assert flaws == ()
    assert [one.table for one in lines] == [1, 2, 3, 4, 10]
    assert sum(one.lost for one in lines) == 5


def test_reading_while_files_are_put_aside_loses_and_doubles_nothing(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "FULL", 500)
    thread = threading.Thread(target=write, args=(folder, *map(line, range(1, 400))))
    thread.start()
    while thread.is_alive():
        lines, flaws = read_record(tmp_path, "tiny")
        assert flaws == ()
        assert [one.table for one in lines] == list(range(1, len(lines) + 1))
    thread.join()
    assert len(read_record(tmp_path, "tiny").lines) == 399


def test_handing_a_line_over_takes_the_event_loop_microseconds(folder, routes, capsys):
    writer = Recorder(folder)
    table = RoutingTable(
        endpoint="tiny", version=1, champion=routes.champion, candidate=routes.always, share=0.1
    )
    took = []
    for _ in range(300):
        begin = time.perf_counter()
        writer.put(Line.of("table", table, killed=False))
        took.append(time.perf_counter() - begin)
    writer.close()
    with capsys.disabled():
        sys.stdout.write(
            f"\n  a line of the record, on the event loop: {statistics.median(took) * 1e6:.0f} µs\n"
        )
    assert statistics.median(took) < 0.002
