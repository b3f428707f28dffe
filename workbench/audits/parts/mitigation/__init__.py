"""Mitigations of Fairlearn, fitted and judged beside the model."""
