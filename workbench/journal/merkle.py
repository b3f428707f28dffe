"""The Merkle tree of RFC 6962, section 2.1, grown one leaf at a time.

A tree of n leaves is a row of perfect subtrees, one for each set bit of n. Their roots, the **frontier**, are
all that is needed to add a leaf or to tell the root: an append costs O(log n) hashes and reads no old entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

#: Root of the tree without leaves.
EMPTY_ROOT = hashlib.sha256(b"").hexdigest()

_WIDTH = 64  # hex digits of one hash


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of 0x00 and the entry: the prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def to_text(hashes: Iterable[bytes]) -> str:
    """Return hashes as one run of hex digits, as they are stored."""
    return "".join(value.hex() for value in hashes)


def from_text(text: str) -> tuple[bytes, ...]:
    """Read what ``to_text`` wrote.

    Raises:
        ValueError: not hex.
    """
    return tuple(bytes.fromhex(text[at : at + _WIDTH]) for at in range(0, len(text), _WIDTH))


@dataclass(frozen=True)
class Frontier:
    """The perfect subtrees of a tree of ``size`` leaves, largest first."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier after one more leaf hash."""
        return self.grow(leaf)[0]

    def grow(self, leaf: bytes) -> tuple[Frontier, tuple[bytes, ...]]:
        """Return the frontier after one more leaf hash, and the roots of the subtrees it completes.

        Equal subtrees merge, as carries do in binary: the completed ones have 2, 4, 8 … leaves.
        """
        nodes, completed = list(self.nodes), [leaf]
        carry = self.size
        while carry & 1:
            completed.append(node_hash(nodes.pop(), completed[-1]))
            carry >>= 1
        return Frontier(self.size + 1, (*nodes, completed[-1])), tuple(completed[1:])

    def root(self) -> str:
        """Return the tree hash, hex. Folding from the right splits at the largest power of two below n."""
        return self._root

    @cached_property
    def _root(self) -> str:
        if not self.nodes:
            return EMPTY_ROOT
        *rest, root = self.nodes
        for node in reversed(rest):
            root = node_hash(node, root)
        return root.hex()

    def to_text(self) -> str:
        """Return the node hashes as one run of hex digits, for storage beside ``size``."""
        return to_text(self.nodes)

    @classmethod
    def from_text(cls, size: int, text: str) -> Frontier:
        """Read what ``to_text`` wrote.

        Raises:
            ValueError: not hex, or not one node for every set bit of ``size``.
        """
        if len(text) != _WIDTH * size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} frontier nodes")
        return cls(size, from_text(text))


def frontier(leaves: Iterable[bytes]) -> Frontier:
    """Return the frontier of a whole tree of leaf hashes."""
    grown = Frontier()
    for leaf in leaves:
        grown = grown.append(leaf)
    return grown
