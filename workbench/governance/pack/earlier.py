"""Earlier checkpoints beside the journal: a pack proves that the journal only grew since them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workbench.core.errors import Tampered
from workbench.governance.pack import verifier
from workbench.journal import Checkpoint, Journal

#: How many are packed, spread evenly over those there are.
MOST = 64


def earlier(journal: Journal) -> dict[str, Checkpoint]:
    """Return checkpoints that were made before, by the file they get in a pack."""
    kept = sorted(set(journal.checkpoints()), key=lambda one: (one.size, one.note))
    step = max(1, -(-len(kept) // MOST))
    spread = kept[::-step][::-1]  # the newest is among them
    return {f"{verifier.EARLIER}{number:03d}.checkpoint": one for number, one in enumerate(spread)}


def grown_from(
    journal: Journal, checkpoints: Mapping[str, Checkpoint], size: int
) -> dict[str, Sequence[str]]:
    """Return the proof for each that the first ``size`` entries begin with what it covers.

    Raises:
        Tampered: they do not.
    """
    found: dict[str, Sequence[str]] = {}
    for name, one in checkpoints.items():
        proof = journal.consistency(one.size, size) if one.size <= size else None
        if proof is None or proof.first_root != one.root:
            raise Tampered(
                f"The journal does not go on from the checkpoint over {one.size} entries kept beside it.",
                remedy="Run: workbench verify. Keep both: together they show what happened.",
                field="checkpoint",
            )
        found[name] = proof.path
    return found
