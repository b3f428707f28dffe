from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.core.clock import SystemClock
from workbench.core.settings import Settings
from workbench.gateway.routing import RoutingTable, read_table
from workbench.journal import Journal
from workbench.models.records import ModelVersion
from workbench.models.registry import Registry
from workbench.releases import Release, Releases, Status
from workbench.testing.clock import ManualClock
from workbench.testing.models import TARGET, Failing, Threshold, tiny_frame
from workbench.testing.releases import Traffic, plan, verdict_on
from workbench.traffic import CaptureWriter, Exchange, TrafficStore

NAME = "tiny"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def registered(tmp_path_factory) -> Path:
    """A project with five versions in a real registry, to be copied; the fifth fails on great numbers."""
    root = tmp_path_factory.mktemp("registered")
    settings = Settings(root=root, actor="ada")
    with Journal.open(settings.state / "journal.db", actor="ada", clock=ManualClock()) as journal:
        registry = Registry(settings, journal, ManualClock())
        for model in (*(Threshold(at) for at in (0.0, 0.1, 0.2, 0.3)), Failing(above=50.0)):
            registry.register(model.fit(None), name=NAME, train=tiny_frame(), target=TARGET)
    return root


@pytest.fixture
def root(registered: Path, tmp_path: Path) -> Path:
    """A project of one's own, with four versions of ``tiny``."""
    return shutil.copytree(registered, tmp_path / "project")


@pytest.fixture
def settings(root: Path) -> Settings:
    return Settings(root=root, actor="ada")


@pytest.fixture
def journal(settings: Settings, clock: ManualClock) -> Iterator[Journal]:
    with Journal.open(settings.state / "journal.db", actor="ada", clock=clock) as journal:
        yield journal


@pytest.fixture
def registry(settings: Settings, journal: Journal) -> Registry:
    return Registry(settings, journal, SystemClock())


class Project:
    """An endpoint with real parts, and hands to send it traffic and to walk its releases."""

    def __init__(self, settings: Settings, journal: Journal, registry: Registry, clock: ManualClock) -> None:
        self.settings, self.journal, self.registry, self.clock = settings, journal, registry, clock
        self.traffic = TrafficStore(settings.state / "traffic")
        self.writer = CaptureWriter(settings.state / "traffic")
        self.releases = self.another()

    def another(self, **changes) -> Releases:
        """The releases as another process would open them; the gate lets everything through."""
        parts = [self.settings, self.journal, self.registry, self.traffic, self.clock]
        return Releases(*parts, **({"permission": lambda state: state.allowed} | changes))

    def version(self, number: int) -> ModelVersion:
        return self.registry.version(f"{NAME}/{number}")

    def open(self, number: int, **changes) -> Release:
        version = self.version(number)
        given = {"plan": plan(), "endpoint": NAME, "verdict": verdict_on(version)} | changes
        return self.releases.open(version, given.pop("plan"), **given)

    def table(self) -> RoutingTable:
        found = read_table(self.settings.state, NAME)
        assert found is not None
        return found

    def capture(self, exchanges: list[Exchange]) -> None:
        """Put exchanges on disk and let them ripen."""
        for exchange in exchanges:
            self.writer.put(exchange)
        self.writer.flush()
        self.clock.advance(seconds=10)

    def send(self, n: int, *, seed: int = 0, **behaviour) -> None:
        """Send requests by the routing table that is in force."""
        now = self.table()
        tried = now.shadow or now.candidate
        assert now.champion is not None
        assert tried is not None
        source = Traffic(seed, champion=now.champion.version, candidate=tried.version, endpoint=NAME)
        at = {"table": now.version, "time": self.clock.now()} | behaviour
        self.capture(source.shadow(n, **at) if now.shadow else source.canary(n, now.share, **at))

    def walk(self, release: Release, *, releases: Releases | None = None, **behaviour) -> Release:
        """Send traffic and tick until the release is over."""
        releases = releases or self.releases
        for round in range(40):
            if release.status.final:
                return release
            self.send(300, seed=round, **behaviour)
            release = releases.tick(release.id)
        raise AssertionError(f"still {release.status} in {release.current.name}: {release.reason}")

    def promote(self, number: int) -> Release:
        release = self.walk(self.open(number))
        assert release.status is Status.PROMOTED, release.reason
        return release


@pytest.fixture
def project(
    settings: Settings, journal: Journal, registry: Registry, clock: ManualClock
) -> Iterator[Project]:
    project = Project(settings, journal, registry, clock)
    yield project
    project.writer.close()
