"""Whatever is changed behind the journal's back, verify says so and names the first bad entry: on every database."""

from __future__ import annotations

import random
import sqlite3

import pytest

from workbench.journal import Event
from workbench.journal.leaves import Row
from workbench.journal.sqlite import SUBTREES

TEXTS = [name for name in Row._fields if name not in {"seq", "position"}]


def flipped(text: str, at: int) -> str:
    """One bit of one character; of a letter with an accent, another such letter."""
    return text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.mark.parametrize("column", TEXTS)
def test_a_flipped_bit_in_any_column_is_named_with_its_entry(eight, column: str):
    with eight.open() as journal:
        row = Row(*journal._connection.execute("SELECT * FROM entries WHERE seq = 5").fetchone())
    text = getattr(row, column)
    places = range(len(text)) if len(text) < 12 else random.Random(column).sample(range(len(text)), 12)
    for at in places:
        eight.by_hand(f"UPDATE entries SET {column} = {quoted(flipped(text, at))} WHERE seq = 5")
        found = eight.verify()
        assert (found.ok, found.first_bad) == (False, 5), (column, at, found.problems)
    eight.by_hand(f"UPDATE entries SET {column} = {quoted(text)} WHERE seq = 5")
    assert eight.verify().ok


@pytest.mark.parametrize("seq", range(8))
def test_a_dropped_entry_is_named(eight, seq: int):
    eight.by_hand(f"DELETE FROM entries WHERE seq = {seq}")
    found = eight.verify()
    assert (found.ok, found.first_bad) == (False, seq), found.problems


@pytest.mark.parametrize("first", range(7))
def test_two_exchanged_entries_are_named(eight, first: int):
    eight.by_hand(
        f"UPDATE entries SET seq = 100 WHERE seq = {first}",
        f"UPDATE entries SET seq = {first} WHERE seq = {first + 1}",
        f"UPDATE entries SET seq = {first + 1} WHERE seq = 100",
    )
    found = eight.verify()
    assert (found.ok, found.first_bad) == (False, first), found.problems


@pytest.mark.parametrize("left", range(8))
def test_a_cut_tail_is_named(eight, left: int):
    eight.by_hand(f"DELETE FROM entries WHERE seq >= {left}")
    found = eight.verify()
    assert (found.ok, found.first_bad) == (False, left), found.problems


def test_an_entry_put_in_is_named(eight):
    eight.by_hand(
        "UPDATE entries SET seq = 8 WHERE seq = 7",
        "INSERT INTO entries SELECT 7, 'stream/9', 0, time, actor, kind, subjects, payload, previous, hash, root"
        " FROM entries WHERE seq = 6",
    )
    found = eight.verify()
    assert (found.ok, found.first_bad) == (False, 7), found.problems


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("UPDATE subtrees SET hashes = replace(hashes, 'a', 'b') WHERE seq = 3", "entry 3 completes"),
        ("DELETE FROM subtrees WHERE seq = 5", "entry 5 completes"),
        ("INSERT INTO subtrees VALUES (4, 'x')", "entry 4 completes"),
        ("INSERT INTO subtrees VALUES (44, 'x')", "Hashes are kept for 5 subtrees, and the entries have 4"),
        ("UPDATE head SET root = replace(root, 'a', 'b')", "stored Merkle root is not"),
        ("UPDATE head SET frontier = 'x'", "stored frontier is not"),
        ("DELETE FROM head", "has 0 heads"),
    ],
)
def test_what_is_stored_beside_the_entries_is_recomputed_too(eight, statement: str, sentence: str):
    eight.by_hand(statement)
    found = eight.verify()
    assert not found.ok
    assert any(sentence in problem.sentence for problem in found.problems), found.problems


@pytest.mark.parametrize("statement", ["DROP TRIGGER {0}", "CREATE TABLE extra (a INTEGER)"])
def test_a_changed_schema_is_a_problem(eight, statement: str):
    drop = "entries_insert ON entries" if not hasattr(eight.place, "suffix") else "entries_insert"
    eight.execute(statement.format(drop))
    assert "The schema" in eight.verify().problems[0].sentence


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE entries DISABLE TRIGGER entries_change",
        "ALTER TABLE entries ENABLE REPLICA TRIGGER entries_change",
        "CREATE OR REPLACE FUNCTION journal_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
        "ALTER TABLE subtrees RENAME TO sometrees",
    ],
)
def test_a_guard_disarmed_on_the_server_is_a_problem(server_store, statement: str):
    with server_store.open() as journal:
        journal.append("a", Event(kind="k"))
    server_store.execute(statement)
    found = server_store.verify()
    assert not found.ok
    assert "The schema's" in found.problems[0].sentence


def test_a_restored_backup_is_found_by_the_witness_even_after_it_grew(eight):
    eight.back_up()
    with eight.open() as journal:
        journal.append("approval/recidivism/1", Event(kind="approval.given"))
    eight.restore()
    assert eight.verify().first_bad == 8
    with eight.open() as journal:
        for _ in range(4):
            journal.append("a", Event(kind="k"))
    found = eight.verify()
    assert [problem.sentence for problem in found.problems] == [
        "The first 9 entries are not those the witness has seen."
    ]


def test_a_file_from_before_proofs_is_verified_as_it_is_and_brought_up_to_date_when_opened(closed, clock):
    from workbench.journal import Journal, verify

    with sqlite3.connect(closed, isolation_level=None) as db:
        for name in reversed(SUBTREES):
            db.execute(f"DROP {'TABLE' if name == 'subtrees' else 'TRIGGER'} {name}")
    db.close()
    assert verify(closed).ok
    with Journal.open(closed, actor="ada", clock=clock) as journal:
        assert journal.inclusion(3).holds()
        assert journal.verify().ok
        journal.append("a", Event(kind="k"))
        assert journal.consistency(5).holds()
    assert verify(closed).ok
