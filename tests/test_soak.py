"""A whole release under load, with everything breaking once: nobody who asks notices, and nothing is lost.

A minute in CI; ``make soak`` runs half an hour at 200 requests a second (``WORKBENCH_SOAK_MINUTES``,
``WORKBENCH_SOAK_RATE``).
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter

import psutil
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import workbench as wb
from workbench.gateway import read_status
from workbench.testing.postgres import PostgresServer, postgres_binaries
from workbench.traffic import TrafficStore
from workbench.traffic.sending import Sender, oip, say_nothing

MINUTES = float(os.environ.get("WORKBENCH_SOAK_MINUTES", "1"))
RATE = float(os.environ.get("WORKBENCH_SOAK_RATE", "60"))
SECONDS = 60 * MINUTES

NAME, TARGET = "recidivism", "two_year_recid"
NUMBERS = ["age", "priors_count", "juv_fel_count", "juv_misd_count"]
FEATURES = [*NUMBERS, "c_charge_degree"]

POLICY = """\
rules: [{audit: performance, metric: roc_auc_score, bound: lower, at_least: 0.6}]
required_audits: [performance]
approvals: {model-risk: 1}
"""

PLAN = f"""\
name: soak
alpha: 0.01
metrics:
  errors: {{margin: 2.0}}
  disagreement: {{at_most: 0.5}}
stages:
  - {{name: shadow, kind: shadow, min_requests: 100, min_minutes: {0.10 * MINUTES}, deadline_minutes: 60}}
  - {{name: ramp, kind: progressive, weights: [0.1, 0.5], min_requests: 50, min_minutes: {0.12 * MINUTES},
     deadline_minutes: 60}}
  - {{name: champion, kind: champion}}
"""


class Story:
    """A project on PostgreSQL, ``workbench up`` on it, and a load that never stops."""

    def __init__(self, root, server, frame) -> None:
        self.root, self.server = root, server
        wb.open(root, actor="ada").journal.close()  # makes the project
        url = server.url("soak")
        (root / "workbench.toml").write_text(
            f'journal_url = "{url}"\ngateway_port = 0\n[people]\ngrace = ["model-risk"]\n', "utf-8"
        )
        self.ada, self.grace = wb.open(root, actor="ada"), wb.open(root, actor="grace")
        (root / "policies" / "soak.yaml").write_text(POLICY, "utf-8")
        (root / "plans" / "soak.yaml").write_text(PLAN, "utf-8")
        self.train, self.test = frame.iloc[:4000], frame.iloc[4000:]
        self.answers: list = []
        self.memory: list[tuple[float, int]] = []
        self.happened: list[str] = []
        self._over = threading.Event()

    def prepare(self, version: int, *, strength: float) -> None:
        """Register, compile, audit, gate and approve."""
        columns = make_column_transformer(
            (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["c_charge_degree"])
        )
        model = make_pipeline(columns, LogisticRegression(C=strength, max_iter=500))
        train = self.train[[*FEATURES, TARGET]]
        self.ada.register(model.fit(train[FEATURES], train[TARGET]), name=NAME, train=train, target=TARGET)
        assert self.ada.compile(f"{NAME}/{version}").kind
        self.ada.audit(f"{NAME}/{version}", on=self.test[[*FEATURES, TARGET]], audits=["performance"])
        self.ada.gate(f"{NAME}/{version}", "soak")
        self.grace.approve(f"{NAME}/{version}", note="looked at", policy="soak")

    def open(self, version: int):
        return self.ada.release(f"{NAME}/{version}", plan="soak", policy="soak")

    @property
    def gateway(self):
        return read_status(self.ada.settings.state, NAME)

    def load(self) -> None:
        """Send until it is over; every answer is kept."""
        bodies = [oip(row) for row in self.test[FEATURES].to_dict("records")]
        path = f"/v2/models/{NAME}/infer"
        sender = Sender(self.gateway.url, path, bodies, rate=RATE, timeout=30, stop=self._over)
        sender.run(10**8, 32, lambda _, answer: self.answers.append(_slim(answer)), say_nothing)

    def watch_memory(self) -> None:
        started, gateway = time.monotonic(), psutil.Process(self.gateway.pid)
        while not self._over.wait(max(0.5, SECONDS / 200)):
            family = [gateway, *gateway.children(recursive=True)]
            total = sum(one.memory_info().rss for one in family if one.is_running())
            self.memory.append((time.monotonic() - started, total))

    def kill_controller(self) -> None:
        (controller,) = [one for one in psutil.Process(self.up.pid).children() if "release" in one.cmdline()]
        controller.send_signal(signal.SIGKILL)
        self.happened.append("controller killed")

    def kill_worker(self) -> None:
        pid = self.gateway.workers[self.gateway.champion][0]
        os.kill(pid, signal.SIGKILL)
        self.happened.append("worker killed")

    def stop_database(self) -> None:
        self.server.stop("immediate")
        self._over.wait(min(60.0, 0.08 * SECONDS))
        self.server.start()
        self.happened.append("database stopped and started")

    def run(self, up) -> None:
        self.up = up
        threads = [threading.Thread(target=work) for work in (self.load, self.watch_memory)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        self.release = self.open(2)
        for share, act in (
            (0.12, self.kill_controller),
            (0.25, self.kill_worker),
            (0.35, self.stop_database),
        ):
            time.sleep(max(0.0, began + share * SECONDS - time.monotonic()))
            act()
        time.sleep(max(0.0, began + SECONDS - time.monotonic()))
        end = time.monotonic() + 120
        while not self.now().status.final and time.monotonic() < end:
            time.sleep(1)
        time.sleep(2)
        self._over.set()
        for thread in threads:
            thread.join()

    def now(self):
        """The release as it stands; the journal is opened anew, for its server was stopped meanwhile."""
        again = wb.open(self.root, actor="ada")
        with again.journal:
            return again.releases.get(self.release.id)


def _slim(answer):
    """What of an answer is kept: of a good one all but its body."""
    return answer if answer.status != 200 else answer._replace(body=b"")


@pytest.fixture(scope="module")
def story(compas, tmp_path_factory):
    frame = compas[[*FEATURES, TARGET]].sample(frac=1, random_state=0)
    server = PostgresServer(postgres_binaries())
    story = Story(tmp_path_factory.mktemp("soak"), server, frame)
    log = (story.root / "up.log").open("w+")
    try:
        story.prepare(1, strength=1.0)
        story.open(1)
        story.prepare(2, strength=0.8)
        command = [
            sys.executable,
            "-m",
            "workbench.interfaces.cli.main",
            "up",
            "-C",
            str(story.root),
            "--as",
            "ada",
        ]
        up = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            end = time.monotonic() + 120
            while not (story.gateway and story.gateway.ready):
                assert up.poll() is None, (story.root / "up.log").read_text()
                assert time.monotonic() < end, "no gateway"
                time.sleep(0.1)
            story.run(up)
        finally:
            up.terminate()
            story.code = up.wait(60)
        story.log = (story.root / "up.log").read_text()
        yield story
    finally:
        log.close()
        story.ada.journal.close()
        story.grace.journal.close()
        server.close()


@pytest.mark.timeout(int(SECONDS) + 600)
def test_no_request_is_lost(story, capsys):
    latencies = sorted(answer.latency_ms for answer in story.answers)
    with capsys.disabled():
        sys.stdout.write(
            f"\n  soak: {len(latencies):,} requests at {RATE:g}/s, {', '.join(story.happened)}; latency p50 "
            f"{latencies[len(latencies) // 2]:.1f} ms, p99 {latencies[int(0.99 * len(latencies))]:.1f} ms, "
            f"greatest {latencies[-1]:.0f} ms; versions {dict(Counter(a.version for a in story.answers))}\n"
        )
    assert len(story.happened) == 3
    assert len(story.answers) >= 0.9 * RATE * SECONDS
    failed = [(a.due, a.status, a.body) for a in story.answers if a.status != 200]
    assert not failed, (len(failed), failed[0], failed[-1], story.log[-3000:])


def test_the_release_went_through_all_of_its_stages_once(story):
    release = story.now()
    assert release.status == "promoted", (release.reason, story.log[-3000:])
    entries = wb.open(story.root, actor="ada").journal.read(f"release/{release.id}")
    moves = [e.kind for e in entries if e.kind not in ("release.judged", "release.watched")]
    assert moves == [
        "release.opened",
        "release.stage_entered",
        "release.stage_entered",
        "release.promoted",
    ]


def test_every_answer_was_captured_or_is_counted_as_lost_and_came_from_whom_the_table_named(story):
    kept = TrafficStore.of(story.ada.settings).frame(NAME).set_index("request_id")
    served = {answer.request_id: answer.version for answer in story.answers}
    assert len(served) == len(story.answers)
    missing = served.keys() - set(kept.index)
    assert not missing, sorted((a.due, a.status) for a in story.answers if a.request_id in missing)[:5]
    assert (kept.loc[list(served), "served_by"] == list(served.values())).all()
    assert not kept.index.duplicated().any()


def test_what_was_served_is_what_the_journal_says(story):
    found = wb.open(story.root, actor="ada").reconcile()
    assert found.ok, str(found)
    assert not found.unknown, str(found)


def test_memory_stays_flat(story, capsys):
    times = [at for at, _ in story.memory]
    early = statistics.median(m for at, m in story.memory if 0.5 * times[-1] < at < 0.7 * times[-1])
    late = statistics.median(m for at, m in story.memory if at > 0.8 * times[-1])
    with capsys.disabled():
        sys.stdout.write(
            f"\n  resident memory, gateway and workers: {early / 2**20:.0f} → {late / 2**20:.0f} MiB\n"
        )
    assert late < 1.10 * early + 30 * 2**20


def test_up_ended_well(story):
    assert story.code == 0, story.log[-3000:]
