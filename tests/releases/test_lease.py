"""One controller drives an endpoint: whoever is gone is followed at once, whoever was displaced can do nothing."""

from __future__ import annotations

import os
import signal
import time

import pytest

from workbench.core.errors import Conflict
from workbench.journal import Journal
from workbench.releases.lease import Leases, folder_of, holder
from workbench.testing.clock import ManualClock
from workbench.testing.killing import child

NAME = "tiny"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "state"


@pytest.fixture
def opened(place):
    """``opened(by, seconds)``: the leases of a controller with a journal of its own."""
    journals = []

    def leases(by: str = "ada", seconds: float = 30.0) -> Leases:
        journals.append(Journal.open(place / "journal.db", actor=by, clock=ManualClock()))
        return Leases(journals[-1], folder_of(place), by=by, seconds=seconds)

    yield leases
    for journal in journals:
        journal.close()


def entries(place):
    with Journal.open(place / "journal.db", actor="x", clock=ManualClock()) as journal:
        return [entry.payload for entry in journal.read(f"lease/{NAME}")]


def driving(place, by: str, *, seconds: float = 30.0):
    """A process of its own that drives until it is ended; returns its id once it does."""

    def work(writer: int) -> None:
        journal = Journal.open(place / "journal.db", actor=by, clock=ManualClock())
        with Leases(journal, folder_of(place), by=by, seconds=seconds).hold(NAME, patience=1.0) as lease:
            os.write(writer, b"driving")
            while True:
                lease.renew()
                time.sleep(0.02)

    pid, reader = child(work)
    assert os.read(reader, 7) == b"driving"
    os.close(reader)
    return pid


def end(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_driving_one_after_the_other_writes_nothing(opened, place):
    for by in ("ada", "grace", "ada"):
        with opened(by).hold(NAME, patience=0.0) as lease:
            assert lease.token == 0
            assert holder(place, NAME).by == by
    assert holder(place, NAME) is None
    assert entries(place) == []


def test_within_a_block_that_drives_another_one_changes_nothing(opened):
    leases = opened()
    with leases.hold(NAME, patience=0.0) as outer, leases.hold(NAME, patience=0.0) as inner:
        assert inner is outer
    with opened("grace").hold(NAME, patience=0.0):
        pass


def test_a_second_controller_is_told_who_drives(opened):
    with opened("ada").hold(NAME, patience=0.0):
        said = rf"tiny is driven by ada, process {os.getpid()} on .*After 30 s without a sign of life"
        with pytest.raises(Conflict, match=said), opened("grace").hold(NAME, patience=0.1):
            pass


def test_two_endpoints_are_driven_by_two(opened):
    with opened("ada").hold("a", patience=0.0), opened("grace").hold("b", patience=0.0):
        pass


def test_who_was_killed_is_followed_at_once_and_nothing_is_written(opened, place):
    end(driving(place, "ada"))
    began = time.monotonic()
    with opened("grace").hold(NAME, patience=0.0) as lease:
        assert lease.token == 0
    assert time.monotonic() - began < 1.0
    assert entries(place) == []


def test_who_was_stopped_is_displaced_after_its_silence_and_by_one_entry(opened, place):
    pid = driving(place, "ada")
    try:
        grace = opened("grace", seconds=0.3)
        with pytest.raises(Conflict), grace.hold(NAME, patience=0.2):
            pass  # it is alive
        os.kill(pid, signal.SIGSTOP)
        with grace.hold(NAME, patience=5.0) as lease:
            assert lease.token == 1
            [taken] = entries(place)
            assert f"ada, process {pid}" in taken["from"]
            assert taken["holder"].startswith("grace")
            assert holder(place, NAME).by == "grace"
    finally:
        end(pid)
    with opened("joan").hold(NAME, patience=0.0) as lease:  # the next one needs no entry
        assert lease.token == 1
    assert len(entries(place)) == 1


def test_who_was_displaced_is_told_by_whom_and_appends_nothing(opened, place):
    ada = opened("ada")
    with ada.hold(NAME, patience=0.0) as old:
        silence(place)
        with opened("grace").hold(NAME, patience=0.0):
            with pytest.raises(Conflict, match="grace has taken over tiny"):
                old.require()
            with pytest.raises(Conflict, match="lease/tiny"):
                ada._journal.append_many([], unmoved=old.unmoved)


def test_of_many_who_find_it_silent_one_takes_it(opened, place):
    ada = opened("ada")
    with ada.hold(NAME, patience=0.0):
        silence(place)
        pids = [driving_or_not(place, f"c{i}") for i in range(4)]
        won = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert sorted(won) == [0, 7, 7, 7]
    assert len(entries(place)) == 1


def silence(place) -> None:
    """Make the holder look as if it had shown no sign of life for a minute."""
    [path] = (place / "releases" / NAME).glob("*.lock")
    os.utime(path, (time.time() - 60, time.time() - 60))


def driving_or_not(place, by: str) -> int:
    """A process that exits with 0 when it gets to drive and 7 when it does not."""
    pid = os.fork()
    if pid == 0:
        journal = Journal.open(place / "journal.db", actor=by, clock=ManualClock())
        try:
            with Leases(journal, folder_of(place), by=by, seconds=30.0).hold(NAME, patience=0.0):
                time.sleep(1.0)
        except Conflict:
            os._exit(7)
        os._exit(0)
    return pid
