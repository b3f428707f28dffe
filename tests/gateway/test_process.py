"""The process: how it begins, that it is the only one, how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from workbench.core.errors import Unavailable
from workbench.gateway import RoutingTable, read_status, write_table
from workbench.testing.gateway import GatewayProcess, running_gateway
from workbench.testing.traffic import send
from workbench.traffic import TrafficStore


@pytest.fixture
def project(tmp_path, routes):
    write_table(tmp_path / ".workbench", RoutingTable(endpoint="tiny", version=1, champion=routes.champion))
    return tmp_path


@pytest.fixture
def start(project):
    started = []

    def begin(endpoint="tiny", **options):
        started.append(GatewayProcess(project, endpoint, **options))
        return started[-1]

    yield begin
    for process in started:
        process.end()


def test_it_says_in_one_line_what_it_loads_and_in_one_where_it_serves_and_whom(start):
    gateway = start()
    status = gateway.wait()
    loading, serving = gateway.output.splitlines()
    assert loading == f"loading tiny/1, which will answer on {status.url}"
    assert serving == f"serving tiny on {status.url} (champion tiny/1)"
    assert status.ready
    assert status.url.startswith("http://127.0.0.1:")


def test_running_gateway_yields_its_url_and_ends_it(project):
    with running_gateway(project, "tiny") as url:
        assert send(url, "tiny", [{"x1": 1.0}]).statuses == {200: 1}
        assert read_status(project / ".workbench", "tiny").url == url
    assert read_status(project / ".workbench", "tiny") is None


def test_with_no_champion_it_starts_and_says_what_to_do(start):
    gateway = start("fraud")
    url = gateway.wait().url
    assert "no champion yet: workbench release fraud/1" in gateway.output
    sent = send(url, "fraud", [{"x1": 1.0}])
    assert sent.statuses == {503: 1}
    assert b"workbench release fraud/1" in sent.answers[0].body
    assert not gateway.status.ready


def test_a_port_that_is_taken_is_said_and_nothing_is_left(start, project):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        gateway = start(port=port)
        with pytest.raises(Unavailable, match=f"cannot listen on 127.0.0.1:{port}"):
            gateway.wait()
    assert gateway.stop() == 3
    assert "--port, or gateway_port in workbench.toml; 0 picks a free one" in gateway.output
    assert "Traceback" not in gateway.output
    assert read_status(project / ".workbench", "tiny") is None


def test_a_second_gateway_is_refused_until_the_first_is_dead(start):
    first = start()
    first.wait()
    second = start()
    with pytest.raises(Unavailable, match=f"served by process {first.pid}"):
        second.wait()
    assert second.stop() == 3
    assert first.status.ready
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    third = start()
    assert third.wait().pid == third.pid


def test_an_endpoint_that_is_a_path_is_refused(start, project):
    gateway = start("../../outside")
    assert gateway.stop(signal.SIGCONT) == 3
    assert "endpoint" in gateway.output
    assert "Traceback" not in gateway.output


def test_sigterm_under_load_loses_no_captured_answer(start, project):
    gateway = start()
    url = gateway.wait().url
    results = []
    sender = threading.Thread(target=lambda: results.append(send(url, "tiny", [{"x1": 1.0}] * 300, rate=200)))
    sender.start()
    time.sleep(0.8)
    assert gateway.stop() == 0
    sender.join()
    answered = {a.request_id for a in results[0].answers if a.status == 200}
    assert 0 < len(answered) < 300
    kept = set(TrafficStore(project / ".workbench" / "traffic").frame("tiny")["request_id"])
    assert answered <= kept
    assert read_status(project / ".workbench", "tiny") is None
    assert gateway.output.count("\n") == 2, gateway.output


def test_sigterm_waits_for_an_answer_that_has_begun_and_for_the_shadow(start, project, routes):
    table = RoutingTable(endpoint="tiny", version=2, champion=routes.slow, shadow=routes.always)
    write_table(project / ".workbench", table)
    gateway = start()
    url = gateway.wait().url
    results = []
    sender = threading.Thread(target=lambda: results.append(send(url, "tiny", [{"x1": 1.0}])))
    sender.start()
    time.sleep(0.3)
    assert gateway.stop() == 0
    sender.join()
    assert results[0].statuses == {200: 1}
    (exchange,) = TrafficStore(project / ".workbench" / "traffic").exchanges("tiny")
    assert exchange.shadow_outputs == [1]


def test_sigterm_does_not_wait_for_a_model_that_hangs(start, project, routes):
    write_table(project / ".workbench", RoutingTable(endpoint="tiny", version=2, champion=routes.hanging))
    gateway = start(settings={"gateway_deadline_seconds": 0.2})
    url = gateway.wait().url
    assert send(url, "tiny", [{"x1": 60.0}]).statuses == {504: 1}
    begin = time.monotonic()
    assert gateway.stop() == 0
    assert time.monotonic() - begin < 5
    (exchange,) = TrafficStore(project / ".workbench" / "traffic").exchanges("tiny")
    assert exchange.status == 504


def test_what_steers_a_gateway_imports_no_web_server_and_the_gateway_no_audits():
    code = (
        "import sys, {}; loaded = set(sys.modules); "
        "print(sorted(m for m in loaded if m.split('.')[0] in {} or m in {}))"
    )
    heavy = ("pandas", "sklearn", "mlflow", "evidently", "art", "fairlearn", "numpy", "pyarrow", "scipy")
    walls = ("workbench.audits", "workbench.gates", "workbench.journal")
    for module, unwanted in (
        ("workbench.gateway", (*heavy, "uvicorn", "starlette")),
        ("workbench.gateway.server", heavy),
        ("workbench.traffic", heavy),
    ):
        run = [sys.executable, "-c", code.format(module, unwanted, walls)]
        done = subprocess.run(run, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]", module
