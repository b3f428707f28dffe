"""A project with real versions, and traffic that one of them answered."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.core import project
from workbench.core.settings import Settings
from workbench.incidents import Incidents
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.testing.models import Failing, Threshold, tiny_frame
from workbench.traffic import CaptureWriter, Exchange, TrafficStore

#: When the first request came.
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock one can move."""

    def __init__(self) -> None:
        self.time = NOON + timedelta(hours=1)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


@dataclass
class Project:
    """An open project and its rooms."""

    root: Path
    settings: Settings
    journal: Journal
    registry: Registry
    traffic: TrafficStore
    clock: Clock

    @property
    def incidents(self) -> Incidents:
        return Incidents(self.settings, self.journal, self.registry, self.traffic, self.clock)

    @property
    def frozen(self) -> Path:
        return self.settings.state / "incidents"

    def capture(self, exchanges) -> None:
        writer = CaptureWriter(self.settings.state / "traffic")
        for exchange in exchanges:
            writer.put(exchange)
        writer.close()

    def allowing(self, **changed) -> Project:
        settings = self.settings.model_copy(update=changed)
        return Project(self.root, settings, self.journal, self.registry, self.traffic, self.clock)


def open_project(root: Path, clock: Clock | None = None) -> Project:
    settings, clock = project.open_settings(root, actor="ada"), clock or Clock()
    journal = Journal.open(settings.state / "journal.db", actor="ada", clock=clock)
    registry = Registry(settings, journal, clock)
    return Project(root, settings, journal, registry, TrafficStore(settings.state / "traffic"), clock)


@pytest.fixture(scope="session")
def registered(tmp_path_factory) -> Path:
    """Thresholds on ``x1``: 0, 0.02, then 1.5 and 1.6, which answer 1 far less often; ``shaky`` raises from 2 on."""
    made = open_project(tmp_path_factory.mktemp("registered"))
    train = tiny_frame(300)[["x1", "group", "y"]]
    harmless = train[train["x1"] < 0.9]
    for at in (0.0, 0.02, 1.5, 1.6):
        made.registry.register(Threshold(at), name="limits", train=train, target="y", sensitive=["group"])
    for model in (Threshold(0.0), Failing(above=1.0), Failing(above=0.9)):
        made.registry.register(model, name="shaky", train=harmless, target="y")
    made.registry.set_alias("limits", "champion", 2)
    made.journal.close()
    return made.root


@pytest.fixture
def here(registered, tmp_path) -> Project:
    """A copy of that project, to write into."""
    shutil.copytree(registered, tmp_path / "project")
    opened = open_project(tmp_path / "project")
    yield opened
    opened.journal.close()


@pytest.fixture(scope="session")
def rows():
    """Labelled rows with a column that no model reads."""
    return tiny_frame(400, seed=7)[["x1", "group", "y"]]


def make_exchange(number: int, x1: float, **changed) -> Exchange:
    """Request ``number``, one second after the one before, answered by version 3 of ``limits``."""
    fields = {
        "request_id": f"r{number}",
        "time": NOON + timedelta(seconds=number),
        "endpoint": "limits",
        "table_version": 3,
        "arm": "champion",
        "share": 0.1,
        "version": 3,
        "served_by": 3,
        "status": 200,
        "latency_ms": 1.5,
        "inputs": [{"x1": x1}],
        "outputs": [int(x1 > 1.5)],
    }
    return Exchange(**(fields | changed))


@pytest.fixture(scope="session")
def traffic_of_three(rows):
    """One request a row, all answered by version 3."""
    return [make_exchange(number, float(x1)) for number, x1 in enumerate(rows["x1"])]


@pytest.fixture(scope="session")
def exchange():
    """Make one request to ``limits``."""
    return make_exchange


@pytest.fixture
def reopen(here):
    """Open the same project again, as another process would."""
    opened = []

    def again() -> Project:
        opened.append(open_project(here.root, here.clock))
        return opened[-1]

    yield again
    for other in opened:
        other.journal.close()
