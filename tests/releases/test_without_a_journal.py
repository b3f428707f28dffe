"""The journal's server is stopped, or the file locked: requests are answered, the kill switch works, the loop waits."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from contextlib import contextmanager

import pytest

import workbench as wb
from workbench.core.errors import Unavailable
from workbench.core.project import open_settings
from workbench.gateway import read_status
from workbench.releases import loop as module
from workbench.releases.loop import Loop
from workbench.testing.gateway import running_gateway
from workbench.testing.models import TARGET, Threshold, tiny_frame
from workbench.testing.traffic import send

ROWS = [{"x1": x1} for x1 in (-2.0, 2.0)]


@contextmanager
def stopped_server(server, _root):
    server.stop("immediate")
    try:
        yield
    finally:
        server.start()


@contextmanager
def locked_file(_server, root):
    held = sqlite3.connect(root / ".workbench" / "journal.db", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        held.execute("ROLLBACK")
        held.close()


def project(root, url: str):
    """A project with a champion."""
    open_settings(root)
    (root / "workbench.toml").write_text(f"gateway_deadline_seconds = 0.5\njournal_url = {json.dumps(url)}\n")
    rule = "{audit: performance, metric: accuracy_score, at_least: 0.1}"
    (root / "policies" / "free.yaml").write_text(f"rules: [{rule}]\n")
    bench = wb.open(root, actor="ada")
    bench.register(Threshold(0.0).fit(None), name="tiny", train=tiny_frame(), target=TARGET)
    bench.audit("tiny/1", on=tiny_frame(), audits=["performance"])
    bench.release("tiny/1", policy="free")
    bench.journal.close()


@pytest.mark.slow
@pytest.mark.parametrize("down", [stopped_server, locked_file])
def test_requests_are_answered_the_kill_switch_works_within_a_second_and_the_loop_goes_on(
    down, request, tmp_path, monkeypatch
):
    server = request.getfixturevalue("server") if down is stopped_server else None
    project(tmp_path, server.url("journal") if server else "")
    monkeypatch.setattr(module, "KEEP_EVERY", 0.0)
    monkeypatch.setattr(module, "_MOST", 0.2)
    said: list[str] = []
    loop = Loop(lambda: wb.open(tmp_path, actor="ada").releases, said.append)
    with running_gateway(tmp_path, "tiny", settings={"gateway_deadline_seconds": 0.5}) as url:
        loop._round()
        assert said == []
        hurried = wb.open(tmp_path, actor="ada")
        hurried._by_hand  # noqa: B018 - what somebody has open already
        with down(server, tmp_path):
            assert send(url, "tiny", ROWS * 20, rate=100).failed == 0
            told = threading.Thread(target=_kill, args=(hurried,))
            began = time.monotonic()
            told.start()
            while not read_status(tmp_path / ".workbench", "tiny").killed:
                assert time.monotonic() - began < 1.0
                time.sleep(0.005)
            told.join()
            assert set(send(url, "tiny", ROWS, rate=50).versions) == {None}
            for _ in range(2):
                loop._round()
                time.sleep(0.3)
            assert len(said) == 1
            assert "It is tried again; who answers requests stays." in said[0]
        time.sleep(0.3)
        loop._round()
        loop._round()
    loop._let_go()
    assert any("goes on" in line for line in said)
    with wb.open(tmp_path, actor="ada").journal as journal:  # the loop has written what was done by hand
        assert [entry.kind for entry in journal.read("endpoint/tiny")] == ["endpoint.killed"]


def _kill(bench) -> None:
    with pytest.raises(Unavailable, match="answers no more"):
        bench.kill("tiny", reason="legal hold")
