"""Rows that behaviour cases are tried on."""
