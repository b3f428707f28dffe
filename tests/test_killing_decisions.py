"""Processes killed while people approve and while a controller promotes: at every statement, and at any moment.

WORKBENCH_KILLS sets how often (default 200, half while approving and half while promoting).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KILLS = int(os.environ.get("WORKBENCH_KILLS", "200"))

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

COMMON = """
import json, os, random, shutil, signal, sys, tempfile, time
from datetime import UTC, datetime
from pathlib import Path
import mlflow, workbench as wb  # before forking: once, not each time
import cryptography.hazmat.primitives.asymmetric.ed25519
from workbench.audits.records import Evidence, Measurement, Report
from workbench.core.values import Outcome
from workbench.gateway.routing import read_table
from workbench.journal import Event, verify
from workbench.journal.sqlite import SQLite
from workbench.testing.killing import child, die_at, words
from workbench.testing.models import TARGET, Threshold, tiny_frame
from workbench.testing.releases import Traffic
from workbench.traffic import CaptureWriter

KILLS, HOME = int(sys.argv[1]), Path(tempfile.mkdtemp(dir=sys.argv[2]))

def bench(root, actor):
    return wb.open(root, actor=actor)

def examined(root, ref):
    ada, now = bench(root, "ada"), datetime.now(UTC)
    version = ada.model(ref)
    found = Measurement(metric="roc_auc_score", value=0.9, low=0.9, high=0.9, n=900)
    evidence = Evidence(audit="performance", outcome=Outcome.MEASURED, model_digest=version.digest,
                        data_digest="sha256:d", measurements=(found,), started=now, seconds=0.1)
    ada._keep(Report(title="Audit", subject=ref, task="classification", target=TARGET, data_digest="sha256:d",
                     rows=900, evidence=(evidence,), created=now), version)
    ada.journal.close()

def made():
    root = HOME / "project"
    ada = bench(root, "ada")
    (root / "workbench.toml").write_text('[people]\\ngrace = ["risk"]\\njoan = ["risk"]\\n')
    (root / "policies" / "p.yaml").write_text(
        "rules: [{audit: performance, metric: roc_auc_score, at_least: 0.7}]\\napprovals: {risk: 1}\\n")
    (root / "plans" / "short.yaml").write_text(
        "metrics: {errors: {margin: 2.0}}\\nstages:\\n"
        "- {name: half, kind: canary, weight: 0.5, min_requests: 5}\\n- {name: champion, kind: champion}\\n")
    for at in (0.0, 0.1):
        ada.register(Threshold(at).fit(None), name="tiny", train=tiny_frame(), target=TARGET)
    ada.journal.close()
    for ref in ("tiny/1", "tiny/2"):
        examined(root, ref)
    return root

def sound(root):
    grace = bench(root, "judge")
    state = root / ".workbench"
    grace.journal.append("judge", Event(kind="judge"))  # be the writer once: what the dead process held is let go
    problems = [p.sentence for p in verify(state / "journal.db", beside=state).problems]
    assert problems == [], problems
    return grace
"""

APPROVING = (
    COMMON
    + """
draw, root = random.Random(6962), made()
told, deaths, at_work = 0, 0, 0

def judge():
    opened = sound(root)
    entries = opened.journal.read("approval/tiny/2")
    given = [e for e in entries if e.kind == "approval.given"]
    if given:
        assert opened.journal.read("key/grace"), "an approval whose key nobody can look up"
    taken = {e.payload["approval"] for e in entries if e.kind == "approval.revoked"}
    open_ = [e for e in given if e.payload["id"] not in taken]
    assert len(open_) <= 1, "approved twice"
    counted = opened.decisions.judge(opened.model("tiny/2"), opened.decisions.policy("p"))
    assert counted.releasable == bool(open_), "half an approval"
    opened.journal.close()
    return len(given) + len(taken), open_[0].payload["id"] if open_ else None

def work(writer):
    grace = bench(root, "grace")
    _, id = state
    grace.freshness("tiny/2", "p")  # all that must be loaded is, and the dying is done at work
    os.write(writer, b"begun\\n")
    while True:
        if id is None:
            id = grace.approve("tiny/2", note="looked", policy="p").id
        else:
            grace.revoke(id, note="again")
            id = None
        os.write(writer, b"said\\n")

def killed(seconds):
    global told, deaths, at_work, state
    pid, reader = child(work)
    assert os.read(reader, 6) == b"begun\\n"
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    deaths += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    said = words(reader)
    at_work += bool(said)
    before, state = state, judge()
    assert 0 <= state[0] - before[0] - said.count(b"said") <= 1, (before, state, said)
    return bool(said)

state, longest = (0, None), 0.3
for _ in range(KILLS):
    if not killed(draw.uniform(0.0, longest)):  # a busy machine takes longer over a word
        longest = min(1.5, 1.03 * longest)

def once(writer):
    grace, (_, id) = bench(root, "grace"), state
    die_at(nth, SQLite, after=after)
    grace.approve("tiny/2", note="looked", policy="p") if id is None else grace.revoke(id, note="again")
    os._exit(0)

statements = 0
for after in (False, True):
    nth = 0
    while True:
        nth += 1
        pid, reader = child(once)
        status = os.waitpid(pid, 0)[1]
        os.close(reader)
        before, state = state, judge()
        assert 0 <= state[0] - before[0] <= 1
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            break
        statements += 1
print(json.dumps({"deaths": deaths, "at_work": at_work, "said": state[0], "statements": statements}))
"""
)

PROMOTING = (
    COMMON
    + """
draw, template = random.Random(9162), made()
for ref in ("tiny/1", "tiny/2"):
    grace = bench(template, "grace")
    grace.approve(ref, note="looked", policy="p")
    grace.journal.close()
    ada = bench(template, "ada")
    release = ada.release(ref, plan="short", policy="p")
    ada.journal.close()
table = read_table(template / ".workbench", "tiny").version
writer = CaptureWriter(template / ".workbench" / "traffic")
for exchange in Traffic(7).canary(60, 0.5, table=table, time=datetime.now(UTC)):
    writer.put(exchange)
writer.flush()
writer.close()
time.sleep(4)  # an exchange counts when it is older than the gateway's deadline

def copied():
    return Path(shutil.copytree(template, HOME / "copy"))

def tick(root):
    ada = bench(root, "ada")
    now = ada.advance(release.id)
    ada.journal.close()
    return now

def kinds(opened):
    entries = opened.journal.read(f"release/{release.id}")
    return [e.kind for e in entries if e.kind != "release.judged"]

def judge(root, acknowledged):
    opened = sound(root)
    found = kinds(opened)
    assert found in (["release.opened"], ["release.opened", "release.promoted"]), found
    promoted = len(found) - 1
    assert promoted or not acknowledged, "a promotion that was told is lost"
    champion = read_table(root / ".workbench", "tiny").champion.model.ref
    assert promoted or champion == "tiny/1", "traffic moved before the record"
    assert tick(root).status == "promoted"  # whoever comes next finishes it
    assert kinds(opened) == ["release.opened", "release.promoted"], "doubled"
    assert read_table(root / ".workbench", "tiny").champion.model.ref == "tiny/2"
    assert opened.registry.aliases("tiny")["champion"] == 2
    opened.journal.close()
    shutil.rmtree(root)
    return promoted

root, begun = copied(), time.monotonic()
assert tick(root).status == "promoted"
whole = time.monotonic() - begun
shutil.rmtree(root)
ends = {"deaths": 0, "before": 0, "after": 0, "statements": 0}
for _ in range(KILLS):
    root = copied()
    def work(writer):
        ada = bench(root, "ada")
        os.write(writer, b"begun\\n")
        ada.advance(release.id)
        os.write(writer, b"promoted\\n")
        time.sleep(9)
    pid, reader = child(work)
    assert os.read(reader, 6) == b"begun\\n"
    time.sleep(draw.uniform(0, 1.5 * whole))
    os.kill(pid, signal.SIGKILL)
    ends["deaths"] += os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    done = judge(root, b"promoted" in words(reader))
    ends["after" if done else "before"] += 1

while True:
    root = copied()
    def once(writer):
        ada = bench(root, "ada")
        ada.journal
        die_at(ends["statements"] + 1, SQLite, after=False)
        ada.advance(release.id)
        os._exit(0)
    pid, reader = child(once)
    status = os.waitpid(pid, 0)[1]
    os.close(reader)
    judge(root, False)
    if not os.WIFSIGNALED(status):
        assert os.waitstatus_to_exitcode(status) == 0
        break
    ends["statements"] += 1
print(json.dumps(ends))
"""
)


def run(script: str, kills: int, home: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(kills), str(home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whoever_is_killed_while_approving_leaves_a_whole_word_or_none(tmp_path):
    found = run(APPROVING, KILLS // 2, tmp_path)
    assert found["deaths"] == KILLS // 2
    assert found["at_work"] > KILLS // 10  # they died at work, some after a word and more during their first
    assert found["said"] > KILLS // 10
    assert found["statements"] > 20


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_controller_killed_while_promoting_is_finished_by_the_next_and_nothing_is_doubled(tmp_path):
    found = run(PROMOTING, KILLS // 2, tmp_path)
    assert found["deaths"] == KILLS // 2
    assert found["before"] > 0
    assert found["after"] > 0
    assert found["statements"] > 20
