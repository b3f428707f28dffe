from __future__ import annotations

import gc
import math
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from workbench.core.clock import SystemClock
from workbench.core.digests import canonical_json
from workbench.core.errors import Conflict, InvalidInput, Tampered, Unavailable
from workbench.journal import Event, Journal, verify
from workbench.journal.filesystems import refuse_network
from workbench.journal.leaves import Row, timestamp
from workbench.journal.merkle import frontier, leaf_hash

ROOT = Path(__file__).parents[2]
REST = "time, actor, kind, subjects, payload, previous, hash, root"


def looked(n: int = 0) -> Event:
    return Event(kind="release.looked", payload={"n": n})


def test_an_appended_event_is_read_back_as_the_entry_that_append_returned(journal: Journal):
    event = Event(kind="gate.judged", subjects=("sha256:ab",), payload={"ü": [1, 0.5, None, True, "x\n"]})
    entry = journal.append("gate/recidivism/1", event, expected=0)
    assert journal.read("gate/recidivism/1") == [entry] == journal.entries()
    assert (entry.seq, entry.position, entry.actor, entry.previous) == (0, 0, "ada", "0" * 64)
    assert (entry.kind, entry.payload, entry.subjects) == (event.kind, event.payload, event.subjects)
    assert entry.time == datetime(2026, 11, 20, 9, 0, 0, 1000, tzinfo=UTC)


def test_each_entry_links_to_the_one_before_across_streams(journal: Journal):
    first, second = journal.append("a", looked()), journal.append("b", looked())
    assert second.previous == first.hash
    assert (second.seq, second.position) == (1, 0)


def test_anybody_can_recompute_the_root_from_the_entries_alone(journal: Journal):
    for n in range(11):
        journal.append(f"s{n % 3}", looked(n))
    leaves = []
    for entry in journal.entries():
        body = entry.model_dump(exclude={"hash"}) | {"time": timestamp(entry.time)}
        leaves.append(leaf_hash(canonical_json(body)))
    assert frontier(leaves).root() == journal.root() == journal.verify().root


def test_of_two_writers_who_read_the_same_length_one_gets_a_conflict(journal: Journal):
    journal.append("release/r-1", looked(), expected=0)
    with pytest.raises(Conflict, match="release/r-1 has 1 entries, not 0: somebody else wrote first"):
        journal.append("release/r-1", looked(), expected=0)
    assert journal.length("release/r-1") == 1


def test_several_writes_are_one_transaction_and_count_as_if_made_in_order(journal: Journal):
    entries = journal.append_many(
        [("release/r-1", looked(1), 0), ("endpoint/r", looked(2), 0), ("release/r-1", looked(3), 1)]
    )
    assert [(e.stream, e.position) for e in entries] == [
        ("release/r-1", 0),
        ("endpoint/r", 0),
        ("release/r-1", 1),
    ]
    with pytest.raises(Conflict):
        journal.append_many([("release/r-1", looked(4), 2), ("endpoint/r", looked(5), 0)])
    assert journal.length("release/r-1") == 2
    assert journal.append_many([]) == []
    assert journal.verify().ok


def test_reading_after_a_place_gives_the_rest(journal: Journal):
    for n in range(3):
        journal.append("a", looked(n))
        journal.append("b", looked(n))
    assert [e.payload["n"] for e in journal.read("a", after=0)] == [1, 2]
    assert [e.seq for e in journal.entries(after=3)] == [4, 5]
    assert journal.read("nobody") == []
    assert journal.length("nobody") == 0


def test_streams_are_listed_by_prefix_and_wildcards_mean_themselves(journal: Journal):
    for name in ("release/b", "model/m_x", "release/a", "model/mnx", "release/a"):
        journal.append(name, looked())
    assert journal.streams("release/") == ["release/a", "release/b"]
    assert journal.streams("model/m_") == ["model/m_x"]
    assert journal.streams("%") == []
    assert len(journal.streams()) == 4


@pytest.mark.parametrize(
    ("payload", "sentence"),
    [
        ({"rates": [0.1, math.nan]}, r"payload\.rates\[1\] is nan, which JSON cannot write: use None"),
        ({"x": math.inf}, r"payload\.x is inf"),
        ({"rows": {"n": 2**53}}, r"payload\.rows\.n is 9007199254740992, beyond 2\^53 - 1"),
        ({"when": datetime(2026, 1, 1, tzinfo=UTC)}, r"payload\.when is a datetime, which is not JSON"),
        ({"a": {1: 2}}, r"payload\.a\[1\] is a key that is not text"),
        ({"name": "\ud800"}, r"payload\.name has half of a surrogate pair"),
    ],
)
def test_a_payload_that_json_cannot_carry_is_refused_with_the_path_to_it(
    journal: Journal, payload: dict, sentence: str
):
    with pytest.raises(InvalidInput, match=sentence) as caught:
        journal.append("a", Event(kind="k", payload=payload))
    assert caught.value.field.startswith("payload.")
    assert journal.entries() == []


def test_a_payload_nested_without_end_is_refused(journal: Journal):
    nested: dict = {}
    for _ in range(5000):
        nested = {"in": nested}
    with pytest.raises(InvalidInput, match="nested more than 64 deep"):
        journal.append("a", Event.model_construct(kind="k", payload=nested, subjects=()))


@pytest.mark.parametrize("number", [1e20, 1e16, 1.0, -0.0, 5e-324, 1e-7, 2**53 - 1, -(2**53) + 1, 1.7e308])
def test_a_number_comes_back_equal_and_can_be_appended_again(journal: Journal, number: float):
    entry = journal.append("a", Event(kind="k", payload={"x": number}))
    assert entry.payload["x"] == number
    assert journal.append("a", Event(kind="k", payload=entry.payload)).payload == entry.payload
    assert journal.verify().ok


text = st.text(st.characters(exclude_categories=["Cs"]))


@given(stream=text, actor=text, kind=text, n=st.integers(0, 2**53 - 1))
def test_the_leaf_is_the_hash_of_canonical_json(stream: str, actor: str, kind: str, n: int):
    fields = {
        "seq": n,
        "position": n,
        "stream": stream,
        "actor": actor,
        "kind": kind,
        "time": "t",
        "previous": "p",
    }
    row = Row(**fields, subjects='["a"]', payload='{"x":1}')
    assert row.leaf() == leaf_hash(canonical_json({**fields, "subjects": ["a"], "payload": {"x": 1}}))


def test_the_bytes_that_were_hashed_are_handed_out_stream_by_stream(journal: Journal):
    for n in range(3):
        journal.append(f"stream/{n % 2}", Event(kind="ü", payload={"big": 1e20, "n": n}))
    for stream in journal.streams():
        leaves, entries = journal.leaves(stream), journal.read(stream)
        assert [leaf_hash(leaf).hex() for leaf in leaves] == [entry.hash for entry in entries]
    assert journal.leaves("nothing") == []


def test_bytes_changed_by_hand_are_never_handed_out(closed: Path, by_hand, clock):
    by_hand(closed, "UPDATE entries SET actor = 'eve' WHERE seq = 4")
    with Journal.open(closed, actor="ada", clock=clock) as journal:
        assert len(journal.leaves("gate/recidivism/1")) == 1
        with pytest.raises(Tampered, match="Entry 4"):
            journal.leaves("model/recidivism")


def test_times_are_kept_in_utc_to_the_microsecond():
    moment = datetime(2026, 11, 20, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert timestamp(moment) == "2026-11-19T23:02:03.000000Z"


@pytest.mark.parametrize("stream", ["", "  ", "a\nb", "a\x00b"])
def test_a_stream_without_a_printable_name_is_refused(journal: Journal, stream: str):
    with pytest.raises(InvalidInput, match="stream"):
        journal.append(stream, looked())


def test_an_entry_changed_by_hand_is_never_handed_out(closed: Path, by_hand, clock):
    by_hand(closed, "UPDATE entries SET actor = 'eve' WHERE seq = 2")
    with Journal.open(closed, actor="ada", clock=clock) as journal:
        with pytest.raises(Tampered, match=r"Entry 2 of the journal was changed.*workbench verify"):
            journal.read("release/recidivism-1")
        assert len(journal.read("model/recidivism")) == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET actor = 'eve'",
        "DELETE FROM entries WHERE seq = 7",
        "INSERT OR REPLACE INTO entries SELECT * FROM entries WHERE seq = 3",
        f"REPLACE INTO entries SELECT 8, 'model/recidivism', 0, {REST} FROM entries WHERE seq = 3",
        f"INSERT INTO entries SELECT 9, 'new', 0, {REST} FROM entries WHERE seq = 3",
        "UPDATE head SET size = 3",
        "DELETE FROM head",
        "REPLACE INTO head VALUES (0, 0, '', '')",
    ],
)
def test_the_file_itself_refuses_whatever_is_not_an_append(closed: Path, statement: str):
    db = sqlite3.connect(closed, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match="journal"):
        db.execute(statement)
    db.close()
    assert verify(closed).ok


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE head SET frontier = 'x'",
        "UPDATE head SET frontier = x'FF'",
        "UPDATE head SET root = replace(root, 'a', 'b')",
    ],
)
def test_a_journal_whose_head_was_changed_takes_no_more_entries(closed: Path, by_hand, clock, change: str):
    by_hand(closed, change)
    with Journal.open(closed, actor="ada", clock=clock) as journal, pytest.raises(Tampered, match="head"):
        journal.append("a", looked())


def test_a_journal_without_its_triggers_is_not_opened(closed: Path, clock):
    with sqlite3.connect(closed) as db:
        db.execute("DROP TRIGGER entries_delete")
    db.close()
    with pytest.raises(Tampered, match="another schema than a journal"):
        Journal.open(closed, actor="ada", clock=clock)


def test_a_journal_whose_tail_was_cut_takes_no_more_entries(closed: Path, by_hand, clock):
    by_hand(closed, "DELETE FROM entries WHERE seq = 7")
    with (
        Journal.open(closed, actor="ada", clock=clock) as journal,
        pytest.raises(Tampered, match="8 entries"),
    ):
        journal.append("a", looked())


def test_threads_share_one_journal(journal: Journal):
    def work(name: str) -> None:
        for n in range(25):
            journal.append(name, looked(n), expected=n)
            journal.read(name)

    threads = [threading.Thread(target=work, args=(f"thread/{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [journal.length(f"thread/{i}") for i in range(4)] == [25] * 4
    assert journal.verify().ok


def test_following_yields_what_is_there_and_then_what_another_writer_adds(
    journal: Journal, path: Path, clock
):
    journal.append("a", looked(0))
    stop, seen = threading.Event(), []

    def listen() -> None:
        seen.extend(entry.seq for entry in journal.follow(poll=0.01, stop=stop))

    listener = threading.Thread(target=listen)
    listener.start()
    with Journal.open(path, actor="grace", clock=clock) as other:
        for n in range(3):
            other.append("b", looked(n))
    deadline = time.monotonic() + 5
    while len(seen) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    listener.join()
    assert seen == [0, 1, 2, 3]


def test_following_from_a_place_starts_after_it_and_ends_when_the_journal_closes(path: Path, clock):
    journal = Journal.open(path, actor="ada", clock=clock)
    for n in range(3):
        journal.append("a", looked(n))
    feed = journal.follow(after=1, poll=0.01)
    assert next(feed).seq == 2
    journal.close()
    assert list(feed) == []


def test_a_closed_journal_says_so(path: Path, clock):
    journal = Journal.open(path, actor="ada", clock=clock)
    journal.close()
    journal.close()
    with pytest.raises(Unavailable, match="closed"):
        journal.entries()


def test_a_journal_that_was_forgotten_closes_its_file(path: Path, clock):
    journal = Journal.open(path, actor="ada", clock=clock)
    journal.append("a", looked())
    connection = journal._connection
    del journal
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")
    assert not path.with_suffix(".db-wal").exists()


def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, clock):
    text = tmp_path / "journal.db"
    text.write_text("these are my notes, and no database at all " * 40)
    before = text.read_bytes()
    with pytest.raises(InvalidInput, match="is not a journal: it is no SQLite file"):
        Journal.open(text, actor="ada", clock=clock)
    assert text.read_bytes() == before


def test_the_database_of_another_program_is_refused_and_left_alone(tmp_path: Path, clock):
    path = tmp_path / "mlflow.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE experiments (id INTEGER)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(InvalidInput, match="is a SQLite database, but not a journal"):
        Journal.open(path, actor="ada", clock=clock)
    assert path.read_bytes() == before


@pytest.mark.skipif(not Path("/proc/mounts").is_file(), reason="needs a folder nobody may write to")
def test_a_folder_that_cannot_be_written_is_refused_with_what_to_do(clock):
    with pytest.raises(Unavailable, match=r"cannot be written.*Make /proc a folder"):
        Journal.open(Path("/proc/journal.db"), actor="ada", clock=clock)
    with pytest.raises(Unavailable, match="cannot be made"):
        Journal.open(Path("/proc/nowhere/journal.db"), actor="ada", clock=clock)


@pytest.mark.skipif(not hasattr(os, "chmod") or os.name == "nt", reason="needs POSIX permissions")
def test_a_journal_in_a_read_only_folder_is_refused(closed: Path):
    closed.chmod(0o444)
    closed.parent.chmod(0o555)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from workbench.core.clock import SystemClock\n"
        "from workbench.core.errors import Unavailable\n"
        "from workbench.journal import Event, Journal\n"
        "os.geteuid() or os.setuid(65534)\n"  # the superuser may write everywhere
        "try:\n"
        "    journal = Journal.open(Path(sys.argv[1]), actor='ada', clock=SystemClock())\n"
        "    journal.append('a', Event(kind='k'))\n"
        "except Unavailable as error:\n"
        "    print(error)\n"
    )
    for folder in closed.parents[:6]:
        if folder.stat().st_uid == os.geteuid() and folder != closed.parent:
            folder.chmod(folder.stat().st_mode | 0o011)
    done = subprocess.run(
        [sys.executable, "-c", script, str(closed)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    closed.parent.chmod(0o755)
    closed.chmod(0o644)
    assert "cannot be written" in done.stdout, done.stderr


def test_a_file_locked_too_long_is_reported_with_what_to_do(journal: Journal, path: Path, clock):
    with Journal.open(path, actor="grace", clock=clock, patience=0.05) as other:
        journal._connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match=r"locked by another process for more than 0.05 s\. Try again"):
            other.append("a", looked())
        journal._connection.execute("ROLLBACK")
        other.append("a", looked())


def test_a_full_disk_leaves_nothing_half_written(journal: Journal):
    journal.append("a", looked())
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(Unavailable, match=r"disk .* is full; nothing was written"):
        journal.append_many([("a", Event(kind="k", payload={"text": "x" * 9000}), None)] * 3)
    journal._connection.execute("PRAGMA max_page_count=1000000")
    journal.append("a", looked(), expected=1)
    assert journal.verify().ok


def test_an_empty_actor_is_refused(path: Path, clock):
    with pytest.raises(InvalidInput, match="actor"):
        Journal.open(path, actor=" ", clock=clock)
    assert not path.exists()


def test_a_network_file_system_is_refused(tmp_path: Path):
    home = tmp_path / "home one"
    home.mkdir()
    mounts = tmp_path / "mounts"
    escaped = str(home).replace(" ", r"\040")
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/export {escaped} nfs4 rw 0 0\n")
    with pytest.raises(Unavailable, match=r"network file system \(nfs4\)"):
        refuse_network(home, mounts=mounts)
    refuse_network(tmp_path, mounts=mounts)
    refuse_network(home, mounts=tmp_path / "no such table")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_must_open_the_journal_itself(journal: Journal, monkeypatch):
    parent = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: parent + 1)
    with pytest.raises(Unavailable, match="forked"):
        journal.append("a", looked())


RACER = """
import sys
from pathlib import Path
from workbench.core.clock import SystemClock
from workbench.core.errors import Conflict
from workbench.journal import Event, Journal

name, path, port = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
import socket
gate = socket.create_connection(("127.0.0.1", port))
gate.recv(1)  # everybody starts at once, and the first thing they do is make the file
journal = Journal.open(path, actor=name, clock=SystemClock(), patience=30)
won = 0
while (n := journal.length("release/r-1")) < 60:
    try:
        journal.append("release/r-1", Event(kind="won", payload={"by": name}), expected=n)
        won += 1
    except Conflict:
        pass
journal.close()
print(won)
"""


def test_of_processes_that_race_for_each_place_exactly_one_wins(path: Path, clock):
    path.parent.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        racers = [
            subprocess.Popen(
                [sys.executable, "-c", RACER, name, str(path), port],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in ("ada", "grace", "joan")
        ]
        waiting = [server.accept()[0] for _ in racers]
        for connection in waiting:
            connection.sendall(b"!")
            connection.close()
        wins = {racer.args[3]: int(racer.communicate(timeout=60)[0]) for racer in racers}
    with Journal.open(path, actor="judge", clock=clock) as journal:
        entries = journal.read("release/r-1")
        assert journal.verify().ok
    assert sum(wins.values()) == len(entries)
    for name, count in wins.items():
        assert sum(e.actor == name for e in entries) == count


WRITER = """
import sys
from pathlib import Path
from workbench.core.clock import SystemClock
from workbench.journal import Event, Journal

journal = Journal.open(Path(sys.argv[1]), actor="ada", clock=SystemClock())
n = journal.length("a")
while True:
    journal.append_many([("a", Event(kind="k", payload={"n": n}), n), ("b", Event(kind="k"), n)])
    n += 1
    print(n, flush=True)
"""


def test_a_process_killed_at_any_moment_loses_nothing_it_was_told_was_written(path: Path, clock):
    promised = 0
    for lines in (1, 7, 30, 3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(lines):
            promised = int(writer.stdout.readline())
        writer.kill()
        rest = writer.communicate()[0].split("\n")[:-1]
        promised = int(rest[-1]) if rest else promised
        with Journal.open(path, actor="judge", clock=clock) as journal:
            assert promised <= journal.length("a") == journal.length("b") <= promised + 1
            verification = journal.verify()
            assert verification.ok, verification.problems


class Appending(RuleBasedStateMachine):
    """The journal beside a dictionary of lists: whatever is done to both, they agree and the journal verifies."""

    @initialize(folder=st.uuids())
    def start(self, folder) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.db"
        self.journals = [self._opened(), self._opened()]
        self.model: dict[str, list[dict]] = {}

    def _opened(self) -> Journal:
        return Journal.open(self.path, actor="ada", clock=SystemClock())

    payloads = st.dictionaries(
        st.text(max_size=4),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**53) + 1, 2**53 - 1),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        ),
        max_size=3,
    )

    @rule(who=st.integers(0, 1), stream=st.sampled_from("abc"), payload=payloads, off=st.integers(-1, 1))
    def compare_and_set(self, who: int, stream: str, payload: dict, off: int) -> None:
        length = len(self.model.get(stream, []))
        if off:
            with pytest.raises(Conflict):
                self.journals[who].append(stream, Event(kind="k", payload=payload), expected=length + off)
        else:
            self.journals[who].append(stream, Event(kind="k", payload=payload), expected=length)
            self.model.setdefault(stream, []).append(payload)

    @rule(who=st.integers(0, 1), payload=payloads, fails=st.booleans())
    def append_across_streams(self, who: int, payload: dict, fails: bool) -> None:
        event = Event(kind="k", payload=payload)
        lengths = {s: len(self.model.get(s, [])) for s in "ab"}
        writes = [("a", event, lengths["a"]), ("b", event, lengths["b"] + fails), ("a", event, None)]
        if fails:
            with pytest.raises(Conflict):
                self.journals[who].append_many(writes)
        else:
            self.journals[who].append_many(writes)
            for stream, _, _ in writes:
                self.model.setdefault(stream, []).append(payload)

    @rule(who=st.integers(0, 1))
    def reopen(self, who: int) -> None:
        self.journals[who].close()
        self.journals[who] = self._opened()

    @invariant()
    def agree_and_verify(self) -> None:
        one, other = self.journals
        for stream in "abc":
            assert [e.payload for e in one.read(stream)] == self.model.get(stream, [])
        assert one.entries() == other.entries()
        assert [e.seq for e in one.entries()] == list(range(sum(map(len, self.model.values()))))
        verification = other.verify()
        assert verification.ok, verification.problems
        assert verification.root == one.root() == other.root()

    def teardown(self) -> None:
        for journal in getattr(self, "journals", []):
            journal.close()
        if hasattr(self, "folder"):
            self.folder.cleanup()


Appending.TestCase.settings = settings(max_examples=15, stateful_step_count=12, deadline=None)
TestAppending = Appending.TestCase
