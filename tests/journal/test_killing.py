"""Processes killed while they append: at every statement, and at any moment, again and again.

WORKBENCH_KILLS sets how often (default 200, half on each database).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("WORKBENCH_KILLS", "200"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

COMMON = """
import json, os, random, select, signal, sys, time
from pathlib import Path
from workbench.core.clock import SystemClock
from workbench.journal import CheckpointPolicy, Event, FileSigner, Journal, verify
from workbench.testing.killing import child, die_at, words
import workbench.journal.postgres, cryptography.hazmat.primitives.asymmetric.ed25519  # before forking: once, not each time
if "://" in sys.argv[1]:
    import psycopg

place, folder = sys.argv[1], Path(sys.argv[2])

def opened(actor):
    signer = FileSigner(folder / "keys", "ada")
    return Journal.open(place, actor=actor, clock=SystemClock(), beside=folder, signer=signer, patience=20)

def two(journal, n):
    # one transition: an approval and what follows from it, in two streams
    journal.append_many([("a", Event(kind="approval.given", payload={"n": n}), n), ("b", Event(kind="k"), n)])

def judge(told):
    # Being a writer comes first: a server may still be busy with what the dead process sent.
    with opened("judge") as journal:
        journal.append("judge", Event(kind="judge"))
        done = journal.length("a")
        assert done == journal.length("b"), "half a transition"
        assert told <= done <= told + 1, f"told {told}, found {done}"
        assert [e.payload["n"] for e in journal.read("a")] == list(range(done)), "a doubled or lost event"
        return done

def rest(reader, told):
    said = words(reader)
    return int(said[-1]) if said else told
"""

AT_ANY_MOMENT = (
    COMMON
    + """
draw = random.Random(6962)
done, deaths = 0, 0

def work(writer):
    journal = opened("writer")
    n = journal.length("a")
    while True:
        os.write(writer, b"%d\\n" % n)
        two(journal, n)
        n += 1

for nth in range(int(sys.argv[3])):
    pid, reader = child(work)
    if nth % 4:  # mostly at work, and some while they start
        select.select([reader], [], [])
    time.sleep(draw.uniform(0, 0.03))
    os.kill(pid, signal.SIGKILL)
    deaths += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    done = judge(rest(reader, done))
found = verify(place, beside=folder)
print(json.dumps({"deaths": deaths, "done": done, "problems": [p.sentence for p in found.problems]}))
"""
)

AT_EVERY_STATEMENT = (
    COMMON
    + """
opened("judge").close()
with opened("judge") as journal:
    kind = type(journal._connection)
done, ends = 0, []

for after in (False, True):
    nth = 0
    while True:
        nth += 1
        def work(writer):
            journal = opened("writer")
            n = journal.length("a")
            die_at(nth, kind, after=after)
            two(journal, n)
            os.write(writer, b"%d\\n" % (n + 1))
            os._exit(0)
        pid, reader = child(work)
        status = os.waitpid(pid, 0)[1]
        before, done = done, judge(rest(reader, done))
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0 and done == before + 1
            break
        ends.append((nth, after, done - before))
found = verify(place, beside=folder)
print(json.dumps({"ends": ends, "problems": [p.sentence for p in found.problems]}))
"""
)


def run(script: str, store, *arguments: object) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", script, str(store.place), str(store.folder), *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_process_killed_at_any_moment_leaves_all_it_was_told_and_nothing_half(store):
    found = run(AT_ANY_MOMENT, store, KILLS // 2)
    assert found["problems"] == []
    assert found["deaths"] == KILLS // 2
    assert found["done"] > KILLS // 20  # they did die at work, and not only while starting


def test_a_process_killed_at_each_statement_of_an_append_leaves_all_or_nothing(store):
    found = run(AT_EVERY_STATEMENT, store)
    assert found["problems"] == []
    before = [added for _, after, added in found["ends"] if not after]
    after = [added for _, after, added in found["ends"] if after]
    # BEGIN, two entries and their head, COMMIT, witness, checkpoint: all of it is there from COMMIT on.
    assert len(before) == len(after) > 10
    for ends in (before, after):
        assert ends == sorted(ends)
        assert set(ends) == {0, 1}
    assert sum(after) == sum(before) + 1
