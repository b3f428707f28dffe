"""Exchanges to write and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import workbench as wb
from workbench.testing.clock import ManualClock
from workbench.testing.models import tiny_classifier, tiny_frame, tiny_regressor
from workbench.traffic import CaptureWriter, Exchange, TrafficStore, segments
from workbench.traffic.room import Traffic
from workbench.traffic.storage import LocalStorage

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def make_exchange(number: int = 0, **changed) -> Exchange:
    """Request ``number``, one second after the one before."""
    fields = {
        "request_id": f"r{number}",
        "time": START + timedelta(seconds=number),
        "endpoint": "lending",
        "table_version": 3,
        "arm": "champion",
        "share": 0.1,
        "version": 1,
        "served_by": 1,
        "status": 200,
        "latency_ms": 1.5,
        "inputs": [{"age": 30 + number, "purpose": "car", "owner": True, "income": 1.25}],
        "outputs": ["good"],
    }
    return Exchange(**(fields | changed))


@pytest.fixture(scope="session")
def exchange():
    """Make request ``number`` of a lending model."""
    return make_exchange


def write_segment(folder, exchanges, *, closed, endpoint="lending"):
    """Put a segment where the writer would."""
    LocalStorage(folder).put(endpoint, *segments.made(exchanges, closed=closed))


@pytest.fixture(scope="session", name="write_segment")
def _write_segment():
    return write_segment


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """A project with the models ``tiny`` (labels 0 and 1) and ``score`` (numbers), and no traffic."""
    bench = wb.open(tmp_path_factory.mktemp("models"), actor="ada")
    frame = tiny_frame()
    bench.register(tiny_classifier(), name="tiny", train=frame, target="y", sensitive=["group"])
    bench.register(tiny_regressor(), name="score", train=frame[["x1", "x2"]], target="x2")
    return bench


@pytest.fixture(scope="session")
def room_in(models):
    """``room_in(folder)``: the room there, with the models and the journal of ``models``."""

    def _room_in(folder, clock=None, **options):
        return Traffic(
            folder,
            clock or ManualClock(START),
            journal=lambda: models.journal,
            registry=lambda: models.registry,
            frozen=models.incidents.holding,
            **options,
        )

    return _room_in


@pytest.fixture
def room(tmp_path, room_in):
    return room_in(tmp_path)


@pytest.fixture
def writer(tmp_path):
    made = CaptureWriter(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path):
    return TrafficStore(tmp_path)
