"""Moving traffic under load: the pointer moves at once, no request fails, and what is loaded is what was approved."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from workbench.gateway import kill, revive
from workbench.testing.traffic import send

ROWS = [{"x1": -1.0}] * 400

#: The aim is a tenth of a second; a busy machine gets slack, and the measured figure is printed.
SLACK = 0.5


@pytest.fixture(scope="module")
def gateway(gateways, routes):
    return gateways(champion=routes.champion)


@pytest.fixture
def loaded(gateway, routes):
    """A gateway whose champion is 1 and whose candidate 2 has half of the traffic; both are in memory."""
    revive(gateway.state, "tiny")
    gateway.take(champion=routes.champion, candidate=routes.always, share=0.5)
    return gateway


def under_load(gateway, act, *, rows=ROWS, rate=200.0):
    """Send at a rate, act in the middle, and return what was sent and when the act was done."""
    results = []
    sender = threading.Thread(target=lambda: results.append(send(gateway.url, "tiny", rows, rate=rate)))
    sender.start()
    time.sleep(len(rows) / rate / 2)
    act()
    done = time.time()
    sender.join()
    return results[0], done


def test_a_rollback_stops_the_candidate_and_loses_no_request(loaded, routes, capsys):
    lags = []
    for _ in range(3):
        sent, written = under_load(
            loaded, lambda: loaded.route(champion=routes.champion, standby=routes.always)
        )
        assert sent.failed == 0, sent
        assert set(sent.versions) == {1, 2}
        lags.append(max(a.done for a in sent.answers if a.version == 2) - written)
        loaded.take(champion=routes.champion, candidate=routes.always, share=0.5)
    with capsys.disabled():
        sys.stdout.write(f"\n  last candidate answer after a rollback: {max(lags) * 1000:.0f} ms\n")
    assert max(lags) < SLACK


def test_going_back_to_the_standby_after_a_promotion_loses_no_request(loaded, routes):
    loaded.take(champion=routes.always, standby=routes.champion)
    sent, written = under_load(loaded, lambda: loaded.route(champion=routes.champion, standby=routes.always))
    assert sent.failed == 0, sent
    assert sent.versions[0] == 2
    assert sent.versions[-1] == 1
    assert max(a.done for a in sent.answers if a.version == 2) - written < SLACK


def test_a_new_version_is_loaded_before_the_pointer_moves(loaded, routes):
    sent, _ = under_load(loaded, lambda: loaded.route(champion=routes.never, standby=routes.champion))
    assert sent.failed == 0, sent
    assert sent.versions[-1] == 10


def test_the_kill_file_stops_every_model_answer(loaded, capsys, wait_until):
    sent, written = under_load(loaded, lambda: kill(loaded.state, "tiny", "drill"))
    assert sent.statuses.keys() == {200, 503}
    lag = max(a.done for a in sent.answers if a.status == 200) - written
    with capsys.disabled():
        sys.stdout.write(f"\n  last model answer after a kill: {lag * 1000:.0f} ms\n")
    assert lag < SLACK
    assert loaded.ask(1.0)[2].startswith("tiny is switched off.")
    assert loaded.request("GET", "/v2/models/tiny/ready")[0] == 503
    assert loaded.request("GET", "/v2/health/ready")[0] == 200
    revive(loaded.state, "tiny")
    wait_until(lambda: loaded.ask(1.0)[0] == 200)


def test_a_killed_endpoint_answers_what_was_declared(loaded, routes, wait_until):
    loaded.take(champion=routes.champion, fallback=0)
    kill(loaded.state, "tiny")
    wait_until(lambda: loaded.status.killed)
    assert loaded.ask(1.0, 2.0) == (200, "fallback", [0, 0])
    _, headers, body = loaded.post({"inputs": {"x1": [1.0]}}, "/invocations")
    assert body == {"predictions": [0]}
    assert headers["X-Workbench-Version"] == "fallback"


def test_killed_in_the_table_is_killed_too(loaded, routes, wait_until):
    version = loaded.route(champion=routes.champion, killed=True)
    wait_until(lambda: loaded.status.table_version == version)
    assert loaded.ask(1.0)[0] == 503


def test_the_status_acknowledges_a_table(loaded, routes):
    loaded.take(champion=routes.champion, candidate=routes.never, share=0.1)
    status = loaded.status
    assert status.ready
    assert status.champion == "tiny/1"
    assert {"tiny/1", "tiny/10"} <= set(status.loaded)
    assert status.refused == ""


def test_versions_that_are_not_needed_are_let_go(loaded, routes, wait_until):
    for champion in (routes.never, routes.champion, routes.champion):
        loaded.take(champion=champion)
    wait_until(lambda: loaded.status.loaded == ("tiny/1",))


def test_the_share_is_the_probability_and_is_recorded(loaded, routes):
    version = loaded.take(champion=routes.champion, candidate=routes.always, share=0.25)
    sent = send(loaded.url, "tiny", ROWS * 2)
    served = Counter(sent.versions)
    assert 130 < served[2] < 270  # 200 expected, more than five standard deviations
    exchanges = loaded.captured(len(ROWS) * 2, version)
    assert {e.share for e in exchanges} == {0.25}
    assert sum(e.arm == "candidate" for e in exchanges) == served[2]
    assert all(e.version == e.served_by for e in exchanges)


def test_changed_bytes_are_not_taken_and_the_champion_stays(loaded, routes, tmp_path, wait_until):
    place = tmp_path / "artifact"
    shutil.copytree(routes.never.path, place)
    changed = next(p for p in place.rglob("model.*") if p.is_file())
    changed.write_bytes(changed.read_bytes() + b" ")
    before = loaded.status.table_version
    version = loaded.route(champion=routes.never.model_copy(update={"path": str(place)}))
    wait_until(lambda: loaded.status.refused_version == version)
    status = loaded.status
    assert "not those that were registered" in status.refused
    assert status.table_version == before
    assert status.ready
    assert loaded.ask(-1.0)[0] == 200
    loaded.take(champion=routes.never)
    assert loaded.status.refused == ""
    assert loaded.ask(1.0) == (200, "10", [0])


def test_an_artifact_that_is_gone_is_refused_in_words(loaded, routes, tmp_path, wait_until):
    missing = routes.too_long.model_copy(update={"path": str(tmp_path / "nowhere")})
    version = loaded.route(champion=routes.champion, candidate=missing, share=0.1)
    wait_until(lambda: loaded.status.refused_version == version)
    assert "not there" in loaded.status.refused
    assert loaded.ask(1.0)[0] == 200


def test_a_table_that_cannot_be_read_is_refused_and_serving_goes_on(loaded, wait_until):
    path = loaded.state / "gateway" / "tiny" / "routes.json"
    whole = path.read_text()
    path.write_text("{")
    wait_until(lambda: "not a routing table" in loaded.status.refused)
    assert loaded.ask(1.0)[0] == 200
    path.write_text(whole)
    wait_until(lambda: loaded.status.refused == "")


def test_a_table_that_is_older_than_the_one_in_force_is_refused(loaded, wait_until):
    path = loaded.state / "gateway" / "tiny" / "routes.json"
    whole, in_force = path.read_text(), loaded.status.table_version
    path.write_text(whole.replace(f'"version": {in_force},', '"version": 1,', 1))
    wait_until(lambda: f"version {in_force}, which is in force" in loaded.status.refused)
    assert loaded.status.table_version == in_force
    path.write_text(whole)
    wait_until(lambda: loaded.status.refused == "")


def test_a_rollback_does_not_wait_for_a_version_that_is_loading(loaded, routes, wait_until):
    loaded.route(champion=routes.champion, candidate=routes.slow, share=0.5)  # its first answer takes 0.6 s
    time.sleep(0.05)
    version = loaded.route(champion=routes.champion)
    written = time.monotonic()
    wait_until(lambda: loaded.status.table_version == version)
    assert time.monotonic() - written < SLACK
    time.sleep(1.0)
    assert loaded.status.table_version == version
    assert loaded.ask(1.0)[1] == "1"


def test_only_what_is_in_the_table_can_be_asked_for_by_number(loaded, routes):
    version = loaded.take(champion=routes.champion, candidate=routes.always, standby=routes.never)
    ask = "/v2/models/tiny/versions/{}/infer"
    assert [loaded.ask(1.0, path=ask.format(v))[1:] for v in (1, 2, 10)] == [
        ("1", [1]),
        ("2", [1]),
        ("10", [0]),
    ]
    assert loaded.ask(1.0, path=ask.format(3))[0] == 404
    exchanges = loaded.captured(3, version)
    assert {e.arm for e in exchanges} == {"none"}
    assert sorted(e.version for e in exchanges) == [1, 2, 10]


def test_an_answer_of_a_version_taken_out_during_the_call_is_not_sent(loaded, routes):
    table = loaded.take(champion=routes.champion, candidate=routes.slow, share=1.0)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(loaded.ask(1.0)))
    caller.start()
    time.sleep(0.2)  # the candidate takes 0.6 s
    loaded.route(champion=routes.champion, standby=routes.slow)
    caller.join()
    assert answers == [(200, "1", [1])]
    (exchange,) = loaded.captured(1, table)
    assert (exchange.arm, exchange.version, exchange.served_by) == ("none", 4, 1)


def test_an_answer_that_comes_after_the_kill_is_not_sent(loaded, routes):
    loaded.take(champion=routes.slow)
    answers = []
    caller = threading.Thread(target=lambda: answers.append(loaded.ask(1.0)))
    caller.start()
    time.sleep(0.2)
    kill(loaded.state, "tiny")
    caller.join()
    assert answers[0][0] == 503


def test_a_status_that_cannot_be_written_does_not_take_the_kill_switch_away(loaded, wait_until):
    status = loaded.state / "gateway" / "tiny" / "status.json"
    status.unlink()
    status.mkdir()  # as a full disk would, every writing fails
    kill(loaded.state, "tiny")
    wait_until(lambda: loaded.ask(1.0)[0] == 503)
    revive(loaded.state, "tiny")
    wait_until(lambda: loaded.ask(1.0)[0] == 200)
    status.rmdir()
    wait_until(lambda: loaded.status is not None)


def test_no_temporary_files_are_left(loaded, routes):
    loaded.route(champion=routes.champion)
    kill(loaded.state, "tiny")
    revive(loaded.state, "tiny")
    time.sleep(0.2)
    assert [p for p in Path(loaded.state).rglob("*.tmp") if "traffic" not in p.parts] == []
