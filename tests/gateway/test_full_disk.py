"""A disk that takes nothing: requests are answered, what is lost is counted, and capture goes on afterwards."""

from __future__ import annotations

import re
import resource

import pytest


def full(gateway, *, is_full: bool) -> None:
    """Let the process write to no file: what ``write`` answers on a full disk, but for the number."""
    _, hard = resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (0 if is_full else hard, hard))


def lost(gateway) -> int:
    _, _, text = gateway.request("GET", "/metrics")
    return int(float(re.search(rb"^workbench_capture_lost ([0-9.e+]+)$", text, re.MULTILINE)[1]))


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


def test_on_a_full_disk_requests_are_answered_and_losses_counted(gateway, wait_until):
    assert gateway.ask(1.0)[0] == 200
    gateway.captured(1)
    full(gateway, is_full=True)
    assert [gateway.ask(float(n))[0] for n in range(30)] == [200] * 30
    wait_until(lambda: lost(gateway) == 30)
    assert gateway.ask(-1.0)[2] == [0]
    wait_until(lambda: lost(gateway) == 31)
    full(gateway, is_full=False)
    wait_until(lambda: gateway.status.lost == 31)
    assert gateway.ask(2.0)[0] == 200
    assert [one.inputs for one in gateway.captured(2)] == [[{"x1": 1.0}], [{"x1": 2.0}]]
    assert lost(gateway) == 31
    assert gateway.stop() == 0


def test_a_folder_that_cannot_be_written_loses_only_captures(gateways, routes, wait_until):
    gateway = gateways(champion=routes.champion)
    place = gateway.state / "traffic" / "tiny"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file where the folder should be")
    assert [gateway.ask(float(n))[0] for n in range(5)] == [200] * 5
    wait_until(lambda: gateway.status.lost == 5)
    place.unlink()
    assert gateway.ask(9.0)[0] == 200
    gateway.captured(1)
    assert gateway.status.lost == 5
