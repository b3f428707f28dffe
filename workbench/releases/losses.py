"""How much of a stage's traffic the gateway could not keep, so that nobody can say what was in it.

What is lost is not lost at random: a disk that is full, or rows that pile up, choose the busy minutes. A
stage of which more than ``MOST`` is missing does not pass; harm that shows is believed all the same.

The gateway counts since its process began, and another process counts from nothing. So each look keeps what
the counter showed, and is written into the journal, from where another controller goes on.
"""

from __future__ import annotations

from workbench.core.records import Record

#: Share of the exchanges of a stage that may be missing where it passes.
MOST = 0.01

#: A look is written down when what is lost grew by this part.
_WORTH = 0.05


class Losses(Record):
    """What a look at a stage found."""

    lost: int = 0
    """Exchanges of this stage that could not be kept."""
    counted: int = 0
    """What the process that serves had lost by then, since it began."""
    process: str = ""
    """Which process that is; empty before the first look."""


NOTHING_LOST = Losses()


def look(last: Losses, *, counted: int, process: str) -> Losses:
    """Return what a look finds.

    Args:
        last: what the one before found. Before the first nothing is known: what was lost by then is left out.
        counted: what the process has lost since it began.
        process: which one; empty when nothing serves.
    """
    if not process:
        return last
    new = counted - last.counted if process == last.process else counted
    lost = last.lost + max(new, 0) if last.process else 0
    return Losses(lost=lost, counted=counted, process=process)


def worth_writing(new: Losses, told: Losses) -> bool:
    """Return True when a good part of what was lost would be forgotten if the look were not written."""
    return new.lost - told.lost > _WORTH * told.lost


def too_many(lost: int, exchanges: int) -> bool:
    """Return True when too much is missing to say that a stage went well.

    Args:
        lost: exchanges that could not be kept.
        exchanges: those that were.
    """
    return lost > MOST * (lost + exchanges)
