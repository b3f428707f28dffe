from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.core.errors import InvalidInput, Tampered
from workbench.journal import Event, Journal
from workbench.journal.merkle import frontier, leaf_hash, node_hash
from workbench.journal.proofs import (
    consistency_path,
    inclusion_path,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The eight leaves, roots and paths of Certificate Transparency's reference implementations.
LEAVES = [
    leaf_hash(bytes.fromhex(text))
    for text in [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
INCLUSION = {
    (0, 1): (),
    (0, 8): (A, B, C),
    (5, 8): (D, E, ROOTS[4]),
    (2, 3): (ROOTS[2],),
    (1, 5): (ROOTS[1], B, D),
}
CONSISTENCY = {
    (1, 1): (),
    (1, 8): (A, B, C),
    (6, 8): ("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", E, ROOTS[4]),
    (2, 5): (B, D),
}


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = half(len(leaves))
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of section 2.1.1, word for word."""
    if len(leaves) == 1:
        return []
    k = half(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], b: bool = True) -> list[bytes]:
    """SUBPROOF of section 2.1.2, word for word."""
    if m == len(leaves):
        return [] if b else [mth(leaves)]
    k = half(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], b), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def half(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def subtrees(leaves: list[bytes]):
    return lambda level, index: mth(leaves[index << level : (index + 1) << level])


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(size)]


def test_the_reference_leaves_give_the_published_roots_at_every_size():
    assert [frontier(LEAVES[:n]).root() for n in range(9)] == ROOTS
    assert [root_of(n, subtrees(LEAVES)) for n in range(9)] == ROOTS


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_the_published_inclusion_paths_are_made_and_hold(index: int, size: int):
    made = inclusion_path(index, size, subtrees(LEAVES))
    assert made == INCLUSION[index, size]
    assert verify_inclusion(LEAVES[index].hex(), index, size, made, ROOTS[size])


@pytest.mark.parametrize(("first", "second"), CONSISTENCY)
def test_the_published_consistency_paths_are_made_and_hold(first: int, second: int):
    made = consistency_path(first, second, subtrees(LEAVES))
    assert made == CONSISTENCY[first, second]
    assert verify_consistency(first, second, ROOTS[first], ROOTS[second], made)


@given(st.integers(1, 300), st.data())
def test_every_inclusion_proof_is_that_of_the_definition_and_holds(size: int, data: st.DataObject):
    index, leaves = data.draw(st.integers(0, size - 1)), numbered(size)
    made = inclusion_path(index, size, subtrees(leaves))
    assert made == tuple(node.hex() for node in path(index, leaves))
    assert verify_inclusion(leaves[index].hex(), index, size, made, mth(leaves).hex())


@given(st.integers(1, 300), st.data())
def test_every_consistency_proof_is_that_of_the_definition_and_holds(second: int, data: st.DataObject):
    first, leaves = data.draw(st.integers(1, second)), numbered(second)
    made = consistency_path(first, second, subtrees(leaves))
    assert made == tuple(node.hex() for node in subproof(first, leaves))
    assert verify_consistency(first, second, mth(leaves[:first]).hex(), mth(leaves).hex(), made)


def changed(text: str, at: int) -> str:
    return text[:at] + format(int(text[at], 16) ^ 1, "x") + text[at + 1 :]


@given(st.integers(1, 130), st.integers(0, 63), st.data())
def test_a_changed_inclusion_proof_fails(size: int, at: int, data: st.DataObject):
    index, leaves = data.draw(st.integers(0, size - 1)), numbered(size)
    made, root = inclusion_path(index, size, subtrees(leaves)), mth(leaves).hex()
    leaf = leaves[index].hex()
    assert not verify_inclusion(changed(leaf, at), index, size, made, root)
    assert not verify_inclusion(leaf, index, size, made, changed(root, at))
    for other in {*range(-1, size + 1)} - {index}:
        assert not verify_inclusion(leaf, other, size, made, root)
    assert not verify_inclusion(leaf, index, size, (*made, leaf), root)
    for n in range(len(made)):
        assert not verify_inclusion(leaf, index, size, made[:n] + made[n + 1 :], root)
        wrong = (*made[:n], changed(made[n], at), *made[n + 1 :])
        assert not verify_inclusion(leaf, index, size, wrong, root)
    for n in range(1, len(made)):
        swapped = (*made[: n - 1], made[n], made[n - 1], *made[n + 1 :])
        assert not verify_inclusion(leaf, index, size, swapped, root)


@given(st.integers(2, 130), st.integers(0, 63), st.data())
def test_a_changed_consistency_proof_fails(second: int, at: int, data: st.DataObject):
    first, leaves = data.draw(st.integers(1, second - 1)), numbered(second)
    made = consistency_path(first, second, subtrees(leaves))
    old, new = mth(leaves[:first]).hex(), mth(leaves).hex()
    assert not verify_consistency(first, second, changed(old, at), new, made)
    assert not verify_consistency(first, second, old, changed(new, at), made)
    assert not verify_consistency(second, first, old, new, made)
    assert not verify_consistency(0, second, old, new, made)
    assert not verify_consistency(first, second, old, new, (*made, old))
    for n in range(len(made)):
        assert not verify_consistency(first, second, old, new, made[:n] + made[n + 1 :])
        wrong = (*made[:n], changed(made[n], at), *made[n + 1 :])
        assert not verify_consistency(first, second, old, new, wrong)


@pytest.mark.parametrize("text", ["", "zz", "ab" * 31, "AB" * 32, "a b" * 32, "é" * 64])
def test_what_is_no_hash_fails_and_raises_nothing(text: str):
    root = ROOTS[2]
    assert not verify_inclusion(text, 0, 2, (ROOTS[1],), root)
    assert not verify_inclusion(ROOTS[1], 0, 2, (text,), root)
    assert not verify_inclusion(ROOTS[1], 0, 1, (), text)
    assert not verify_consistency(1, 2, text, root, (A,))
    assert not verify_consistency(1, 2, ROOTS[1], text, (A,))
    assert not verify_consistency(1, 2, ROOTS[1], root, (text,))
    assert not verify_consistency(2, 2, text, text, ())


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (0, 0)])
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int):
    with pytest.raises(InvalidInput):
        inclusion_path(index, size, subtrees(LEAVES))


@pytest.mark.parametrize(("first", "second"), [(0, 8), (9, 8), (-1, 1)])
def test_sizes_the_wrong_way_round_have_no_proof(first: int, second: int):
    with pytest.raises(InvalidInput):
        consistency_path(first, second, subtrees(LEAVES))


def fill(journal: Journal, size: int) -> list[str]:
    writes = [(f"s{n % 3}", Event(kind="k", payload={"n": n}), None) for n in range(size)]
    return [entry.hash for entry in journal.append_many(writes)]


def test_the_journal_proves_each_of_its_entries_at_every_size(journal: Journal):
    hashes = fill(journal, 21)
    for size in range(1, 22):
        root = frontier(map(bytes.fromhex, hashes[:size])).root()
        for seq in range(size):
            proof = journal.inclusion(seq, size)
            assert (proof.leaf, proof.root) == (hashes[seq], root)
            assert proof.holds()
            assert not proof.model_copy(update={"seq": seq + 1}).holds()
    assert journal.inclusion(4).size == 21
    assert journal.inclusion(4).root == journal.root()


def test_the_journal_proves_that_it_only_grew(journal: Journal):
    hashes = fill(journal, 21)
    roots = [frontier(map(bytes.fromhex, hashes[:n])).root() for n in range(22)]
    for second in range(1, 22):
        for first in range(1, second + 1):
            proof = journal.consistency(first, second)
            assert (proof.first_root, proof.second_root) == (roots[first], roots[second])
            assert proof.holds()
    assert not proof.model_copy(update={"first_root": roots[20]}).holds()


def test_proofs_of_what_the_journal_does_not_have_are_refused(journal: Journal):
    fill(journal, 3)
    for seq, size in [(3, None), (0, 4), (0, 0), (-1, 2)]:
        with pytest.raises(InvalidInput):
            journal.inclusion(seq, size)
    for first, second in [(0, 3), (3, 2), (1, 4)]:
        with pytest.raises(InvalidInput):
            journal.consistency(first, second)


def test_a_proof_reads_few_rows_and_not_the_log(journal: Journal):
    fill(journal, 2000)
    asked = []
    journal._connection.raw.set_trace_callback(asked.append)
    assert journal.inclusion(1234, 1999).holds()
    assert journal.consistency(777, 1999).holds()
    assert len(asked) < 60
    assert len(journal.inclusion(1234).path) == 11


def test_a_proof_over_changed_subtrees_is_not_handed_out(path, journal: Journal, by_hand):
    fill(journal, 8)
    by_hand(path, "UPDATE subtrees SET hashes = replace(hashes, 'a', 'b') WHERE seq = 3")
    with pytest.raises(Tampered, match="workbench verify"):
        journal.inclusion(6)
