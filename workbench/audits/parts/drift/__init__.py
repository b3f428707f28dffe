"""Profiles of columns and what moved between two of them: alone, jointly, by group and over windows."""
