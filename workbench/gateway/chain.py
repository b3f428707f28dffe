"""Who is asked when a version fails: champion, warm standby, last good. Then the declared answer, then 503.

The last good version is the champion of the table before, while its bytes are still in memory. A version that
was rolled back from is not good: it is never asked again on its own.
"""

from __future__ import annotations

from workbench.gateway.answers import Loaded
from workbench.gateway.live import Live


def succeeded(reigned: tuple[int, ...], champion: int, standby: int | None) -> tuple[int, ...]:
    """Return the champions of a process one after another, the present one last, when another table is taken.

    Going back to one takes off what came after it: a version that was rolled back from is not good.

    Args:
        reigned: as before that table.
        champion: of the table.
        standby: of the table before; to it one goes back, also where this process never saw it reign.
    """
    if champion in reigned:
        return reigned[: reigned.index(champion) + 1]
    return (champion,) if champion == standby else (*reigned, champion)


class Chain:
    """The order in which versions are asked, kept up with each table that is taken."""

    def __init__(self) -> None:
        self._reigned: tuple[int, ...] = ()
        self._live: Live | None = None
        self._last_good: Loaded | None = None

    def follow(self, live: Live | None) -> None:
        """Take over the next table."""
        before, self._live, self._last_good = self._live, live, None
        if live is None or live.champion is None:
            self._reigned = ()
            return
        waited = None if before is None else before.table.standby
        self._reigned = succeeded(self._reigned, live.champion.version, waited.version if waited else None)
        if before is not None and len(self._reigned) > 1:
            good = self._reigned[-2]
            self._last_good = live.loaded.get(good) or before.loaded.get(good)

    @property
    def order(self) -> tuple[Loaded, ...]:
        """Champion, standby and last good, as far as there are any; each once."""
        if self._live is None or self._live.champion is None:
            return ()
        waiting = self._live.table.standby
        standby = None if waiting is None else self._live.loaded[waiting.version]
        there = (self._live.champion, standby, self._last_good)
        return tuple({one.version: one for one in there if one is not None}.values())
