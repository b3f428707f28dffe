"""What holds on every database: SQLite, and a real PostgreSQL that the tests start."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workbench.core.errors import Conflict, InvalidInput, NotFound, Tampered, Unavailable
from workbench.journal import Event, verify
from workbench.journal.chain import Chain

ROOT = Path(__file__).parents[2]
REST = "time, actor, kind, subjects, payload, previous, hash, root"


def looked(n: int = 0) -> Event:
    return Event(kind="release.looked", payload={"n": n})


def test_an_appended_event_is_read_back_by_whoever_opens_the_journal(store):
    event = Event(
        kind="gate.judged", subjects=("sha256:ab",), payload={"ü\x00?%s": [1, 0.5, None, True, "x\n"]}
    )
    with store.open() as journal, store.open("grace") as other:
        entry = journal.append("gate/recidivism/1", event, expected=0)
        second = other.append("gate/recidivism/1", event, expected=1)
        assert other.read("gate/recidivism/1") == [entry, second] == journal.entries()
        assert (second.seq, second.position, second.actor, second.previous) == (1, 1, "grace", entry.hash)
        assert (entry.kind, entry.payload, entry.subjects) == (event.kind, event.payload, event.subjects)
        assert journal.size() == 2
        assert journal.root() == other.root() == store.verify().root


def test_of_two_writers_who_read_the_same_length_one_gets_a_conflict(store):
    with store.open() as journal, store.open("grace") as other:
        journal.append("release/r-1", looked(), expected=0)
        with pytest.raises(Conflict, match="release/r-1 has 1 entries, not 0: somebody else wrote first"):
            other.append("release/r-1", looked(), expected=0)
        assert other.append("release/r-1", looked(), expected=1).position == 1


def test_several_writes_are_one_transaction_all_of_them_or_none(store):
    with store.open() as journal:
        journal.append_many([("a", looked(1), 0), ("b", looked(2), 0), ("a", looked(3), 1)])
        with pytest.raises(Conflict):
            journal.append_many([("a", looked(4), 2), ("b", looked(5), 0)])
        assert (journal.length("a"), journal.length("b")) == (2, 1)
        assert journal.append_many([]) == []
    assert store.verify().ok


def test_what_a_decision_rests_on_has_not_moved_when_it_is_written(store):
    with store.open() as journal, store.open("grace") as other:
        other.append("approval/r/1", looked())
        resting = [("approval/r/1", 1), ("finding/r", 0)]
        assert journal.append_many([("release/r-1", looked(), 0)], unmoved=resting)
        other.append("approval/r/1", looked())
        with pytest.raises(Conflict, match="approval/r/1 has 2 entries, not 1: somebody else wrote first"):
            journal.append_many([("release/r-1", looked(), 1)], unmoved=resting)
        assert journal.length("release/r-1") == 1
        # a stream may be both: it is looked at before anything is written
        journal.append_many([("approval/r/1", looked(), 2)], unmoved=[("approval/r/1", 2)])
    assert store.verify().ok


def test_streams_are_listed_by_prefix_in_the_same_order_everywhere(store):
    with store.open() as journal:
        for name in (
            "release/b",
            "model/m_x",
            "Release/ä",
            "release/a",
            "model/mnx",
            "release/Z",
            "release/a",
        ):
            journal.append(name, looked())
        assert journal.streams("release/") == ["release/Z", "release/a", "release/b"]
        assert journal.streams("model/m_") == ["model/m_x"]
        assert journal.streams() == sorted(journal.streams())
        assert [e.seq for e in journal.entries(after=4)] == [5, 6]
        assert journal.read("nobody") == []


def test_following_yields_what_another_writer_adds(store):
    with store.open() as journal, store.open("grace") as other:
        journal.append("a", looked(0))
        stop, seen = threading.Event(), []
        feed = journal.follow(poll=0.01, stop=stop)
        listener = threading.Thread(target=lambda: seen.extend(entry.seq for entry in feed))
        listener.start()
        for n in range(3):
            other.append("b", looked(n))
        deadline = time.monotonic() + 5
        while len(seen) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        stop.set()
        listener.join()
        assert seen == [0, 1, 2, 3]


def test_threads_share_one_journal(store):
    with store.open() as journal:

        def work(name: str) -> None:
            for n in range(10):
                journal.append(name, looked(n), expected=n)
                journal.read(name)

        threads = [threading.Thread(target=work, args=(f"thread/{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [journal.length(f"thread/{i}") for i in range(4)] == [10] * 4
    assert store.verify().ok


def test_a_writer_who_waits_too_long_is_told_so_and_nothing_is_written(store):
    with store.open() as journal, store.open("grace", patience=0.05) as other:
        told = pytest.raises(Unavailable, match=r"locked by .* for more than 0.05 s\. Try again")
        with journal._connection.transaction() as head, told:
            head.fetchone()
            other.append("a", looked())
        other.append("a", looked(), expected=0)


def test_what_no_database_holds_is_refused_and_no_place_is_too_far(store):
    with store.open() as journal:
        journal.append("finding/a", Event(kind="x"))
        for ask in (journal.read, journal.leaves, journal.length, journal.streams):
            for name in ("finding/\ud800", "finding/\0"):
                with pytest.raises(InvalidInput, match="is not a name"):
                    ask(name)
        for far in (2**63, 2**70):
            assert (journal.entry(far), journal.entries(far), journal.read("finding/a", far)) == (
                None,
                [],
                [],
            )
            assert (journal.entry(-far), len(journal.entries(-far))) == (None, 1)
        with pytest.raises(InvalidInput, match=r"subjects\[1\] has half of a surrogate pair"):
            journal.append("finding/a", Event(kind="x", subjects=("sha256:0", "\ud800")))


def test_a_closed_journal_says_so(store):
    journal = store.open()
    journal.close()
    journal.close()
    with pytest.raises(Unavailable, match="closed"):
        journal.entries()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET actor = 'eve'",
        "DELETE FROM entries WHERE seq = 7",
        f"INSERT INTO entries SELECT 8, 'stream/1', 0, {REST} FROM entries WHERE seq = 3",
        f"INSERT INTO entries SELECT 9, 'new', 0, {REST} FROM entries WHERE seq = 3",
        "UPDATE head SET size = 3",
        "DELETE FROM head",
        "INSERT INTO head VALUES (0, 0, '', '')",
        "UPDATE subtrees SET hashes = ''",
        "DELETE FROM subtrees",
        "INSERT INTO subtrees VALUES (2, '')",
    ],
)
def test_the_database_itself_refuses_whatever_is_not_an_append(eight, statement: str):
    with pytest.raises(Exception, match="the journal") as caught:
        eight.execute(statement)
    assert caught.type.__name__ in {"IntegrityError", "IntegrityConstraintViolation"}
    assert eight.verify().ok


RACER = """
import sys
from workbench.core.clock import SystemClock
from workbench.core.errors import Conflict
from workbench.journal import Event, Journal

name, place = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()  # everybody starts at once, and the first thing they do is make the journal
journal = Journal.open(place, actor=name, clock=SystemClock(), patience=30)
while (n := journal.length("release/r-1")) < 40:
    try:
        journal.append("release/r-1", Event(kind="won", payload={"by": name}), expected=n)
        print(n, flush=True)
    except Conflict:
        pass
journal.close()
"""


def test_of_processes_that_race_for_each_place_exactly_one_wins(store):
    racers = {
        name: subprocess.Popen(
            [sys.executable, "-c", RACER, name, str(store.place)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("ada", "grace", "joan")
    }
    for racer in racers.values():
        assert racer.stdout.readline() == "ready\n"
    for racer in racers.values():
        racer.stdin.write("\n")
        racer.stdin.flush()
    won = {name: [int(n) for n in racer.communicate(timeout=60)[0].split()] for name, racer in racers.items()}
    with store.open("judge") as journal:
        entries = journal.read("release/r-1")
    assert store.verify().ok
    assert sorted(n for places in won.values() for n in places) == list(range(len(entries)))
    assert all(entries[n].actor == name for name, places in won.items() for n in places)


REVOKER_AND_PROMOTER = """
import sys
from workbench.core.clock import SystemClock
from workbench.core.errors import Conflict
from workbench.journal import Event, Journal

name, other, place = sys.argv[1:]
journal = Journal.open(place, actor=name, clock=SystemClock(), patience=30)
print("ready", flush=True)
for line in sys.stdin:  # each writes one stream, and only if the other's has not moved
    turn = line.strip()
    try:
        write = (f"{name}/{turn}", Event(kind="won"), 0)
        journal.append_many([write], unmoved=[(f"{other}/{turn}", 0)])
        print("won", flush=True)
    except Conflict:
        print("lost", flush=True)
"""


def test_of_two_who_each_rest_on_what_the_other_writes_one_wins_and_never_both(store):
    store.open().close()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", REVOKER_AND_PROMOTER, *names, str(store.place)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for names in (("revoke", "promote"), ("promote", "revoke"))
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for turn in range(50):
        for racer in racers:
            racer.stdin.write(f"{turn}\n")
            racer.stdin.flush()
        assert sorted(racer.stdout.readline() for racer in racers) == ["lost\n", "won\n"]
    for racer in racers:
        racer.communicate(timeout=60)
    assert store.verify().size == 50


def test_an_entry_changed_by_hand_is_never_handed_out(eight):
    eight.by_hand("UPDATE entries SET actor = 'eve' WHERE seq = 2")
    with eight.open() as journal, pytest.raises(Tampered, match=r"Entry 2 of the journal was changed"):
        journal.read("stream/2")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE head SET frontier = 'x'",
        "UPDATE head SET root = replace(root, 'a', 'b')",
        "DELETE FROM head",
        "DELETE FROM entries WHERE seq = 7",
    ],
)
def test_a_journal_whose_end_was_changed_takes_no_more_entries(eight, change: str):
    eight.by_hand(change)
    with eight.open() as journal, pytest.raises(Tampered, match="journal"):
        journal.append("a", looked())


def test_proofs_hold_at_every_size(eight):
    with eight.open() as journal:
        for size in range(1, 9):
            assert all(journal.inclusion(seq, size).holds() for seq in range(size))
            assert all(journal.consistency(first, size).holds() for first in range(1, size + 1))


def test_the_same_events_have_the_same_root_on_every_database(server_store, path, journal):
    with server_store.open(clock=TickingFrom(journal)) as other:
        for n in range(5):
            event = Event(kind="k", payload={"n": n, "text": '\u2028ü\x7f\\"\b'})
            here = journal.append("a", event)
            other._clock.at = here.time
            other.append("a", event)
        assert other.root() == journal.root()
        assert other.entries() == journal.entries()


class TickingFrom:
    """The time of an entry of another journal."""

    def __init__(self, journal) -> None:
        self.at = journal._clock.now()

    def now(self):
        return self.at


def test_the_three_spellings_of_the_schema_are_one(server_store, journal):
    import sqlalchemy
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from workbench.journal.postgres import Address, connect
    from workbench.journal.schema import metadata

    server_store.open().close()
    address = Address.parse(server_store.place)
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: connect(address, 5))
    with engine.connect() as connection:
        migrated = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(migrated, metadata) == []
    engine.dispose()
    file = sqlalchemy.create_engine(f"sqlite:///{journal.path}")
    inspector = sqlalchemy.inspect(file)
    assert set(inspector.get_table_names()) == set(metadata.tables)
    for name, table in metadata.tables.items():
        columns = inspector.get_columns(name)
        assert [c["name"] for c in columns] == [c.name for c in table.columns]
        assert {c["name"] for c in columns if c["primary_key"]} == {c.name for c in table.primary_key}
        assert all(c["primary_key"] or not c["nullable"] for c in columns)
    assert inspector.get_unique_constraints("entries")[0]["column_names"] == ["stream", "position"]
    file.dispose()


def test_the_newest_migration_is_the_one_the_program_asks_for():
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from workbench.journal.postgres import REVISION

    config = Config()
    config.set_main_option("script_location", "workbench.journal:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_a_server_is_addressed_with_a_schema_and_shown_without_its_password():
    from workbench.journal.postgres import Address

    address = Address.parse("postgresql://ada:secret@db:5432/work?schema=team&sslmode=require")
    assert address.schema == "team"
    assert address.conninfo == "postgresql://ada:secret@db:5432/work?sslmode=require"
    assert address.shown == "postgresql://ada@db:5432/work?sslmode=require"
    for url in ("mysql://db/work", "postgresql://db/work?schema=Team;drop"):
        with pytest.raises(InvalidInput, match="journal_url"):
            Address.parse(url)


def test_a_server_that_does_not_answer_is_said_with_what_to_do(tmp_path, clock):
    from workbench.journal import Journal

    url = f"postgresql://ada:secret@/work?host={tmp_path}"
    for ask in (lambda: Journal.open(url, actor="ada", clock=clock, patience=1), lambda: verify(url)):
        with pytest.raises(Unavailable, match="Check that the server runs") as caught:
            ask()
        assert "secret" not in str(caught.value)


def test_a_schema_without_a_journal_is_not_made_by_verifying_it(server):
    with pytest.raises(NotFound, match="There is no journal at postgresql://postgres@"):
        verify(server.url("nobody"))


def test_a_journal_of_a_newer_version_is_refused(server_store):
    server_store.open().close()
    server_store.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InvalidInput, match="newer version"):
        server_store.open()


def test_a_journal_on_a_server_has_no_file(server_store):
    with server_store.open() as journal, pytest.raises(InvalidInput, match="on a server"):
        _ = journal.path


def test_a_server_that_crashes_keeps_what_it_acknowledged_and_is_found_again(server, server_store):
    journal = server_store.open()
    entry = journal.append("a", looked())
    server.stop("immediate")
    server.start()
    with pytest.raises(Unavailable, match="look whether your last step was recorded"):
        journal.append("a", looked(1))
    journal.close()
    with server_store.open() as journal:
        assert journal.entries() == [entry]
        journal.append("a", looked(1), expected=1)
    assert server_store.verify().ok


def test_an_append_to_a_long_stream_reads_no_more_of_it_than_to_a_short_one(server_store):
    """PostgreSQL keeps the plan it made while the stream was short."""
    with server_store.open() as journal:

        def counted() -> int:
            query = (
                "SELECT coalesce(sum(seq_tup_read + idx_tup_fetch), 0) "
                "FROM pg_stat_xact_user_tables WHERE relid = 'entries'::regclass"
            )
            return int(journal._connection.execute(query).fetchone()[0])

        def read(stream: str) -> int:
            with journal._connection.transaction() as head:
                before = counted()
                chain = Chain(journal._connection, head, [stream], "ada", "2026-11-20T09:00:00.000000Z")
                chain.add(stream, looked(), "{}", None)
                chain.set_head()
                return counted() - before

        # a row that vacuum has marked is read without being counted
        journal._connection.execute("ALTER TABLE entries SET (autovacuum_enabled = off)")
        journal.append("short", looked())
        for n in range(20):
            journal.append("long", looked(n))
        journal.append_many([("long", looked(n), None) for n in range(500)])
        assert 0 < read("long") == read("short") < 10
    assert server_store.verify().size == 523


def test_a_role_that_does_not_own_the_tables_can_append_and_cannot_disarm_them(server_store):
    import psycopg

    server_store.open().close()
    schema = server_store.place.rpartition("=")[2]
    server_store.execute(
        f"CREATE ROLE {schema}_writer LOGIN",
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}_writer",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {schema}_writer",
        f"GRANT INSERT ON entries, subtrees TO {schema}_writer",
        f"GRANT UPDATE ON head TO {schema}_writer",
    )
    server_store.place = server_store.place.replace("postgres@", f"{schema}_writer@")
    with server_store.open("writer") as journal:
        for n in range(3):
            journal.append("a", looked(n), expected=n)
    for statement in (
        "ALTER TABLE entries DISABLE TRIGGER entries_change",
        "SET session_replication_role = replica",
        "DELETE FROM entries",
        "TRUNCATE entries",
        "DROP TABLE entries",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            server_store.execute(statement)
    assert server_store.verify().ok


def test_even_an_owner_who_plays_a_replica_is_held_to_the_triggers(server_store):
    import psycopg

    with server_store.open() as journal:
        journal.append("a", looked())
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="append-only"):
        server_store.execute("SET session_replication_role = replica", "UPDATE entries SET actor = 'eve'")
