from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from workbench.core.errors import NotFound, WorkbenchError
from workbench.journal import Event, Journal, verify, witness
from workbench.journal.signers import FileSigner, VerifierKey


def sentences(path: Path) -> str:
    verification = verify(path)
    assert not verification.ok
    return "\n".join(problem.sentence for problem in verification.problems)


def test_an_untouched_journal_verifies(closed: Path):
    verification = verify(closed)
    assert verification.ok
    assert verification.size == 8
    assert len(verification.root) == 64


def test_an_empty_journal_verifies(journal: Journal):
    assert journal.verify().ok
    assert journal.verify().size == 0
    assert journal.verify().root == journal.root()


def test_a_place_without_a_checkpoint_proves_nothing(journal: Journal, tmp_path: Path):
    held = tmp_path / "held"
    held.mkdir()
    key = VerifierKey.of(FileSigner(tmp_path / "k", "grace"))
    for keys in ((), (key,)):
        verification = journal.verify(checkpoints=[held], keys=keys)
        assert not verification.ok
        assert "There is no checkpoint in" in verification.problems[0].sentence


@pytest.mark.parametrize("line", ["-00000000005 " + "0" * 64, "five " + "0" * 64, "5"])
def test_a_witness_that_is_no_size_and_root_is_a_problem(closed: Path, line: str):
    witness.path_of(closed).write_text(line + "\n")
    assert "The witness beside the journal cannot be read" in sentences(closed)


@pytest.mark.parametrize(
    "change",
    [
        "stream = 'release/recidivism-9'",
        "time = '2026-11-20T09:00:00.003001Z'",
        "actor = 'adb'",
        "kind = 'release.lookec'",
        "subjects = '[\"sha256:ac\"]'",
        "payload = '{\"n\":3}'",
        "payload = '{\"n\": 2}'",
        "payload = x'FF'",
        "actor = 7",
        "previous = replace(previous, 'a', 'b')",
        "hash = replace(hash, 'a', 'b')",
        "root = replace(root, 'a', 'b')",
        "position = 90",
    ],
)
def test_a_change_in_any_column_is_found_and_named(closed: Path, by_hand, change: str):
    by_hand(closed, f"UPDATE entries SET {change} WHERE seq = 2")
    verification = verify(closed)
    assert not verification.ok
    assert 2 in {problem.seq for problem in verification.problems}


def test_a_changed_payload_is_one_clear_sentence(closed: Path, by_hand):
    by_hand(closed, "UPDATE entries SET payload = '{\"n\":3}' WHERE seq = 2")
    assert "Entry 2 was changed after it was written: its bytes do not give its hash." in sentences(closed)


def test_a_deleted_entry_is_found(closed: Path, by_hand):
    by_hand(closed, "DELETE FROM entries WHERE seq = 4")
    assert "Entry 5 follows entry 3: what lay between is gone." in sentences(closed)


def test_exchanged_entries_are_found(closed: Path, by_hand):
    by_hand(
        closed,
        "UPDATE entries SET seq = 100 WHERE seq = 4",
        "UPDATE entries SET seq = 4 WHERE seq = 5",
        "UPDATE entries SET seq = 5 WHERE seq = 100",
    )
    assert "Entry 4 does not link to the entry before it." in sentences(closed)


def test_a_cut_tail_is_found(closed: Path, by_hand):
    by_hand(closed, "DELETE FROM entries WHERE seq >= 6")
    assert "The head says 8 entries, and 6 are there: the tail was cut." in sentences(closed)


def test_a_tail_cut_with_a_forged_head_is_found_by_the_witness(closed: Path, by_hand):
    by_hand(
        closed,
        "DELETE FROM entries WHERE seq >= 4",
        "DELETE FROM subtrees WHERE seq >= 4",
        "UPDATE head SET size = 4, root = (SELECT root FROM entries WHERE seq = 3), "
        "frontier = (SELECT root FROM entries WHERE seq = 3)",  # four leaves are one perfect tree
    )
    assert sentences(closed) == (
        "The witness has seen 8 entries, and 4 are there: the tail was lost, or an older copy was put in place."
    )


def test_a_backup_put_in_place_is_found_even_after_it_grew_longer(closed: Path, tmp_path: Path, clock):
    backup = shutil.copy(closed, tmp_path / "backup.db")
    with Journal.open(closed, actor="ada", clock=clock) as journal:
        journal.append("approval/recidivism/1", Event(kind="approval.given"))
    shutil.copy(backup, closed)
    assert "The witness has seen 9 entries, and 8 are there" in sentences(closed)
    with Journal.open(closed, actor="ada", clock=clock) as journal:
        for _ in range(4):
            journal.append("a", Event(kind="k"))
    assert "The first 9 entries are not those the witness has seen." in sentences(closed)


def test_entries_lost_with_a_damaged_write_ahead_log_are_found(journal: Journal, path: Path, tmp_path: Path):
    for n in range(5):
        journal.append("a", Event(kind="k", payload={"n": n}))
    crashed = tmp_path / "crashed"  # as a killed process leaves it: the log is not yet in the file
    crashed.mkdir()
    for suffix in (".db", ".db-wal", ".witness"):
        shutil.copy(path.with_suffix(suffix), crashed / f"journal{suffix}")
    log = crashed / "journal.db-wal"
    damaged = bytearray(log.read_bytes())
    damaged[len(damaged) * 3 // 4] ^= 1
    log.write_bytes(damaged)
    assert "The witness has seen 5 entries" in sentences(crashed / "journal.db")


def test_a_journal_alone_without_its_witness_still_verifies(closed: Path):
    witness.path_of(closed).unlink()
    assert verify(closed).ok


def test_an_unreadable_witness_is_a_problem(closed: Path):
    witness.path_of(closed).write_text("hello")
    assert "The witness beside the journal cannot be read" in sentences(closed)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DROP TRIGGER entries_delete", "The schema's 'entries_delete' is missing or was changed."),
        ("CREATE TABLE extra (a)", "The schema has 'extra', which is not the journal's."),
        ("PRAGMA application_id=1", "The file's header does not say that it is a journal."),
    ],
)
def test_a_changed_schema_is_a_problem(closed: Path, statement: str, sentence: str):
    db = sqlite3.connect(closed, isolation_level=None)
    db.execute(statement)
    db.close()
    assert sentence in sentences(closed)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (
            "UPDATE head SET root = replace(root, 'a', 'b')",
            "The stored Merkle root is not that of the entries.",
        ),
        ("UPDATE head SET frontier = 'x'", "The stored frontier is not that of the entries."),
        ("DELETE FROM head", "The journal has 0 heads, not one."),
    ],
)
def test_a_changed_head_is_a_problem(closed: Path, by_hand, statement: str, sentence: str):
    by_hand(closed, statement)
    assert sentence in sentences(closed)


def test_the_whole_chain_written_anew_is_found_by_the_witness(
    closed: Path, path: Path, clock, tmp_path: Path
):
    forged = tmp_path / "forged.db"
    with Journal.open(closed, actor="ada", clock=clock) as journal:
        genuine = journal.entries()
    with Journal.open(forged, actor="eve", clock=clock) as journal:
        for entry in genuine:
            journal.append(entry.stream, Event(kind=entry.kind, payload=entry.payload))
    shutil.copy(forged, closed)
    assert sentences(closed) == "The first 8 entries are not those the witness has seen."


def test_one_flipped_bit_anywhere_in_the_file_is_found_or_touches_no_entry(
    closed: Path, tmp_path: Path, clock
):
    """And never is it a traceback: what SQLite cannot read is a problem, too."""
    original = closed.read_bytes()
    with Journal.open(closed, actor="ada", clock=clock) as journal:
        genuine = journal.entries()
    draw = random.Random(6962)
    used = [at for at, byte in enumerate(original) if byte]
    places = [*range(100), *draw.sample(used, 250), *draw.sample(range(len(original)), 50)]
    found = 0
    for n, at in enumerate(places):
        damaged = bytearray(original)
        damaged[at] ^= 1 << draw.randrange(8)
        copy = tmp_path / f"{n}.db"
        copy.write_bytes(damaged)
        if not verify(copy).ok:
            found += 1
            continue
        with Journal.open(copy, actor="ada", clock=clock) as journal:
            assert journal.entries() == genuine, f"bit flip at {at} changed an entry unnoticed"
    assert found > 200


def test_opening_a_damaged_file_says_what_to_do(closed: Path, clock):
    damaged = bytearray(closed.read_bytes())
    damaged[:16] = b"not the SQLite h"
    closed.write_bytes(damaged)
    with pytest.raises(WorkbenchError, match="first bytes are damaged"):
        Journal.open(closed, actor="ada", clock=clock)
    assert "SQLite cannot read the file" in sentences(closed)


def test_a_truncated_file_is_a_problem(closed: Path):
    closed.write_bytes(closed.read_bytes()[:-4096])
    assert sentences(closed)


def test_verifying_what_is_not_there_says_so(tmp_path: Path):
    with pytest.raises(NotFound, match="There is no journal at"):
        verify(tmp_path / "journal.db")
    assert not (tmp_path / "journal.db").exists()


def test_verifying_while_another_writes_finds_no_problem(journal: Journal, path: Path, clock):
    import threading

    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            journal.append("a", Event(kind="k"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(20):
            verification = verify(path)
            assert verification.ok, verification.problems
    finally:
        stop.set()
        writer.join()
