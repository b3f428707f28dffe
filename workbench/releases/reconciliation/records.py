"""What is held against each other, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isclose
from typing import NamedTuple

from workbench.core.records import Record
from workbench.gateway.record import Line, Recorded, Served
from workbench.journal import Entry
from workbench.releases.intents import Rollback
from workbench.traffic import Decided


class Reconciliation(Record):
    """What the journal lacks, by the gateway's own record and by captured traffic."""

    ok: bool
    """True when there is no problem. What is pending or unknown is no problem."""
    endpoints: tuple[str, ...] = ()
    """Those that were looked at."""
    problems: tuple[str, ...] = ()
    """One sentence each."""
    pending: tuple[str, ...] = ()
    """What was done by hand and is not yet recorded: the next tick or command does that."""
    unknown: tuple[str, ...] = ()
    """What left no witness, because no gateway ran."""

    def __str__(self) -> str:
        looked = ", ".join(self.endpoints) or "there is no endpoint"
        head = [f"the gateway's record and the journal agree: {looked}"] if self.ok else []
        lines = [*head, *self.problems, *self.pending, *self.unknown]
        return "\n".join("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)


class Found(NamedTuple):
    """Sentences about one endpoint, as they are found."""

    problems: list[str]
    pending: list[str]
    unknown: list[str]


class Seen(NamedTuple):
    """Everything there is about one endpoint.

    What is written last is read first, and the journal, which comes before traffic, last: so that an endpoint
    in use is not accused of what happens while it is read.
    """

    endpoint: str
    now: datetime
    decided: Sequence[Decided] = ()
    record: Recorded = Recorded()
    alive: bool = False
    """Its gateway runs."""
    killed: bool = False
    """The ``KILL`` file is there."""
    intents: Sequence[Rollback] = ()
    releases: Sequence[Entry] = ()
    """Of the streams ``release/<endpoint>-<number>`` and ``drill/<endpoint>``."""
    switches: Sequence[Entry] = ()
    """Of ``endpoint/<endpoint>``."""
    model: Sequence[Entry] = ()
    """Of ``model/<endpoint>``."""
    captured: int = 0
    """Exchanges that the gateway's record said it had written, before ``decided`` was counted."""
    removed: int = 0
    """Exchanges that the journal says were erased or dropped."""
    removing: bool = False
    """A removal has begun that the journal may not tell of yet."""
    damaged: bool = False
    """Segments cannot be read, so that ``decided`` is not all there is."""


class InForce(NamedTuple):
    """Who answers, as the journal tells it or as the gateway shows it."""

    champion: Served | None
    candidate: Served | None = None
    share: float = 0.0
    shadow: Served | None = None
    standby: Served | None = None

    @classmethod
    def of(cls, line: Line) -> InForce:
        """What a line of the gateway's record says."""
        return cls(line.champion, line.candidate, line.share, line.shadow, line.standby)

    @property
    def tried(self) -> Served | None:
        """Who is on the way to champion."""
        return self.candidate or self.shadow

    @property
    def all(self) -> set[Served]:
        """Everybody in it."""
        return {one for one in (self.champion, self.candidate, self.shadow, self.standby) if one is not None}

    def tries_alike(self, other: InForce) -> bool:
        """Whether both try the same version in the same way."""
        same = (self.candidate, self.shadow) == (other.candidate, other.shadow)
        return same and isclose(self.share, other.share, abs_tol=1e-9)
