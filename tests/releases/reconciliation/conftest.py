"""An endpoint of which journal and gateway both tell, step by step; nothing real in it, and everything legal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workbench.gateway.record import Line, Recorded, Served
from workbench.journal import Entry, Event
from workbench.models.history import ALIAS
from workbench.releases import Status, routes
from workbench.releases.effects import ENDPOINT_KILLED, ENDPOINT_REVIVED
from workbench.releases.intents import Rollback
from workbench.releases.reconciliation import Seen, reconcile
from workbench.releases.reconciliation.records import InForce
from workbench.releases.state import (
    ABORTED,
    KILLED,
    OPENED,
    PAUSED,
    PROMOTED,
    RESUMED,
    ROLLED_BACK,
    STAGE_ENTERED,
    fold,
    follow,
)
from workbench.testing.clock import START
from workbench.testing.releases import opened, plan
from workbench.traffic import Decided

NAME = "tiny"
STEPS = plan()


def bytes_of(number: int) -> str:
    return f"sha256:{number:064x}"


class World:
    """An endpoint whose journal and gateway both tell what happens; nothing real, everything legal."""

    def __init__(self) -> None:
        self.now = START
        self.entries: list[Entry] = []
        self.lines: list[Line] = []
        self.decided: list[Decided] = []
        self.intents: list[Rollback] = []
        self.table = 0
        self.file = InForce(None)
        self.in_force: tuple[int, InForce] | None = None
        self.runs = False
        self.killed = False
        self.recorded_kill = False

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # The journal

    def write(self, stream: str, *events: tuple[str, dict]) -> None:
        for kind, payload in events:
            self.entries.append(
                Entry(
                    seq=len(self.entries),
                    stream=stream,
                    position=sum(e.stream == stream for e in self.entries),
                    time=self.now,
                    actor="ada",
                    kind=kind,
                    subjects=(),
                    payload=payload,
                    previous="",
                    hash="",
                )
            )

    def stream(self, number: int) -> list[Entry]:
        return [e for e in self.entries if e.stream == f"release/{NAME}-{number}"]

    @property
    def releases(self):
        count = len({e.stream for e in self.entries if e.stream.startswith("release/")})
        return [fold(self.stream(number)) for number in range(1, count + 1)]

    @property
    def switches(self):
        return [e for e in self.entries if e.stream.startswith("endpoint/")]

    @property
    def active(self):
        return routes.active(self.releases)

    def say(self, release, kind: str, **payload) -> None:
        follow_all(self.stream(int(release.id.rpartition("-")[2])), kind, payload)
        self.write(f"release/{release.id}", (kind, payload))

    # The gateway

    def line(self, what: str, **changes) -> None:
        version, who = self.in_force or (0, InForce(None))
        fields = who._asdict() | {"table": version, "killed": self.killed, "time": self.now} | changes
        self.lines.append(Line(what=what, **fields))

    def start(self) -> None:
        if not self.runs:
            self.runs, self.in_force = True, None
            self.line("started", killed=False)
            if self.killed:
                self.line("killed")
            if self.table:
                self.take()

    def stop(self, *, crash: bool = False) -> None:
        if self.runs:
            if not crash:
                self.line("stopped")
            self.runs = False

    def take(self) -> None:
        self.in_force = (self.table, self.file)
        self.line("table")
        if not self.killed:
            self.serve()

    def serve(self) -> None:
        version, who = self.in_force
        number = int(who.champion.ref.rpartition("/")[2])
        shadow = who.shadow and int(who.shadow.ref.rpartition("/")[2])
        some = [Decided(version, who.share, number, number, shadow, 7, self.now, self.now)]
        if who.candidate:
            tried = int(who.candidate.ref.rpartition("/")[2])
            some.append(Decided(version, who.share, tried, tried, None, 3, self.now, self.now))
        self.decided += some

    def route(self, who: InForce, lag: float = 0.05) -> None:
        if who != self.file:
            self.table, self.file = self.table + 1, who
            self.wait(lag)
            if self.runs:
                self.take()

    def follow(self, lag: float = 0.05) -> None:
        """Traffic follows the journal, as ``Effects.take`` lets it."""
        wanted = routes.wanted(self.releases)
        if wanted is not None and not self.intents:
            digests = {r.candidate: r.candidate_digest for r in self.releases}

            def one(ref):
                return Served(ref=ref, digest=digests[ref]) if ref else None

            who = InForce(
                one(wanted.champion),
                one(wanted.candidate),
                wanted.share,
                one(wanted.shadow),
                one(wanted.standby),
            )
            self.route(who, lag)

    # What anybody may do

    def open(self, number: int, lag: float = 0.05) -> None:
        reigning = routes.champions(self.releases)[-1:]
        if self.active or self.killed or reigning == [f"{NAME}/{number}"]:
            return
        count = len(self.releases) + 1
        release_id = f"{NAME}-{count}"
        payload = opened_payload() | {
            "id": release_id,
            "candidate": f"{NAME}/{number}",
            "candidate_digest": bytes_of(number),
            "champion": reigning[0] if reigning else "",
        }
        first = [] if reigning else [(PROMOTED, {"reason": "first"})]
        self.write(f"release/{release_id}", (OPENED, payload), *first)
        self.follow(lag)

    def step(self, lag: float = 0.05) -> None:
        """The next stage, or champion."""
        release = self.active
        if release is None or release.status is Status.PAUSED:
            return
        at = release.stage + 1
        if release.stages[at].kind == "champion":
            self.say(release, PROMOTED, reason="good")
            self.write(f"model/{NAME}", (ALIAS, {"alias": "champion", "version": release.candidate[5:]}))
        else:
            self.say(release, STAGE_ENTERED, stage=at, since_table=self.table, reason="good")
        self.follow(lag)

    def abort(self) -> None:
        if self.active:
            self.say(self.active, ABORTED, reason="bad")
            self.follow()

    def pause(self) -> None:
        if self.active:
            self.say(self.active, PAUSED if self.active.status is Status.RUNNING else RESUMED, reason="so")

    def go_back(self) -> bool:
        """By hand: traffic first."""
        who = self.file
        if who.tried:
            taken, back = who.tried, who._replace(candidate=None, shadow=None, share=0.0)
        elif who.standby:
            taken, back = who.champion, who._replace(champion=who.standby, standby=None)
        else:
            return False
        self.intents.append(
            Rollback(endpoint=NAME, took_out=taken.ref, reason="INC-1", by="eve", time=self.now)
        )
        self.route(back)
        return True

    def record(self) -> None:
        """The journal answers again: what was done by hand is written, and traffic follows."""
        for intent in self.intents:
            for release in routes.taken_out(self.releases, intent.took_out):
                self.say(release, ROLLED_BACK, reason="INC-1", by="eve")
        self.intents = []
        if self.killed and not self.recorded_kill:
            self.write(f"endpoint/{NAME}", (ENDPOINT_KILLED, {"reason": "hold"}))
            self.recorded_kill = True
            if self.active:
                self.say(self.active, KILLED, reason="hold")
        self.follow()

    def kill(self) -> None:
        if not self.killed:
            self.killed, self.recorded_kill = True, False
            if self.runs:
                self.line("killed")

    def revive(self) -> None:
        if self.killed:
            self.record()
            self.write(f"endpoint/{NAME}", (ENDPOINT_REVIVED, {"reason": "over"}))
            self.wait(0.05)
            self.killed = False
            if self.runs:
                self.line("revived")

    # Looking

    def seen(self, **changes) -> Seen:
        entries = changes.pop("entries", self.entries)
        fields = {
            "endpoint": NAME,
            "now": self.now,
            "decided": sorted(self.decided, key=lambda some: (some.table_version, some.first)),
            "record": Recorded(tuple(self.lines)),
            "alive": self.runs,
            "killed": self.killed,
            "intents": self.intents,
            "releases": [e for e in entries if e.stream.startswith("release/")],
            "switches": [e for e in entries if e.stream.startswith("endpoint/")],
            "model": [e for e in entries if e.stream.startswith("model/")],
        }
        return Seen(**(fields | changes))

    def found(self, **changes):
        return reconcile(self.seen(**changes))

    def without(self, entry: Entry) -> list[Entry]:
        left = [e for e in self.entries if e is not entry]
        return [e.model_copy(update={"seq": seq}) for seq, e in enumerate(left)]

    def promote(self, number: int) -> None:
        """Walk a version to champion, an hour a stage."""
        self.open(number)
        for _ in range(3):
            self.wait(3600)
            self.step()
        self.wait(3600)

    def last(self, kind: str) -> Entry:
        return next(e for e in reversed(self.entries) if e.kind == kind)


def follow_all(entries, kind, payload):
    """Refuse what the real state machine refuses."""
    state = None
    for entry in entries:
        state = follow(state, Event(kind=entry.kind, payload=entry.payload), time=entry.time, actor="ada")
    follow(state, Event(kind=kind, payload=payload), time=START, actor="ada")


def opened_payload(cache={}):  # noqa: B006 - the same every time
    if not cache:
        state = opened(STEPS)
        cache.update(
            endpoint=NAME,
            plan=STEPS.model_dump(mode="json", exclude_none=True),
            plan_digest=STEPS.digest,
            alpha=state.alpha,
            verdict=state.allowed.model_dump(mode="json"),
            since_table=1,
            cursor="",
        )
    return cache


@pytest.fixture(scope="session", name="World")
def _world():
    """The class, for tests that live many lives."""
    return World


@pytest.fixture
def world() -> World:
    """Version 1 is champion, and its gateway has run for a while."""
    world = World()
    world.open(1)
    world.start()
    world.wait(3600)
    return world
