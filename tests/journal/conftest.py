from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.journal import Event, Journal


class TickingClock:
    """A millisecond a look, from a fixed day on."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def monotonic(self) -> float:
        return self._now.timestamp()


@pytest.fixture
def clock() -> TickingClock:
    return TickingClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".workbench" / "journal.db"


@pytest.fixture
def journal(path: Path, clock: TickingClock) -> Iterator[Journal]:
    with Journal.open(path, actor="ada", clock=clock) as journal:
        yield journal


@pytest.fixture
def closed(path: Path, clock: TickingClock) -> Path:
    """A closed journal of eight entries in three streams."""
    with Journal.open(path, actor="ada", clock=clock) as journal:
        for n in range(4):
            journal.append("release/recidivism-1", Event(kind="release.looked", payload={"n": n}))
        journal.append("model/recidivism", Event(kind="model.registered", subjects=("sha256:ab",)))
        journal.append("gate/recidivism/1", Event(kind="gate.judged", payload={"outcome": "pass"}))
        journal.append("model/recidivism", Event(kind="model.registered", payload={"author": "grace"}))
        journal.append("release/recidivism-1", Event(kind="release.closed"))
    return path


@pytest.fixture
def by_hand():
    return change_by_hand


def change_by_hand(path: Path, *statements: str) -> None:
    """What somebody with the file and a SQLite shell can do; the triggers come back afterwards."""
    db = sqlite3.connect(path, isolation_level=None)
    triggers = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    for name in triggers:
        db.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        db.execute(statement)
    for sql in triggers.values():
        db.execute(sql)
    db.close()
