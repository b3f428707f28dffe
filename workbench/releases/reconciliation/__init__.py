"""Reconciliation: what was done, held against what was written, to name what was never written.

A journal proves that nothing in it was changed; an event that was suppressed is invisible to it. The gateway
keeps a **record** of its own of what was in force (``workbench.gateway.record``), and captured traffic is a
second witness. What the journal **told** and what the gateway **showed** must agree, table by table; where
they do not, a sentence says which entry is missing. ``reconcile`` is pure; ``look`` gathers what it needs.
"""

from __future__ import annotations

from workbench.releases.reconciliation.reading import look
from workbench.releases.reconciliation.reconcile import reconcile
from workbench.releases.reconciliation.records import Reconciliation, Seen

__all__ = ["Reconciliation", "Seen", "look", "reconcile"]
