"""Signatures of approvals: what is signed, who may have signed it, and whether it holds.

A person's key is enrolled in the journal when they first sign, so that whoever verifies the journal has it
too. That first time nothing but the settings says who is who; ``[keys]`` in ``workbench.toml`` closes this
gap: for whoever is listed there, only those keys count.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from workbench.core.digests import canonical_json
from workbench.core.errors import Refused, WorkbenchError
from workbench.gates.records import Approval, Revocation, StageApproval, StageRevocation
from workbench.journal import Entry, Event, Signer, VerifierKey
from workbench.journal.store import Write

#: The journal's word for a person's public key.
ENROLLED = "key.enrolled"

#: What stands before the signed JSON, so that a signature for one thing is none for another.
_DOMAINS: dict[type, bytes] = {
    Approval: b"model-workbench/approval/v1\n",
    Revocation: b"model-workbench/revocation/v1\n",
    StageApproval: b"model-workbench/stage-approval/v1\n",
    StageRevocation: b"model-workbench/stage-revocation/v1\n",
}

Word = Approval | Revocation | StageApproval | StageRevocation
Signed = TypeVar("Signed", Approval, Revocation, StageApproval, StageRevocation)

Keys = Mapping[str, Sequence[str]]
"""Public keys by person."""


def statement(said: Word) -> bytes:
    """Return the bytes that are signed: a prefix, and everything but the signature as canonical JSON."""
    content: dict[str, Any] = json.loads(said.to_json())
    del content["signature"]
    return _DOMAINS[type(said)] + canonical_json(content)


def signed(said: Signed, signer: Signer) -> Signed:
    """Return it with key and signature."""
    named = said.model_copy(update={"key": str(VerifierKey.of(signer))})
    signature = base64.b64encode(signer.sign(statement(named))).decode()
    return named.model_copy(update={"signature": signature})


def holds(said: Word, keys: Sequence[str]) -> bool:
    """Return whether one of ``keys`` made the signature. Never raises."""
    if said.key not in keys:
        return False
    try:
        signature = base64.b64decode(said.signature, validate=True)
        return VerifierKey.parse(said.key).verifies(signature, statement(said))
    except (WorkbenchError, binascii.Error, ValueError):
        return False


class KeyBook:
    """Whose key is whose.

    Args:
        read: returns the entries of a stream; of ``key/<person>`` each ``key.enrolled``.
        listed: keys of the settings; who is listed there has no others.
    """

    def __init__(self, read: Callable[[str], Sequence[Entry]], listed: Keys) -> None:
        self._read = read
        self._listed = listed

    def of(self, person: str) -> tuple[str, ...]:
        """Return the keys that count for a person; none for somebody who never signed."""
        if person in self._listed:
            return tuple(self._listed[person])
        enrolled = self._enrolled(person)
        return enrolled[-1:]

    def enrolment(self, person: str, signer: Signer) -> list[Write]:
        """Return what must be written beside a person's signature so that others can check it.

        Raises:
            Refused: the key is not the person's.
        """
        key, stream = str(VerifierKey.of(signer)), f"key/{person}"
        enrolled = self._enrolled(person)
        known = self.of(person)
        if known and key not in known:
            raise Refused(
                f"This is not {person}'s key: {VerifierKey.of(signer).hash.hex()} is not the one on record.",
                remedy=f"Sign where {person}'s key is. Of a new key the line printed by workbench key goes "
                "under [keys] in workbench.toml, in a change that somebody else reviews.",
                field="key",
            )
        if key in enrolled[-1:]:
            return []
        source = "workbench.toml" if person in self._listed else "first use"
        fact = Event(kind=ENROLLED, payload={"person": person, "key": key, "source": source})
        return [(stream, fact, len(enrolled))]

    def _enrolled(self, person: str) -> tuple[str, ...]:
        entries = self._read(f"key/{person}")
        return tuple(str(e.payload["key"]) for e in entries if e.kind == ENROLLED)
