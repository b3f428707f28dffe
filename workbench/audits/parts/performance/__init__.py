"""Metrics with intervals, simpler models to compare with, and the search for weak segments."""
