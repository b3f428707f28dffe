"""``workbench verify``, as a person or CI calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.core.clock import SystemClock
from workbench.core.project import open_settings
from workbench.gateway.record import Line, Served
from workbench.gateway.recorder import Recorder
from workbench.interfaces.cli.main import main
from workbench.journal import Event, FileSigner, Journal, VerifierKey


@pytest.fixture
def project(store, tmp_path: Path, monkeypatch) -> Path:
    """A project of three entries and a checkpoint, on each database."""
    if isinstance(store.place, str):
        monkeypatch.setenv("WORKBENCH_JOURNAL_URL", store.place)
    settings = open_settings(tmp_path)
    signer = FileSigner(settings.state / "keys", "ada")
    with Journal.open(
        settings.journal, actor="ada", clock=SystemClock(), beside=settings.state, signer=signer
    ) as journal:
        for n in range(3):
            journal.append("a", Event(kind="k", payload={"n": n}))
        journal.hand_out(journal.checkpoint(), tmp_path / "grace.witness")
    return tmp_path


def run(capsys, *arguments: object) -> tuple[int, str]:
    return main([str(argument) for argument in arguments]), capsys.readouterr().out


def test_a_journal_that_holds_is_said_with_its_checkpoints(project, capsys):
    code, out = run(capsys, "verify", "-C", project)
    assert code == 0
    assert "agrees, 3 entries, signed by ada" in out
    assert "the journal holds: 3 entries, root " in out


def test_the_first_bad_entry_is_named_and_the_exit_code_is_one(project, store, capsys):
    store.by_hand("UPDATE entries SET payload = '{\"n\":9}' WHERE seq = 1")
    code, out = run(capsys, "verify", "-C", project)
    assert code == 1
    assert "Entry 1 was changed after it was written" in out
    assert out.endswith("first bad entry: 1\n")
    code, out = run(capsys, "verify", "-C", project, "--json")
    assert (code, json.loads(out)["first_bad"]) == (1, 1)


def test_a_checkpoint_that_was_handed_in_is_compared_under_the_key_given(project, capsys, tmp_path):
    key = (project / ".workbench" / "keys" / "ada.pub").read_text()
    held = project / "grace.witness"
    code, out = run(capsys, "verify", "-C", project, "--checkpoint", held, "--key", key)
    assert code == 0
    assert "checkpoint grace.witness: agrees, 3 entries, signed by ada" in out
    other = VerifierKey.of(FileSigner(tmp_path / "other", "ada"))
    code, out = run(capsys, "verify", "-C", project, "--checkpoint", held, "--key", other)
    assert code == 1
    assert "None of the keys given has signed it" in out
    code, _ = run(capsys, "verify", "-C", project, "--key", "nonsense")
    assert code == 3
    code, _ = run(capsys, "verify", "-C", project, "--checkpoint", project / "nowhere")
    assert code == 3


def test_what_the_gateway_served_and_the_journal_lacks_is_named_wherever_the_journal_lies(project, capsys):
    folder = project / ".workbench" / "gateway" / "tiny"
    folder.mkdir(parents=True)
    recorder = Recorder(folder)
    champion = Served(ref="tiny/4", digest=f"sha256:{'ab' * 32}")
    for what, who in (("started", None), ("table", champion), ("stopped", champion)):
        line = Line.of(what, None, killed=False)
        recorder.put(line.model_copy(update={"table": bool(who) + 0, "champion": who}))
    recorder.close()
    code, out = run(capsys, "verify", "-C", project)
    assert code == 1
    assert "the journal holds: 3 entries" in out
    assert (
        "the gateway served tiny/4 (abababab) as champion of tiny; the journal has no promotion of it." in out
    )
    code, out = run(capsys, "verify", "-C", project, "--json")
    found = json.loads(out)
    assert (code, found["ok"], found["reconciliation"]["ok"]) == (1, True, False)
    assert found["reconciliation"]["endpoints"] == ["tiny"]
