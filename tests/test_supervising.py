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
from datetime import UTC, datetime

import pytest

import workbench as wb
from workbench.core.errors import Conflict, Unavailable
from workbench.core.project import open_settings
from workbench.gateway import Status, read_status, running
from workbench.gateway.status import write_status
from workbench.interfaces.cli.main import main
from workbench.journal import Event
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
    bench.journal.append("model/later", Event(kind="model.registered"))
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
    yield made
    made._end_all()


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


def routes(state, endpoint: str, text: str) -> None:
    folder = state / "gateway" / endpoint
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "routes.json").write_text(text)


def test_routes_that_cannot_be_read_are_told_of_once_and_stop_nothing_else(supervisor, monkeypatch):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    routes(supervisor._state, "other", '{"endpoint": "other"')
    routes(supervisor._state, "named", "{}")
    supervisor._named = ["named"]
    for _ in range(3):
        supervisor._look()
    told = [(what, sentence) for event, what, sentence in supervisor.said if event == "unreadable"]
    assert [what for what, _ in told] == ["named", "other"]
    assert "routes.json of other is not a routing table" in told[1][1]
    assert "Move it out" in told[1][1]
    assert [what for event, what, _ in supervisor.said if event == "started"] == ["named", CONTROLLER]
    assert not any(event == "ready" for event, *_ in supervisor.said)


def test_routes_that_cannot_be_read_in_another_way_are_told_of_again(supervisor, monkeypatch):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    for text in ('{"endpoint": "other"', "{}", "{}", '{"endpoint": "other", "version": 1}', "{}"):
        routes(supervisor._state, "other", text)
        supervisor._look()
    assert [event for event, *_ in supervisor.said].count("unreadable") == 3


def test_one_lock_is_let_go_when_it_ends(supervisor, monkeypatch):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    supervisor._stop.set()
    supervisor.run()
    supervisor.run()
    from workbench.supervising import _only_one

    with _only_one(supervisor._state), pytest.raises(Conflict, match="runs on this project already"):
        _only_one(supervisor._state)


def summed(supervisor) -> list[tuple[str, str]]:
    return [(event, sentence) for event, _, sentence in supervisor.said if event in ("ready", "not all")]


def test_with_nothing_released_it_says_so_and_how_to_begin(supervisor, monkeypatch):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    for _ in range(3):
        supervisor._look()
    [(event, sentence)] = summed(supervisor)
    assert event == "ready"
    assert "serves nothing yet: workbench register, then workbench release NAME/1" in sentence


def test_where_one_endpoint_stays_down_the_last_line_says_what_is_served(supervisor, monkeypatch):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    supervisor._look()
    supervisor._children["credit"] = Child("credit", gave_up=True)
    supervisor._look()
    supervisor._look()
    assert summed(supervisor)[1:] == [("not all", "does not serve credit, as said above")]


def test_a_controller_that_stays_down_is_in_the_last_line(supervisor, monkeypatch):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    running_here(supervisor._state, "tiny")
    supervisor._named = ["tiny"]
    supervisor._children[CONTROLLER] = Child(CONTROLLER, gave_up=True)
    supervisor._look()
    [(event, sentence)] = summed(supervisor)
    assert (event, sentence) == ("not all", "serves tiny at http://x:1; drives no releases, as said above")


def running_here(state, endpoint: str) -> None:
    """Let this very process pass for the gateway of an endpoint."""
    (state / "gateway" / endpoint).mkdir(parents=True)
    now = datetime.now(UTC)
    write_status(
        state,
        Status(
            endpoint=endpoint, pid=os.getpid(), url="http://x:1", started=now, ready=True, table_version=0
        ),
    )


@pytest.mark.parametrize("text", ["", "{", '{"endpoint": "tiny"}', "[]"])
def test_a_damaged_status_is_no_status_and_ends_nothing(supervisor, monkeypatch, text):
    ending(supervisor, monkeypatch, "import time; time.sleep(60)")
    routes(supervisor._state, "tiny", "{}")
    (supervisor._state / "gateway" / "tiny" / "status.json").write_text(text)
    supervisor._named = ["tiny"]
    supervisor._look()
    assert [what for event, what, _ in supervisor.said if event == "started"] == ["tiny", CONTROLLER]
    assert running(supervisor._state) == ()


def test_a_name_that_no_model_has_is_not_kept_running(project, capsys):
    assert main(["up", "tinny", "-C", str(project)]) == 3
    assert "There is no model 'tinny'.\n  → Did you mean 'tiny'?" in capsys.readouterr().err
