"""The key of whoever acts in a project: who keeps it, when it is made, and where its public half lies."""

from __future__ import annotations

import os
import secrets
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from workbench.core import plugins
from workbench.core.errors import Unavailable
from workbench.core.settings import Settings
from workbench.journal.places import KEYS
from workbench.journal.signers import FileSigner, KeyringSigner, Signer, VerifierKey, key_name


def signer_of(settings: Settings) -> Signer:
    """Return who signs in this project: the acting person.

    The key is looked for, or made, when something is signed or its public half is asked for, and not before:
    whoever only reads a project needs none. Its public half is then copied to ``.workbench/keys``, where
    ``workbench verify`` looks.

    Using it raises what the signer chosen by ``settings.signer`` raises, and:
        InvalidInput: there is no such signer, or the actor is nobody.
        Unavailable: this process was forked from the one that asked for the signer, and there is no key yet.
    """
    return _OnFirstUse(settings)


def key_folder(settings: Settings) -> Path:
    """Return where the private keys of the signer ``file`` lie: with the person, not with the project."""
    if settings.key_folder:
        return settings.root / Path(settings.key_folder).expanduser()
    from platformdirs import user_config_path

    return user_config_path("model-workbench", appauthor=False) / "keys"


def in_file(settings: Settings) -> Signer:
    """Sign with a key file: the signer ``file``."""
    return FileSigner(key_folder(settings), key_name(settings.actor))


def in_keyring(settings: Settings) -> Signer:
    """Sign with a key in the system's keyring: the signer ``keyring``."""
    return KeyringSigner(key_name(settings.actor))


class _OnFirstUse:
    """A signer that is opened when it is first needed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process = os.getpid()

    @property
    def name(self) -> str:
        return self._signer.name

    @property
    def public_key(self) -> bytes:
        return self._signer.public_key

    def sign(self, data: bytes) -> bytes:
        return self._signer.sign(data)

    @cached_property
    def _signer(self) -> Signer:
        if self._process != os.getpid():  # a worker forked from a notebook is nobody of its own
            raise Unavailable(
                "The project was opened by the process this one was forked from.",
                remedy="Open the project again in this process: wb.open()",
                field="signer",
            )
        signer: Signer = plugins.load("signers", self._settings.signer)(self._settings)
        _publish(VerifierKey.of(signer), self._settings.state / KEYS)
        return signer


def _publish(key: VerifierKey, folder: Path) -> None:
    """Copy a public key to where ``verify`` looks; an older one of the same person stays beside it."""
    line = f"{key}\n"
    # A plug-in may call its key what no file may be called.
    file = folder / f"{quote(key.name, safe='@%')}.pub"
    try:
        if file.exists() and file.read_bytes() != line.encode():
            file = file.with_name(f"{file.stem}-{key.hash.hex()}.pub")
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
            draft.write_text(line, encoding="utf-8")
            draft.replace(file)  # whole or not at all
    except OSError as error:
        raise Unavailable(
            f"The public key cannot be kept in {folder} ({error.strerror or error}).",
            remedy="Make it a folder you may write to.",
            field="signer",
        ) from error
