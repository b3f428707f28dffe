"""The bench by itself: what it keeps of an interrupted audit, and what works while the journal does not."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import ClassVar

import pytest

import workbench as wb
from workbench.audits import Finding, Subject
from workbench.bench import Workbench
from workbench.core.errors import InvalidInput, Unavailable
from workbench.core.values import Outcome
from workbench.gateway import RoutingTable, is_killed, read_table, write_table
from workbench.interfaces.cli.main import main
from workbench.testing.gateway import make_route
from workbench.testing.models import tiny_classifier, tiny_frame


@dataclass(frozen=True)
class Stopped:
    """Somebody presses Ctrl-C while it measures."""

    name: ClassVar[str] = "stopped"

    def applies(self, subject: Subject) -> str:
        return ""

    def measure(self, subject: Subject) -> Finding:
        os.kill(os.getpid(), signal.SIGINT)
        return Finding([])


SUITE = ["performance", Stopped(), "fairness"]


@pytest.fixture
def project(tmp_path):
    """A project whose endpoint has a champion and a standby, and whose journal is garbage."""
    state = wb.open(tmp_path).settings.state
    route = make_route(tmp_path, tiny_classifier(), tiny_frame(), target="y")
    table = RoutingTable(endpoint="tiny", version=1, champion=route, standby=route)
    write_table(state, table)
    (state / "journal.db").write_bytes(b"garbage " * 1024)
    return tmp_path


def test_an_interrupted_audit_is_a_report_of_what_was_finished():
    report = wb.audit(tiny_classifier(), tiny_frame(), target="y", audits=SUITE)
    assert [e.audit for e in report.evidence] == ["performance", "stopped"]
    assert report.evidence[0].measurements
    assert report.evidence[1].outcome is Outcome.INCONCLUSIVE
    assert report.evidence[1].notes == (
        "Stopped from the keyboard before it was finished. Not finished either: fairness.",
    )
    assert report.outcome is Outcome.INCONCLUSIVE


def test_an_interrupted_audit_of_a_version_is_kept_as_evidence(tmp_path):
    bench = wb.open(tmp_path)
    version = bench.register(tiny_classifier(), name="tiny", train=tiny_frame(), target="y")
    report = bench.audit(version, on=tiny_frame(seed=1), audits=SUITE)
    assert bench.reports(version) == [report]
    assert [e.audit for e in bench.evidence(version)] == ["performance", "stopped"]


def test_a_damaged_journal_is_named_when_it_is_first_asked(project):
    with pytest.raises(InvalidInput, match=r"journal\.db is not a journal"):
        wb.open(project).overview()


def test_kill_stops_every_answer_while_the_journal_is_damaged(project):
    bench = wb.open(project)
    with pytest.raises(Unavailable, match="tiny answers no more; the journal has no record of it yet"):
        bench.kill("tiny", reason="legal hold")
    assert is_killed(bench.settings.state, "tiny")


def test_killing_a_name_that_nothing_was_released_to_kills_it_and_warns(tmp_path):
    bench = wb.open(tmp_path)
    with pytest.warns(UserWarning, match=r"Nothing was ever released to tiyn\. Is that its name\?"):
        bench.kill("tiyn", reason="hurry")
    assert is_killed(bench.settings.state, "tiyn")


def test_the_kill_command_says_what_happened_while_the_journal_is_damaged(project, capsys):
    assert main(["kill", "tiny", "--reason", "legal hold", "-C", str(project)]) == 3
    assert "tiny answers no more; the journal has no record of it yet" in capsys.readouterr().err
    assert is_killed(project / ".workbench", "tiny")


def test_a_kill_while_the_journal_was_damaged_is_recorded_when_it_is_back(project):
    with pytest.raises(Unavailable):
        wb.open(project).kill("tiny", reason="legal hold")
    (project / ".workbench" / "journal.db").unlink()
    bench: Workbench = wb.open(project)
    bench.kill("tiny", reason="legal hold")
    assert [e.kind for e in bench.journal.read("endpoint/tiny")] == ["endpoint.killed"]


def test_rollback_moves_the_pointer_while_the_journal_is_damaged_and_keeps_what_to_record(project):
    bench = wb.open(project)
    with pytest.raises(Unavailable, match="The traffic of tiny has gone back; the journal has no record"):
        bench.rollback("tiny", reason="INC-1")
    table = read_table(bench.settings.state, "tiny")
    assert table is not None
    assert (table.version, table.standby) == (2, None)
    assert len(list((bench.settings.state / "releases" / "tiny").glob("*.json"))) == 1
