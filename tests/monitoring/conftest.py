"""A project with one real version of ``limits``, and exchanges with it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from workbench.core import project
from workbench.journal import Journal
from workbench.models.registry import Registry
from workbench.monitoring import Monitoring
from workbench.testing.models import Threshold, tiny_frame
from workbench.traffic import CaptureWriter, Exchange, TrafficStore

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Clock:
    """A clock one can move."""

    def __init__(self) -> None:
        self.time = NOON + timedelta(minutes=30)

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.time.timestamp()


class Watched:
    """An open project."""

    def __init__(self, root, clock: Clock) -> None:
        self.clock, self.settings = clock, project.open_settings(root, actor="ada")
        self.journal = Journal.open(self.settings.state / "journal.db", actor="ada", clock=clock)
        self.registry = Registry(self.settings, self.journal, clock)
        self.traffic = TrafficStore(self.settings.state / "traffic")
        self.monitoring = Monitoring(self.journal, self.registry, self.traffic, clock)

    def capture(self, exchanges) -> None:
        writer = CaptureWriter(self.settings.state / "traffic")
        for exchange in exchanges:
            writer.put(exchange)
        writer.close()


@pytest.fixture(scope="session")
def registered(tmp_path_factory):
    root = tmp_path_factory.mktemp("watched")
    made = Watched(root, Clock())
    made.registry.register(
        Threshold(), name="limits", train=tiny_frame(2000), target="y", sensitive=["group"]
    )
    made.journal.close()
    return root


@pytest.fixture
def watched(registered, tmp_path):
    shutil.copytree(registered, tmp_path / "project")
    opened = Watched(tmp_path / "project", Clock())
    yield opened
    opened.journal.close()


@pytest.fixture(scope="session")
def exchange():
    """Make request ``number``, a second after the one before; ``failed`` ones were answered by nobody."""

    ordinary = tiny_frame(1000, seed=3)["x1"].to_numpy()

    def make(
        number: int, *, failed: bool = False, x1: float | None = None, start: datetime = NOON, **changed
    ) -> Exchange:
        x1 = float(ordinary[number]) if x1 is None else x1
        fields = {
            "request_id": f"{start.isoformat()}-{number}",
            "time": start + timedelta(seconds=number),
            "endpoint": "limits",
            "table_version": 1,
            "arm": "champion",
            "share": 0.0,
            "version": 1,
            "served_by": None if failed else 1,
            "status": 503 if failed else 200,
            "error": "timeout" if failed else "",
            "latency_ms": 1.0,
            "inputs": [{"x1": x1}],
            "outputs": None if failed else [int(x1 > 0)],
        }
        return Exchange(**(fields | changed))

    return make
