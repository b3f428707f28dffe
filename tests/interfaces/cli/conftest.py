"""A project one works on by commands: three versions, the third of which answers another question."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
import skops.io

import workbench as wb
from workbench.gateway import read_status
from workbench.interfaces.cli.main import main
from workbench.testing.models import Threshold, tiny_classifier, tiny_frame
from workbench.testing.traffic import send

TOML = """\
gateway_deadline_seconds = 0.5

[people]
grace = ["model-risk"]
"""

RULE = "{audit: performance, metric: accuracy_score, bound: lower, at_least: %s}"

POLICIES = {
    "easy": f"name: easy\nrules:\n  - {RULE % 0.3}\n",
    "hard": f"name: hard\nrules:\n  - {RULE % 0.999}\n",
    "asked": f"name: asked\nrules:\n  - {RULE % 0.5}\napprovals: {{model-risk: 1}}\n",
}

#: Shadow alone decides: what answers alike is promoted, what does not is not, unless in a hurry.
PLAN = """\
name: %s
alpha: 0.05
metrics:
  errors: {margin: 2.0}
  disagreement: {at_most: %s}
stages:
  - {name: shadow, kind: shadow, min_requests: 60, deadline_minutes: 2}
  - {name: champion, kind: champion}
"""

PLANS = {name: PLAN % (name, limit) for name, limit in (("quick", 0.1), ("hurry", 0.9))}


@pytest.fixture
def run_in(capsys):
    """Run a command in a project; return exit code, standard output, standard error."""

    def _run(root, *arguments, actor=None):
        code = main([*arguments, "-C", str(root), *(["--as", actor] if actor else [])])
        out = capsys.readouterr()
        return code, out.out, out.err

    return _run


@pytest.fixture
def run(tmp_path, run_in):
    """The same in a project of this test alone."""
    return lambda *arguments, actor=None: run_in(tmp_path, *arguments, actor=actor)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """``tiny/1`` to be examined, and ``limits`` with versions 1 and 2 that answer alike and 3 that does not."""
    root = tmp_path_factory.mktemp("project")
    (root / "workbench.toml").write_text(TOML)
    for folder, files in (("policies", POLICIES), ("plans", PLANS)):
        (root / folder).mkdir()
        for name, text in files.items():
            (root / folder / f"{name}.yaml").write_text(text)
    frame = tiny_frame()
    frame.to_csv(root / "train.csv", index=False)
    frame.assign(predicted=frame["y"], probability=0.5).to_csv(root / "scored.csv", index=False)
    skops.io.dump(tiny_classifier(), root / "model.skops")

    bench = wb.open(root, actor="ada")
    bench.register(tiny_classifier(), name="tiny", train=frame, target="y", sensitive=["group"])
    bench.audit("tiny/1", on=frame, audits=["performance"])
    for at in (0.0, 0.001, 1.5):
        version = bench.register(Threshold(at), name="limits", train=frame[["x1", "group", "y"]], target="y")
        bench.audit(version, on=frame, audits=["performance"])
    bench.journal.close()
    return root


@pytest.fixture
def gateway():
    """``with gateway(root, endpoint) as url``: ``workbench gateway`` as a person starts it."""
    return _gateway


@pytest.fixture
def traffic():
    """``with traffic(url, endpoint, rows) as sent``: requests that keep coming while the block runs."""
    return _traffic


@pytest.fixture
def answered_by():
    """``answered_by(url, endpoint, rows, version=3)``: ask until every row is answered by that version."""

    def _answered_by(url, endpoint, rows, *, version):
        end = time.monotonic() + 30
        while set(send(url, endpoint, rows, rate=250).versions) != {version}:
            assert time.monotonic() < end, f"version {version} does not answer"

    return _answered_by


@contextmanager
def _gateway(root, endpoint):
    state = wb.open(root).settings.state
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "workbench.interfaces.cli.main",
            "gateway",
            endpoint,
            "--port",
            "0",
            "-C",
            root,
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        end = time.monotonic() + 60
        while not ((status := read_status(state, endpoint)) and status.pid == process.pid and status.ready):
            assert process.poll() is None, "the gateway ended"
            assert time.monotonic() < end, "the gateway did not come up"
            time.sleep(0.05)
        yield status.url
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _traffic(url, endpoint, rows):
    stop, results = threading.Event(), []

    def run() -> None:
        while not stop.is_set():
            results.append(send(url, endpoint, rows, rate=250))

    sender = threading.Thread(target=run)
    sender.start()
    try:
        yield results
    finally:
        stop.set()
        sender.join()
