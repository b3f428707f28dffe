"""When a checkpoint is made without anybody asking: after what matters, and after a while."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from workbench.journal.records import Entry


@dataclass(frozen=True)
class CheckpointPolicy:
    """What makes a checkpoint due."""

    kinds: tuple[str, ...] = (
        "approval.*",
        "endpoint.killed",
        "finding.accepted",
        "incident.closed",
        "incident.opened",
        "key.enrolled",
        "release.approval_revoked",
        "release.approved",
        "release.killed",
        "release.promoted",
        "release.rolled_back",
    )
    """Kinds of events, ``*`` for any end, after which one is made at once."""
    every: timedelta = timedelta(hours=1)
    """How long an entry may stay without a checkpoint over it."""


def due(uncovered: Iterable[Entry], now: datetime, policy: CheckpointPolicy) -> bool:
    """True when one of the entries that no checkpoint covers asks for one, or has waited long enough."""
    return any(
        now - entry.time >= policy.every or any(fnmatchcase(entry.kind, kind) for kind in policy.kinds)
        for entry in uncovered
    )
