"""Whose key it is: its name, its file, its public half in the project, and when it is made."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core import plugins, settings
from workbench.core.errors import InvalidInput, Unavailable
from workbench.journal import FileSigner, VerifierKey
from workbench.journal.keys import key_folder, signer_of
from workbench.journal.signers import SeedSigner, key_name, require_key_name, verifier_keys

PEOPLE = st.text(st.sampled_from("aA.%+/\\ @0E2:\n\0ü"), min_size=1) | st.text(min_size=1)


@pytest.fixture
def project(tmp_path: Path, monkeypatch):
    """Settings of a project whose people keep their keys in ``keys``."""
    monkeypatch.setenv("WORKBENCH_KEY_FOLDER", str(tmp_path / "keys"))
    (tmp_path / ".workbench").mkdir()

    def of(actor: str = "ada", **more):
        return settings.load(tmp_path, actor=actor, **more)

    return of


@given(PEOPLE, PEOPLE)
def test_no_two_people_have_one_key_name(one: str, other: str):
    assert (key_name(one) == key_name(other)) == (one == other)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_whatever_a_person_is_called_a_key_can_be_called_after_them(actor: str):
    name = require_key_name(key_name(actor))
    assert Path(name).name == name
    assert not name.startswith(".")


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        ("ada", "ada"),
        ("ada.l_o-v~e", "ada.l_o-v~e"),
        ("ada@example.org", "ada@example.org"),
        ("Ada Lovelace", "Ada%20Lovelace"),
        ("../ada", "%2E.%2Fada"),
        ("a+b", "a%2Bb"),
    ],
)
def test_a_key_is_called_after_its_person(actor: str, name: str):
    assert key_name(actor) == name


def test_no_key_is_made_before_something_is_signed(project, tmp_path):
    signer = signer_of(project())
    assert not (tmp_path / "keys").exists()
    signature = signer.sign(b"x")
    assert VerifierKey.of(signer).verifies(signature, b"x")
    assert stat.S_IMODE((tmp_path / "keys" / "ada.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_the_public_half_is_copied_to_where_verify_looks_and_the_private_one_is_not(project, tmp_path):
    signers = [signer_of(project(actor)) for actor in ("ada", "Grace Hopper")]
    keys = [VerifierKey.of(signer) for signer in signers]
    there = tmp_path / ".workbench" / "keys"
    assert sorted(verifier_keys(there), key=str) == sorted(keys, key=str)
    assert sorted(path.name for path in there.iterdir()) == ["Grace%20Hopper.pub", "ada.pub"]


def test_a_new_key_of_the_same_person_does_not_make_the_old_one_forgotten(project, tmp_path):
    old = VerifierKey.of(signer_of(project()))
    (tmp_path / "keys" / "ada.key").unlink()
    new = VerifierKey.of(signer_of(project()))
    for _ in range(2):
        assert VerifierKey.of(signer_of(project())) == new
    assert sorted(verifier_keys(tmp_path / ".workbench" / "keys"), key=str) == sorted([old, new], key=str)


def test_by_default_keys_lie_in_the_persons_own_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("WORKBENCH_KEY_FOLDER")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = key_folder(settings.load(tmp_path))
    assert folder.parts[-2:] == ("model-workbench", "keys")
    if sys.platform == "linux":
        assert folder.is_relative_to(tmp_path / "config")


def test_the_folder_of_the_settings_is_relative_to_the_project_and_may_name_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert key_folder(settings.load(tmp_path, key_folder="keys")) == tmp_path / "keys"
    assert key_folder(settings.load(tmp_path, key_folder="~/keys")) == tmp_path / "home" / "keys"


def test_a_key_that_cannot_be_made_says_what_to_do_and_is_made_when_it_can(project, tmp_path):
    (tmp_path / "keys").write_text("no folder")
    signer = signer_of(project())
    with pytest.raises(Unavailable, match=r"cannot be used .* key_folder in workbench\.toml"):
        signer.sign(b"x")
    (tmp_path / "keys").unlink()
    assert len(signer.sign(b"x")) == 64


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_makes_no_key(project, tmp_path):
    signer = signer_of(project())
    child = os.fork()
    if child == 0:
        try:
            signer.sign(b"x")
        except Unavailable as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not (tmp_path / "keys").exists()


def test_a_signer_nobody_knows_is_named_with_the_nearest(project):
    with pytest.raises(InvalidInput, match=r"unknown signer 'keyrin'\. Did you mean 'keyring'\?"):
        signer_of(project(signer="keyrin")).sign(b"x")


def test_a_key_service_signs_as_a_plug_in(project, tmp_path, monkeypatch):
    (tmp_path / "vault.py").write_text(
        "from workbench.journal.signers import SeedSigner\n"
        "def signer(settings):\n"
        "    return SeedSigner(f'vault.example/{settings.actor}', bytes(32))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(plugins.BUILT_IN["signers"], "vault", "vault:signer")
    plugins.table.cache_clear()
    try:
        signer = signer_of(project(signer="vault"))
        assert signer.name == "vault.example/ada"
    finally:
        plugins.table.cache_clear()
    assert verifier_keys(tmp_path / ".workbench" / "keys") == [
        VerifierKey.of(SeedSigner("vault.example/ada", bytes(32)))
    ]
    assert not (tmp_path / "keys").exists()


def test_a_keyring_is_asked_where_the_settings_say_so(project, tmp_path, monkeypatch):
    (tmp_path / "keyring.py").write_text(
        "class errors:\n    class KeyringError(Exception): pass\n"
        "kept = {}\n"
        "def get_password(service, name): return kept.get((service, name))\n"
        "def set_password(service, name, text): kept[service, name] = text\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    assert len(signer_of(project(signer="keyring")).sign(b"x")) == 64
    assert list(sys.modules["keyring"].kept) == [("model-workbench", "ada")]
    monkeypatch.delitem(sys.modules, "keyring")
    assert not (tmp_path / "keys").exists()


def test_processes_that_sign_first_at_once_agree_on_the_key(project, tmp_path):
    script = (
        "import json, sys; from pathlib import Path\n"
        "from workbench.core.settings import load\n"
        "from workbench.journal import VerifierKey\n"
        "from workbench.journal.keys import signer_of\n"
        "signer = signer_of(load(Path(sys.argv[1]), actor='ada'))\n"
        "sys.stdin.readline()\n"
        "print(json.dumps(str(VerifierKey.of(signer))))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    keys = {json.loads(process.communicate("\n", timeout=60)[0]) for process in processes}
    assert len(keys) == 1
    assert str(VerifierKey.of(FileSigner(tmp_path / "keys", "ada"))) in keys
    assert [path.name for path in (tmp_path / ".workbench" / "keys").iterdir()] == ["ada.pub"]
