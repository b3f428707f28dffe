"""Governance: pages for people who must decide or answer, assembled from what the journal holds.

They are evidence for a decision, never a claim of compliance; what only a person can say stays an open field.
"""

from __future__ import annotations

from workbench.governance.card import ModelCard, assemble_card

__all__ = ["ModelCard", "assemble_card"]
