"""A gateway in its own process, real requests, and a journal from which something is left out: it verifies."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from workbench.bench import Workbench
from workbench.core.clock import SystemClock
from workbench.core.errors import Unavailable
from workbench.core.project import open_settings
from workbench.gateway import Route, is_killed, read_status, read_table
from workbench.gateway.record import read_record
from workbench.interfaces.cli.main import main
from workbench.journal import Event, Journal
from workbench.models.registry import Registry
from workbench.releases import Releases
from workbench.releases.effects import ENDPOINT_KILLED, ENDPOINT_REVIVED
from workbench.releases.reconciliation import Reconciliation
from workbench.releases.state import OPENED, PROMOTED, ROLLED_BACK, STAGE_ENTERED
from workbench.testing.gateway import GatewayProcess
from workbench.testing.releases import PLAN, plan, verdict_on
from workbench.testing.traffic import send
from workbench.traffic import TrafficStore

NAME = "tiny"
QUICK = plan(
    metrics={"errors": {"margin": 2.0}},
    stages=[
        PLAN["stages"][0] | {"min_requests": 20, "deadline_minutes": 5},
        PLAN["stages"][2] | {"min_requests": 10, "deadline_minutes": 5},
        PLAN["stages"][3],
    ],
)
ROWS = [{"x1": x1} for x1 in (-2.0, -1.0, 1.0, 2.0)] * 15


class Project:
    """A project on the machine's clock, and what somebody with its folder can do to it."""

    def __init__(self, root: Path) -> None:
        self.settings = open_settings(root, actor="ada").model_copy(update={"gateway_deadline_seconds": 0.3})
        self.state = self.settings.state
        self.folder = self.state / "gateway" / NAME
        self.record = self.folder / "record.jsonl"
        self.journal = Journal.open(self.settings.journal, actor="ada", clock=SystemClock())
        self.registry = Registry(self.settings, self.journal, SystemClock())
        self.releases = Releases(
            self.settings,
            self.journal,
            self.registry,
            TrafficStore(self.state / "traffic"),
            SystemClock(),
            permission=lambda state: state.allowed,
        )
        self.gateway: GatewayProcess | None = None

    def reconcile(self) -> Reconciliation:
        return Workbench(self.settings).reconcile()

    def start(self) -> None:
        self.gateway = GatewayProcess(
            self.settings.root,
            NAME,
            settings={"gateway_deadline_seconds": self.settings.gateway_deadline_seconds},
        )
        self.gateway.wait()
        self.follows()

    def stop(self) -> None:
        assert self.gateway.stop() == 0

    def end(self) -> None:
        self.journal.close()
        if self.gateway:
            self.gateway.end()

    def send(self) -> None:
        send(self.gateway.status.url, NAME, ROWS, rate=400)

    def follows(self) -> None:
        """Wait until the gateway does what its files say, and its record has it."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            table, status = read_table(self.state, NAME), read_status(self.state, NAME)
            wanted = (table.version, is_killed(self.state, NAME))
            if (status.table_version, status.killed) == wanted:
                last = read_record(self.state, NAME).lines[-1]
                if (last.table, last.killed) == wanted:
                    return
            time.sleep(0.02)
        raise AssertionError("the gateway did not follow")

    def open(self, number: int):
        version = self.registry.version(f"{NAME}/{number}")
        return self.releases.open(version, QUICK, endpoint=NAME, verdict=verdict_on(version))

    def advance(self, release):
        """Send requests until the release is in its next stage, or over."""
        stage, end = release.stage, time.monotonic() + 60
        while not release.status.final and release.stage == stage:
            assert time.monotonic() < end, release.reason
            self.send()
            time.sleep(2.0)  # an exchange counts once it has ripened
            release = self.releases.tick(release.id)
        self.follows()
        return release

    def write_anew(self, left_out: str) -> None:
        """The same journal from its first entry on, without the last entry of a kind."""
        entries = self.journal.entries()
        self.journal.close()
        gone = next(entry for entry in reversed(entries) if entry.kind == left_out)
        for place in self.state.glob("journal*"):
            place.unlink()
        clock = At()
        with Journal.open(self.settings.journal, actor="ada", clock=clock) as journal:
            for entry in entries:
                if entry is not gone:
                    clock.time, journal.actor = entry.time, entry.actor
                    event = Event(kind=entry.kind, payload=entry.payload, subjects=entry.subjects)
                    journal.append(entry.stream, event)
            assert journal.verify().ok

    def edit_table(self, **changes) -> None:
        """What a person with an editor does."""
        path = self.folder / "routes.json"
        table = json.loads(path.read_text())
        path.write_text(json.dumps(table | {"version": table["version"] + 1} | changes))
        self.follows()

    def route(self, number: int) -> dict:
        version = self.registry.version(f"{NAME}/{number}")
        return json.loads(Route(model=version, path=str(self.registry.artifact_path(version))).to_json())


class At:
    time = None

    def now(self):
        return self.time

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture(scope="module")
def walked(registered, tmp_path_factory) -> Path:
    """Walked through shadow, canary, promotion, rollback, kill and revival, and clean after each of them."""
    project = Project(shutil.copytree(registered, tmp_path_factory.mktemp("walked") / "project"))
    try:
        project.open(1)
        project.start()
        project.send()
        release = project.open(2)
        project.follows()
        while not release.status.final:
            release = project.advance(release)
            assert project.reconcile() == Reconciliation(ok=True, endpoints=(NAME,))
        assert release.status == "promoted", release.reason
        project.send()
        project.releases.rollback(NAME, "INC-1")
        project.follows()
        project.send()
        assert project.reconcile() == Reconciliation(ok=True, endpoints=(NAME,))
        project.releases.kill(NAME, "legal hold")
        project.follows()
        project.send()
        assert project.reconcile() == Reconciliation(ok=True, endpoints=(NAME,))
        project.releases.revive(NAME, "hold lifted")
        project.follows()
        project.send()
        project.stop()
    finally:
        project.end()
    return project.settings.root


@pytest.fixture
def project(walked, tmp_path):
    """A copy of what was walked."""
    project = Project(shutil.copytree(walked, tmp_path / "project"))
    yield project
    project.end()


def test_a_whole_walk_is_clean_and_says_whom_it_looked_at(project):
    found = project.reconcile()
    assert found == Reconciliation(ok=True, endpoints=(NAME,))
    assert str(found) == "the gateway's record and the journal agree: tiny"
    whats = [line.what for line in read_record(project.state, NAME).lines]
    assert whats == ["started", *["table"] * 5, "killed", "revived", "stopped"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OPENED, "release.promoted of tiny-2"),
        (STAGE_ENTERED, ") 50 % of the requests of tiny; the journal has no release stage that says so"),
        (
            PROMOTED,
            ") as champion of tiny; the journal has no promotion of it, only the alias champion, which ada",
        ),
        (ROLLED_BACK, ") as champion of tiny; the journal has no rollback of tiny/2 ("),
        (ENDPOINT_KILLED, "no model of tiny answered: it was killed; the journal has no endpoint.killed."),
        (ENDPOINT_REVIVED, "the models of tiny answered again; the journal has no endpoint.revived."),
    ],
)
def test_an_entry_that_was_left_out_of_a_journal_that_verifies_is_named(project, kind, words):
    project.write_anew(kind)
    found = project.reconcile()
    assert not found.ok
    assert words in str(found), found


def test_a_promotion_left_out_is_named_with_version_bytes_and_the_second_it_took_effect(project):
    line = read_record(project.state, NAME).lines[4]
    digest = project.registry.version("tiny/2").digest.removeprefix("sha256:")[:8]
    project.write_anew(PROMOTED)
    assert (
        project.reconcile()
        .problems[0]
        .startswith(
            f"From {line.time:%Y-%m-%d %H:%M:%S} UTC the gateway served tiny/2 ({digest}) as champion of tiny; "
        )
    )


def test_a_table_that_somebody_edited_and_the_gateway_served_is_named(project):
    project.start()
    project.edit_table(champion=project.route(4), standby=None)
    project.send()
    project.edit_table(champion=project.route(1))
    found = project.reconcile()
    assert len(found.problems) == 1
    assert "the gateway served tiny/4 (" in found.problems[0]
    assert "as champion of tiny; the journal has no promotion of it." in found.problems[0]


def test_a_record_that_was_edited_cut_or_removed_is_named(project):
    whole = project.record.read_bytes().splitlines(keepends=True)
    third = json.loads(whole[3])
    assert third["candidate"]["ref"] == "tiny/2"
    third["candidate"]["ref"] = "tiny/3"
    project.record.write_bytes(b"".join([*whole[:3], json.dumps(third).encode() + b"\n", *whole[4:]]))
    said = str(project.reconcile())
    assert "Line 5 of record.jsonl" in said
    assert "that line was edited, or lines were cut out here" in said
    assert "gave tiny/3 (" in said
    assert "show version 2, which the gateway's record does not have in that table" in said
    project.record.write_bytes(b"".join(whole[:3]))
    said = str(project.reconcile())
    assert (
        "were decided by routing table 3, 4, 5, of which the gateway's record says nothing: it was cut."
        in said
    )
    project.record.unlink()
    (problem,) = project.reconcile().problems
    assert problem.startswith("The gateway of tiny decided ")
    assert problem.endswith("and its record is gone.")


def test_a_gateway_that_goes_on_after_its_record_was_removed_does_not_hide_that(project):
    project.record.unlink()
    project.start()
    project.send()
    project.stop()
    (problem,) = project.reconcile().problems
    assert "were decided by routing table 1, 2, 3, 4, of which the gateway's record says nothing" in problem


def test_a_rollback_whose_record_waits_is_not_yet_recorded_and_then_clean(project):
    project.start()
    release = project.open(3)
    project.follows()
    database = project.settings.journal
    project.journal.close()
    kept = database.read_bytes()
    database.write_bytes(b"garbage " * 1024)
    with pytest.raises(Unavailable, match="has gone back"):
        Workbench(project.settings).rollback(NAME, reason="INC-2")
    project.follows()
    database.write_bytes(kept)
    found = project.reconcile()
    assert (found.ok, found.problems, found.unknown) == (True, (), ())
    (pending,) = found.pending
    assert pending.startswith("Not yet recorded: ada took tiny/3 out of tiny at ")
    project.journal = Journal.open(database, actor="ada", clock=SystemClock())
    again = Project(project.settings.root)
    again.releases.settle(NAME)
    assert again.releases.get(release.id).status == "rolled_back"
    again.end()
    assert project.reconcile() == Reconciliation(ok=True, endpoints=(NAME,))


# The command


def run(capsys, project, *arguments) -> tuple[int, str]:
    code = main(["verify", "-C", str(project.settings.root), *arguments])
    return code, capsys.readouterr().out


def test_the_command_says_both_and_exits_with_one_when_something_was_suppressed(project, capsys):
    project.journal.close()
    code, out = run(capsys, project)
    assert (code, out.splitlines()[-1]) == (0, "the gateway's record and the journal agree: tiny")
    code, out = run(capsys, project, "--json")
    said = json.loads(out)
    assert (code, said["ok"], said["reconciliation"]["ok"]) == (0, True, True)
    again = Project(project.settings.root)
    again.write_anew(ROLLED_BACK)
    code, out = run(capsys, project)
    assert code == 1
    assert "the journal holds: " in out
    assert "the journal has no rollback of tiny/2" in out
    code, out = run(capsys, project, "--json")
    said = json.loads(out)
    assert (code, said["ok"], said["reconciliation"]["ok"]) == (1, True, False)
    assert "the journal has no rollback" in said["reconciliation"]["problems"][0]


def test_of_a_journal_that_cannot_be_opened_only_the_journal_is_said(project, capsys):
    project.journal.close()
    project.settings.journal.write_bytes(b"garbage " * 1024)
    code, out = run(capsys, project)
    assert code == 1
    assert "reconciliation was not possible: " in out.splitlines()[-1]
    code, out = run(capsys, project, "--json")
    said = json.loads(out)
    assert (code, said["ok"], said["reconciliation"]) == (1, False, None)
    assert "not a journal" in said["not_reconciled"]


def test_hostile_files_where_records_lie_are_named_and_stop_nothing(project):
    (project.state / "gateway" / "..%2f").mkdir()
    (project.state / "gateway" / "..%2f" / "record.jsonl").write_text("{}\n")
    (project.state / "releases" / NAME).mkdir(parents=True, exist_ok=True)
    (project.state / "releases" / NAME / "1.json").write_text("[]")
    (project.folder / "status.json").write_text("not JSON")
    segment = next((project.state / "traffic" / NAME).glob("*.parquet"))
    segment.write_bytes(b"PAR1 nonsense")
    found = project.reconcile()
    assert found.endpoints == (NAME,)
    assert len(found.problems) == 2
    assert "What waits to be recorded of tiny cannot be read: 1.json." in found.problems
    assert any(segment.name in problem for problem in found.problems)
