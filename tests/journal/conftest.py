from __future__ import annotations

import contextlib
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from workbench.core.clock import SystemClock
from workbench.journal import Event, Journal, Verification, verify
from workbench.testing.postgres import PostgresServer


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
    db.execute("PRAGMA synchronous=OFF")
    triggers = dict(db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
    for name in triggers:
        db.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        db.execute(statement)
    for sql in triggers.values():
        db.execute(sql)
    db.close()


class Store:
    """A place for one journal, whatever the database, and what somebody with its password can do to it."""

    def __init__(self, place: Path | str, folder: Path) -> None:
        self.place = place
        self.folder = folder

    def open(self, actor: str = "ada", **options) -> Journal:
        options = {"clock": SystemClock(), "beside": self.folder} | options
        return Journal.open(self.place, actor=actor, **options)

    def verify(self, **options) -> Verification:
        return verify(self.place, beside=self.folder, **options)

    def by_hand(self, *statements: str) -> None:
        change_by_hand(self.place, *statements)

    def execute(self, statement: str) -> None:
        with contextlib.closing(sqlite3.connect(self.place, isolation_level=None)) as db:
            db.execute(statement)

    def back_up(self) -> None:
        shutil.copy(self.place, self.folder / "backup")

    def restore(self) -> None:
        shutil.copy(self.folder / "backup", self.place)


class ServerStore(Store):
    TABLES = ("entries", "subtrees", "head")

    def execute(self, statement: str, *more: str) -> None:
        import psycopg

        address, _, schema = self.place.rpartition("&schema=")
        with psycopg.connect(address, options=f"-csearch_path={schema}") as db:
            for each in (statement, *more):
                db.execute(each)

    def by_hand(self, *statements: str) -> None:
        from workbench.journal.guards import TRIGGERS

        off = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in self.TABLES]
        on = [f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}" for name, (table, *_) in TRIGGERS.items()]
        self.execute(*off, *statements, *on)

    def back_up(self) -> None:
        schema = self.place.rpartition("=")[2]
        self.execute(f"CREATE SCHEMA {schema}_backup")
        for table in self.TABLES:
            self.execute(f"CREATE TABLE {schema}_backup.{table} AS TABLE {table}")

    def restore(self) -> None:
        schema = self.place.rpartition("=")[2]
        self.by_hand(
            *(f"TRUNCATE {table}" for table in self.TABLES),
            *(f"INSERT INTO {table} SELECT * FROM {schema}_backup.{table}" for table in self.TABLES),
        )


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path: Path) -> Store:
    """A new place for a journal, on each kind of database."""
    folder = tmp_path / ".workbench"
    folder.mkdir()
    if request.param == "sqlite":
        return Store(folder / "journal.db", folder)
    return request.getfixturevalue("server_store")


@pytest.fixture
def server_store(server: PostgresServer, tmp_path: Path) -> ServerStore:
    """A new place for a journal on the server."""
    folder = tmp_path / ".workbench"
    folder.mkdir(exist_ok=True)
    return ServerStore(server.url(f"t{uuid.uuid4().hex[:12]}"), folder)


@pytest.fixture
def eight(store: Store, clock: TickingClock) -> Store:
    """A closed journal of eight entries in three streams, whose numbers and texts all differ."""
    with store.open(clock=clock) as journal:
        for n in range(8):
            event = Event(kind=f"kind.{n}", payload={"n": n, "text": f"ü{n}"}, subjects=(f"sha256:{n:02d}",))
            journal.append(f"stream/{n % 3}", event)
    return store
