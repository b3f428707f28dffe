"""Who was champion when: facts in a journal, and what the registry and a release leave there themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

import workbench as wb
from workbench.core.errors import InvalidInput, NotFound
from workbench.governance.history import ModelHistory, history
from workbench.journal import Event, Journal
from workbench.testing.clock import ManualClock
from workbench.testing.models import tiny_classifier, tiny_frame

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Told:
    """A journal in which something happens every hour from 9:00 on the first of March 2026."""

    def __init__(self, folder):
        self.clock = ManualClock(START)
        self.journal = Journal.open(folder / "journal.db", actor="ada", clock=self.clock)

    def __call__(self, stream, kind, **payload):
        self.journal.append(stream, Event(kind=kind, payload=payload))
        self.clock.advance(minutes=60)

    def register(self, number, model="risk"):
        self(f"model/{model}", "model.registered", version=number, digest=f"sha256:{number}" + "0" * 63)

    def open(self, number, candidate, model="risk"):
        self(f"release/{model}-{number}", "release.opened", candidate=candidate)

    def end(self, number, kind, model="risk", **payload):
        self(f"release/{model}-{number}", f"release.{kind}", **payload)

    def champion(self, version):
        self("model/risk", "model.alias", alias="champion", version=version)

    def at(self, moment=None):
        return history(self.journal, "risk", clock=self.clock, at=moment)


@pytest.fixture
def told(tmp_path):
    made = Told(tmp_path)
    yield made
    made.journal.close()


@pytest.fixture
def story(told):
    """9 and 10: two versions; 12: the first is champion; 14: the second; 16: killed; 17: revived; 18: back."""
    told.register(1)
    told.register(2)
    told.open(1, "risk/1")
    told.end(1, "promoted", reason="No champion to compare with.")
    told.open(2, "risk/2")
    told.end(2, "promoted", reason="It is no worse.")
    told.champion(2)
    told("endpoint/risk", "endpoint.killed", reason="wrong units")
    told("endpoint/risk", "endpoint.revived", reason="repaired")
    told.end(2, "rolled_back", reason="Rolled back by grace: wrong units")
    told.champion(1)
    return told


@pytest.mark.parametrize(
    ("hour", "champion"),
    [("08:59", ""), ("09:30", ""), ("11:59", ""), ("12:00", "risk/1"), ("13:59", "risk/1"), ("14:00", "risk/2"),
     ("17:59", "risk/2"), ("18:00", "risk/1"), ("19:30", "risk/1")],
)  # fmt: skip
def test_the_champion_is_the_one_that_was_promoted_last_and_not_rolled_back(story, hour, champion):
    assert story.at(f"2026-03-01T{hour}Z").champion == champion


def test_the_changes_are_told_once_with_who_why_and_the_entry(story):
    found = story.at().changes
    assert [(c.what, c.version) for c in found] == [
        ("registered", "risk/1"),
        ("registered", "risk/2"),
        ("champion", "risk/1"),
        ("champion", "risk/2"),
        ("killed", ""),
        ("revived", ""),
        ("champion", "risk/1"),
    ]
    entries = story.journal.entries()
    assert all(entries[c.seq].time == c.time and entries[c.seq].actor == c.actor for c in found)
    assert found[-1].reason == "Rolled back by grace: wrong units"
    assert found[-1].digest == "sha256:1" + "0" * 63


def test_while_the_endpoint_was_killed_the_champion_is_named_and_that_nobody_answered(story):
    at = story.at("2026-03-01T16:30")
    assert (at.champion, at.killed) == ("risk/2", True)
    assert "every model answer was stopped" in str(at)
    assert not story.at("2026-03-01T17:00").killed


def test_a_day_means_its_end_and_the_time_of_every_change_of_it_is_told(story):
    story.clock.jump(datetime(2026, 4, 1, tzinfo=UTC))
    at = story.at("2026-03-01")
    assert at == story.at(date(2026, 3, 1))
    assert (at.champion, at.since) == ("risk/1", START + timedelta(hours=9))
    assert story.at("2026-02-28").champion == ""


def test_today_means_now(story):
    assert story.at("2026-03-01").at == story.clock.now()


def test_a_moment_of_another_zone_is_the_same_moment(story):
    here = datetime(2026, 3, 1, 15, 0, tzinfo=timezone(timedelta(hours=1)))
    assert story.at(here).champion == story.at("2026-03-01T14:00Z").champion == "risk/2"
    assert story.at("2026-03-01T15:00+01:00") == story.at(here)


def test_an_alias_moved_by_hand_makes_a_champion_where_there_are_no_releases(told):
    told.register(1)
    told.champion(1)
    assert told.at().champion == "risk/1"


def test_releases_of_a_model_whose_name_begins_alike_are_not_its_own(told):
    told.register(1)
    told.register(7, model="risk-2")
    told.open(1, "risk-2/7", model="risk-2")
    told.end(1, "promoted", model="risk-2", reason="")
    assert told.at().champion == ""


def test_a_clock_that_went_back_does_not_stop_the_reading(told):
    told.register(1)
    told.open(1, "risk/1")
    told.clock.jump(START - timedelta(hours=2))
    told.end(1, "promoted", reason="")
    told.clock.jump(START + timedelta(days=1))
    assert told.at("2026-03-01T08:00").champion == "risk/1"


@pytest.mark.parametrize(
    "at", ["yesterday", "", "2026-13-01", "2026-03-01T25:00", 3, b"2026-03-01", [], "9" * 60]
)
def test_what_is_no_time_is_refused(story, at):
    with pytest.raises(InvalidInput, match="is no time"):
        story.at(at)


@pytest.mark.parametrize("at", ["2026-03-02", "2026-03-01T23:59", date(2999, 1, 1)])
def test_a_moment_that_has_not_come_is_refused(story, at):
    with pytest.raises(InvalidInput, match="has not come yet"):
        story.at(at)


def test_a_model_that_is_not_there_is_named_with_the_nearest(story):
    with pytest.raises(NotFound, match="no model 'rsik'") as told:
        history(story.journal, "rsik", clock=story.clock)
    assert "risk" in told.value.remedy


def test_the_text_says_when_who_and_why(story):
    first, *_, last = str(story.at()).splitlines()
    assert first.startswith(
        "risk at 2026-03-01 20:00:00 UTC: champion risk/1 (10000000), since 2026-03-01 18:00:00"
    )
    assert last == (
        "#9  2026-03-01 18:00:00 UTC  risk/1 is champion (10000000), by ada: Rolled back by grace: wrong units"
    )
    assert ModelHistory.from_json(story.at().to_json()) == story.at()


def test_a_reason_that_would_move_the_cursor_is_shown_and_not_sent(told):
    told.register(1)
    told("endpoint/risk", "endpoint.killed", reason="\x1b[2J\nnothing happened")
    assert "\x1b" not in str(told.at())
    assert len(str(told.at()).splitlines()) == 3


def test_what_the_registry_writes_is_understood(tmp_path):
    bench = wb.open(tmp_path)
    for _ in range(2):
        bench.register(tiny_classifier(), name="tiny", train=tiny_frame(), target="y")
    assert bench.history("tiny").champion == ""
    bench.registry.set_alias("tiny", "champion", 1)
    between = bench.clock.now()
    bench.registry.set_alias("tiny", "champion", 2)
    assert bench.history("tiny", at=between).champion == "tiny/1"
    now = bench.history("tiny")
    assert (now.champion, now.digest) == ("tiny/2", bench.model("tiny@champion").digest)


def test_what_a_release_and_the_kill_switch_write_is_understood(tmp_path):
    (tmp_path / "policies").mkdir()
    rule = "{audit: performance, metric: accuracy_score, bound: lower, at_least: 0.1}"
    (tmp_path / "policies" / "easy.yaml").write_text(f"name: easy\nrules:\n  - {rule}\n")
    bench = wb.open(tmp_path, actor="ada")
    version = bench.register(tiny_classifier(), name="tiny", train=tiny_frame(), target="y")
    bench.audit(version, on=tiny_frame(seed=1), audits=["performance"])
    bench.release(version, policy="easy")
    bench.kill("tiny", reason="legal hold")
    stopped = bench.history("tiny")
    assert (stopped.champion, stopped.killed) == ("tiny/1", True)
    assert [c.what for c in stopped.changes] == ["registered", "champion", "killed"]
    assert "No champion to compare with" in stopped.changes[1].reason
    assert stopped.changes[2].reason == "legal hold"
    bench.revive("tiny", reason="released")
    assert not bench.history("tiny").killed
