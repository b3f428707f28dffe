"""The journal: entries, their Merkle subtrees, the head, and triggers that let it only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from workbench.journal.guards import statements
from workbench.journal.merkle import EMPTY_ROOT

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make tables, triggers and the head of an empty log."""
    _entries()
    op.create_table(
        "subtrees",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hashes", sa.Text, nullable=False),
    )
    head = op.create_table(
        "head",
        sa.Column(
            "id",
            sa.BigInteger,
            sa.CheckConstraint("id = 0", name="head_one"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("frontier", sa.Text, nullable=False),
    )
    op.bulk_insert(head, [{"id": 0, "size": 0, "root": EMPTY_ROOT, "frontier": ""}])
    for statement in statements():
        op.execute(statement)


def _entries() -> None:
    text = ("time", "actor", "kind", "subjects", "payload", "previous", "hash", "root")
    op.create_table(
        "entries",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in text),
        sa.UniqueConstraint("stream", "position", name="entries_stream_position"),
    )
