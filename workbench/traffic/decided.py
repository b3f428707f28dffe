"""Who answered under which routing table: exchanges as a witness of what was in force."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from workbench.core.errors import Tampered

if TYPE_CHECKING:
    import pyarrow as pa

_KEYS = ("table_version", "share", "version", "served_by", "shadow_version")


class Decided(NamedTuple):
    """Exchanges that one table decided, of the same versions."""

    table_version: int
    share: float
    version: int
    """Of the arm the coin assigned, or the one the caller named."""
    served_by: int | None
    shadow_version: int | None
    n: int
    first: datetime
    last: datetime

    def plus(self, other: Decided) -> Decided:
        """Put two counts of the same versions together."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return self._replace(n=self.n + other.n, first=first, last=last)


#: Columns of exchanges that are counted by.
COUNTED = ("time", *_KEYS)


def count(names: Iterable[str], read: Callable[[str], pa.Table]) -> tuple[list[Decided], list[str]]:
    """Count segment by segment; what is damaged comes back as sentences.

    Args:
        names: of segments.
        read: returns the columns ``COUNTED`` of one.
    """
    found: dict[tuple[Any, ...], Decided] = {}
    damaged: list[str] = []
    for name in names:
        try:
            table = read(name)
        except Tampered as error:
            damaged.append(error.message)
            continue
        _add(found, table)
    return _sorted(found), damaged


def count_in(tables: Iterable[pa.Table]) -> list[Decided]:
    """Count exchanges that have been read; the tables have at least the columns that are counted by."""
    found: dict[tuple[Any, ...], Decided] = {}
    for table in tables:
        _add(found, table)
    return _sorted(found)


def _add(found: dict[tuple[Any, ...], Decided], table: pa.Table) -> None:
    summed = table.group_by(list(_KEYS), use_threads=False).aggregate(
        [("time", how) for how in ("count", "min", "max")]
    )
    for row in summed.select([*_KEYS, "time_count", "time_min", "time_max"]).to_pylist():
        some = Decided(*row.values())
        found[some[:5]] = found[some[:5]].plus(some) if some[:5] in found else some


def _sorted(found: dict[tuple[Any, ...], Decided]) -> list[Decided]:
    return sorted(found.values(), key=lambda some: (some.table_version, some.first))
