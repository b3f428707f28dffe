"""No sequence of calls gives a promotion without what the policy asks.

Everybody acts on a real project: audits, policies that are edited, requests, approvals, rejections, what is taken
back, findings, days that pass, roles that change, words written past the doors, releases and their traffic. An
oracle of a few lines keeps book of what was said and must agree with every refusal and every promotion.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import workbench as wb
from workbench.audits.records import Evidence, Measurement, Report
from workbench.core.digests import of_bytes
from workbench.core.errors import Refused, WorkbenchError
from workbench.core.project import open_settings
from workbench.core.values import Outcome
from workbench.gates import load_policy
from workbench.journal import Event
from workbench.releases import Status
from workbench.testing.clock import ManualClock
from workbench.testing.models import TARGET, Threshold, tiny_frame
from workbench.testing.releases import Traffic
from workbench.traffic import CaptureWriter

REF, NAME, AUTHOR = "tiny/2", "tiny", "ada"
EVERYBODY = ("ada", "grace", "joan", "mary")
ROLES = {"ada": ["risk", "legal"], "grace": ["risk", "legal"], "joan": ["risk"], "mary": ["legal"]}
LIMIT = 0.7

PLAN = {
    "name": "short",
    "metrics": {"errors": {"margin": 2.0}},
    "stages": [
        {"name": "half", "kind": "canary", "weight": 0.5, "min_requests": 5, "deadline_minutes": 600_000},
        {"name": "champion", "kind": "champion"},
    ],
}

POLICIES = [
    {"approvals": {"risk": 1}},
    {"approvals": {"risk": 2}, "max_age_days": {"performance": 20}},
    {"approvals": {"risk": 1, "legal": 1}, "max_open_findings": {"high": 0}, "approval_days": 10},
    {"approvals": {"risk": 1, "legal": 1}, "same_person_may_fill_roles": True},
]


@dataclass
class Word:
    """What somebody said, as the oracle has it."""

    by: str
    role: str
    decision: str
    policy: str
    data: frozenset[str]
    until: datetime | None
    id: str
    taken_back: bool = False


@dataclass
class Oracle:
    """Who said what, and whether the policy would have all that it asks."""

    audits: list[tuple[str, float, datetime]] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    requesters: set[tuple[str, str]] = field(default_factory=set)
    findings: dict[str, datetime | None] = field(default_factory=dict)
    """High ones by id: None open, else until when accepted; fixed ones are taken out."""

    def evidence(self, policy: dict, now: datetime) -> tuple[str, float] | None:
        if not self.audits:
            return None
        data, value, at = self.audits[-1]
        oldest = policy.get("max_age_days", {}).get("performance")
        fresh = oldest is None or now - at <= timedelta(days=oldest)
        return (data, value) if fresh else None

    def allows(self, policy: dict, digest: str, people: dict, now: datetime) -> bool:
        found = self.evidence(policy, now)
        if found is None or found[1] < LIMIT:
            return False
        open_ = [f for f, until in self.findings.items() if until is None or now.date() > until.date()]
        if open_ and "max_open_findings" in policy:
            return False
        standing = [w for w in self.words if self.stands(w, policy, digest, people, now)]
        if any(w.decision == "reject" for w in standing):
            return False
        yes = [w for w in standing if w.decision == "approve" and found[0] in w.data]
        return all(self.people_for(role, yes, policy) >= need for role, need in policy["approvals"].items())

    def stands(self, word: Word, policy: dict, digest: str, people: dict, now: datetime) -> bool:
        return (
            word.policy == digest
            and word.by != AUTHOR
            and (digest, word.by) not in self.requesters
            and word.role in people.get(word.by, [])
            and word.role in policy["approvals"]
            and not word.taken_back
            and (word.until is None or now < word.until)
        )

    def people_for(self, role: str, yes: list[Word], policy: dict) -> int:
        counted: dict[str, str] = {}
        for word in yes:
            if policy.get("same_person_may_fill_roles"):
                counted[word.by + word.role] = word.role
            else:
                counted.setdefault(word.by, word.role)
        return list(counted.values()).count(role)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    """A project with a champion, a candidate that ada registered, and a policy."""
    root = tmp_path_factory.mktemp("template")
    clock = ManualClock()
    bench = bench_of(root, AUTHOR, clock, ROLES)
    for at in (0.0, 0.1):
        bench.register(Threshold(at).fit(None), name=NAME, train=tiny_frame(), target=TARGET)
    (root / "plans" / "short.yaml").write_text(yaml.safe_dump(PLAN))
    write_policy(root, {"approvals": {"risk": 1}})
    keep_report(bench, "tiny/1", 0.9, "a", clock.now())
    bench_of(root, "grace", clock, ROLES).approve("tiny/1", note="first", policy="p", role="risk")
    bench.release("tiny/1", plan="short", policy="p")
    bench.journal.close()
    write_policy(root, POLICIES[0])
    return root


def bench_of(root: Path, actor: str, clock: ManualClock, people: dict) -> wb.Workbench:
    opened = open_settings(root, actor=actor).model_copy(update={"people": people})
    return wb.Workbench(opened, clock=clock)


def write_policy(root: Path, asks: dict) -> None:
    rules = [{"audit": "performance", "metric": "roc_auc_score", "at_least": LIMIT}]
    (root / "policies").mkdir(exist_ok=True)
    (root / "policies" / "p.yaml").write_text(yaml.safe_dump({"name": "p", "rules": rules, **asks}))


def keep_report(bench: wb.Workbench, ref: str, value: float, data: str, now: datetime) -> None:
    version, digest = bench.model(ref), of_bytes(data.encode())
    found = Measurement(metric="roc_auc_score", value=value, low=value, high=value, n=900)
    evidence = Evidence(
        audit="performance",
        outcome=Outcome.MEASURED,
        model_digest=version.digest,
        data_digest=digest,
        measurements=(found,),
        started=now,
        seconds=0.1,
    )
    report = Report(
        title="Audit",
        subject=ref,
        task="classification",
        target=TARGET,
        data_digest=digest,
        rows=900,
        evidence=(evidence,),
        created=now,
    )
    bench._keep(report, version)


class Approving(RuleBasedStateMachine):
    """Four people and a candidate."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.root = Path(shutil.copytree(self.template, Path(self.home.name) / "project"))
        self.clock = ManualClock()
        self.people = {name: list(roles) for name, roles in ROLES.items()}
        self.benches = {name: bench_of(self.root, name, self.clock, self.people) for name in EVERYBODY}
        self.writer = CaptureWriter(self.root / ".workbench" / "traffic")
        self.oracle = Oracle()
        self.asks = POLICIES[0]
        self.opened_under: tuple[dict, str] | None = None
        self.promoted = False

    def teardown(self) -> None:
        self.writer.close()
        for bench in self.benches.values():
            bench.journal.close()
        self.home.cleanup()

    @property
    def digest(self) -> str:
        return load_policy(self.root / "policies" / "p.yaml").digest

    def allowed(self, under: tuple[dict, str] | None = None) -> bool:
        asks, digest = under or (self.asks, self.digest)
        return self.oracle.allows(asks, digest, self.people, self.clock.now())

    # What people do

    @rule(value=st.sampled_from([0.9, 0.9, 0.9, 0.5]), data=st.sampled_from(["a", "a", "b"]))
    def audit(self, value: float, data: str) -> None:
        keep_report(self.benches[AUTHOR], REF, value, data, self.clock.now())
        self.oracle.audits.append((of_bytes(data.encode()), value, self.clock.now()))
        self.clock.advance(seconds=1)

    @initialize(value=st.just(0.9), data=st.just("a"))
    def first_audit(self, value: float, data: str) -> None:
        self.audit(value, data)

    @rule(which=st.sampled_from(range(len(POLICIES))))
    def edit_policy(self, which: int) -> None:
        self.asks = POLICIES[which]
        write_policy(self.root, self.asks)

    @rule(by=st.sampled_from(EVERYBODY))
    def gate(self, by: str) -> None:
        verdict = self.benches[by].gate(REF, "p")
        assert verdict.releasable == self.allowed()

    @rule(by=st.sampled_from(["ada", "ada", "joan"]))
    def request(self, by: str) -> None:
        try:
            self.benches[by].request_approval(REF, note="please", policy="p")
        except Refused:
            return
        self.oracle.requesters.add((self.digest, by))

    @rule(
        by=st.sampled_from(EVERYBODY),
        role=st.sampled_from(["risk", "risk", "legal"]),
        decision=st.sampled_from(["approve", "approve", "approve", "reject"]),
    )
    def say(self, by: str, role: str, decision: str) -> None:
        try:
            said = getattr(self.benches[by], decision)(REF, note="looked", policy="p", role=role)
        except WorkbenchError:
            return
        assert by != AUTHOR
        assert role in self.people[by]
        assert (self.digest, by) not in self.oracle.requesters
        days = timedelta(days=self.asks.get("approval_days", 90))
        found = self.oracle.evidence(self.asks, self.clock.now())
        self.oracle.words.append(
            Word(
                by=by,
                role=role,
                decision=decision,
                policy=self.digest,
                data=frozenset([found[0]] if found else []),
                until=self.clock.now() + days if decision == "approve" else None,
                id=said.id,
            )
        )

    @precondition(lambda self: self.oracle.words)
    @rule(by=st.sampled_from(EVERYBODY), which=st.integers(0, 20))
    def revoke(self, by: str, which: int) -> None:
        word = self.oracle.words[which % len(self.oracle.words)]
        try:
            self.benches[by].revoke(word.id, note="changed my mind")
        except Refused:
            return
        assert by == word.by or (by != AUTHOR and word.role in self.people[by])
        word.taken_back = True

    @rule()
    def find(self) -> None:
        self.oracle.findings[self.benches["joan"].open_finding(REF, "Odd.", severity="high").id] = None

    @precondition(lambda self: self.oracle.findings)
    @rule(by=st.sampled_from(EVERYBODY), which=st.integers(0, 9), days=st.integers(0, 20))
    def accept(self, by: str, which: int, days: int) -> None:
        finding = sorted(self.oracle.findings)[which % len(self.oracle.findings)]
        until = self.clock.now() + timedelta(days=days)
        try:
            self.benches[by].accept_finding(finding, reason="rare", until=until.date())
        except Refused:
            assert by == AUTHOR
            return
        assert by != AUTHOR
        self.oracle.findings[finding] = until

    @rule(days=st.sampled_from([1, 5, 11, 21]))
    def wait(self, days: int) -> None:
        self.clock.advance(minutes=days * 24 * 60)

    @rule(who=st.sampled_from(["grace", "joan"]), role=st.sampled_from(["risk", "legal"]))
    def change_roles(self, who: str, role: str) -> None:
        held = self.people[who]
        held.remove(role) if role in held else held.append(role)

    @precondition(lambda self: self.oracle.words)
    @rule(which=st.integers(0, 20), by=st.sampled_from(EVERYBODY), role=st.sampled_from(["risk", "legal"]))
    def write_past_the_doors(self, which: int, by: str, role: str) -> None:
        """Somebody who can write the journal copies a word under another name, role, policy or end."""
        word = self.oracle.words[which % len(self.oracle.words)]
        journal, stream = self.benches["mary"].journal, f"approval/{REF}"
        payload = next(e.payload for e in journal.read(stream) if e.payload.get("id") == word.id)
        forged = payload | {
            "id": f"{stream}#{journal.length(stream)}",
            "by": by,
            "role": role,
            "decision": "approve",
            "policy_digest": self.digest,
            "until": None,
        }
        journal.append(stream, Event(kind="approval.given", payload=forged))

    # What moves traffic

    @precondition(lambda self: not self.promoted and self.opened_under is None)
    @rule(by=st.sampled_from(EVERYBODY))
    def release(self, by: str) -> None:
        allowed = self.allowed()
        try:
            self.benches[by].release(REF, plan="short", policy="p")
        except Refused:
            event("not released")
            assert not allowed
            return
        event("released")
        assert allowed
        self.opened_under = (self.asks, self.digest)

    @precondition(lambda self: self.opened_under is not None and not self.promoted)
    @rule(by=st.sampled_from(EVERYBODY))
    def traffic_and_a_tick(self, by: str) -> None:
        release = self.benches[by].releases.active(NAME)
        if release is None:
            self.opened_under = None
            return
        table = self.benches[by].releases._target.status(NAME).version
        source = Traffic(7, champion=1, candidate=2, endpoint=NAME)
        for exchange in source.canary(60, 0.5, table=table, time=self.clock.now()):
            self.writer.put(exchange)
        self.writer.flush()
        self.clock.advance(seconds=10)
        allowed = self.allowed(self.opened_under)
        now = self.benches[by].advance(release.id)
        if now.status is Status.PROMOTED:
            assert allowed
            event("promoted")
            self.promoted = True
        elif now.status.final:
            self.opened_under = None
        else:
            event("held at the door")
            assert not allowed

    @invariant()
    def the_journal_tells_of_no_other_promotion(self) -> None:
        journal = self.benches["grace"].journal
        promoted = [
            entry
            for stream in journal.streams("release/")
            for entry in journal.read(stream)
            if entry.kind == "release.promoted"
        ]
        assert len(promoted) == 1 + self.promoted


@pytest.mark.slow
def test_no_sequence_of_calls_gives_a_promotion_without_what_the_policy_asks(template):
    from hypothesis.stateful import run_state_machine_as_test

    class Here(Approving):
        pass

    Here.template = template
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
