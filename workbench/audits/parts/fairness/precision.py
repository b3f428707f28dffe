"""How the intervals of a fairness audit are made, and how wide is too wide."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Precision:
    """What intervals are made with; a group whose interval is wider than the margin is too small."""

    replicates: int
    confidence: float
    margin: float
    seed: int
