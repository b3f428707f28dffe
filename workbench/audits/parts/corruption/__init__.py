"""Everyday faults of tables and pictures, and what the answers do."""
