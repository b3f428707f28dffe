"""Proofs of RFC 6962 (2.1.1, 2.1.2): that an entry is in the log, and that a log only grew.

Making one asks for the roots of perfect subtrees, which the journal keeps: O(log n) of them. Checking one
needs nothing but hashes, by the algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator

from workbench.core.errors import InvalidInput
from workbench.core.records import Record
from workbench.journal.merkle import EMPTY_ROOT, node_hash

#: Root of the perfect subtree of 2^level leaves that begins at leaf ``index`` * 2^level.
Subtree = Callable[[int, int], bytes]


class InclusionProof(Record):
    """Entry ``seq`` is in the log of the first ``size`` entries. Hashes are hex."""

    seq: int
    size: int
    leaf: str
    """Leaf hash: ``hash`` of the entry."""
    root: str
    path: tuple[str, ...]

    def holds(self) -> bool:
        """Recompute the root from leaf and path."""
        return verify_inclusion(self.leaf, self.seq, self.size, self.path, self.root)


class ConsistencyProof(Record):
    """The log of ``second`` entries begins with that of ``first`` entries. Hashes are hex."""

    first: int
    second: int
    first_root: str
    second_root: str
    path: tuple[str, ...]

    def holds(self) -> bool:
        """Recompute both roots from the path."""
        return verify_consistency(self.first, self.second, self.first_root, self.second_root, self.path)


def inclusion_path(index: int, size: int, subtree: Subtree) -> tuple[str, ...]:
    """Return PATH(index, D[size]), the sister hashes from the leaf up.

    Raises:
        InvalidInput: there is no such leaf.
    """
    if not 0 <= index < size:
        raise InvalidInput(f"seq: {index} is not among the first {size} entries.", field="seq")
    return tuple(node.hex() for node in _path(index, 0, size, subtree))


def consistency_path(first: int, second: int, subtree: Subtree) -> tuple[str, ...]:
    """Return PROOF(first, D[second]).

    Raises:
        InvalidInput: not 1 ≤ ``first`` ≤ ``second``; with the empty log everything is consistent.
    """
    if not 1 <= first <= second:
        raise InvalidInput(f"first: must be from 1 to {second}, not {first}.", field="first")
    return tuple(node.hex() for node in _subproof(first, 0, second, subtree, known=True))


def root_of(size: int, subtree: Subtree) -> str:
    """Return the root over the first ``size`` leaves, hex."""
    return _root(0, size, subtree).hex() if size else EMPTY_ROOT


def verify_inclusion(leaf: str, index: int, size: int, path: tuple[str, ...], root: str) -> bool:
    """True when ``path`` leads from the leaf hash to the root of ``size`` leaves. Never raises."""
    if not 0 <= index < size:
        return False
    try:
        node, sisters = _hash(leaf), [_hash(text) for text in path]
    except ValueError:
        return False
    place, last = index, size - 1
    for sister in sisters:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sister, node)
            place, last = _up(place, last)
        else:
            node = node_hash(node, sister)
        place, last = place >> 1, last >> 1
    return last == 0 and _same(node, root)


def verify_consistency(
    first: int, second: int, first_root: str, second_root: str, path: tuple[str, ...]
) -> bool:
    """True when ``path`` shows that the second log begins with the first. Never raises."""
    if not 1 <= first <= second:
        return False
    try:
        nodes = [_hash(text) for text in path]
        old = _hash(first_root)
    except ValueError:
        return False
    if first == second:
        return not nodes and _same(old, second_root)
    if first & (first - 1) == 0:  # a perfect tree is its own first node, so it is left out of the path
        nodes.insert(0, old)
    return bool(nodes) and _both_roots(first, second, first_root, second_root, nodes)


def _both_roots(first: int, second: int, first_root: str, second_root: str, nodes: list[bytes]) -> bool:
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(node, old), node_hash(node, new)
            place, last = _up(place, last)
        else:
            new = node_hash(new, node)
        place, last = place >> 1, last >> 1
    return last == 0 and _same(old, first_root) and _same(new, second_root)


def _up(place: int, last: int) -> tuple[int, int]:
    """Climb past the levels where the right edge has no sister: a lone node is its own parent."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _path(index: int, start: int, count: int, subtree: Subtree) -> Iterator[bytes]:
    if count == 1:
        return
    left = _split(count)
    if index < left:
        yield from _path(index, start, left, subtree)
        yield _root(start + left, count - left, subtree)
    else:
        yield from _path(index - left, start + left, count - left, subtree)
        yield _root(start, left, subtree)


def _subproof(first: int, start: int, count: int, subtree: Subtree, *, known: bool) -> Iterator[bytes]:
    if first == count:
        if not known:
            yield _root(start, count, subtree)
        return
    left = _split(count)
    if first <= left:
        yield from _subproof(first, start, left, subtree, known=known)
        yield _root(start + left, count - left, subtree)
    else:
        yield from _subproof(first - left, start + left, count - left, subtree, known=False)
        yield _root(start, left, subtree)


def _root(start: int, count: int, subtree: Subtree) -> bytes:
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return subtree(level, start >> level)
    left = _split(count)
    return node_hash(_root(start, left, subtree), _root(start + left, count - left, subtree))


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1


def _hash(text: str) -> bytes:
    value = bytes.fromhex(text)
    if len(value) != 32 or value.hex() != text:  # one spelling only: no spaces, no capitals
        raise ValueError("not a SHA-256 hash in hex")
    return value


def _same(node: bytes, root: str) -> bool:
    return hmac.compare_digest(node.hex().encode(), root.encode())
