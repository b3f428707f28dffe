"""Who signs checkpoints: a key in a file, in the OS keyring, or wherever a ``Signer`` of your own keeps it.

Keys are Ed25519, named, and written as the signed-note format has them (https://c2sp.org/signed-note): the
public one as ``name+hash+base64``, to be handed to whoever checks; the private one as
``PRIVATE+KEY+name+hash+base64``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from workbench.core.errors import InvalidInput, Refused, Tampered, Unavailable, WorkbenchError
from workbench.core.optional import require

_ED25519 = b"\x01"
_PRIVATE = "PRIVATE+KEY+"
_SERVICE = "model-workbench"


class Signer(Protocol):
    """A named Ed25519 key that signs. A key management service can stand here."""

    @property
    def name(self) -> str:
        """What the signature line says: no spaces, no plus sign."""
        ...

    @property
    def public_key(self) -> bytes:
        """The 32 bytes others check with."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        ...


@dataclass(frozen=True)
class VerifierKey:
    """The public half: what a third party needs to check a signature."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        require_key_name(self.name)
        if len(self.public_key) != 32:
            raise InvalidInput(f"key: an Ed25519 key has 32 bytes, not {len(self.public_key)}.", field="key")

    @classmethod
    def of(cls, signer: Signer) -> VerifierKey:
        """Return the public half of a signer."""
        return cls(signer.name, signer.public_key)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read ``name+hash+base64``.

        Raises:
            InvalidInput: another form, another algorithm, or a hash that is not that of the key.
        """
        name, _, rest = text.strip().partition("+")
        digest, _, encoded = rest.partition("+")
        material = _decoded(encoded)
        if material[:1] != _ED25519:
            raise _no_key()
        key = cls(name, material[1:])
        if key.hash.hex() != digest:
            raise InvalidInput(
                f"key: the hash {digest!r} is not that of {name}'s key.",
                remedy="Ask for the line again: a character was lost.",
                field="key",
            )
        return key

    @property
    def hash(self) -> bytes:
        """The 4 bytes that stand before each signature: SHA-256 of name, newline, algorithm and key."""
        material = self.name.encode() + b"\n" + _ED25519 + self.public_key
        return hashlib.sha256(material).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.hash.hex()}+{encoded}"

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """True when this key made ``signature`` over ``data``."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, data)
        except InvalidSignature:
            return False
        return True


class SeedSigner:
    """Signs with a private key it holds in memory: the base of the signers here."""

    def __init__(self, name: str, seed: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.name = require_key_name(name)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature."""
        return self._key.sign(data)


class FileSigner(SeedSigner):
    """A key in a file that only its owner may read, made on first use; the public half lies beside it.

    Args:
        folder: Where keys lie, for example ``.workbench/keys``.
        name: Whose key: ``ada`` makes ``ada.key`` and ``ada.pub``.

    Raises:
        InvalidInput: the name cannot be a key's or a file's, or the file holds no key.
        Refused: others can read the file.
        Tampered: the file holds somebody else's key.
        Unavailable: the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str) -> None:
        require_key_name(name)
        if "/" in name or "\\" in name or name.startswith("."):
            raise InvalidInput(f"name: {name!r} cannot be a file's name.", field="name")
        self.path = folder / f"{name}.key"
        with _explained(folder):
            if not self.path.exists():
                _make(self.path, _private_text(name, secrets.token_bytes(32)))
            _refuse_shared(self.path)
            super().__init__(name, _seed(self.path.read_text(encoding="utf-8"), name))
            public = self.path.with_suffix(".pub")
            if not public.exists():
                public.write_text(f"{VerifierKey.of(self)}\n", encoding="utf-8")


class KeyringSigner(SeedSigner):
    """A key in the operating system's keyring (extra ``keyring``), made on first use.

    Raises:
        InvalidInput: the name cannot be a key's, or the keyring holds no key under it.
        MissingDependency: ``keyring`` is not installed.
        Unavailable: the keyring is locked, or there is none.
    """

    def __init__(self, name: str) -> None:
        require_key_name(name)
        keyring = require("keyring", extra="keyring")
        try:
            text = keyring.get_password(_SERVICE, name)
            if text is None:
                keyring.set_password(_SERVICE, name, _private_text(name, secrets.token_bytes(32)))
                text = keyring.get_password(_SERVICE, name)  # another process may have been first
        except keyring.errors.KeyringError as error:
            raise Unavailable(
                f"The keyring gives no key ({error}).", remedy="Unlock it, or use a key file.", field="signer"
            ) from error
        super().__init__(name, _seed(text, name))


def verifier_keys(folder: Path) -> list[VerifierKey]:
    """Return the public keys that lie in a folder of keys.

    Raises:
        InvalidInput: a ``.pub`` file holds no key.
    """
    return [VerifierKey.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.pub"))]


def key_name(actor: str) -> str:
    """Return the key name of a person: what neither a key nor a file may be called is written as ``%20``.

    No two people share one, and people with plain names keep theirs.
    """
    name = quote(actor, safe="@", errors="surrogatepass")
    return name.replace(".", "%2E", 1) if name.startswith(".") else name


def require_key_name(name: str) -> str:
    """Return ``name`` if it can be a key's: the format leaves no room for spaces and plus signs in it.

    Raises:
        InvalidInput: it cannot.
    """
    if not name or not name.isprintable() or "+" in name or any(character.isspace() for character in name):
        raise InvalidInput(
            f"name: {name!r} cannot be a key's name.",
            remedy="Use printable characters, without spaces and plus signs.",
            field="name",
        )
    return name


def _private_text(name: str, seed: bytes) -> str:
    key = VerifierKey.of(SeedSigner(name, seed))
    return f"{_PRIVATE}{name}+{key.hash.hex()}+{base64.b64encode(_ED25519 + seed).decode()}\n"


def _seed(text: str, name: str) -> bytes:
    owner, _, rest = text.strip().removeprefix(_PRIVATE).partition("+")
    digest, _, encoded = rest.partition("+")
    material = _decoded(encoded)
    if not text.startswith(_PRIVATE) or material[:1] != _ED25519 or len(material) != 33:
        raise _no_key()
    seed = material[1:]
    if owner != name or VerifierKey.of(SeedSigner(name, seed)).hash.hex() != digest:
        raise Tampered(
            f"The key kept for {name} is another one than it says.",
            remedy="Put the right key back, or move it away to begin with a new one and hand out its .pub.",
            field="signer",
        )
    return seed


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_key() from error


def _no_key() -> InvalidInput:
    return InvalidInput(
        "key: this is no Ed25519 key of the signed-note format.",
        remedy="A public key is one line: name+hash+base64. It lies in .workbench/keys as NAME.pub.",
        field="key",
    )


def _make(path: Path, text: str) -> None:
    """Write a file that is whole and private from its first moment; whoever was first wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, text.encode())
        os.fsync(file)
    finally:
        os.close(file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _refuse_shared(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise Refused(
            f"Others can read the key {path} (mode {mode:o}), so they could sign as you.",
            remedy=f"If nobody did: chmod 600 {path}. If in doubt, move it away: a new key is made.",
            field="signer",
        )


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except WorkbenchError:  # some of ours are OSErrors, too
        raise
    except UnicodeDecodeError as error:
        raise _no_key() from error
    except OSError as error:
        raise Unavailable(
            f"The keys in {folder} cannot be used ({error.strerror or error}).",
            remedy="Make it a folder you may write to, or name one: key_folder in workbench.toml.",
            field="key_folder",
        ) from error
