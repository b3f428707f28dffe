"""What the gateway shows by its own record: when it ran, which tables were in force, when it was killed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from workbench.gateway.record import Line
from workbench.releases.reconciliation.records import InForce
from workbench.traffic import Decided


class Table(NamedTuple):
    """A routing table in force."""

    version: int
    who: InForce
    since: datetime
    until: datetime
    """When another took its place, or the process was last known to run."""
    again: bool
    """The same as before: a process that was started anew took up what was there."""


class Run(NamedTuple):
    """A gateway process, as far as it is known to have run."""

    since: datetime
    until: datetime
    whole: bool
    """It said that it stopped, or it runs now."""


class Switch(NamedTuple):
    """From here on models answer, or none does."""

    killed: bool
    since: datetime
    until: datetime | None
    """None: until now, as far as is known."""


@dataclass
class Shown:
    """All of it, in order."""

    tables: list[Table] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)


def shown(lines: Sequence[Line], decided: Iterable[Decided], now: datetime, *, alive: bool) -> Shown:
    """Read a record.

    Args:
        lines: as they were written.
        decided: exchanges, which show that a process still ran after the last line it wrote.
        now: the time.
        alive: whether the last process runs now.
    """
    walk = _Walk(sorted(time for some in decided for time in (some.first, some.last)))
    for line in lines:
        walk.take(line)
    walk.end(now if alive else None)
    return walk.shown


class _Walk:
    def __init__(self, proofs: list[datetime]) -> None:
        self.shown = Shown()
        self._proofs = proofs
        self._run: Run | None = None

    def take(self, line: Line) -> None:
        if line.what == "started":
            self.end(None, before=line.time)
        if self._run is None:
            self._run = Run(line.time, line.time, whole=False)
        self._run = self._run._replace(until=max(self._run.until, line.time))
        if line.what == "stopped":
            self._run = self._run._replace(whole=True)
            self.end(None, before=line.time)
        elif line.what != "started":
            self._switch(line)
            self._table(line)

    def end(self, now: datetime | None, before: datetime | None = None) -> None:
        """The process ran until ``now``, or until the last thing that shows it, ``before`` the next began."""
        run = self._run
        if run is None:
            return
        if now is not None:
            run = run._replace(until=now, whole=True)
        elif not run.whole:
            seen = [
                proof for proof in self._proofs if run.since <= proof and (before is None or proof < before)
            ]
            run = run._replace(until=max([run.until, *seen[-1:]]))
        self.shown.runs.append(run)
        self._lasts_until(run.until, run)
        self._run = None

    def _table(self, line: Line) -> None:
        who, tables = InForce.of(line), self.shown.tables
        if line.champion is None or self._run is None:
            return
        same = bool(tables) and (tables[-1].version, tables[-1].who) == (line.table, who)
        if same and tables[-1].since >= self._run.since:
            return
        self._lasts_until(line.time, self._run)
        tables.append(Table(line.table, who, line.time, line.time, again=same))

    def _lasts_until(self, time: datetime, run: Run) -> None:
        tables = self.shown.tables
        if tables and tables[-1].since >= run.since:
            tables[-1] = tables[-1]._replace(until=time)

    def _switch(self, line: Line) -> None:
        switches = self.shown.switches
        if switches and switches[-1].killed == line.killed:
            return
        if line.killed or line.champion is not None:
            if switches:
                switches[-1] = switches[-1]._replace(until=line.time)
            switches.append(Switch(line.killed, line.time, None))
