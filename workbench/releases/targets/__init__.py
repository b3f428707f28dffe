"""A target is where a release moves traffic: it is told who should answer, and says who does.

``base.py`` is the contract, one target per file beside it.
"""

from __future__ import annotations

from workbench.releases.targets.base import Deployment, Routing, Target, TargetStatus

__all__ = ["Deployment", "Routing", "Target", "TargetStatus"]
