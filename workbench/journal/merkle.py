"""The Merkle tree of RFC 6962, section 2.1, grown one leaf at a time.

A tree of n leaves is a row of perfect subtrees, one for each set bit of n. Their roots, the **frontier**, are
all that is needed to add a leaf or to tell the root: an append costs O(log n) hashes and reads no old entry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

#: Root of the tree without leaves.
EMPTY_ROOT = hashlib.sha256(b"").hexdigest()

_WIDTH = 64  # hex digits of one hash


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of 0x00 and the entry: the prefix keeps a leaf from passing for a node."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """The perfect subtrees of a tree of ``size`` leaves, largest first."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier after one more leaf hash: equal subtrees merge, as carries do in binary."""
        nodes, node, carry = list(self.nodes), leaf, self.size
        while carry & 1:
            node = node_hash(nodes.pop(), node)
            carry >>= 1
        return Frontier(self.size + 1, (*nodes, node))

    def root(self) -> str:
        """Return the tree hash, hex. Folding from the right splits at the largest power of two below n."""
        if not self.nodes:
            return EMPTY_ROOT
        *rest, root = self.nodes
        for node in reversed(rest):
            root = node_hash(node, root)
        return root.hex()

    def to_text(self) -> str:
        """Return the node hashes as one run of hex digits, for storage beside ``size``."""
        return "".join(node.hex() for node in self.nodes)

    @classmethod
    def from_text(cls, size: int, text: str) -> Frontier:
        """Read what ``to_text`` wrote.

        Raises:
            ValueError: not hex, or not one node for every set bit of ``size``.
        """
        if len(text) != _WIDTH * size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} frontier nodes")
        return cls(size, tuple(bytes.fromhex(text[at : at + _WIDTH]) for at in range(0, len(text), _WIDTH)))


def frontier(leaves: Iterable[bytes]) -> Frontier:
    """Return the frontier of a whole tree of leaf hashes."""
    grown = Frontier()
    for leaf in leaves:
        grown = grown.append(leaf)
    return grown
