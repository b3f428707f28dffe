from __future__ import annotations

import base64
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.errors import InvalidInput, MissingDependency, NotFound, Refused, Tampered, Unavailable
from workbench.journal import (
    Checkpoint,
    CheckpointPolicy,
    Entry,
    Event,
    FileSigner,
    Journal,
    KeyringSigner,
    VerifierKey,
    handing,
)
from workbench.journal.checkpoints import several, sign
from workbench.journal.signers import SeedSigner, verifier_keys

SIGNER = SeedSigner("ada", bytes(range(32)))
KEY = VerifierKey.of(SIGNER)
NOTE = sign("model-workbench/0123456789abcdef", 5, "ab" * 32, SIGNER)


def looked(kind: str = "release.looked") -> Event:
    return Event(kind=kind)


@pytest.fixture
def signer(store) -> FileSigner:
    return FileSigner(store.folder / "keys", "ada")


# The form


def test_the_key_and_the_note_published_with_the_signed_note_format_verify():
    """The example of Go's golang.org/x/mod/sumdb/note, from which the format was written down."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    signature = base64.b64decode(line)
    assert signature[:4] == key.hash
    assert key.verifies(signature[4:], text.encode())
    assert str(key) == "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_checkpoint_is_a_signed_note_that_anybody_can_check_without_us():
    text, _, line = NOTE.note.partition("\n\n")
    assert (
        text == f"model-workbench/0123456789abcdef\n5\n{base64.b64encode(bytes.fromhex('ab' * 32)).decode()}"
    )
    dash, name, encoded = line.rstrip("\n").split(" ")
    assert (dash, name) == ("—", "ada")
    signature = base64.b64decode(encoded)
    Ed25519PublicKey.from_public_bytes(SIGNER.public_key).verify(signature[4:], f"{text}\n".encode())


def test_a_checkpoint_is_read_back_from_its_note_and_says_who_signed():
    assert Checkpoint.parse(NOTE.note) == NOTE
    assert NOTE.signed_by([KEY]) == ("ada",)
    assert NOTE.signed_by([VerifierKey.of(SeedSigner("ada", b"x" * 32))]) == ()
    assert Checkpoint.from_json(NOTE.to_json()) == NOTE


@given(st.data())
def test_a_changed_character_anywhere_in_a_note_is_found(data: st.DataObject):
    at = data.draw(st.integers(0, len(NOTE.note) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != NOTE.note[at]))
    changed = NOTE.note[:at] + other + NOTE.note[at + 1 :]
    try:
        found = Checkpoint.parse(changed)
        assert found.signed_by([KEY]) == ()
    except (InvalidInput, Tampered):
        pass


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        NOTE.note.rstrip("\n"),
        NOTE.note.replace("\n5\n", "\n05\n"),
        NOTE.note.replace("\n5\n", "\n-5\n"),
        NOTE.note.replace("\n5\n", "\n٥\n"),
        NOTE.note.replace("— ada", "- ada"),
        NOTE.note.replace("\n5\n", "\n5\t\n"),
        NOTE.note.partition("\n\n")[0] + "\n\n",
        "o\n5\nq6s=\n\n" + NOTE.note.partition("\n\n")[2],
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str):
    with pytest.raises(InvalidInput, match="no checkpoint"):
        Checkpoint.parse(text)


def test_extension_lines_and_signatures_by_others_are_passed_over():
    other = SeedSigner("witness.example", b"w" * 32)
    text = NOTE.note.partition("\n\n")[0] + "\nextension\n"
    lines = ""
    for who in (SIGNER, other):
        blob = base64.b64encode(VerifierKey.of(who).hash + who.sign(text.encode())).decode()
        lines += f"— {who.name} {blob}\n"
    found = Checkpoint.parse(f"{text}\n{lines}")
    assert found.signed_by([KEY]) == ("ada",)
    assert found.signers == ("ada", "witness.example")
    assert several(f"{NOTE.note}\n{found.note}") == [NOTE, found]


# Keys


def test_a_key_file_is_made_on_first_use_for_its_owner_only_and_read_back(tmp_path: Path):
    first, second = (FileSigner(tmp_path / "keys", "ada") for _ in range(2))
    assert first.public_key == second.public_key
    assert first.path.stat().st_mode & 0o777 == 0o600
    assert first.path.parent.stat().st_mode & 0o777 == 0o700
    assert verifier_keys(tmp_path / "keys") == [VerifierKey.of(first)]
    assert sorted(path.name for path in first.path.parent.iterdir()) == ["ada.key", "ada.pub"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int):
    FileSigner(tmp_path, "ada").path.chmod(mode)
    with pytest.raises(Refused, match=r"Others can read the key .* chmod 600"):
        FileSigner(tmp_path, "ada")


def test_a_damaged_key_file_is_refused_and_left_alone(tmp_path: Path):
    path = FileSigner(tmp_path, "ada").path
    whole = path.read_text()
    for text in ("", "hello", whole[:40], whole.replace("+01", "+").replace("ada+", "eve+"), "\udcff"):
        path.write_bytes(text.encode(errors="surrogateescape"))
        with pytest.raises((InvalidInput, Tampered)):
            FileSigner(tmp_path, "ada")
    assert path.exists()


@pytest.mark.parametrize("name", ["", "a b", "a+b", "../a", ".a", "a\nb", "a/b"])
def test_a_name_that_cannot_be_a_keys_is_refused(tmp_path: Path, name: str):
    with pytest.raises(InvalidInput, match="name"):
        FileSigner(tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["", "ada", "ada+00000000+AAAA", str(KEY)[:-4], str(KEY).replace("ada", "eve")]
)
def test_a_line_that_is_no_key_is_refused(text: str):
    with pytest.raises(InvalidInput, match="key"):
        VerifierKey.parse(text)


KEYRING = """
class KeyringError(Exception): pass
class errors: KeyringError = KeyringError
kept, locked = {}, False
def get_password(service, name):
    if locked:
        raise KeyringError("locked")
    return kept.get((service, name))
def set_password(service, name, text):
    kept[service, name] = text
"""


def test_without_the_keyring_package_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingDependency, match=r"model-workbench\[keyring\]"):
        KeyringSigner("ada")


def test_a_keyring_keeps_the_key(tmp_path: Path, monkeypatch):
    (tmp_path / "keyring.py").write_text(KEYRING)  # the three names that are used, in memory
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    first = KeyringSigner("ada")
    assert KeyringSigner("ada").public_key == first.public_key != KeyringSigner("grace").public_key
    assert VerifierKey.of(first).verifies(first.sign(b"x"), b"x")
    monkeypatch.setattr(sys.modules["keyring"], "locked", True)
    with pytest.raises(Unavailable, match="locked"):
        KeyringSigner("ada")
    monkeypatch.delitem(sys.modules, "keyring")


# The journal's checkpoints, on every database


def test_a_checkpoint_says_size_and_root_and_is_kept_beside_the_journal(store, signer):
    with store.open(signer=signer) as journal:
        for _ in range(3):
            journal.append("a", looked())
        made = journal.checkpoint()
        assert (made.size, made.root) == (3, journal.root())
        assert made.origin == f"model-workbench/{journal.entries()[0].hash[:16]}"
        assert journal.checkpoints() == [made]
        assert journal.checkpoint() == made
    found = store.verify()
    assert found.ok
    assert [(c.size, c.signers, c.ok) for c in found.checkpoints] == [(3, ("ada",), True)]


def test_an_empty_journal_or_one_without_a_signer_gives_no_checkpoint(store, signer):
    with store.open() as journal:
        with pytest.raises(InvalidInput, match="empty"):
            journal.checkpoint(signer)
        with pytest.raises(InvalidInput, match="nobody"):
            journal.checkpoint()


def test_a_restored_backup_is_found_by_the_checkpoints_alone(eight):
    signer = FileSigner(eight.folder / "keys", "ada")
    eight.back_up()
    with eight.open(signer=signer) as journal:
        journal.append("approval/recidivism/1", looked())
        journal.checkpoint()
    eight.restore()
    (eight.folder / "journal.witness").unlink()
    found = eight.verify()
    assert (found.ok, found.first_bad) == (False, 8)
    assert "has seen 9 entries, and 8 are there" in found.problems[0].sentence
    with eight.open() as journal:
        for _ in range(3):
            journal.append("a", looked())
    found = eight.verify()
    assert not found.ok
    assert "The first 9 entries are not those the checkpoint" in found.problems[0].sentence


def test_history_written_anew_is_found_and_narrowed_down_by_the_checkpoints_between(store, tmp_path, clock):
    signer = FileSigner(store.folder / "keys", "ada")
    with store.open(signer=signer, clock=clock) as journal:
        for n in range(8):
            journal.append("a", Event(kind="k", payload={"n": n}))
            if n in {2, 4, 6}:
                journal.checkpoint()
        entries = journal.entries()
    store.by_hand(
        "DELETE FROM entries",
        "DELETE FROM subtrees",
        f"UPDATE head SET size = 0, root = '{'0' * 64}', frontier = ''",
    )
    store.by_hand("UPDATE head SET root = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'")
    (store.folder / "journal.witness").unlink()

    class Then:
        def now(self):
            return entries[self.n].time

    then = Then()
    with store.open(clock=then) as forger:
        for n in range(8):
            then.n = n
            forger.append("a", Event(kind="k", payload={"n": n + (n == 4) * 100}))
    found = store.verify()
    assert not found.ok
    assert found.first_bad == 3  # entries 0 to 2 are vouched for; 3 or 4 is the first that differs
    assert [c.ok for c in found.checkpoints] == [True, False, False]


def test_another_journal_put_in_place_is_named(store, tmp_path, signer, clock):
    with store.open(signer=signer) as journal:
        journal.append("a", looked())
        made = journal.checkpoint()
    with Journal.open(tmp_path / "other" / "journal.db", actor="eve", clock=clock) as other:
        other.append("a", looked())
        file = tmp_path / "held.checkpoint"
        file.write_text(made.note)
        found = other.verify(checkpoints=[file])
    assert (found.ok, found.first_bad) == (False, 0)
    assert "another journal, or one that was written anew" in found.problems[0].sentence


def test_a_checkpoint_handed_in_must_be_signed_by_a_key_that_is_given(store, tmp_path, signer):
    with store.open(signer=signer) as journal:
        journal.append("a", looked())
        file = journal.hand_out(journal.checkpoint(), tmp_path / "mine.txt")
        journal.append("a", looked())
    assert store.verify(checkpoints=[file]).ok
    assert store.verify(checkpoints=[file], keys=[VerifierKey.of(signer)]).ok
    found = store.verify(checkpoints=[file], keys=[KEY])
    assert [p.sentence for p in found.problems] == [
        "Checkpoint mine.txt: None of the keys given has signed it."
    ]
    text = file.read_text()
    file.write_text(text.replace("\n1\n", "\n2\n"))
    found = store.verify(checkpoints=[file], keys=[VerifierKey.of(signer)])
    assert "is not the one that ada signed" in found.problems[0].sentence
    file.write_text("hello")
    assert "this is no checkpoint" in store.verify(checkpoints=[file]).problems[0].sentence
    with pytest.raises(NotFound):
        store.verify(checkpoints=[tmp_path / "nowhere"])


def test_handing_out_twice_is_once_to_a_folder_and_to_a_file(store, tmp_path, signer):
    with store.open() as journal:
        for place in (tmp_path / "share", tmp_path / "grace.witness"):
            for _ in range(2):
                journal.append("a", looked())
                made = journal.checkpoint(signer)
                assert journal.hand_out(made, place) == journal.hand_out(made, place)
            assert len(store.verify(checkpoints=[place]).checkpoints) >= 2
        assert len(list((tmp_path / "share").iterdir())) == 2
        assert len(several((tmp_path / "grace.witness").read_text())) == 2


def test_handing_out_to_a_git_repository_commits_that_file_alone(store, tmp_path, signer, monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True, text=True
        ).stdout

    git("init", "--quiet")
    (tmp_path / "mine").write_text("not yet")
    git("add", "mine")
    with store.open() as journal:
        journal.append("a", looked())
        made = journal.checkpoint(signer)
        file = journal.hand_out(made, tmp_path)
        journal.hand_out(made, tmp_path)
    assert git("show", f"HEAD:checkpoints/{file.name}") == made.note
    assert git("log", "--format=%s").splitlines() == [f"Checkpoint {file.stem}"]
    assert git("status", "--porcelain", "mine") == "A  mine\n"
    assert store.verify(checkpoints=[tmp_path]).ok


def test_a_place_that_cannot_be_written_is_said(store, signer):
    with store.open() as journal:
        journal.append("a", looked())
        with pytest.raises(Unavailable, match="cannot be written"):
            journal.hand_out(journal.checkpoint(signer), Path("/proc/nowhere"))


def test_a_journal_that_does_not_go_on_from_what_was_handed_out_hands_out_nothing(eight, tmp_path):
    signer = FileSigner(eight.folder / "keys", "ada")
    place = tmp_path / "grace.witness"
    eight.back_up()
    with eight.open(signer=signer) as journal:
        journal.append("a", looked())
        journal.hand_out(journal.checkpoint(), place)
    eight.restore()
    before = place.read_text()
    with eight.open(signer=signer) as journal:
        with pytest.raises(Tampered, match="does not go on from the checkpoint"):
            journal.hand_out(journal.checkpoint(), place)
        journal.append("b", looked())
        with pytest.raises(Tampered, match="does not go on from the checkpoint"):
            journal.hand_out(journal.checkpoint(), place)
    assert place.read_text() == before


# Made without anybody asking


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("approval.given", True),
        ("release.promoted", True),
        ("release.killed", True),
        ("incident.opened", True),
        ("release.looked", False),
        ("gate.judged", False),
    ],
)
def test_what_matters_is_followed_by_a_checkpoint(store, signer, clock, kind: str, made: bool):
    with store.open(signer=signer, clock=clock) as journal:
        journal.append("a", looked())
        journal.append("a", looked(kind))
        assert [checkpoint.size for checkpoint in journal.checkpoints()] == [2] * made
    assert store.verify().ok


def test_an_entry_that_waited_long_enough_is_covered_by_the_next_append_or_a_timer(store, signer, clock):
    policy = CheckpointPolicy(kinds=(), every=timedelta(minutes=10))
    with store.open(signer=signer, clock=clock, policy=policy) as journal:
        assert journal.checkpoint_if_due() is None
        journal.append("a", looked())
        clock._now += timedelta(minutes=11)
        journal.append("a", looked())
        assert [checkpoint.size for checkpoint in journal.checkpoints()] == [2]
        clock._now += timedelta(minutes=11)
        assert journal.checkpoint_if_due() is None  # nothing new
        journal.append("a", looked())
    with store.open(signer=signer, clock=clock, policy=policy) as journal:  # another process goes on
        assert journal.checkpoint_if_due() is None
        clock._now += timedelta(minutes=11)
        assert journal.checkpoint_if_due().size == 3


def test_a_signer_that_fails_undoes_nothing(store, signer, caplog):
    class Broken:
        name, public_key = "ada", signer.public_key

        def sign(self, data: bytes) -> bytes:
            raise RuntimeError("the key service is down")

    with store.open(signer=Broken()) as journal:
        entries = [journal.append("a", looked("approval.given")) for _ in range(3)]
        assert journal.entries() == entries
    [said] = caplog.messages  # once
    assert said.startswith("No checkpoint could be made: RuntimeError: the key service is down. To try again")
    with store.open(signer=signer) as journal:
        journal.append("a", looked("approval.given"))
        assert [checkpoint.size for checkpoint in journal.checkpoints()] == [4]


def test_each_checkpoint_is_handed_to_whoever_was_named_and_one_who_fails_stops_nobody(
    store, tmp_path, signer, caplog
):
    got = []

    def broken(made: Checkpoint, newest: Entry) -> None:
        raise ValueError("no <checkpoints>\nhere")

    receivers = [broken, lambda made, newest: got.append((made, newest)), tmp_path / "share"]
    with store.open(signer=signer, handed_to=receivers) as journal:
        entries = [journal.append("a", looked("approval.given")) for _ in range(2)]
        made = journal.checkpoints()
        assert got == list(zip(made, entries, strict=True))
        assert journal.holders(made[1]) == [str(tmp_path / "share")]
        assert store.verify(checkpoints=[tmp_path / "share"]).ok
    [said] = caplog.messages
    assert said.startswith("A checkpoint was not handed out: ValueError: no <checkpoints> here. To try again")


def test_keys_of_one_name_and_names_that_look_alike_each_keep_their_checkpoint(store):
    signers = [SeedSigner(name, bytes([n]) * 32) for n, name in enumerate(("ada", "ada", "a.da", "a%20da"))]
    with store.open() as journal:
        journal.append("a", looked())
        made = [journal.checkpoint(each) for each in signers]
        assert sorted(journal.checkpoints(), key=str) == sorted(made, key=str)


def test_a_repository_whose_hook_waits_for_somebody_holds_nobody_up(store, tmp_path, signer, monkeypatch):
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
    monkeypatch.setattr(handing, "_PATIENCE", 0.5)
    subprocess.run(["git", "-C", str(tmp_path), "init", "--quiet"], check=True)
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexec sleep 5\n")
    hook.chmod(0o755)
    with store.open() as journal:
        journal.append("a", looked())
        made = journal.checkpoint(signer)
        with pytest.raises(Unavailable, match=r"git did not take the checkpoint within 0\.5 s"):
            journal.hand_out(made, tmp_path)
        assert store.verify(checkpoints=[tmp_path]).ok  # the file itself lies there
        hook.unlink()
        monkeypatch.setattr(handing, "_PATIENCE", 20)
        journal.append("a", looked())
        journal.hand_out(journal.checkpoint(signer), tmp_path)
    status = subprocess.run(
        ["git", "-C", str(tmp_path), "ls-files", "checkpoints"], check=True, capture_output=True, text=True
    )
    assert len(status.stdout.splitlines()) == 2  # what it did not take before, it took now


def test_opening_a_journal_loads_neither_cryptography_nor_sqlalchemy():
    script = (
        "import sys, workbench.journal\n"
        "assert not {'cryptography', 'sqlalchemy', 'alembic', 'psycopg'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])
