"""Releases: a candidate's way to champion, one stage after the other, on evidence in traffic.

A **plan** is the stages, in YAML. A **release** is one candidate walking a plan; its state is a fold of its
journal stream, and nothing else. The **controller** decides what follows from a state and what was seen; the
**driver** (``Releases``) looks, appends and then moves traffic through a **target**. Audits measure, gates
judge, releases act.
"""

from __future__ import annotations

from workbench.releases.driver import Releases
from workbench.releases.plan import Plan, load_plan
from workbench.releases.records import EvidencePoint, Release, Stage, StageVerdict, Status

__all__ = ["EvidencePoint", "Plan", "Release", "Releases", "Stage", "StageVerdict", "Status", "load_plan"]
