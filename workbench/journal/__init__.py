"""The journal: the append-only record of who did what, and the workbench's memory.

An **event** is a fact somebody states; an **entry** is that fact in its place, with time, actor and the hash
of the entry before. A **stream** is the entries about one thing, and the present state of that thing is a
fold over its stream. ``append(stream, event, expected=n)`` compares and sets: of two writers who both read n
entries, one gets ``Conflict``. All leaves form an RFC 6962 Merkle log: one root stands for every byte.
"""

from __future__ import annotations

from workbench.journal.checkpoints import Checkpoint
from workbench.journal.due import CheckpointPolicy
from workbench.journal.proofs import ConsistencyProof, InclusionProof
from workbench.journal.records import Entry, Event, Problem, Verification
from workbench.journal.signers import FileSigner, KeyringSigner, Signer, VerifierKey
from workbench.journal.store import Journal
from workbench.journal.verify import verify

__all__ = [
    "Checkpoint",
    "CheckpointPolicy",
    "ConsistencyProof",
    "Entry",
    "Event",
    "FileSigner",
    "InclusionProof",
    "Journal",
    "KeyringSigner",
    "Problem",
    "Signer",
    "Verification",
    "VerifierKey",
    "verify",
]
