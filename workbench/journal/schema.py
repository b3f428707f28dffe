"""The one schema of the journal, for every database; ``sqlite.py`` spells it out for a file.

Alembic's migrations bring a server to it; tests hold all three spellings to each other.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, MetaData, Table, Text, UniqueConstraint

metadata = MetaData()

entries = Table(
    "entries",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("stream", Text(collation="C"), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("time", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subjects", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("root", Text, nullable=False),
    UniqueConstraint("stream", "position", name="entries_stream_position"),
)

head = Table(
    "head",
    metadata,
    Column(
        "id", BigInteger, CheckConstraint("id = 0", name="head_one"), primary_key=True, autoincrement=False
    ),
    Column("size", BigInteger, nullable=False),
    Column("root", Text, nullable=False),
    Column("frontier", Text, nullable=False),
)

subtrees = Table(
    "subtrees",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", Text, nullable=False),
)
