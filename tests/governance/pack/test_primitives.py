"""What the script has of its own because it may import nothing: checked against the libraries it does without."""

from __future__ import annotations

import contextlib
import io
import json
import math
import zipfile

import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.governance.pack import verifier
from workbench.governance.pack.verifier import DoesNotHold, archive, canonical, opened, read_json
from workbench.journal import VerifierKey
from workbench.journal.merkle import frontier, leaf_hash, node_hash
from workbench.journal.proofs import consistency_path, inclusion_path
from workbench.journal.signers import SeedSigner

# Ed25519

#: RFC 8032, section 7.1: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
#: Points whose order divides 8, in their one spelling: under them a signature says nothing.
SMALL_ORDER = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
]


def others_verdict(public: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize(("public", "message", "signature"), VECTORS)
def test_the_vectors_of_the_rfc_verify(public, message, signature):
    values = [bytes.fromhex(text) for text in (public, signature, message)]
    assert verifier.ed25519_verifies(*values)
    assert others_verdict(*values)


@given(seed=st.binary(min_size=32, max_size=32), data=st.binary(max_size=200), flip=st.integers(-1, 767))
@settings(deadline=None)
def test_a_signature_verifies_here_as_it_does_there_whole_or_with_a_bit_turned(seed, data, flip):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    both = bytearray(key.public_key().public_bytes_raw() + key.sign(data))
    if flip >= 0:
        both[flip // 8] ^= 1 << flip % 8
    public, signature = bytes(both[:32]), bytes(both[32:])
    assert verifier.ed25519_verifies(public, signature, data) is (flip < 0)
    assert others_verdict(public, signature, data) is (flip < 0)


@given(public=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
@settings(deadline=None)
def test_bytes_that_are_no_key_or_signature_are_refused_and_nothing_is_raised(public, signature):
    assert verifier.ed25519_verifies(public, signature, b"") is False
    assert verifier.ed25519_verifies(public[1:], signature, b"") is False
    assert verifier.ed25519_verifies(public, signature[1:], b"") is False


def test_a_second_spelling_of_s_is_refused():
    public, message, signature = (bytes.fromhex(text) for text in VECTORS[1])
    s = int.from_bytes(signature[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    assert not verifier.ed25519_verifies(public, signature[:32] + s.to_bytes(32, "little"), message)


@pytest.mark.parametrize("public", SMALL_ORDER)
def test_a_key_of_small_order_verifies_nothing(public):
    neutral = bytes.fromhex(SMALL_ORDER[0])
    accepted_elsewhere = [
        others_verdict(bytes.fromhex(public), neutral + bytes(32), bytes([n])) for n in range(32)
    ]
    assert any(accepted_elsewhere)  # so that refusing it is needed
    for n in range(32):
        assert not verifier.ed25519_verifies(bytes.fromhex(public), neutral + bytes(32), bytes([n]))


@pytest.mark.parametrize("y", [2**255 - 19, 2**255 - 18, 2**255 - 1])
def test_a_point_beyond_the_field_is_no_key(y):
    assert not verifier.ed25519_verifies(y.to_bytes(32, "little"), bytes(64), b"")


def test_a_key_line_is_read_as_the_workbench_writes_it_and_a_lost_character_is_noticed():
    key = VerifierKey.of(SeedSigner("ada", bytes(32)))
    assert verifier.Key.parse(f"{key}\n") == ("ada", key.hash, key.public_key)
    for place in range(len(str(key))):
        cut = str(key)[:place] + str(key)[place + 1 :]
        with pytest.raises(ValueError, match=r"it is no|a character was lost"):
            verifier.Key.parse(cut)


# Canonical JSON

NUMBERS = [0.0, -0.0, 1.0, 1e21, 1e20, 123456789012345680000.0, 1e-6, 1e-7, 5e-324, 1.7976931348623157e308]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
@settings(deadline=None)
def test_json_is_written_as_rfc_8785_asks_and_reads_back_as_the_same(value):
    written = canonical(value)
    assert written == rfc8785.dumps(value)
    assert canonical(read_json(written, "it")) == written


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(deadline=None)
def test_numbers_are_written_as_ecmascript_writes_them(value):
    assert canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_at_the_edges_of_each_form_are_written_alike(value):
    assert canonical(value) == rfc8785.dumps(value)
    assert canonical(-value) == rfc8785.dumps(-value)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, {1, 2}, "\ud800"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 2}',
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 30,
        b"[" * 5_000 + b"]" * 5_000,
        b'{"a":' * 100 + b"1" + b"}" * 100,
        b'"\xff"',
        b'{"a"}',
        b"",
    ],
)
def test_json_that_could_be_read_in_two_ways_or_exhaust_a_reader_is_refused(text):
    with pytest.raises(DoesNotHold, match="It is not JSON"):
        read_json(text, "It")


def test_brackets_within_text_are_no_nesting():
    value = {"a": "[" * 500 + '\\"' + "{" * 500}
    assert read_json(json.dumps(value).encode(), "it") == value


# The archive

FILES = {"index.html": b"<p>", "evidence/ab.json": b"{}", "verify.py": b"print()\n" * 100}


def test_an_archive_is_one_that_every_unzip_reads():
    raw = archive(FILES)
    with zipfile.ZipFile(io.BytesIO(raw)) as there:
        assert there.testzip() is None
        assert {name: there.read(name) for name in there.namelist()} == FILES
        assert {info.external_attr for info in there.infolist()} == {0}
    assert opened(raw) == FILES


def zipped(entries, *, compress=zipfile.ZIP_STORED, comment=b"") -> bytes:
    """The archive that Python's own zipfile writes of these names and bodies."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression=compress) as there:
        for name, body in entries:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            info.compress_type = compress
            there.writestr(info, body)
        there.comment = comment
    return out.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


HOSTILE = {
    "a path that leads out": lambda: zipped([("../../evil.py", b"x")]),
    "an absolute path": lambda: zipped([("/etc/passwd", b"x")]),
    "a path of Windows": lambda: zipped([("..\\evil.py", b"x")]),
    "a hidden file": lambda: zipped([(".profile", b"x")]),
    "a name beyond ASCII": lambda: zipped([("evidence/ä.json", b"x")]),
    "a link": lambda: zipped([(link("index.html"), b"/etc/passwd")]),
    "a folder": lambda: zipped([("evidence/", b"")]),
    "a name twice": lambda: zipped([("index.html", b"one"), ("index.html", b"two")]),
    "a bomb": lambda: zipped([("index.html", bytes(50_000_000))], compress=zipfile.ZIP_DEFLATED),
    "a comment": lambda: zipped(FILES.items(), comment=b"hello"),
    "something before": lambda: b"#!/bin/sh\n" + archive(FILES),
    "something after": lambda: archive(FILES) + b"\n",
    "something between": lambda: archive(FILES).replace(b"PK\1\2", b"..PK\1\2", 1),
    "nothing": lambda: b"",
    "no archive": lambda: b"hello",
    "no file": lambda: zipped([]),
    "a cut end": lambda: archive(FILES)[:-1],
    "a directory that names another file": lambda: archive(FILES)[::-1].replace(
        b"lmth.xedni", b"lmth.xidni", 1
    )[::-1],
    "a size that is a lie": lambda: archive(FILES).replace(
        len(b"<p>").to_bytes(4, "little") * 2, (2**32 - 1).to_bytes(4, "little") * 2, 1
    ),
}


@pytest.mark.parametrize("how", HOSTILE)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_hostile_archive_is_refused(how):
    with pytest.raises(DoesNotHold, match="archive"):
        opened(HOSTILE[how]())


@given(st.data())
@settings(deadline=None)
def test_any_byte_of_an_archive_that_is_another_is_noticed_there_or_by_the_files(data):
    raw = bytearray(archive(FILES))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(DoesNotHold):
        assert opened(bytes(raw)) != FILES


def test_a_file_beyond_every_measure_is_not_even_read(monkeypatch):
    monkeypatch.setattr(verifier, "MOST_BYTES", 100)
    with pytest.raises(DoesNotHold, match="more than a pack may have"):
        opened(archive(FILES))


# The Merkle log


@given(size=st.integers(1, 60), data=st.data())
@settings(deadline=None)
def test_proofs_of_the_journal_are_accepted_and_altered_ones_are_not(size, data):
    leaves = [leaf_hash(bytes([n])) for n in range(size)]

    def subtree(level: int, index: int) -> bytes:
        nodes = leaves[index << level : (index + 1) << level]
        while len(nodes) > 1:
            nodes = [node_hash(*nodes[n : n + 2]) for n in range(0, len(nodes), 2)]
        return nodes[0]

    root = bytes.fromhex(frontier(leaves).root())
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    path = [bytes.fromhex(text) for text in inclusion_path(index, size, subtree)]
    assert verifier.included(leaves[index], index, size, path, root)
    assert not verifier.included(leaves[index], index, size, [*path, root], root)
    for other in {0, index - 1, index + 1, size - 1} - {index}:
        assert not verifier.included(leaves[index], other, size, path, root)
    grown = [bytes.fromhex(text) for text in consistency_path(first, size, subtree)]
    before = bytes.fromhex(frontier(leaves[:first]).root())
    assert verifier.grown(first, size, before, root, grown)
    assert not verifier.grown(first, size, before, root, [*grown, root])
    assert not verifier.grown(first, size, bytes(32), root, grown)
