"""A project signs its journal by itself, and hands that out to whoever its settings name."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import workbench as wb
from workbench.bench import Workbench
from workbench.core.errors import InvalidInput, Tampered, Unavailable
from workbench.core.project import open_settings
from workbench.interfaces.cli.main import main
from workbench.journal import Checkpoint, Event, VerifierKey
from workbench.journal.checkpoints import several
from workbench.journal.keys import signer_of
from workbench.testing.models import tiny_classifier, tiny_frame

ROOT = Path(__file__).parents[1]
WITNESSES = ("audit-log", "share", "grace.witness")

#: Everything after which nobody should have to remember to sign.
KINDS = [
    "approval.requested",
    "approval.given",
    "approval.rejected",
    "approval.revoked",
    "release.promoted",
    "release.rolled_back",
    "release.killed",
    "release.approved",
    "release.approval_revoked",
    "endpoint.killed",
    "incident.opened",
    "incident.closed",
    "key.enrolled",
    "finding.accepted",
]


class Clock:
    """Stands until somebody moves it."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


def given(kind: str = "approval.given") -> Event:
    return Event(kind=kind, payload={"by": "ada"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def project(tmp_path: Path, clock: Clock, monkeypatch):
    """``project(witnesses=[…])`` opens one that ada acts in."""
    monkeypatch.setenv("WORKBENCH_KEY_FOLDER", str(tmp_path / "keys"))

    def opened(name: str = "credit", *, actor: str = "ada", **settings) -> Workbench:
        toml = "".join(f"{key} = {value!r}\n" for key, value in settings.items())
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "workbench.toml").write_text(toml)
        return Workbench(open_settings(tmp_path / name, actor=actor), clock=clock)

    return opened


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def somebody_commits(monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")


@pytest.mark.parametrize("kind", KINDS)
def test_what_somebody_must_answer_for_is_signed_at_once(project, kind: str):
    bench = project()
    bench.journal.append("some/thing", Event(kind="release.looked"))
    assert bench.journal.checkpoints() == []
    bench.journal.append("some/thing", given(kind))
    assert [checkpoint.size for checkpoint in bench.journal.checkpoints()] == [2]


def test_an_approval_leaves_a_checkpoint_signed_by_whoever_gave_it_at_every_witness(
    project, capsys, somebody_commits
):
    bench = project(witnesses=list(WITNESSES))
    root = bench.settings.root
    (root / "audit-log").mkdir()
    git(root / "audit-log", "init", "--quiet")
    for n in range(2):
        bench.journal.append("approval/credit/1", given(), expected=n)
    kept = bench.journal.checkpoints()
    assert [checkpoint.size for checkpoint in kept] == [1, 2]
    assert [len(list((root / "share").iterdir())), several((root / "grace.witness").read_text())] == [2, kept]
    assert git(root / "audit-log", "log", "--format=%s").count("Checkpoint 00000000000") == 2
    assert git(root / "audit-log", "status", "--porcelain") == ""
    public = VerifierKey.parse((root / ".workbench" / "keys" / "ada.pub").read_text())
    assert public == VerifierKey.of(signer_of(bench.settings))
    assert all(checkpoint.signed_by([public]) == ("ada",) for checkpoint in kept)
    for witness in WITNESSES:
        line = ["--checkpoint", str(root / witness), "--key", str(public)]
        assert main(["verify", "-C", str(root), *line]) == 0
        assert capsys.readouterr().out.count("agrees, 2 entries, signed by ada") == 2


def test_two_people_sign_with_keys_of_their_own(project):
    project(actor="ada").journal.append("approval/credit/1", given())
    bench = project(actor="Grace Hopper")
    bench.journal.append("approval/credit/1", given())
    found = bench.verify()
    assert found.ok
    assert [held.signers for held in found.checkpoints] == [("ada",), ("Grace%20Hopper",)]


def test_a_project_that_is_only_read_makes_no_key(project, tmp_path):
    project().journal.append("some/thing", Event(kind="release.looked"))
    project().overview()
    assert project().verify().ok
    assert not (tmp_path / "keys").exists()


def test_a_witness_that_cannot_be_reached_is_said_once_and_stops_nobody(project, caplog):
    bench = project(witnesses=["gone", "grace.witness"])
    gone = bench.settings.root / "gone"
    gone.symlink_to("/proc/nowhere")  # a share that is not mounted
    for n in range(3):
        bench.journal.append("approval/credit/1", given(), expected=n)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "A checkpoint was not handed out: The checkpoint cannot be written to" in caplog.messages[0]
    assert "Give a folder, a git repository or a file you may write to." in caplog.messages[0]
    assert len(several((bench.settings.root / "grace.witness").read_text())) == 3
    gone.unlink()  # mounted again, and lost again: that is news
    bench.journal.append("approval/credit/1", given())
    assert [len(list(gone.iterdir())), len(caplog.records)] == [1, 1]
    (gone / "x").write_text("")
    gone.rename(gone.with_name("moved"))
    gone.symlink_to("/proc/nowhere")
    bench.journal.append("approval/credit/1", given())
    assert len(caplog.records) == 2
    assert bench.verify().ok


def test_a_key_that_cannot_be_made_is_said_once_and_undoes_nothing(project, tmp_path, caplog):
    (tmp_path / "keys").write_text("a read-only home")
    bench = project()
    for _ in range(2):
        bench.journal.append("some/thing", Event(kind="release.looked"))
        bench.journal.append("approval/credit/1", given())
    assert len(bench.journal.entries()) == 4
    [sentence] = caplog.messages
    assert sentence.startswith("No checkpoint could be made: The keys in ")
    assert sentence.endswith("Make it a folder you may write to, or name one: key_folder in workbench.toml.")
    (tmp_path / "keys").unlink()
    bench.journal.append("model/credit", Event(kind="release.looked"))
    bench.journal.append("approval/credit/1", given())
    assert [checkpoint.size for checkpoint in bench.journal.checkpoints()] == [6]


def test_a_witness_who_was_shown_another_history_is_not_overwritten(project, caplog):
    first = project("credit", witnesses=["../grace.witness"])
    first.journal.append("approval/credit/1", given())
    other = project("copy", witnesses=["../grace.witness"])
    first.journal.close()
    database = Path(".workbench") / "journal.db"
    (other.settings.root / database).write_bytes((first.settings.root / database).read_bytes())
    for opened in (project("credit", witnesses=["../grace.witness"]), other):
        opened.journal.append("approval/credit/1", Event(kind="approval.given", payload={"by": str(opened)}))
    witness = first.settings.root.parent / "grace.witness"
    assert [checkpoint.size for checkpoint in several(witness.read_text())] == [1, 2]
    assert "does not go on from the checkpoint grace.witness" in caplog.messages[0]
    with pytest.raises(Tampered, match="does not go on"):
        other.checkpoint(to=[witness])


def test_no_entry_waits_longer_than_the_settings_allow(project, clock):
    bench = project(checkpoint_minutes=10)
    bench.journal.append("model/credit", Event(kind="release.looked"))
    assert not bench.journal.checkpoint_is_due()
    clock.time += timedelta(minutes=10)
    assert bench.journal.checkpoint_is_due()
    made = project(checkpoint_minutes=10).journal.checkpoint_if_due()  # another process
    assert made is not None
    assert made.size == 1
    assert not bench.journal.checkpoint_is_due()
    assert bench.journal.checkpoint_if_due() is None


def test_a_checkpoint_is_made_and_handed_out_when_asked(project, tmp_path, caplog):
    bench = project(witnesses=["share"])
    with pytest.raises(InvalidInput, match="empty"):
        bench.checkpoint()
    bench.journal.append("model/credit", Event(kind="release.looked"))
    made = bench.checkpoint(to=[tmp_path / "grace.witness"])
    assert several((tmp_path / "grace.witness").read_text()) == bench.journal.checkpoints() == [made]
    assert bench.journal.holders(made) == [str(bench.settings.root / "share")]
    with pytest.raises(Unavailable, match="cannot be written"):
        bench.checkpoint(to=["/proc/nowhere"])
    assert caplog.messages == []


# MLflow


def tags(bench: Workbench, name: str) -> dict[str, str]:
    from mlflow import MlflowClient

    uri = bench.settings.mlflow_uri
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    return client.get_registered_model(name).tags if name else client.get_experiment("0").tags


@pytest.fixture
def registered(project) -> Workbench:
    bench = project()
    bench.register(tiny_classifier(), name="tiny", train=tiny_frame(), target="y")
    return bench


def test_the_newest_checkpoint_is_a_tag_of_the_model_it_is_about(registered):
    for stream in ("approval/tiny/1", "release/tiny-1", "approval/nobody/1"):
        registered.journal.append(stream, given())
        told = Checkpoint.parse(tags(registered, "tiny")["workbench.checkpoint"])
    before, last = registered.journal.checkpoints()[-2:]
    assert told == before
    assert tags(registered, "")["workbench.checkpoint"] == last.note  # of a model MLflow does not know


def test_an_append_does_not_load_mlflow_and_asking_for_a_checkpoint_does(registered):
    script = (
        "import sys, workbench as wb\n"
        "from workbench.journal import Event\n"
        "bench = wb.open(sys.argv[1])\n"
        "bench.journal.append('approval/tiny/1', Event(kind='approval.given'))\n"
        "assert not {'mlflow', 'pandas', 'sklearn'} & sys.modules.keys()\n"
        "bench.checkpoint()\n"
        "assert 'mlflow' in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", script, registered.settings.root], check=True, cwd=ROOT, timeout=120
    )
    told = Checkpoint.parse(tags(registered, "tiny")["workbench.checkpoint"])
    assert (told.size, told.root) == (registered.journal.size(), registered.journal.root())


def test_an_mlflow_that_does_not_answer_stops_nobody(project, caplog):
    import mlflow  # noqa: F401 - loaded, as in a process that registers

    bench = project(tracking_uri="http://127.0.0.1:9")
    entry = bench.journal.append("approval/tiny/1", given())
    assert bench.journal.entries() == [entry]
    assert len(bench.journal.checkpoints()) == 1
    bench.journal.append("approval/tiny/1", given())
    [sentence] = caplog.messages
    assert sentence.startswith("A checkpoint was not handed out: MLflow could not do it: ")


def test_a_project_without_mlflow_gets_none_for_the_sake_of_a_tag(project):
    import mlflow  # noqa: F401 - loaded for something else

    bench = project()
    bench.journal.append("approval/tiny/1", given())
    bench.checkpoint()
    assert not (bench.settings.state / "mlflow.db").exists()


def test_opening_a_project_and_signing_in_it_is_quick(project):
    """The first signature brings cryptography in, and nothing heavier."""
    root = project().settings.root
    script = (
        "import sys, workbench as wb\n"
        "from workbench.journal import Event\n"
        "bench = wb.open(sys.argv[1])\n"
        "bench.overview()\n"
        "assert not {'cryptography', 'platformdirs'} & sys.modules.keys()\n"
        "bench.journal.append('approval/tiny/1', Event(kind='approval.given'))\n"
        "assert len(bench.journal.checkpoints()) == 1\n"
    )
    subprocess.run([sys.executable, "-c", script, root], check=True, cwd=ROOT, timeout=60)
    assert wb.open(root).verify().ok
