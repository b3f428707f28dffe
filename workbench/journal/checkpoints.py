"""Checkpoints: size and root of the log, signed, so that somebody outside can hold the journal to them.

The form is that of transparency logs (https://c2sp.org/tlog-checkpoint, over https://c2sp.org/signed-note):
three lines for origin, size and root, an empty one, and a line for each signature. The origin names the
log: it is made from the hash of its first entry, so that it is the same for all who share it and no other log
has it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from typing import Self

from workbench.core.errors import InvalidInput, Tampered
from workbench.core.records import Record
from workbench.journal.signers import Signer, VerifierKey

_DASH = "— "
_SIGNATURE = re.compile(r"— ([^\s+]+) (\S+)")
#: One note within several: text, an empty line, signature lines.
_NOTE = re.compile(r"(?:(?!— ).+\n)+\n(?:— .+\n)+")


class Checkpoint(Record):
    """What a signer said of the log at one moment."""

    origin: str
    size: int
    root: str
    """Merkle root over the first ``size`` entries, hex."""
    note: str
    """The signed note, byte for byte."""

    @classmethod
    def parse(cls, note: str) -> Self:
        """Read a note. Whether its signatures hold is asked with ``signed_by``.

        Raises:
            InvalidInput: it is no checkpoint.
        """
        text, _, signatures = note.rpartition("\n\n")
        lines = text.split("\n")
        if len(lines) < 3 or not signatures.endswith("\n") or not all(lines):
            raise _no_checkpoint("it needs origin, size, root, an empty line and a signature")
        if any(character < " " and character != "\n" for character in note):
            raise _no_checkpoint("it has control characters")
        if not re.fullmatch(r"0|[1-9][0-9]{0,15}", lines[1], re.ASCII):
            raise _no_checkpoint(f"{lines[1]!r} is no size")
        root = _decoded(lines[2])
        if len(root) != 32:
            raise _no_checkpoint("its root is no SHA-256 hash")
        found = cls(origin=lines[0], size=int(lines[1]), root=root.hex(), note=note)
        list(found._signatures())
        return found

    def signed_by(self, keys: Iterable[VerifierKey]) -> tuple[str, ...]:
        """Return the names of those ``keys`` that signed this; signatures by others are passed over.

        Raises:
            Tampered: a signature by one of the keys does not hold.
        """
        known = {(key.name, key.hash): key for key in keys}
        names = []
        for name, key_hash, signature in self._signatures():
            if key := known.get((name, key_hash)):
                if not key.verifies(signature, self._text()):
                    raise Tampered(
                        f"The checkpoint over {self.size} entries is not the one that {name} signed.",
                        remedy=f"Ask {name} for the checkpoint again.",
                        field="checkpoint",
                    )
                names.append(name)
        return tuple(names)

    @property
    def signers(self) -> tuple[str, ...]:
        """The names its signature lines give, whether they hold or not."""
        return tuple(name for name, _, _ in self._signatures())

    @property
    def key_hashes(self) -> tuple[bytes, ...]:
        """The hashes its signature lines give of the keys: two people's keys may bear one name."""
        return tuple(key_hash for _, key_hash, _ in self._signatures())

    def _text(self) -> bytes:
        return self.note.rpartition("\n\n")[0].encode() + b"\n"

    def _signatures(self) -> Iterator[tuple[str, bytes, bytes]]:
        for line in self.note.rpartition("\n\n")[2].split("\n")[:-1]:
            match = _SIGNATURE.fullmatch(line)
            signature = _decoded(match[2]) if match else b""
            if match is None or len(signature) < 5:
                raise _no_checkpoint(f"{line!r} is no signature")
            yield match[1], signature[:4], signature[4:]


def sign(origin: str, size: int, root: str, signer: Signer) -> Checkpoint:
    """Return the checkpoint that ``signer`` signs over ``size`` entries with this root (hex)."""
    text = f"{origin}\n{size}\n{base64.b64encode(bytes.fromhex(root)).decode()}\n"
    key_hash = VerifierKey.of(signer).hash
    signature = base64.b64encode(key_hash + signer.sign(text.encode())).decode()
    return Checkpoint(origin=origin, size=size, root=root, note=f"{text}\n{_DASH}{signer.name} {signature}\n")


def origin_of(first: str) -> str:
    """Return the origin of the log whose first entry has this leaf hash (hex)."""
    return f"model-workbench/{first[:16]}"


def several(text: str) -> list[Checkpoint]:
    """Read a file of notes, one after the other, with empty lines between them.

    Raises:
        InvalidInput: something in it is no checkpoint.
    """
    notes = [match[0] for match in _NOTE.finditer(text)]
    if not notes or _NOTE.sub("", text).strip():
        raise _no_checkpoint("it needs origin, size, root, an empty line and a signature")
    return [Checkpoint.parse(note) for note in notes]


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _no_checkpoint(f"{encoded!r} is not base64") from error


def _no_checkpoint(why: str) -> InvalidInput:
    return InvalidInput(
        f"checkpoint: this is no checkpoint: {why}.",
        remedy="Give the file as it was handed out.",
        field="checkpoint",
    )
