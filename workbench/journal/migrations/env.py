"""Run by Alembic, on the connection that the journal hands over."""

from __future__ import annotations

from alembic import context

from workbench.journal.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
