"""Anything anybody may do to an endpoint, in any order, with processes dying in between."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from workbench.core.clock import SystemClock
from workbench.core.errors import Conflict, Refused
from workbench.core.settings import Settings
from workbench.core.values import Outcome
from workbench.gateway.routing import is_killed, read_table
from workbench.journal import FileSigner, Journal
from workbench.models.records import ModelVersion
from workbench.models.registry import Registry
from workbench.releases import Releases, Status
from workbench.releases.intents import Rollback
from workbench.testing.clock import ManualClock
from workbench.testing.releases import PLAN, Traffic, plan, verdict_on
from workbench.traffic import CaptureWriter, TrafficStore

NAME = "tiny"
SHADOW, _, HALF, CHAMPION = PLAN["stages"]
ALL = {"errors": {}, "disagreement": {"at_most": 0.2}, "objective": {"at_most": 0.1}}

#: A plan of each kind, so that every kind is met in every order of events.
PLANS = {
    "canary": plan(),
    "progressive": plan(
        stages=[
            {"name": "ramp", "kind": "progressive", "weights": [0.1, 0.5], "min_requests": 30},
            CHAMPION,
        ]
    ),
    "ab": plan(
        sticky="x1",
        stages=[
            SHADOW,
            {"name": "split", "kind": "ab", "weight": 0.5, "arms": ["old", "new"], "min_requests": 30},
            CHAMPION,
        ],
    ),
    "blue_green": plan(
        metrics=ALL, stages=[SHADOW, {"name": "green", "kind": "blue_green", "min_requests": 30}, CHAMPION]
    ),
    "asking": plan(stages=[HALF, CHAMPION | {"approvals": {"owner": 1}}]),
}
PEOPLE = {"ada": ["owner"], "grace": ["owner"], "joan": []}


class Aliases:
    """A registry's part in a release, without MLflow: versions, their files, aliases."""

    def __init__(self, real: Registry) -> None:
        self._versions = {version.ref: version for version in real.versions(NAME)}
        self._paths = {ref: real.artifact_path(version) for ref, version in self._versions.items()}
        self._aliases: dict[str, int] = {}

    def version(self, ref: str) -> ModelVersion:
        return self._versions[ref]

    def artifact_path(self, version: ModelVersion) -> Path:
        return self._paths[version.ref]

    def aliases(self, name: str) -> dict[str, int]:
        return dict(self._aliases)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        self._aliases[alias] = version

    def require_waiver(self, version: ModelVersion) -> None:
        """None of these came in on a waiver."""


class Endpoint(RuleBasedStateMachine):
    real: Registry

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.clock = ManualClock()
        self.settings = Settings(root=Path(self.home.name), actor="ada", people=PEOPLE)
        for name in ("attestations", "keys"):  # signatures lie with the project, and are checked
            shutil.copytree(self.real._settings.state / name, self.settings.state / name)
        self.journal = Journal.open(self.settings.state / "journal.db", actor="ada", clock=self.clock)
        self.registry = Aliases(self.real)
        self.traffic = TrafficStore(self.settings.state / "traffic")
        self.writer = CaptureWriter(self.settings.state / "traffic")
        self.releasable: set[str] = set()
        self.had_champion = False
        self.restart()

    def teardown(self) -> None:
        self.writer.close()
        self.journal.close()
        self.home.cleanup()

    @rule()
    def restart(self) -> None:
        self.releases = self.of("ada")

    def of(self, actor: str) -> Releases:
        settings = self.settings.model_copy(update={"actor": actor})
        parts = (settings, self.journal, self.registry, self.traffic, self.clock)
        return Releases(*parts, permission=lambda state: state.allowed)

    @initialize()
    def open_the_first(self) -> None:
        self.open(1, Outcome.PASS)

    @rule(
        number=st.integers(1, 4),
        outcome=st.sampled_from([Outcome.PASS, Outcome.PASS, Outcome.INCONCLUSIVE]),
        kind=st.sampled_from(sorted(PLANS)),
        instead=st.booleans(),
    )
    def open(self, number: int, outcome: Outcome, kind: str = "canary", *, instead: bool = False) -> None:
        version, before = self.registry.version(f"{NAME}/{number}"), self.releases.active(NAME)
        begin = self.releases.supersede if instead else self.releases.open
        try:
            release = begin(version, PLANS[kind], endpoint=NAME, verdict=verdict_on(version, outcome))
        except (Conflict, Refused):
            assert self.releases.active(NAME) == before
            return
        assert outcome is Outcome.PASS
        self.releasable.add(release.id)
        if before is not None:
            ended = self.releases.get(before.id)
            assert instead
            assert ended.status is Status.SUPERSEDED
            assert release.id in ended.reason

    @precondition(lambda self: self.releases.all())
    @rule(which=st.integers(0, 9))
    def retry(self, which: int) -> None:
        known = self.releases.all()
        tried = known[-1 - which % len(known)]
        try:
            release = self.releases.retry(tried.id)
        except Conflict:
            return
        assert tried.status is Status.ABORTED
        assert release.candidate_digest == tried.candidate_digest
        self.releasable.add(release.id)

    @precondition(lambda self: self.releases.active(NAME) is not None)
    @rule(by=st.sampled_from(["grace", "grace", "ada", "joan"]))
    def approve(self, by: str) -> None:
        active = self.releases.active(NAME)
        try:
            signer = FileSigner(Path(self.home.name) / "signers", by)
            said = self.of(by).approve_stage(active.id, note="so", signer=signer)
        except Refused:
            return
        assert (said.by, said.model_digest) == ("grace", active.candidate_digest)

    @precondition(lambda self: self.releases.active(NAME) is not None)
    @rule()
    def abort(self) -> None:
        assert self.releases.abort(self.releases.active(NAME).id, "so").status is Status.ABORTED

    @precondition(lambda self: self.releases.active(NAME) is not None)
    @rule(n=st.sampled_from([1, 20]), seed=st.integers(0, 99), bad=st.sampled_from([0.0, 1.0]))
    def send(self, n: int, seed: int, bad: float) -> None:
        now = self.now()
        tried = now.shadow or now.candidate
        source = Traffic(seed, champion=now.champion.version, candidate=tried.version)
        at = {"table": now.version, "time": self.clock.now(), "bad": bad}
        for exchange in source.shadow(n, **at) if now.shadow else source.canary(n, now.share, **at):
            self.writer.put(exchange)
        self.writer.flush()
        self.clock.advance(seconds=10)

    @rule(
        number=st.integers(1, 4),
        seed=st.integers(0, 99),
        bad=st.sampled_from([0.0, 0.0, 0.3]),
        kind=st.sampled_from(sorted(PLANS)),
    )
    def walk_to_the_end(self, number: int, seed: int, bad: float, kind: str) -> None:
        self.open(number, Outcome.PASS, kind, instead=True)
        for _ in range(6):
            self.restart()
            if kind == "asking" and self.releases.active(NAME) is not None:
                self.approve("grace")
            self.walk(seed, bad, rounds=1)

    @precondition(lambda self: self.releases.all())
    @rule(which=st.integers(0, 9))
    def tick(self, which: int) -> None:
        known = self.releases.all()
        self.releases.tick(known[-1 - which % len(known)].id)

    @precondition(lambda self: self.releases.active(NAME) is not None)
    @rule(seed=st.integers(0, 99), bad=st.sampled_from([0.0, 0.0, 0.0, 0.3]), rounds=st.integers(1, 4))
    def walk(self, seed: int, bad: float, rounds: int) -> None:
        for _ in range(rounds):
            active = self.releases.active(NAME)
            if active is not None:
                self.send(400, seed, bad)
                self.releases.tick(active.id)

    @rule()
    def roll_back(self) -> None:
        before = self.releases.active(NAME)
        try:
            release = self.releases.rollback(NAME, "INC-1")
        except Refused:
            assert before is None
            return
        assert release.status is Status.ROLLED_BACK
        assert before is None or release.id == before.id

    @rule()
    def die_while_rolling_back(self) -> None:
        """The intent is written, and nothing more."""
        now = self.now()
        if now is None or not (now.shadow or now.candidate or now.standby):
            return
        took_out = (now.candidate or now.shadow or now.champion).model.ref
        self.releases._effects._intents.write(
            Rollback(endpoint=NAME, took_out=took_out, reason="INC-2", by="eve", time=self.clock.now())
        )
        self.restart()
        self.releases.tick(self.releases.all()[-1].id)

    @rule(soon=st.booleans())
    def kill(self, soon: bool) -> None:
        self.releases.kill(NAME, "legal hold")
        assert self.releases.active(NAME) is None
        assert is_killed(self.settings.state, NAME)
        if soon:
            self.revive()

    @precondition(lambda self: is_killed(self.settings.state, NAME))
    @rule()
    def revive(self) -> None:
        self.releases.revive(NAME, "hold lifted")
        assert not is_killed(self.settings.state, NAME)

    @rule(pause=st.booleans())
    def pause_or_resume(self, pause: bool) -> None:
        active = self.releases.active(NAME)
        if active is None:
            return
        try:
            (self.releases.pause if pause else self.releases.resume)(active.id, "so")
        except Conflict:
            assert (active.status is Status.PAUSED) == pause

    @rule(minutes=st.sampled_from([5, 70]))
    def time_passes(self, minutes: int) -> None:
        self.clock.advance(minutes=minutes)

    def now(self):
        return read_table(self.settings.state, NAME)

    @invariant()
    def one_release_is_active_at_most(self) -> None:
        assert sum(not release.status.final for release in self.releases.all()) <= 1

    @invariant()
    def nobody_is_promoted_whom_the_gate_did_not_let_through(self) -> None:
        promoted = {release.id for release in self.releases.all() if release.status is Status.PROMOTED}
        assert promoted <= self.releasable

    @invariant()
    def nobody_is_promoted_before_those_have_said_yes_whom_the_plan_asks(self) -> None:
        for release in self.releases.all():
            asked = release.stages[-1].approvals and release.champion
            if release.status is Status.PROMOTED and asked:
                assert {one.by for one in release.approvals} == {"grace"}

    @invariant()
    def the_coin_is_the_entitys_only_where_the_plan_says_so(self) -> None:
        now, active = self.now(), self.releases.active(NAME)
        sticky = active is not None and bool(active.sticky) and active.weight > 0
        if now is not None:
            assert (now.sticky, now.salt) == ((active.sticky, active.id) if sticky else ("", ""))
            assert now.arms == (active.current.arms if active else None)

    @invariant()
    def after_the_first_champion_there_is_always_one(self) -> None:
        champions = [r.candidate for r in self.releases.all() if r.status is Status.PROMOTED]
        now = self.now()
        self.had_champion = self.had_champion or bool(champions)
        assert bool(champions) == self.had_champion
        if champions:
            assert now.champion.model.ref == champions[-1]
            assert self.registry.aliases(NAME)["champion"] == now.champion.version

    @invariant()
    def the_routing_says_what_the_journal_says(self) -> None:
        now, active = self.now(), self.releases.active(NAME)
        if now is None:
            assert active is None
            return
        assert 0 <= now.share <= 1
        assert (now.share > 0) == (now.candidate is not None)
        tried = now.candidate or now.shadow
        assert (tried is not None) == (active is not None)
        if active is not None:
            assert tried.model.ref == active.candidate
            assert tried.digest == active.candidate_digest
            assert now.share == active.weight == active.current.weight

    @invariant()
    def what_ended_says_when_and_why(self) -> None:
        for release in self.releases.all():
            assert (release.closed is not None) == release.status.final
            assert release.reason or not release.status.final


def test_whatever_happens_to_an_endpoint_its_promises_hold(registered):
    clock = SystemClock()
    with Journal.open(registered / ".workbench" / "journal.db", actor="ada", clock=clock) as journal:
        Endpoint.real = Registry(Settings(root=registered, actor="ada"), journal, clock)
        limits = settings(
            max_examples=10,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        )
        run_state_machine_as_test(Endpoint, settings=limits)


@pytest.fixture(autouse=True)
def _forget():
    yield
    Endpoint.real = None
