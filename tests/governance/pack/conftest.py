"""A project of which packs are made: real models on COMPAS, real audits, gates, people with keys, a release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import workbench as wb
from workbench.audits.archive import keep
from workbench.audits.records import Evidence, Measurement, Report
from workbench.gates import Approvals, Findings, PolicyBook, Verdict, judge, load_policy, verdict_event
from workbench.governance import ModelCard
from workbench.governance.pack import PackRecord, Sources, make_pack, verifier
from workbench.journal import Event, FileSigner, Journal
from workbench.models.history import registered_event
from workbench.models.records import Lineage, ModelVersion
from workbench.releases.book import Book, Page
from workbench.releases.opening import opened
from workbench.releases.people import Voices
from workbench.releases.state import PROMOTED, STAGE_ENTERED
from workbench.testing.releases import PLAN, plan

TARGET = "two_year_recid"
NUMBERS = ["age", "priors_count"]
FEATURES = [*NUMBERS, "c_charge_degree"]
SENSITIVE = ["sex"]

TOML = """\
[people]
grace = ["model-risk"]
lin = ["data-protection"]
"""

POLICY = """\
name: recidivism
rules:
  - {audit: performance, metric: roc_auc_score, at_least: 0.6, because: Below this we would be guessing.}
  - {audit: performance, metric: roc_auc_score, at_least: -0.2, than: champion, without_champion: pass}
  - {audit: fairness, metric: demographic_parity_difference, slice: "*", at_most: 0.9}
  - audit: fairness
    metric: demographic_parity_difference
    slice: "*"
    at_most: 0.9
    than: champion
    without_champion: pass
  - any:
      - {audit: drift, outcome: pass}
      - {audit: performance, metric: accuracy_score, bound: estimate, at_least: 0.5}
required_audits: [performance, fairness, drift]
max_age_days: {"*": 30}
max_open_findings: {critical: 0}
approvals: {model-risk: 1, data-protection: 1}
"""


def pipeline():
    columns = make_column_transformer(
        (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), ["c_charge_degree"])
    )
    return make_pipeline(columns, LogisticRegression(max_iter=500))


@dataclass(frozen=True)
class Project:
    """What everybody did, and who they are."""

    root: Path
    frame: object

    def bench(self, actor: str = "ada") -> wb.Workbench:
        return wb.open(self.root, actor=actor)

    def register(self, rows: slice):
        train = self.frame.iloc[rows]
        model = pipeline().fit(train[FEATURES], train[TARGET])
        bench = self.bench()
        version = bench.register(model, name="recidivism", train=train, target=TARGET, sensitive=SENSITIVE)
        bench.audit(version, on=self.frame.iloc[3000:], audits=["performance", "fairness", "drift"])
        return version


@pytest.fixture(scope="session")
def project(compas, tmp_path_factory) -> Project:
    """Version 1 is approved with second thoughts, released and has an incident; version 2 is rejected."""
    frame = compas[[*FEATURES, *SENSITIVE, TARGET]].sample(frac=1, random_state=0).iloc[:4500]
    project = Project(tmp_path_factory.mktemp("packed"), frame)
    wb.open(project.root, actor="ada")
    (project.root / "workbench.toml").write_text(TOML, "utf-8")
    (project.root / "policies" / "recidivism.yaml").write_text(POLICY, "utf-8")
    ada, grace, lin = (project.bench(name) for name in ("ada", "grace", "lin"))

    first = project.register(slice(0, 3000))
    ada.gate(first, "recidivism")
    grave = ada.open_finding(first, "Nobody looked at the youngest.", severity="high")
    grace.accept_finding(grave, reason="They are four rows.", until="2999-01-01")
    ada.request_approval(first, note="It is better than a coin.", policy="recidivism")
    grace.approve(first, note="Harm reviewed with the owners.", policy="recidivism")
    hasty = lin.approve(first, note="Fine.", policy="recidivism")
    lin.revoke(hasty, note="I had not read it.")
    lin.approve(first, note="Read, and no more personal data than needed.", policy="recidivism")
    assert ada.release(first, policy="recidivism").status == "promoted"
    rows = frame.iloc[4400:]
    ada.open_incident("Everybody <b>refused</b>", rows=rows, model="recidivism")

    second = project.register(slice(0, 1500))
    ada.gate(second, "recidivism")
    lin.reject(second, note="Trained on half.", policy="recidivism")
    grace.approve(second, note="As good as the first.", policy="recidivism")
    return project


@dataclass(frozen=True)
class Packed:
    """A pack that was made, with the key that its reader has."""

    record: PackRecord
    raw: bytes

    @property
    def keys(self) -> list[verifier.Key]:
        return [verifier.Key.parse(self.record.key)]

    @property
    def files(self) -> dict[str, bytes]:
        return verifier.opened(self.raw)

    def verify(self, raw: bytes | None = None) -> verifier.Verification:
        return verifier.verify(self.raw if raw is None else raw, self.keys)


def pack(project: Project, ref: str, actor: str = "ada") -> Packed:
    record = project.bench(actor).pack(ref, to=project.root / f"{ref.replace('/', '-')}.zip")
    return Packed(record, Path(record.path).read_bytes())


@pytest.fixture(scope="session")
def champion(project) -> Packed:
    """The pack of version 1."""
    return pack(project, "recidivism/1")


@pytest.fixture(scope="session")
def rejected(project) -> Packed:
    """The pack of version 2, made by somebody else."""
    return pack(project, "recidivism/2", "grace")


@pytest.fixture
def audit_room(tmp_path):
    """What an auditor has: an empty folder, bare Python, no product."""

    def run(raw: bytes, script: bytes, *arguments: str, python: str = sys.executable):
        (tmp_path / "pack.zip").write_bytes(raw)
        (tmp_path / "verify.py").write_bytes(script)
        return subprocess.run(
            [python, "-I", "-S", "-W", "error", "verify.py", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "utf-8"},
        )

    return run


# A desk: the same rooms without MLflow, for what must be quick, and for writing into the journal by hand.

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DIGEST = "sha256:" + "1" * 64
PEOPLE = {"grace": ["model-risk"], "joan": ["model-risk", "legal"], "ada": ["model-risk"]}

SHADOW, _, HALF, CHAMPION = PLAN["stages"]
#: A plan that asks people before both of its steps.
ASKING = plan(
    stages=[SHADOW, HALF | {"approvals": {"owner": 2, "legal": 1}}, CHAMPION | {"approvals": {"owner": 1}}]
)
OWNERS = {"olga": ["owner"], "otto": ["owner"], "leo": ["legal"], "lena": ["legal", "owner"]}


class TickingClock:
    """A second a look."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class Desk:
    """Registers ``lending/1`` of ada; everything else is done by the methods."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = TickingClock()
        self.signer = FileSigner(root / "keys", "ada")
        self.journal = Journal.open(
            root / "state" / "journal.db", actor="ada", clock=self.clock, signer=self.signer
        )
        self.version = ModelVersion(
            name="lending",
            version=1,
            digest=DIGEST,
            run_id="r",
            flavor="sklearn",
            format="skops",
            task="classification",
            target="default",
            columns=(),
            author="ada",
            created=NOW,
            lineage=Lineage(data_digest="sha256:d", data_rows=10, python="3.11", packages={}),
        )
        self.policy = load_policy(
            {
                "name": "strict",
                "rules": [{"audit": "performance", "metric": "roc_auc_score", "at_least": 0.7}],
                "approvals": {"model-risk": 1},
            }
        )
        self.evidence: list[Evidence] = []
        self.write("model/lending", registered_event(self.version))

    def write(self, stream: str, event: Event | str, payload: dict | None = None) -> None:
        """Write whatever into the journal: what nobody but its owner can do."""
        event = event if isinstance(event, Event) else Event(kind=event, payload=payload or {})
        self.journal.append(stream, event)

    def audit(self, value: float | None = 0.8, audit: str = "performance", **changes) -> Evidence:
        low, high = (None, None) if value is None else (value - 0.05, value + 0.05)
        found = Measurement(metric="roc_auc_score", value=value, low=low, high=high, n=900)
        fields = {
            "audit": audit,
            "outcome": "measured",
            "model_digest": DIGEST,
            "data_digest": "sha256:d",
            "measurements": (found,),
            "started": self.clock.now(),
            "seconds": 1.0,
        }
        return self.keep(Evidence(**(fields | changes)))

    def keep(self, *evidence: Evidence) -> Evidence:
        report = Report(
            title="Audit",
            subject="lending/1",
            task="classification",
            target="default",
            data_digest="sha256:d",
            rows=900,
            evidence=evidence,
            created=self.clock.now(),
        )
        payload = {
            "report": keep(report, self.root / "reports"),
            "outcome": str(report.outcome),
            "rows": 900,
            "audits": {one.audit: str(one.outcome) for one in evidence},
        }
        self.write("evidence/lending/1", "audit.finished", payload)
        self.evidence += evidence
        return evidence[0]

    @property
    def approvals(self) -> Approvals:
        return Approvals(self.journal, people=PEOPLE, listed={}, clock=self.clock)

    def say(self, by: str, decision: str = "approve", **changes):
        given = {
            "note": "Read.",
            "data": ["sha256:d"],
            "signer": FileSigner(self.root / "keys", by),
        } | changes
        return self.approvals.say(self.version, self.policy, decision=decision, by=by, **given)

    def judge(self, **changes) -> Verdict:
        now = self.clock.now()
        standing = self.approvals.standing(self.version, self.policy, ["sha256:d"])
        findings = Findings(self.journal, self.clock).of("lending")
        verdict = judge(self.policy, self.version, self.evidence, standing, now, findings=findings, **changes)
        PolicyBook(self.journal).use(self.policy)
        return verdict

    def gate(self, **changes) -> Verdict:
        verdict = self.judge(**changes)
        self.write("gate/lending/1", verdict_event(verdict))
        return verdict

    def release(self, verdict: Verdict | None = None, number: int = 1, promote: bool = True) -> None:
        """Write what the release room writes, whether it should or not."""
        verdict = verdict or self.judge()
        stream = f"release/lending-{number}"
        opening = {
            "id": f"lending-{number}",
            "endpoint": "lending",
            "candidate": "lending/1",
            "candidate_digest": DIGEST,
            "plan": ASKING.model_dump(mode="json", exclude_none=True),
            "plan_digest": ASKING.digest,
            "verdict": json.loads(verdict.to_json()),
        }
        self.write(stream, "release.opened", opening)
        if promote:
            self.write(stream, "release.promoted", {"reason": "Nobody to compare with."})

    # A release in stages, by the rules: the room's own events, people's own words.

    def open_staged(self, changed: dict | None = None) -> None:
        """``lending-1`` made another version champion; ``lending-2`` of ours begins in its first stage.

        Args:
            changed: what its opening says instead of the truth.
        """
        other = {"id": "lending-1", "candidate": "lending/0", "verdict": {"policy": "strict"}}
        self.write("release/lending-1", "release.opened", other)
        self.write("release/lending-1", "release.promoted", {"reason": "Nobody to compare with."})
        place = {"endpoint": "lending", "champion": "lending/0", "since_table": 1, "cursor": ""}
        event = opened("lending-2", self.version, ASKING, self.judge(), [], **place)
        self.write("release/lending-2", event.kind, event.payload | (changed or {}))

    @property
    def book(self) -> Book:
        return Book(self.journal)

    @property
    def page(self) -> Page:
        return self.book.page("lending-2")

    @property
    def voices(self) -> Voices:
        return Voices(self.journal, people=OWNERS, listed={}, clock=self.clock)

    def say_yes(self, by: str, role: str | None = None):
        """Say, as the release room would, that ``lending-2`` may go on."""
        said = self.voices.say(
            self.page.release,
            self.version,
            by=by,
            note="Read the pairs.",
            signer=FileSigner(self.root / "keys", by),
            role=role,
        )
        self.book.append(self.page, [said.event], also=said.enrolment)
        return said.event.payload

    def take_back(self, by: str, given_by: str | None = None) -> None:
        """Take such a word back, as the release room would."""
        said = self.voices.take_back(
            self.page.release,
            self.version,
            by=by,
            note="Too soon.",
            signer=FileSigner(self.root / "keys", by),
            given_by=given_by,
        )
        self.book.append(self.page, [said.event], also=said.enrolment)

    def enter(self) -> None:
        """Go on to the next step, whoever has let it in."""
        release = self.page.release
        stage = release.stages[release.stage + 1]
        if stage.kind == "champion":
            event = Event(kind=PROMOTED, payload={"reason": "All was quiet."})
        else:
            payload = {"stage": release.stage + 1, "name": stage.name, "since_table": 2, "reason": "Quiet."}
            event = Event(kind=STAGE_ENTERED, payload=payload)
        self.book.append(self.page, [event])

    def walk(self) -> None:
        """Walk a release to its end, by the rules."""
        self.open_staged()
        for by in ("olga", "otto", "leo"):
            self.say_yes(by)
        self.enter()
        self.say_yes("lena", "owner")
        self.enter()

    def pack(self, to: Path | None = None) -> Packed:
        card = ModelCard(model=self.version, journal_size=0, journal_root="", time=NOW)
        sources = Sources(root=self.root, reports=self.root / "reports", card=card)
        record = make_pack(self.version, to or self.root / "pack.zip", journal=self.journal, sources=sources)
        return Packed(record, Path(record.path).read_bytes())


@pytest.fixture
def new_desk(tmp_path_factory):
    """Makes desks, each with a journal of its own."""
    desks = []

    def new() -> Desk:
        desks.append(Desk(tmp_path_factory.mktemp("desk")))
        return desks[-1]

    yield new
    for desk in desks:
        desk.journal.close()


@pytest.fixture
def desk(new_desk) -> Desk:
    return new_desk()
