"""Tiny models on disk, made once, and gateways in processes of their own."""

from __future__ import annotations

import http.client
import json
import sys
import time
from contextlib import ExitStack
from types import SimpleNamespace
from urllib.parse import urlsplit

import cloudpickle
import pytest

from workbench.gateway import RoutingTable, write_table
from workbench.testing import models
from workbench.testing.gateway import GatewayProcess, make_route
from workbench.traffic import TrafficStore

ENDPOINT = "tiny"

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the gateway's process has no tests to import


def _make(root, model, version, columns=("x1", "y"), target="y"):
    train = models.tiny_frame().loc[:, list(columns)]
    route = make_route(root, model, train, target=target, name=ENDPOINT, version=version)
    return route.model_copy(update={"path": str(root / route.path)})


@pytest.fixture(scope="session")
def routes(tmp_path_factory):
    """Routes to versions of a model called tiny; all but ``pipeline`` and ``numeric`` read ``x1`` alone."""
    root = tmp_path_factory.mktemp("artifacts")
    every = (*models.FEATURES, "y")
    return SimpleNamespace(
        champion=_make(root, models.Threshold(0.0), 1),
        always=_make(root, models.Threshold(-1e9), 2),
        failing=_make(root, models.Failing(above=50), 3),
        slow=_make(root, models.Slow(0.6), 4),
        too_long=_make(root, models.WrongShape(after=100), 5),
        nan=_make(root, models.Nan(above=50), 6),
        pipeline=_make(root, models.tiny_classifier(), 7, every),
        numeric=_make(root, _two_numbers(), 8, ("x1", "x2", "y")),
        regressor=_make(root, models.tiny_regressor(), 9, ("x1", "x2"), "x2"),
        never=_make(root, models.Threshold(1e9), 10),
        hanging=_make(root, _hangs_when_high, 11),
        strange=_make(root, _strange_when_high, 12),
        crashing=_make(root, _crashes_when_high, 13),
        leaking=_make(root, _leaks_when_high, 14),
    )


def _hangs_when_high(frame):
    """Answer 1; never where ``x1`` is above 50."""
    import time

    if (frame["x1"] > 50).any():
        time.sleep(600)
    return [1] * len(frame)


def _crashes_when_high(frame):
    """Answer 1; where ``x1`` is above 50 the process ends as by a bad pointer."""
    import os
    import signal

    if (frame["x1"] > 50).any():
        os.kill(os.getpid(), signal.SIGSEGV)
    return [1] * len(frame)


def _leaks_when_high(frame):
    """Answer 1, and keep 20 MB for ever where ``x1`` is above 50."""
    if (frame["x1"] > 50).any():
        globals().setdefault("_held", []).append(bytearray(20 << 20))
    return [1] * len(frame)


def _two_numbers():
    from sklearn.linear_model import LogisticRegression

    frame = models.tiny_frame()
    return LogisticRegression().fit(frame[["x1", "x2"]], frame["y"])


def wait_until(true, seconds=60.0):
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


class Running(GatewayProcess):
    """A gateway with a table one can change, and a client."""

    def __init__(self, root, *, settings=None, **table) -> None:
        self.state = root / ".workbench"
        self.version = 0
        if table:
            self.route(**table)
        super().__init__(root, ENDPOINT, settings=settings)
        self.url = self.wait().url

    def route(self, **table) -> int:
        """Write the next table."""
        self.version += 1
        write_table(self.state, RoutingTable(endpoint=ENDPOINT, version=self.version, **table))
        return self.version

    def take(self, **table) -> int:
        """Write the next table, and wait until it is in force."""
        version = self.route(**table)
        wait_until(lambda: self.status.table_version == version and not self.status.killed)
        return version

    def captured(self, n, table=None):
        """The newest ``n`` exchanges (decided by a table), once they are there."""
        store = TrafficStore(self.state / "traffic")

        def found():
            return [e for e in store.exchanges(ENDPOINT) if table is None or e.table_version == table]

        wait_until(lambda: len(found()) >= n)
        return found()[-n:]

    def request(self, method, path, body=None, headers=None):
        """Send one request as it is; returns status, headers and body (JSON where it is)."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        kind = answer.getheader("Content-Type", "")
        return answer.status, answer.headers, json.loads(content) if kind == "application/json" else content

    def post(self, content, path=f"/v2/models/{ENDPOINT}/infer", **headers):
        """Post JSON, or a body as it is."""
        body = content if isinstance(content, str | bytes) else json.dumps(content)
        return self.request("POST", path, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def ask(self, *x1, path=f"/v2/models/{ENDPOINT}/infer"):
        """Ask for rows of ``x1`` alone; returns status, version header and predictions or error."""
        tensor = {"name": "x1", "shape": [len(x1)], "datatype": "FP64", "data": list(x1)}
        status, headers, body = self.post({"inputs": [tensor]}, path)
        answer = body["outputs"][0]["data"] if status == 200 else body["error"]
        return status, headers.get("X-Workbench-Version"), answer


def _strange_when_high(frame):
    """Answer 1; a label nobody knows where ``x1`` is above 50."""
    return [2 if x1 > 50 else 1 for x1 in frame["x1"]]


@pytest.fixture(scope="session", name="wait_until")
def _wait_until():
    return wait_until


@pytest.fixture(scope="module")
def gateways(tmp_path_factory):
    """Start gateways: ``gateways(champion=…, candidate=…, settings=…)``; they end with the module."""
    with ExitStack() as stack:

        def start(settings=None, **table):
            running = Running(tmp_path_factory.mktemp("project"), settings=settings, **table)
            stack.callback(running.end)
            return running

        yield start
