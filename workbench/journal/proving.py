"""Proofs about a stored journal: a few rows each, and never handed out unless they hold."""

from __future__ import annotations

from typing import TypeVar

from workbench.core.errors import InvalidInput
from workbench.journal.base import Connection
from workbench.journal.chain import damaged, root_at, size_of, subtrees_of
from workbench.journal.proofs import ConsistencyProof, InclusionProof, consistency_path, inclusion_path

_Proof = TypeVar("_Proof", InclusionProof, ConsistencyProof)


def inclusion(connection: Connection, seq: int, size: int | None) -> InclusionProof:
    """Prove that entry ``seq`` is among the first ``size`` entries (None: all there are)."""
    size = _size_within(connection, size)
    path = inclusion_path(seq, size, subtrees_of(connection))
    leaf = subtrees_of(connection)(0, seq).hex()
    return _held(
        InclusionProof(seq=seq, size=size, leaf=leaf, root=root_at(connection, size) or "", path=path)
    )


def consistency(connection: Connection, first: int, second: int | None) -> ConsistencyProof:
    """Prove that the log of ``second`` entries (None: all) begins with that of ``first`` entries."""
    second = _size_within(connection, second)
    return _held(
        ConsistencyProof(
            first=first,
            second=second,
            path=consistency_path(first, second, subtrees_of(connection)),
            first_root=root_at(connection, first) or "",
            second_root=root_at(connection, second) or "",
        )
    )


def _size_within(connection: Connection, size: int | None) -> int:
    there = size_of(connection)
    if size is not None and not 0 <= size <= there:
        raise InvalidInput(f"size: the journal has {there} entries, not {size}.", field="size")
    return there if size is None else size


def _held(proof: _Proof) -> _Proof:
    if not proof.holds():
        raise damaged("The stored hashes do not add up to the stored root.")
    return proof
