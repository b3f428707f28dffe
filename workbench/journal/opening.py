"""Opens a project's journal as its settings say: who signs, when a checkpoint is due, and who gets it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from workbench.core.clock import Clock
from workbench.core.settings import Settings
from workbench.journal.checkpointing import Receiver
from workbench.journal.due import CheckpointPolicy
from workbench.journal.keys import signer_of
from workbench.journal.store import Journal


def open_journal(settings: Settings, clock: Clock, *, handed_to: Iterable[Receiver] = ()) -> Journal:
    """Open the journal of a project. Raises as ``Journal.open``.

    Args:
        settings: the project's.
        clock: stamps the entries.
        handed_to: who gets each checkpoint, besides the ``witnesses`` of the settings.
    """
    return Journal.open(
        settings.journal,
        actor=settings.actor,
        clock=clock,
        beside=settings.state,
        signer=signer_of(settings),
        policy=CheckpointPolicy(every=timedelta(minutes=settings.checkpoint_minutes)),
        handed_to=(*witnesses(settings), *handed_to),
    )


def witnesses(settings: Settings) -> tuple[Path, ...]:
    """Return the places that each checkpoint is handed out to."""
    return tuple(settings.root / Path(place).expanduser() for place in settings.witnesses)
