"""Makes a pack: whole streams, an entry that names every file, a checkpoint over that entry, and proofs."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.core.digests import of_bytes
from workbench.core.errors import Conflict, InvalidInput, Tampered, Unavailable
from workbench.governance.pack import verifier
from workbench.governance.pack.contents import Sources, files_of
from workbench.governance.pack.earlier import earlier, grown_from
from workbench.governance.pack.records import PackRecord
from workbench.governance.pack.streams import streams_of
from workbench.journal import Checkpoint, Event, Journal, VerifierKey
from workbench.models.records import ModelVersion

#: How often it is tried again because somebody else wrote meanwhile.
_ATTEMPTS = 8


def make_pack(version: ModelVersion, to: Path, *, journal: Journal, sources: Sources) -> PackRecord:
    """Write the pack of a version.

    That it was made is an entry of the journal itself (``pack.made``), with the digest of every file and the
    length of every stream: the checkpoint is signed right over it, and so holds the whole pack.

    Args:
        version: the version.
        to: the file to write; one that is there is replaced, whole or not at all.
        journal: the project's; its signer signs.
        sources: where the rest is that goes into it.

    Raises:
        InvalidInput: the journal has nobody to sign.
        NotFound: a report or an attestation is gone.
        Tampered: something kept is not as it was written, or the pack does not hold: the message says what.
        Conflict: others write to the journal all the time.
        Unavailable: the file cannot be written, or there is no key.
    """
    if journal.signer is None:
        raise InvalidInput("signer: nobody is there to sign the pack's checkpoint.", field="signer")
    files = _attested(version, journal, sources)
    key = str(VerifierKey.of(journal.signer))
    try:
        pack = verifier.Pack(files)
        files[verifier.INDEX] = verifier.page(pack)
        files[verifier.MANIFEST] = verifier.manifest(pack)
    except verifier.DoesNotHold as flaw:
        raise _would_not_hold(version, str(flaw)) from flaw
    raw = verifier.archive(files)
    found = verifier.verify(raw, [verifier.Key.parse(key)])
    if not found.holds:
        raise _would_not_hold(version, found.problem)
    _write(raw, to)
    return PackRecord(
        model=version.ref,
        path=str(to),
        digest=of_bytes(raw),
        size=len(raw),
        files=len(files),
        claims=len(found.claims),
        journal_size=pack.checkpoint.size,
        key=key,
        script=of_bytes(files[verifier.SCRIPT]),
    )


def _would_not_hold(version: ModelVersion, problem: str) -> Tampered:
    return Tampered(
        f"No pack of {version.ref} was written, for it would not hold. {problem}",
        remedy="Run: workbench verify. If that finds nothing, the entry was written beside the rules.",
        field="journal",
    )


def _attested(version: ModelVersion, journal: Journal, sources: Sources) -> dict[str, bytes]:
    """Return the files with the entry that names them, as the last one under a checkpoint."""
    stream = f"pack/{version.ref}"
    for _ in range(_ATTEMPTS):
        lines = {name: journal.leaves(name) for name in streams_of(journal, version)}
        before = earlier(journal)
        files = files_of(version, _read(lines), sources)
        files |= {name: one.note.encode() for name, one in before.items()}
        counts = {name: len(there) for name, there in lines.items()}
        try:
            [made] = journal.append_many(
                [(stream, _made(version, files, counts), counts.pop(stream))], unmoved=counts.items()
            )
        except Conflict:  # what was read has moved: read again
            continue
        checkpoint = journal.checkpoint()
        if checkpoint.size == made.seq + 1:
            lines[stream] = journal.leaves(stream)
            return files | _journal(journal, lines, checkpoint, before)
    raise Conflict(
        f"Others write to the journal all the time: {version.ref} could not be packed.",
        remedy="Try again when it is quieter.",
        field="journal",
    )


def _made(version: ModelVersion, files: dict[str, bytes], counts: dict[str, int]) -> Event:
    own = f"pack/{version.ref}"
    return Event(
        kind=verifier.MADE,
        subjects=(version.digest,),
        payload={
            "format": verifier.FORMAT,
            "model": version.ref,
            "digest": version.digest,
            "streams": {name: count for name, count in counts.items() if name != own},
            "files": {name: of_bytes(body) for name, body in files.items()},
        },
    )


def _journal(
    journal: Journal,
    lines: dict[str, list[bytes]],
    checkpoint: Checkpoint,
    before: dict[str, Checkpoint],
) -> dict[str, bytes]:
    """Return entries, proofs and checkpoint."""
    by_seq = {verifier.Entry.read(line).seq: line for there in lines.values() for line in there}
    proofs = {
        "inclusion": {str(seq): journal.inclusion(seq, checkpoint.size).path for seq in by_seq},
        "consistency": grown_from(journal, before, checkpoint.size),
    }
    return {
        verifier.ENTRIES: b"".join(by_seq[seq] + b"\n" for seq in sorted(by_seq)),
        verifier.PROOFS: verifier.canonical(proofs),
        verifier.CHECKPOINT: checkpoint.note.encode(),
    }


def _read(lines: dict[str, list[bytes]]) -> list[verifier.Entry]:
    return [verifier.Entry.read(line) for there in lines.values() for line in there]


def _write(raw: bytes, to: Path) -> None:
    draft = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        draft.write_bytes(raw)
        draft.replace(to)  # whole or not at all
    except OSError as error:
        raise Unavailable(
            f"The pack cannot be written to {to} ({error.strerror or error}).",
            remedy="Give a file in a folder you may write to.",
            field="to",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
