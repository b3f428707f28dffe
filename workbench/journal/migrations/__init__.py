"""Alembic's migrations: how a journal on a server comes to the present schema."""
