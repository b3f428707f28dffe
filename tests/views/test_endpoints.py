"""An endpoint at a glance: the journal's half, and what stands beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workbench.core.values import Outcome
from workbench.gateway.status import Status
from workbench.journal import Event, Journal
from workbench.releases.drills_records import DRILLED, Drill
from workbench.releases.state import PROMOTED, fold
from workbench.testing.clock import START, ManualClock
from workbench.testing.releases import Traffic as Requests
from workbench.traffic import CaptureWriter, TrafficStore
from workbench.views.endpoints import Answered, AnswersGlance, Beside, answered_lately, endpoints, told

NAME = "tiny"


@pytest.fixture
def journal(tmp_path):
    with Journal.open(tmp_path / "journal.db", actor="ada", clock=ManualClock()) as journal:
        yield journal


def begun(journal, number: int, *, promoted: bool):
    from workbench.testing.releases import plan, verdict

    payload = {
        "id": f"{NAME}-{number}", "endpoint": NAME, "candidate": f"{NAME}/{number}", "candidate_digest": "d",
        "champion": "", "plan": plan().model_dump(mode="json", exclude_none=True), "plan_digest": "p",
        "alpha": 0.05, "verdict": verdict().model_dump(mode="json"), "since_table": 0, "cursor": "",
    }  # fmt: skip
    stream = f"release/{NAME}-{number}"
    journal.append(stream, Event(kind="release.opened", payload=payload))
    if promoted:
        journal.append(stream, Event(kind=PROMOTED, payload={"reason": "told to"}))
    return fold(journal.read(stream))


def glance(journal, releases, beside):
    by_stream = {f"drill/{NAME}": journal.read(f"drill/{NAME}")}
    [found] = endpoints(releases, by_stream, beside)
    return found


def test_it_says_who_answers_who_stands_by_and_who_drives(journal):
    releases = [
        begun(journal, 1, promoted=True),
        begun(journal, 2, promoted=True),
        begun(journal, 3, promoted=False),
    ]
    drill = Drill(
        endpoint=NAME, champion="tiny/2", standby="tiny/1", outcome=Outcome.PASS, reason="0 of 300 requests failed.",
        requests=300, first_seconds=0.04, last_seconds=0.03,
    )  # fmt: skip
    journal.append(f"drill/{NAME}", Event(kind=DRILLED, payload=drill.model_dump(mode="json")))
    status = Status(
        endpoint=NAME, pid=1, url="http://127.0.0.1:1", started=START, ready=True, table_version=3,
        loaded=("tiny/1", "tiny/2", "tiny/3"), breakers={"tiny/3": "open"},
        lost=3,
    )  # fmt: skip
    answers = (AnswersGlance(version=2, minute=120, hour=7200), AnswersGlance(minute=1, hour=1))
    beside = Beside([status], drivers={NAME: "ada, process 7"}, answered={NAME: Answered(answers, START)})
    found = glance(journal, releases, beside)
    assert (found.champion, found.standby, found.standby_loaded) == ("tiny/2", "tiny/1", True)
    assert (found.release, found.candidate, found.stage) == ("tiny-3", "tiny/3", "shadow")
    assert (found.drill.first_seconds, found.drill.last_seconds) == (0.04, 0.03)
    lines = told(found)
    assert lines[0] == "endpoint tiny: champion tiny/2, http://127.0.0.1:1"
    assert "120 by version 2, 1 by nobody; 7,201 since" in lines[1].replace("\u2009", ",")
    assert any("standby tiny/1: loaded" in line for line in lines)
    assert any("last drill" in line and "0 of 300 requests failed." in line for line in lines)
    assert any("tiny/3 is left alone: open" in line for line in lines)
    assert any("3 exchanges could not be kept" in line for line in lines)
    assert lines[-1].strip() == "driven by ada, process 7"


def test_what_does_not_run_or_is_killed_is_said(journal):
    releases = [begun(journal, 1, promoted=True)]
    lines = told(glance(journal, releases, Beside()))
    assert lines[0] == "endpoint tiny: champion tiny/1, not served here"
    assert lines[-1].strip() == "nobody drives releases now"
    assert "KILLED" in told(glance(journal, releases, Beside(killed=frozenset({NAME}))))[0]


def test_a_whole_hour_is_called_so_and_less_of_it_by_when_it_began(journal):
    releases, hour = [begun(journal, 1, promoted=True)], (AnswersGlance(version=1, minute=0, hour=655),)
    whole = Answered(hour, START, whole=True)
    assert (
        "no request; 655 in the last hour"
        in told(glance(journal, releases, Beside(answered={NAME: whole})))[1]
    )
    less = Answered(hour, START, whole=False)
    assert "no request; 655 since 20" in told(glance(journal, releases, Beside(answered={NAME: less})))[1]


def test_requests_are_counted_by_version_in_the_last_minute_and_hour(tmp_path):
    writer, source, now = CaptureWriter(tmp_path), Requests(1), START + timedelta(hours=2)
    for age, n in ((timedelta(seconds=10), 5), (timedelta(minutes=30), 7), (timedelta(minutes=90), 9)):
        for exchange in source.canary(n, 0.0, table=1, time=now - age):
            writer.put(exchange)
        writer.flush()
    writer.close()
    found = answered_lately(TrafficStore(tmp_path), NAME, now)
    assert found.answers == (AnswersGlance(version=1, minute=5, hour=12),)
    assert (found.since, found.whole) == (now - timedelta(hours=1), True)


def test_under_much_traffic_it_says_from_when_on_it_has_counted(tmp_path):
    writer, source, now = CaptureWriter(tmp_path), Requests(1), START + timedelta(hours=2)
    for minutes in (50, 40, 30, 20):
        for exchange in source.canary(2, 0.0, table=1, time=now - timedelta(minutes=minutes)):
            writer.put(exchange)
        writer.flush()
    writer.close()
    requests, since = TrafficStore(tmp_path).recent(NAME, now - timedelta(hours=1), most=2)
    assert sorted({now - one.time for one in requests}) == [timedelta(minutes=20), timedelta(minutes=30)]
    assert timedelta() < since - (now - timedelta(minutes=40)) < timedelta(seconds=1)
