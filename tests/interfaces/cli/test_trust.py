"""``workbench checkpoint`` and ``workbench key``, as a person or cron calls them."""

from __future__ import annotations

import json

import pytest

from workbench.core.clock import SystemClock
from workbench.core.project import open_settings
from workbench.journal import Checkpoint, Event, VerifierKey
from workbench.journal.checkpoints import several
from workbench.journal.opening import open_journal


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A project of one entry that nobody signed, with a witness; ada acts."""
    monkeypatch.setenv("WORKBENCH_KEY_FOLDER", str(tmp_path / "keys"))
    monkeypatch.setenv("WORKBENCH_ACTOR", "ada")
    (tmp_path / "workbench.toml").write_text('witnesses = ["share"]\n')
    with open_journal(open_settings(tmp_path), SystemClock()) as journal:
        journal.append("some/thing", Event(kind="release.looked"))
    return tmp_path


def test_a_checkpoint_is_handed_out_and_said_with_what_others_need(root, run):
    code, out, _ = run("checkpoint", "--to", str(root / "grace.witness"), "--to", str(root / "there"))
    [made] = several((root / "grace.witness").read_text())
    key = (root / ".workbench" / "keys" / "ada.pub").read_text().strip()
    assert (code, out.splitlines()) == (
        0,
        [
            f"checkpoint over 1 entries, root {made.root}",
            f"handed to: {root / 'share'}, {root / 'grace.witness'}, {root / 'there'}",
            f"public key: {key}",
        ],
    )
    code, out, _ = run("verify", "--checkpoint", str(root / "share"), "--key", key)
    assert code == 0
    assert out.count("agrees, 1 entries, signed by ada") == 2


def test_a_checkpoint_is_printed_as_json(root, run):
    code, out, _ = run("checkpoint", "--json")
    said = json.loads(out)
    assert code == 0
    assert Checkpoint.model_validate(said["checkpoint"]).signed_by([VerifierKey.parse(said["key"])]) == (
        "ada",
    )
    assert said["handed_to"] == [str(root / "share")]


def test_cron_signs_only_what_has_waited_too_long(root, run, monkeypatch):
    assert run("checkpoint", "--if-due") == (0, "", "no checkpoint is due\n")
    assert run("checkpoint", "--if-due", "--json")[:2] == (0, "null\n")
    assert not (root / "keys").exists()

    class Tomorrow(SystemClock):
        def now(self):
            from datetime import timedelta

            return super().now() + timedelta(days=1)

    monkeypatch.setattr("workbench.bench.rooms.SystemClock", Tomorrow)
    code, out, _ = run("checkpoint", "--if-due", "--to", str(root / "grace.witness"))
    assert (code, out.splitlines()[0][:24]) == (0, "checkpoint over 1 entrie")
    assert len(several((root / "grace.witness").read_text())) == 1
    assert run("checkpoint", "--if-due") == (0, "", "no checkpoint is due\n")


def test_a_place_that_cannot_be_written_is_an_error_that_names_it(root, run):
    code, _, err = run("checkpoint", "--to", "/proc/nowhere")
    assert code == 3
    assert "The checkpoint cannot be written to /proc/nowhere" in err


def test_a_witness_that_cannot_be_written_is_not_said_to_have_it(root, run, caplog):
    (root / "share").symlink_to("/proc/nowhere")
    code, out, _ = run("checkpoint")
    assert code == 0
    assert out.splitlines()[1] == "handed to: nobody yet"
    assert "cannot be written to" in caplog.messages[0]


def test_the_key_is_made_and_printed_with_who_needs_it(root, run):
    code, out, err = run("key")
    assert code == 0
    assert VerifierKey.parse(out).name == "ada"
    assert (root / "keys" / "ada.key").is_file()
    assert err == "Whoever checks what you signed needs this line, once, from you and not from the project.\n"
    assert run("key")[1] == out == (root / ".workbench" / "keys" / "ada.pub").read_text()


def test_each_person_has_a_key_of_their_own(root, run):
    code, out, _ = run("key", "--json", actor="Grace Hopper")
    said = json.loads(out)
    assert code == 0
    assert said == {"person": "Grace Hopper", "name": "Grace%20Hopper", "key": said["key"]}
    assert VerifierKey.parse(said["key"]).name == "Grace%20Hopper"


def test_no_project_is_made_for_a_key(tmp_path, run_in):
    code, _, err = run_in(tmp_path / "mistyped", "key")
    assert code == 3
    assert "There is no project" in err
