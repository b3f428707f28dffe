"""``workbench up``: everything runs, comes back when it dies, and ends together."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

import pytest

import workbench as wb
from workbench.core.errors import Conflict, Unavailable
from workbench.core.project import open_settings
from workbench.gateway import read_status
from workbench.releases.lease import holder
from workbench.supervising import CONTROLLER, Child, Supervisor
from workbench.testing.models import TARGET, Threshold, tiny_frame
from workbench.testing.traffic import send

ROWS = [{"x1": x1} for x1 in (-2.0, 2.0)]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose endpoint ``tiny`` has a champion."""
    root = tmp_path_factory.mktemp("up")
    bench = wb.open(root, actor="ada")
    (root / "workbench.toml").write_text("gateway_port = 0\ngateway_deadline_seconds = 0.5\n")
    (root / "policies" / "free.yaml").write_text(
        "rules: [{audit: performance, metric: accuracy_score, at_least: 0.1}]\n"
    )
    bench.register(Threshold(0.0).fit(None), name="tiny", train=tiny_frame(), target=TARGET)
    bench.audit("tiny/1", on=tiny_frame(), audits=["performance"])
    bench.release("tiny/1", policy="free")
    bench.journal.close()
    return root


class Up:
    """``workbench up`` as somebody starts it, and what it says."""

    def __init__(self, root, *arguments: str) -> None:
        command = [sys.executable, "-m", "workbench.interfaces.cli.main", "up", *arguments]
        self.output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [*command, "-C", str(root), "--json"], stdout=subprocess.PIPE, stderr=self.output, text=True
        )
        self._lines: queue.Queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(json.loads(line))

    def until(self, event: str, what: str | None = None, seconds: float = 120.0) -> dict:
        end = time.monotonic() + seconds
        while True:
            try:
                said = self._lines.get(timeout=max(0.1, end - time.monotonic()))
            except queue.Empty:
                self.output.seek(0)
                raise AssertionError(f"no {event} of {what}: {self.output.read()[-3000:]}") from None
            if said["event"] == event and what in (None, said["what"]):
                return said

    def end(self) -> int:
        self.process.terminate()
        code = self.process.wait(60)
        self.process.stdout.close()
        self.output.close()
        return code


def pid_of(said: dict) -> int:
    return int(said["sentence"].rpartition("process ")[2])


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
def test_it_serves_drives_restarts_what_dies_and_ends_all(project):
    state = project / ".workbench"
    up = Up(project, "later")
    try:
        controller = pid_of(up.until("started", CONTROLLER))
        up.until("ready")
        first = read_status(state, "tiny")
        assert set(send(first.url, "tiny", ROWS, rate=50).versions) == {1}
        assert read_status(state, "later") is not None  # named: served, though nothing was released to it
        assert wait_for(lambda: holder(state, "tiny")).pid == controller

        other = subprocess.run(
            [sys.executable, "-m", "workbench.interfaces.cli.main", "up", "-C", str(project)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert other.returncode == 3
        assert f"runs on this project already: process {up.process.pid}" in other.stderr

        os.kill(first.pid, signal.SIGKILL)
        os.kill(controller, signal.SIGKILL)
        assert "is started again" in up.until("ended")["sentence"]
        again = wait_for(lambda: (s := read_status(state, "tiny")) and s.ready and s.pid != first.pid and s)
        assert again.url == first.url  # on its port
        assert set(send(again.url, "tiny", ROWS, rate=50).versions) == {1}
        assert wait_for(lambda: (h := holder(state, "tiny")) and h.pid != controller and h)
        running = [again.pid, holder(state, "tiny").pid, read_status(state, "later").pid]
    finally:
        code = up.end()
    assert code == 0
    assert all(gone(pid) for pid in running)
    assert read_status(state, "tiny") is None


def wait_for(look, seconds: float = 60.0):
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.fixture
def supervisor(tmp_path):
    said = []
    made = Supervisor(open_settings(tmp_path), [], say=lambda *words: said.append(words))
    made.said = said
    return made


def ending(supervisor, monkeypatch, code: str) -> None:
    """Let every process that is started be one that runs this code."""
    honest = subprocess.Popen

    def popen(command, **given):
        return honest([sys.executable, "-c", code], **given)

    monkeypatch.setattr("workbench.supervising.subprocess.Popen", popen)


def test_what_dies_again_and_again_is_given_up_loudly(supervisor, monkeypatch):
    monkeypatch.setattr("workbench.supervising._FIRST", 0.01)
    ending(supervisor, monkeypatch, "raise SystemExit(5)")
    with pytest.raises(Unavailable, match="controller could not be kept running"):
        supervisor.run()
    events = [event for event, *_ in supervisor.said]
    assert events.count("started") == 5
    assert events[-2:] == ["gave up", "stopped"]
    assert "at last with 5; it stays down" in supervisor.said[-2][2]


def test_what_does_not_end_is_killed(supervisor, monkeypatch):
    monkeypatch.setattr("workbench.supervising._PATIENCE", -3.0)
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    ending(supervisor, monkeypatch, code)
    threading.Timer(2.0, supervisor._stop.set).start()
    began = time.monotonic()
    supervisor.run()
    assert time.monotonic() - began < 15
    assert supervisor._children[CONTROLLER].process.returncode in (-signal.SIGKILL, -signal.SIGTERM)


def test_the_wait_before_a_start_grows_with_each_quick_death():
    assert [Child("x", quick=n).delay for n in (1, 2, 3, 9)] == [0.5, 1.0, 2.0, 30.0]


def test_one_lock_is_let_go_when_it_ends(supervisor, monkeypatch):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    supervisor._stop.set()
    supervisor.run()
    supervisor.run()
    from workbench.supervising import _only_one

    with _only_one(supervisor._state), pytest.raises(Conflict, match="runs on this project already"):
        _only_one(supervisor._state)
