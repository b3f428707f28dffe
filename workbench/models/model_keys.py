"""The keys that sign artifacts: a person's own, made on first use, or the one that the project names.

The private half lies with the person's other keys; the public half is kept in the project under its digest,
so that a version stays checkable when its author has a new key.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.core.digests import of_bytes, of_file, short
from workbench.core.errors import InvalidInput, Refused
from workbench.core.settings import Settings
from workbench.models.signing import installed

#: Where the public halves lie, in ``.workbench``: beside those that sign the journal.
KEYS = "keys"

_PUBLIC = ".public.pem"

HOW_TO_MAKE = (
    "Make one: openssl ecparam -name prime256v1 -genkey -noout -out model.key && chmod 600 model.key; "
    "openssl ec -in model.key -pubout -out model.pub"
)


def signing_key(settings: Settings) -> tuple[Path | None, str]:
    """Return the private key that signs artifacts here, or None and the reason why none does.

    Raises:
        InvalidInput: the project names one that is not there.
    """
    if settings.signing_key:
        named = settings.root / settings.signing_key
        if not named.is_file():
            raise InvalidInput(
                f"signing_key: there is no file {named.name!r}.", remedy=HOW_TO_MAKE, field="signing_key"
            )
        return named, ""
    if not installed():
        return None, "model-signing is not installed: pip install 'model-workbench[supply-chain]'"
    try:
        own = _own(settings)
    except OSError as error:
        return None, f"no key can be kept in the key folder: {error.strerror or error}"
    if settings.verify_key and of_bytes(public_pem(own)) != of_file(_named(settings)):
        return None, f"the project checks with {settings.verify_key}, which is not {settings.actor}'s key"
    return own, ""


def checking_key(digest: str, settings: Settings, *, what: str) -> Path:
    """Return the public key to check a signature with: the one the project names, else the one kept with it.

    Args:
        digest: of the public key that the signature was made for, as its record says.
        settings: the project.
        what: the version, for messages.

    Raises:
        Refused: there is none.
    """
    if settings.verify_key:
        return _named(settings)
    folder = settings.state / KEYS
    found = next((file for file in sorted(folder.glob(f"*{_PUBLIC}")) if of_file(file) == digest), None)
    if found is None:
        raise Refused(
            f"{what} is signed, and there is no key here to check that with.",
            remedy=f"Restore .workbench/{KEYS} from a backup, or name the public key in workbench.toml: "
            'verify_key = "keys/model.pub"',
            field="verify_key",
        )
    return found


def publish(key: Path, settings: Settings) -> str:
    """Keep the public half of a key in the project and return its digest."""
    from workbench.journal.signers import key_name

    pem = public_pem(key)
    digest, name = of_bytes(pem), key_name(settings.actor)
    file = settings.state / KEYS / f"{name}{_PUBLIC}"
    if file.is_file() and of_file(file) != digest:
        file = file.with_name(f"{name}.{short(digest)}{_PUBLIC}")  # an older one still checks older versions
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        draft.write_bytes(pem)
        draft.replace(file)
    return digest


def public_pem(key: Path) -> bytes:
    """Return the public half of an elliptic-curve private key in PEM.

    Raises:
        InvalidInput: it is none.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

    try:
        private: Any = serialization.load_pem_private_key(key.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise _no_key(key) from error
    if not isinstance(private, EllipticCurvePrivateKey):
        raise _no_key(key)
    return private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _own(settings: Settings) -> Path:
    """Return the acting person's key file, made now when there is none."""
    from workbench.journal.keys import key_folder  # who only checks, as a gateway does, needs no journal
    from workbench.journal.signers import key_name

    file = key_folder(settings) / f"{key_name(settings.actor)}.private.pem"
    if file.exists():
        return file
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    content = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)
    with suppress(FileExistsError):  # whoever was first wins, and the file is whole from its first moment
        os.link(draft, file)
    draft.unlink()
    return file


def _named(settings: Settings) -> Path:
    named = settings.root / settings.verify_key
    if not named.is_file():
        raise Refused(
            f"There is no file {settings.verify_key!r} to check signatures with.",
            remedy="Put the public key there, or correct verify_key in workbench.toml.",
            field="verify_key",
        )
    return named


def _no_key(key: Path) -> InvalidInput:
    return InvalidInput(
        f"signing_key: {key.name!r} is no elliptic-curve key in PEM.", remedy=HOW_TO_MAKE, field="signing_key"
    )
