"""A journal on a PostgreSQL server: many people and machines, one log (``base.Connection``).

The address is ``postgresql://user@host/database?schema=name``. The tables lie in a PostgreSQL schema of their
own (default ``journal``), so that one database can serve MLflow and several projects. Appends are serialised
by a lock on the head's row; commits are synchronous.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from workbench.core.errors import InvalidInput, Tampered, Unavailable, WorkbenchError
from workbench.core.optional import require
from workbench.journal.base import HEAD

if TYPE_CHECKING:
    import psycopg

#: The newest file in ``migrations/versions``.
REVISION = "0001"

_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
# Each statement sees what was committed before it, whatever the server's default: what is read after the lock
# is as the writer before left it.
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_LOCK = f"{HEAD} FOR UPDATE"


class Address(NamedTuple):
    """Where a journal lies."""

    conninfo: str
    schema: str
    shown: str
    """The address without its password."""

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read a URL.

        Raises:
            InvalidInput: it is not one of PostgreSQL, or the schema is no plain name.
        """
        parts = urlsplit(url)
        if parts.scheme not in _SCHEMES:
            raise InvalidInput(
                f"journal_url: {parts.scheme or url!r} is not PostgreSQL.",
                remedy="Write postgresql://user@host/database, or leave it empty for SQLite in .workbench/.",
                field="journal_url",
            )
        options = dict(parse_qsl(parts.query))
        schema = options.pop("schema", "journal")
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", schema):
            raise InvalidInput(
                f"journal_url: the schema {schema!r} is no plain name.",
                remedy="Use small letters, digits and underscores.",
                field="journal_url",
            )
        user, at, host = parts.netloc.rpartition("@")
        query = urlencode(options)
        conninfo = urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))
        options.pop("password", None)
        shown = urlunsplit(
            ("postgresql", user.partition(":")[0] + at + host, parts.path, urlencode(options), "")
        )
        return cls(conninfo, schema, shown)


class Postgres:
    """The journal's connection to its server.

    Raises:
        InvalidInput: the address is wrong, or the schema was made by a newer version.
        MissingDependency: psycopg is not installed.
        Unavailable: the server does not answer or refuses.
    """

    def __init__(self, url: str, *, patience: float) -> None:
        self._address = Address.parse(url)
        self._patience = patience
        with self.explained():
            self.raw = connect(self._address, patience)
            try:
                _prepare(self.raw, self._address)
            except BaseException:
                self.raw.close()
                raise

    def execute(self, statement: str, values: Sequence[object] = ()) -> psycopg.Cursor[Any]:
        """Run one statement."""
        return self.raw.execute(_translated(statement), values or None)

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[Any]]:
        """Lock the head before the first read, and leave all of it or nothing.

        No answer is waited for before one is looked at, so that an append waits twice: when it has asked what
        is there, and when it has written and committed.
        """
        try:
            with self.raw.pipeline():
                self.raw.execute(_BEGIN, prepare=False)
                yield self.execute(_LOCK)
                self.execute("COMMIT")
        except BaseException:
            if not self.raw.closed:
                self.raw.rollback()
            raise

    def explained(self) -> AbstractContextManager[None]:
        """Turn the server's errors into ours, with what to do next."""
        return explained(self._address, self._patience)

    def close(self) -> None:
        """Leave the server."""
        self.raw.close()


def connect(address: Address, patience: float) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect, each statement its own transaction until told otherwise, and see the journal's schema only."""
    driver = require("psycopg", extra="postgres")
    connection: psycopg.Connection[tuple[Any, ...]] = driver.connect(
        address.conninfo, autocommit=True, connect_timeout=max(2, int(patience)), application_name="workbench"
    )
    connection.execute(
        "SELECT set_config('search_path', %s, false), set_config('lock_timeout', %s, false), "
        # whatever the server's default: an acknowledged approval must survive a power cut
        "set_config('synchronous_commit', 'on', false), set_config('client_encoding', 'UTF8', false), "
        # A plan made while the journal was small, which reads all of a stream, would be kept while it grows.
        "set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false), "
        "set_config('jit', 'off', false)",
        (address.schema, f"{max(1, round(patience * 1000))}ms"),
    )
    return connection


@contextmanager
def explained(address: Address, patience: float) -> Iterator[None]:
    """Turn psycopg's errors into ours."""
    driver = require("psycopg", extra="postgres")
    try:
        yield
    except driver.Error as error:
        raise _explain(error, address, patience) from error


def revision(connection: psycopg.Connection[tuple[Any, ...]]) -> str | None:
    """Return the schema's revision; None when there is no journal yet."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _prepare(connection: psycopg.Connection[tuple[Any, ...]], address: Address) -> None:
    if revision(connection) == REVISION:
        return
    # Two who meet an empty database at once: the second waits here, and finds it done.
    connection.execute("SELECT pg_advisory_lock(hashtext(%s))", (f"workbench {address.schema}",))
    try:
        found = revision(connection)
        if found is not None and found > REVISION:
            raise InvalidInput(
                f"{address.shown} holds a journal of a newer version ({found}, this one knows {REVISION}).",
                remedy="Upgrade: pip install --upgrade model-workbench",
                field="journal_url",
            )
        if found != REVISION:
            _upgrade(connection, address)
    finally:
        connection.execute("SELECT pg_advisory_unlock(hashtext(%s))", (f"workbench {address.schema}",))


def _upgrade(connection: psycopg.Connection[tuple[Any, ...]], address: Address) -> None:
    import sqlalchemy
    from alembic import command
    from alembic.config import Config

    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{address.schema}"')
    config = Config()
    config.set_main_option("script_location", "workbench.journal:migrations")
    engine = sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: connect(address, 60))
    try:
        with engine.begin() as transaction:
            config.attributes["connection"] = transaction
            command.upgrade(config, "head")
    finally:
        engine.dispose()


@lru_cache
def _translated(statement: str) -> str:
    return statement.replace("?", "%s")


def _explain(error: psycopg.Error, address: Address, patience: float) -> WorkbenchError:
    import psycopg.errors as kinds

    state = error.sqlstate or "08"
    sentence = " ".join(str(error).split())
    if isinstance(error, kinds.LockNotAvailable):
        return Unavailable(
            f"The journal was locked by somebody else for more than {patience:g} s.",
            remedy=f"Try again; if it stays, see who holds a transaction open on {address.shown}.",
            field="journal",
        )
    if isinstance(error, kinds.UndefinedTable) or state[:2] in {"22", "23", "XX"}:
        return Tampered(
            f"The journal at {address.shown} is damaged ({sentence}).",
            remedy="Run: workbench verify. Keep the database, and put a backup in its place.",
            field="journal",
        )
    return Unavailable(
        f"The journal at {address.shown} cannot be used ({sentence}).",
        remedy="Check that the server runs and lets you in; then look whether your last step was recorded.",
        field="journal",
    )
