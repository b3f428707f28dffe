"""The target ``ray`` on a real cluster of two nodes on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import contextmanager

import pytest
import requests

from workbench.gateway.status import read_status
from workbench.releases.targets.base import Routing
from workbench.releases.targets.ray.dashboard import Dashboard
from workbench.releases.targets.ray.target import Ray
from workbench.testing.targets import ENDPOINT, TargetContract
from workbench.testing.traffic import send
from workbench.traffic import TrafficStore

#: The first test waits for a cluster, which takes its time on a busy machine.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

#: Answered alike by the first three versions.
ROWS = [{"x1": x1} for x1 in (-2.0, -1.0, 1.0, 2.0)]


@pytest.fixture
def ray(ray_cluster):
    """The target with nothing at the contract's endpoint; the first three versions are warm."""
    yield ray_cluster.target
    ray_cluster.target.revive(ENDPOINT)
    ray_cluster.target.remove(ENDPOINT)


@pytest.fixture
def state(ray_cluster):
    return ray_cluster.settings.state


def door(state) -> str:
    return read_status(state, ENDPOINT).url


def captured(state, sent):
    """The exchanges of these requests, by what their sender knows of them."""
    time.sleep(1.5)  # a segment is closed after a third of a second
    ids = [answer.request_id for answer in sent.answers]
    return TrafficStore(state / "traffic").exchanges(ENDPOINT, request_ids=ids)


@contextmanager
def asked(url, rate=20):
    """Keep requests coming while the block runs; what came back is in the list afterwards."""
    stop, results = threading.Event(), []

    def run() -> None:
        while not stop.is_set():
            results.append(send(url, ENDPOINT, ROWS * 5, rate=rate))

    sender = threading.Thread(target=run)
    sender.start()
    try:
        yield results
    finally:
        stop.set()
        sender.join()


class TestContract(TargetContract):
    @pytest.fixture
    def target(self, ray):
        return ray

    @pytest.fixture
    def versions(self, ray_cluster):
        registry = ray_cluster.registry
        found = [registry.version(f"tiny/{number}") for number in (1, 2, 3)]
        yield [(version, registry.artifact_path(version)) for version in found]
        for version in found:
            (registry.artifact_path(version) / "added").unlink(missing_ok=True)


def test_weights_change_and_go_back_under_load_without_a_failure_or_a_new_router(ray_cluster, ray, state):
    one, two = ray_cluster.deployed(1), ray_cluster.deployed(2)
    version = ray.route(Routing(endpoint=ENDPOINT, champion=one), expected=0)
    pid, seconds = read_status(state, ENDPOINT).pid, []
    steps = [{"candidate": two, "share": 0.5}, {"champion": two, "standby": one}, {"standby": two}]
    with asked(door(state)) as results:
        for step in steps:
            time.sleep(1.0)
            began = time.monotonic()
            version = ray.route(Routing(**({"endpoint": ENDPOINT, "champion": one} | step)), expected=version)
            seconds.append(time.monotonic() - began)
            assert ray.status(ENDPOINT).in_force == version
        back = time.time()
        time.sleep(1.0)
    answers = [answer for sent in results for answer in sent.answers]
    assert [answer.body for answer in answers if answer.status != 200] == []
    assert {answer.version for answer in answers} == {1, 2}
    assert {answer.version for answer in answers if answer.due > back} == {1}
    assert read_status(state, ENDPOINT).pid == pid
    assert max(seconds) < 10.0  # measured on a quiet machine: 0.3 to 0.5


def test_the_coin_of_every_exchange_is_captured_with_its_share_and_table(ray_cluster, ray, state):
    routing = {"champion": ray_cluster.deployed(1), "candidate": ray_cluster.deployed(2), "share": 0.5}
    version = ray.route(Routing(endpoint=ENDPOINT, **routing), expected=0)
    sent = send(door(state), ENDPOINT, ROWS * 10, rate=20)
    assert sent.failed == 0, sent
    found = captured(state, sent)
    assert len(found) == 40
    assert {(one.table_version, one.share) for one in found} == {(version, 0.5)}
    assert all((one.coin < 0.5) == (one.arm == "candidate") for one in found)
    assert {one.served_by for one in found} == {1, 2}


def test_the_answers_of_a_shadow_are_captured_and_never_sent(ray_cluster, ray, state):
    routing = Routing(endpoint=ENDPOINT, champion=ray_cluster.deployed(1), shadow=ray_cluster.deployed(2))
    ray.route(routing, expected=0)
    sent = send(door(state), ENDPOINT, ROWS * 5, rate=20)
    assert (sent.failed, set(sent.versions)) == (0, {1})
    found = captured(state, sent)
    assert [one.shadow_version for one in found] == [2] * 20
    assert all(one.shadow_outputs == one.outputs for one in found)


def test_a_candidate_that_hangs_is_given_up_in_time_and_the_champion_answers(ray_cluster, ray, state):
    hangs = ray_cluster.deployed(6)
    champion = ray_cluster.deployed(1)
    version = ray.route(Routing(endpoint=ENDPOINT, champion=champion), expected=0)
    routing = Routing(endpoint=ENDPOINT, champion=champion, candidate=hangs, share=1.0)
    ray.route(routing, expected=version)
    sent = send(door(state), ENDPOINT, ROWS[:1], rate=1)
    assert (sent.failed, sent.versions) == (0, [1])
    assert sent.latency_ms(1.0) < 4000  # a deadline of a second, and as long again for the champion
    (found,) = captured(state, sent)
    assert (found.arm, found.version, found.served_by) == ("candidate", 6, 1)
    assert "no answer within" in found.error


def test_a_candidate_whose_process_is_killed_costs_no_caller_an_answer(ray_cluster, ray, state):
    routing = {"champion": ray_cluster.deployed(1), "candidate": ray_cluster.deployed(3), "share": 0.5}
    ray.route(Routing(endpoint=ENDPOINT, **routing), expected=0)
    apps = Dashboard(ray_cluster.settings).read()["applications"]
    (pid,) = (
        replica["pid"]
        for name, app in apps.items()
        if ".tiny.3." in name
        for replica in app["deployments"]["Version"]["replicas"]
    )
    with asked(door(state)) as results:
        time.sleep(0.5)
        os.kill(pid, signal.SIGKILL)
        time.sleep(2.0)
    assert [answer for sent in results for answer in sent.answers if answer.status != 200] == []


def test_changed_bytes_start_no_replica_and_the_champion_stays(ray_cluster, ray, state):
    champion, changed = ray_cluster.deployed(1), ray_cluster.deployed(4)
    version = ray.route(Routing(endpoint=ENDPOINT, champion=champion), expected=0)
    added = ray_cluster.settings.root / changed.place / "added"
    added.write_text("not registered", "utf-8")
    try:
        routing = Routing(endpoint=ENDPOINT, champion=champion, candidate=changed, share=1.0)
        ray.route(routing, expected=version)
        status = ray.status(ENDPOINT)
        assert "are not those that were registered" in status.refused
        assert (status.version, status.in_force) == (version + 1, version)
        sent = send(door(state), ENDPOINT, ROWS, rate=20)
        assert (sent.failed, set(sent.versions)) == (0, {1})
    finally:
        added.unlink()


def test_the_kill_switch_works_when_nobody_answers_for_the_cluster(ray_cluster, ray, state):
    ray.route(Routing(endpoint=ENDPOINT, champion=ray_cluster.deployed(1)), expected=0)
    nowhere = Ray(ray_cluster.settings.model_copy(update={"ray_address": "http://127.0.0.1:9"}))
    assert send(door(state), ENDPOINT, ROWS[:1], rate=1).failed == 0
    nowhere.kill(ENDPOINT, "INC-1")
    time.sleep(1.0)
    sent = send(door(state), ENDPOINT, ROWS, rate=20)
    assert set(sent.statuses) == {503}
    assert nowhere.status(ENDPOINT).killed == "INC-1"
    nowhere.revive(ENDPOINT)
    time.sleep(1.0)
    assert send(door(state), ENDPOINT, ROWS, rate=20).failed == 0


def test_who_has_no_token_neither_reads_nor_declares(ray_cluster):
    address = ray_cluster.settings.ray_address + "/api/serve/applications/"
    assert requests.get(address, timeout=10).status_code == 401
    assert requests.put(address, json={"applications": []}, timeout=10).status_code == 401


def test_the_versions_lie_on_both_nodes(ray_cluster):
    applications = Dashboard(ray_cluster.settings).read()["applications"].values()
    deployments = [one for application in applications for one in application["deployments"].values()]
    nodes = {replica["node_ip"] for one in deployments for replica in one["replicas"]}
    assert nodes == {"127.0.0.2", "127.0.0.3"}
