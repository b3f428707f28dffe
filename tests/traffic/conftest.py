"""Exchanges to write and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workbench.traffic import CaptureWriter, Exchange, TrafficStore

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


@pytest.fixture
def writer(tmp_path):
    made = CaptureWriter(tmp_path)
    yield made
    made.close()


@pytest.fixture
def store(tmp_path):
    return TrafficStore(tmp_path)
