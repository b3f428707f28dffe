"""A load is sent at its rate whatever the server does, and says honestly what came back."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from workbench.core.errors import InvalidInput, Unavailable
from workbench.traffic.load import send_load


class Handler(BaseHTTPRequestHandler):
    """Tells two columns, answers version 7, and stalls whenever the server's lock is held."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        inputs = [{"name": "age", "datatype": "INT64"}, {"name": "income", "datatype": "FP64"}]
        self._answer(200, {"inputs": inputs})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append((time.time(), json.loads(body)))
        with self.server.stalling:
            self._answer(self.server.status, {})

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Workbench-Version", "7")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.daemon_threads = True
    made.bodies, made.status, made.stalling = [], 200, threading.Lock()
    made.url = f"http://127.0.0.1:{made.server_address[1]}"
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


ROWS = [{"age": 30.0, "income": 5, "label": "x"}, {"age": 41.0, "income": 0.5, "label": "y"}]


def test_rows_are_sent_in_turn_with_the_columns_that_the_model_reads(server):
    seen = []
    load = send_load(server.url, "m", ROWS, rate=50, seconds=1.1, progress=lambda *told: seen.append(told))
    assert (load.sent, load.answered, load.failed, load.versions) == (55, 55, {}, {"7": 55})
    sent = sorted(
        tuple((t["name"], t["datatype"], t["data"][0]) for t in b["inputs"]) for _, b in server.bodies
    )
    assert sent[0] == (("age", "INT64", 30), ("income", "FP64", 5.0))
    assert sent[-1] == (("age", "INT64", 41), ("income", "FP64", 0.5))
    assert len([one for one in sent if one == sent[0]]) == 28
    assert seen[-1] == (55, 0, 55)
    assert 1.0 < load.seconds < 3


def test_one_cell_of_text_leaves_the_numbers_beside_it_numbers(server):
    rows = [{"age": "30", "income": "5.5"}, {"age": "abc", "income": "inf"}]  # as pandas reads such a file
    send_load(server.url, "m", rows, rate=50, seconds=0.04)
    sent = sorted((t["datatype"], t["data"][0]) for _, b in server.bodies for t in b["inputs"])
    assert sent == [("BYTES", "abc"), ("BYTES", "inf"), ("FP64", 5.5), ("INT64", 30)]


def test_a_stall_counts_for_every_request_that_was_due_meanwhile(server):
    def stall():
        time.sleep(0.5)
        with server.stalling:
            time.sleep(1)

    staller = threading.Thread(target=stall)
    staller.start()
    load = send_load(server.url, "m", ROWS, rate=100, seconds=2)
    staller.join()
    assert load.answered == 200
    assert load.p50_ms < 400
    assert load.p95_ms > 700  # half of all was due during the stall
    arrived = [when for when, _ in server.bodies]
    assert max(b - a for a, b in zip(sorted(arrived), sorted(arrived)[1:], strict=False)) < 0.9


def test_failures_are_counted_by_status_with_the_first_of_them(server):
    server.status = 503
    load = send_load(server.url, "m", ROWS, rate=50, seconds=0.2)
    assert (load.answered, load.failed, load.versions) == (0, {"503": 10}, {})
    assert load.first_failure.startswith("503")
    assert "failed: 503 10" in str(load)


def test_a_load_that_is_stopped_says_so(server):
    stop = threading.Event()
    threading.Timer(0.4, stop.set).start()
    load = send_load(server.url, "m", ROWS, rate=50, seconds=60, stop=stop)
    assert load.stopped
    assert 0 < load.sent < 60
    assert load.seconds < 5


def test_what_cannot_be_sent_is_refused(server):
    for rate, seconds in ((0, 1), (-1, 1), (float("nan"), 1), (1, float("inf")), (0.1, 1), (1e9, 10)):
        with pytest.raises(InvalidInput, match="rate"):
            send_load(server.url, "m", ROWS, rate=rate, seconds=seconds)
    with pytest.raises(InvalidInput, match="'income'"):
        send_load(server.url, "m", [{"age": 1}], rate=1, seconds=1)
    for url in ("ftp://x", "127.0.0.1:80", "http://x:port", ""):
        with pytest.raises(InvalidInput, match="url"):
            send_load(url, "m", ROWS, rate=1, seconds=1)
    with pytest.raises(Unavailable, match=r"gives no answer.*Start its gateway"):
        send_load("http://127.0.0.1:9", "m", ROWS, rate=1, seconds=1)
    assert server.bodies == []
