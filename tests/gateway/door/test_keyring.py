"""The keys in memory: a fault that passes locks nobody out for longer than it lasts."""

from __future__ import annotations

import resource
from contextlib import contextmanager

import pytest

import workbench as wb
from workbench.core.errors import Unavailable
from workbench.gateway.door import keyring
from workbench.gateway.door.keyring import KeyRing
from workbench.gateway.door.keys import file_of


@contextmanager
def no_file_can_be_opened():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(keyring, "EVERY", 0.0)
    bench = wb.open(tmp_path, actor="ada")
    yield bench
    bench.journal.close()


def test_when_the_keys_can_be_read_again_their_holders_get_in_again(bench, caplog):
    key = bench.gateway_keys.add("*", name="intake", scopes=("infer",))[1]
    ring = KeyRing(bench.settings.state, "tiny")
    with no_file_can_be_opened():
        for _ in range(3):
            with pytest.raises(Unavailable, match="Too many open files"):
                ring.find(key)
    assert len(caplog.records) == 1
    assert ring.find(key).name == "intake"


def test_what_was_revoked_while_nothing_could_be_read_is_refused(bench):
    key = bench.gateway_keys.add("*", name="intake", scopes=("infer",))[1]
    ring = KeyRing(bench.settings.state, "tiny")
    assert ring.find(key)
    bench.gateway_keys.revoke("intake", reason="left the team")
    with no_file_can_be_opened(), pytest.raises(Unavailable):
        ring.find(key)
    assert ring.find(key) is None


def test_a_damaged_file_is_read_once(bench, caplog):
    key = bench.gateway_keys.add("*", name="intake", scopes=("infer",))[1]
    file_of(bench.settings.state).write_text("{")
    ring = KeyRing(bench.settings.state, "tiny")
    depths = set()
    for _ in range(3):
        with pytest.raises(Unavailable, match="it is damaged") as refused:
            ring.find(key)
        depths.add(len(refused.traceback))
    assert len(depths) == 1  # what one caller leaves behind, the next does not add to
    assert len(caplog.records) == 1
