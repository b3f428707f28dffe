from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from workbench.journal.merkle import EMPTY_ROOT, Frontier, frontier, leaf_hash, node_hash

# The eight leaves that Certificate Transparency's reference implementations share.
REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(by_definition(leaves[:k]), by_definition(leaves[k:]))


def test_the_eight_reference_leaves_of_rfc_6962_give_the_published_root():
    root = frontier(leaf_hash(leaf) for leaf in REFERENCE_LEAVES).root()
    assert root == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_tree_without_leaves_has_the_hash_of_nothing_as_root():
    assert Frontier().root() == EMPTY_ROOT == hashlib.sha256(b"").hexdigest()


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_growing_leaf_by_leaf_gives_the_root_of_the_definition(leaves: list[bytes]):
    assert frontier(map(leaf_hash, leaves)).root() == by_definition(leaves).hex()


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40))
def test_a_frontier_comes_back_from_its_text_and_holds_one_node_for_each_set_bit(leaves: list[bytes]):
    grown = frontier(map(leaf_hash, leaves))
    assert len(grown.nodes) == len(leaves).bit_count()
    assert Frontier.from_text(grown.size, grown.to_text()) == grown


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_any_changed_leaf_changes_the_root(leaves: list[bytes], data: st.DataObject):
    at = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves[:at], leaves[at] + b"!", *leaves[at + 1 :]]
    assert frontier(map(leaf_hash, changed)).root() != frontier(map(leaf_hash, leaves)).root()
