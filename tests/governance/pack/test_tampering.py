"""What somebody without the signer's key can do to a pack, with everything recomputed that can be: it is caught."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.governance.pack import verifier
from workbench.governance.pack.verifier import (
    AFTERWARDS,
    CHECKPOINT,
    ENTRIES,
    INDEX,
    MANIFEST,
    PROOFS,
    Pack,
    archive,
    canonical,
)
from workbench.journal import FileSigner, VerifierKey
from workbench.journal.signers import SeedSigner


def with_manifest(files: dict[str, bytes]) -> bytes:
    """The archive with a manifest that fits the files."""
    try:
        manifest = json.loads(files.get(MANIFEST, b"{}"))
    except ValueError:
        manifest = {"format": verifier.FORMAT}
    listed = {name: body for name, body in files.items() if name != MANIFEST}
    manifest["files"] = {
        name: {"size": len(body), "sha256": hashlib.sha256(body).hexdigest()} for name, body in listed.items()
    }
    return archive({**listed, MANIFEST: canonical(manifest)})


def with_everything(files: dict[str, bytes]) -> bytes:
    """The archive with index page and manifest that the product itself would make of the files."""
    try:
        pack = Pack(files)
        files = {**files, INDEX: verifier.page(pack)}
        return archive({**files, MANIFEST: verifier.manifest(Pack(files))})
    except (verifier.DoesNotHold, LookupError, ValueError, TypeError, AttributeError):
        return with_manifest(files)


RECOMPUTED = {"nothing": archive, "the manifest": with_manifest, "page and manifest": with_everything}


def turned(body: bytes, place: int = -1) -> bytes:
    place = len(body) // 2 if place < 0 else place
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


CHANGES = {
    "a byte turned": lambda files, name: {**files, name: turned(files[name])},
    "its first byte turned": lambda files, name: {**files, name: turned(files[name], 0)},
    "emptied": lambda files, name: {**files, name: b""},
    "a byte longer": lambda files, name: {**files, name: files[name] + b"\n"},
    "dropped": lambda files, name: {other: body for other, body in files.items() if other != name},
    "put in twice": lambda files, name: {**files, f"copy-{name}": files[name]},
    "exchanged with the next": lambda files, name: {
        **files,
        name: files[(other := next_of(files, name))],
        other: files[name],
    },
}


def next_of(files: dict[str, bytes], name: str) -> str:
    names = sorted(files)
    return names[(names.index(name) + 1) % len(names)]


@pytest.mark.parametrize("recomputed", RECOMPUTED)
@pytest.mark.parametrize("change", CHANGES)
def test_no_file_can_be_changed_unnoticed(champion, change, recomputed):
    files, unnoticed = champion.files, []
    for name in sorted(files):
        raw = RECOMPUTED[recomputed](CHANGES[change](files, name))
        if raw != champion.raw and champion.verify(raw).holds is not False:
            unnoticed.append(name)
    assert unnoticed == []


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_byte_of_the_archive_can_be_another(champion, data):
    raw = bytearray(champion.raw)
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] ^= data.draw(st.integers(1, 255))
    assert champion.verify(bytes(raw)).holds is False


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_no_byte_of_any_file_can_be_another_with_all_else_recomputed(rejected, data):
    files = rejected.files
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    changed = bytearray(files[name])
    changed[place] ^= data.draw(st.integers(1, 255))
    raw = with_everything({**files, name: bytes(changed)})
    assert raw == rejected.raw or rejected.verify(raw).holds is False


def test_what_does_not_hold_first_is_named(champion):
    files = champion.files
    for name in set(files) - {MANIFEST}:
        found = champion.verify(archive({**files, name: turned(files[name])}))
        assert name in found.problem or found.problem.startswith(("It is not formed", "An entry")), name
    card = champion.verify(with_everything({**files, "card.html": b"<p>All is well."}))
    assert card.problem.startswith("card.html is not what was packed: entry ")
    index = champion.verify(with_manifest({**files, INDEX: b"<p>All is well."}))
    assert index.problem == "index.html states something else than entries and files show."
    lines = champion.verify(archive({**files, MANIFEST: turned(files[MANIFEST])})).lines()
    assert lines[-1].startswith("DOES NOT HOLD  ")


def test_a_pack_that_was_zipped_anew_is_told_apart_from_one_as_it_was_made(champion):
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", compression=method) as there:
            for name, body in champion.files.items():
                there.writestr(name, body)
        assert "packed anew" in champion.verify(out.getvalue()).problem


# Leaving out


def without(packed, leave_out) -> bytes:
    """The pack without some entries and their proofs, all else recomputed."""
    files = packed.files
    lines = files[ENTRIES].split(b"\n")[:-1]
    gone = [line for line in lines if leave_out(verifier.Entry.read(line))]
    assert gone
    proofs = json.loads(files[PROOFS])
    for line in gone:
        del proofs["inclusion"][str(verifier.Entry.read(line).seq)]
    kept = b"".join(line + b"\n" for line in lines if line not in gone)
    return with_everything({**files, ENTRIES: kept, PROOFS: canonical(proofs)})


def test_the_rejection_at_the_end_of_a_stream_cannot_be_left_out(rejected):
    found = rejected.verify(
        without(rejected, lambda e: e.stream == "approval/recidivism/2" and e.kind == "approval.rejected")
    )
    assert found.problem == "approval/recidivism/2 has 2 entries, and number 0 is not in its place."


def test_the_revocation_and_all_after_it_cannot_be_left_out(champion):
    approvals = Pack(champion.files).stream("approval/recidivism/1")
    revoked = next(e for e in approvals if e.kind == "approval.revoked")
    found = champion.verify(without(champion, lambda e: e in approvals and e.seq >= revoked.seq))
    assert found.problem == "approval/recidivism/1 has 5 entries, and number 3 is not in its place."


@pytest.mark.parametrize(
    "kind", ["finding", "incident", "key", "policy", "release", "evidence", "gate", "model"]
)
def test_no_stream_can_be_left_out_whole(champion, kind):
    found = champion.verify(without(champion, lambda e: e.stream.startswith(f"{kind}/")))
    assert found.holds is False
    assert kind in found.problem or "was registered 0 times" in found.problem


def test_the_entry_that_says_what_is_in_the_pack_cannot_be_left_out(champion):
    found = champion.verify(without(champion, lambda e: e.kind == verifier.MADE))
    assert "does not end with the entry that says what is in the pack" in found.problem


# Putting together


def test_an_older_pack_cannot_pass_under_a_newer_checkpoint(desk):
    desk.audit()
    desk.gate()
    word = desk.say("grace")
    older = desk.pack()
    signer = FileSigner(desk.root / "keys", "grace")
    desk.approvals.revoke(desk.version, word.id, by="grace", note="No.", signer=signer)
    newer = desk.pack()
    assert older.verify().holds
    last = Pack(older.files).made.seq
    proofs = json.loads(newer.files[PROOFS])
    mixed = {
        **older.files,
        CHECKPOINT: newer.files[CHECKPOINT],
        PROOFS: canonical(
            {
                "inclusion": {n: path for n, path in proofs["inclusion"].items() if int(n) <= last},
                "consistency": {
                    name: proofs["consistency"][name]
                    for name in older.files
                    if name.startswith(verifier.EARLIER)
                },
            }
        ),
    }
    found = newer.verify(with_everything(mixed))
    assert "is not over the entry that says what is in the pack, as its last" in found.problem


def test_files_of_two_packs_cannot_be_mixed(champion, rejected):
    for name in set(champion.files) & set(rejected.files):
        raw = with_everything({**champion.files, name: rejected.files[name]})
        assert raw == champion.raw or champion.verify(raw).holds is False, name


# The checkpoint


def signed_again(note: bytes, seed: bytes, name: str = "ada") -> bytes:
    signer = SeedSigner(name, seed)
    text = note.rpartition(b"\n\n")[0] + b"\n"
    line = base64.b64encode(VerifierKey.of(signer).hash + signer.sign(text)).decode()
    return text + f"\n— {name} {line}\n".encode()


def test_a_checkpoint_signed_by_somebody_who_calls_himself_the_same_does_not_do(champion):
    note = signed_again(champion.files[CHECKPOINT], bytes(32))
    found = champion.verify(with_everything({**champion.files, CHECKPOINT: note}))
    assert "that is not the key that was given" in found.problem


def test_a_second_signature_line_cannot_be_added(champion):
    note = champion.files[CHECKPOINT]
    more = signed_again(note, bytes(32), "mallory").rpartition(b"\n\n")[2]
    found = champion.verify(with_everything({**champion.files, CHECKPOINT: note + more}))
    assert "more than origin, size, root and one signature" in found.problem


def test_a_second_spelling_of_the_signature_is_refused(champion):
    note = champion.files[CHECKPOINT]
    assert note.endswith(b"=\n")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = alphabet.index(note[-3])
    spelled = note[:-3] + bytes([alphabet[last ^ 1]]) + note[-2:]
    assert base64.b64decode(spelled.split()[-1]) == base64.b64decode(note.split()[-1])
    found = champion.verify(with_everything({**champion.files, CHECKPOINT: spelled}))
    assert "is not base64 in its one spelling" in found.problem


def test_an_earlier_checkpoint_cannot_be_another(champion):
    name = min(name for name in champion.files if name.startswith(verifier.EARLIER))
    raw = with_everything({**champion.files, name: signed_again(champion.files[name], bytes(32))})
    assert f"{name} is not what was packed" in champion.verify(raw).problem


def test_whoever_makes_the_whole_log_anew_has_another_key(new_desk):
    """A forger with a product of his own can make a pack that agrees with itself; the key is what he lacks."""
    honest, forger = new_desk(), new_desk()
    for desk in (honest, forger):
        desk.audit(0.6 if desk is honest else 0.9)
        desk.gate()
    real, forged = honest.pack(), forger.pack()
    assert forged.verify().holds
    assert "that is not the key that was given" in real.verify(forged.raw).problem


def test_every_file_but_the_five_that_follow_is_named_in_the_last_entry(champion):
    assert set(Pack(champion.files).made.payload["files"]) == set(champion.files) - AFTERWARDS


# Noise


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_noise_is_no_pack_and_nothing_is_raised(noise):
    key = verifier.Key("ada", b"1234", bytes(32))
    assert verifier.verify(noise, [key]).holds is False
    assert verifier.verify(archive({"index.html": noise}), [key]).exit_code == 1


@given(st.dictionaries(st.sampled_from(sorted(AFTERWARDS)), st.binary(max_size=60), min_size=1))
@settings(deadline=None)
def test_files_that_hold_noise_are_no_pack_and_nothing_is_raised(files):
    assert verifier.verify(archive(files)).holds is False
