"""Attacks on what a model remembers of the rows it was trained on."""
