"""Captured traffic against the gateway's record, and against the journal where the record is silent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isclose

from workbench.gateway.chain import succeeded
from workbench.gateway.record import Line, Served
from workbench.releases.reconciliation import sentences
from workbench.releases.reconciliation.order import Told
from workbench.releases.reconciliation.records import InForce, Seen
from workbench.traffic import Decided


def without_table(seen: Seen) -> list[Decided]:
    """Return the exchanges that were decided by tables of which the record says nothing."""
    record = _Tables(seen.record.lines)
    tables = {some.table_version for some in seen.decided}
    silent = {table for table in tables if table not in record.known and not record.may_lack(table)}
    return [some for some in seen.decided if some.table_version in silent]


def problems(seen: Seen, told: Sequence[Told[InForce]], silent: Sequence[Decided]) -> Iterator[str]:
    """Say which exchanges were decided, or answered, by what the record does not have.

    Args:
        seen: of one endpoint.
        told: what the journal tells.
        silent: what ``without_table`` returns.
    """
    record = _Tables(seen.record.lines)
    for some in seen.decided:
        yield from record.contradicted_by(seen.endpoint, some)
    if silent:
        gone = sentences.no_table if record.known else sentences.no_record
        yield gone(seen.endpoint, silent)
    for some in silent:
        if numbers := sorted(_numbers(some) - _told(told, some)):
            yield sentences.no_reason(seen.endpoint, numbers, some)


class _Tables:
    """The tables that the record knows, by version."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.known: dict[int, set[InForce]] = {}
        self._reigned: dict[int, int] = {}
        """The last table in which each version was champion or standby."""
        self._last_good: dict[int, set[int]] = {}
        """The champion before that of each table, which answers when those in it fail."""
        self._lost: list[tuple[int, int]] = []
        reigned: tuple[int, ...] = ()
        standby: int | None = None
        before = 0
        for line in lines:
            if line.lost:
                self._lost.append((before, line.table))
            if line.table:
                self.known.setdefault(line.table, set()).add(InForce.of(line))
                self._reigned |= dict.fromkeys(_of([line.champion, line.standby]), line.table)
            if line.what == "started":
                reigned, standby = (), None
            elif line.what == "table":
                for champion in _of([line.champion]):
                    reigned = succeeded(reigned, champion, standby)
                    self._last_good.setdefault(line.table, set()).update(reigned[-2:-1])
                standby = next(iter(_of([line.standby])), None)
            before = line.table or before

    def may_lack(self, table: int) -> bool:
        """Whether the disk refused lines where this table may have been."""
        return any(before < table < after for before, after in self._lost)

    def contradicted_by(self, endpoint: str, some: Decided) -> Iterator[str]:
        """Say what of the exchanges their table cannot have caused."""
        there = self.known.get(some.table_version, ())
        if not there:
            return
        callable_ = _of(one for who in there for one in (who.champion, who.candidate, who.standby))
        flaws = []
        if some.version not in callable_:
            flaws.append(f"version {some.version}")
        elif not (some.served_by in callable_ | {None} or self._stood_in(some)):
            flaws.append(f"answers of version {some.served_by}")
        if some.shadow_version not in _of(who.shadow for who in there) | {None}:
            flaws.append(f"version {some.shadow_version} in shadow")
        if not any(isclose(some.share, who.share, abs_tol=1e-9) for who in there):
            flaws.append(f"a share of {some.share:.4g}")
        if flaws:
            yield sentences.other_answer(endpoint, some, " and ".join(flaws))

    def _stood_in(self, some: Decided) -> bool:
        """In place of one that failed, or was taken out during the call."""
        return some.served_by is not None and (
            some.served_by in self._last_good.get(some.table_version, ())
            or self._reigned.get(some.served_by, 0) > some.table_version
        )


def _told(told: Sequence[Told[InForce]], some: Decided) -> set[int]:
    """Numbers of the versions that the journal explains at that time."""
    return {number for one in told if one.may_hold(some.first, some.last) for number in _of(one.what.all)}


def _numbers(some: Decided) -> set[int]:
    return {number for number in (some.version, some.served_by, some.shadow_version) if number is not None}


def _of(served: Iterable[Served | None]) -> set[int]:
    """The numbers of versions; an edited record or journal may hold names without one."""
    numbers = (one.ref.rpartition("/")[2] for one in served if one is not None)
    return {int(number) for number in numbers if number.isascii() and number.isdecimal()}
