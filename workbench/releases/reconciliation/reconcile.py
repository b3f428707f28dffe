"""The gateway's record and captured traffic against the journal. Pure.

Two orders are legal. A release is written first and moves traffic then; going back and stopping move traffic
first and are written then. So every table that the gateway took must be what the journal says at that time
or, where it takes somebody out, what the journal says as soon as it could be told; and tables follow each
other in the journal's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from operator import eq

from workbench.releases.reconciliation import counts, exchanges, sentences
from workbench.releases.reconciliation.order import CLOCKS, LATE, Told, earlier, later, unexplained
from workbench.releases.reconciliation.records import Found, InForce, Seen
from workbench.releases.reconciliation.shown import Shown, shown
from workbench.releases.reconciliation.tables import Tables
from workbench.releases.reconciliation.told import aliases_tell, kills_tell, releases_tell
from workbench.releases.state import PROMOTED

#: How long a gateway may need to load what it should serve.
PATIENCE = timedelta(minutes=5)


def reconcile(seen: Seen) -> Found:
    """Hold what one endpoint shows against what the journal tells of it.

    Returns:
        What does not agree; what was done and waits for its record; what nobody can know.
    """
    told, flaws, waiting = releases_tell(seen.releases, seen.intents)
    if not seen.releases:
        told = aliases_tell(seen.endpoint, seen.model)
    what = shown(seen.record.lines, seen.decided, seen.now, alive=seen.alive)
    tables, switches = Tables(seen, told, what.tables), _Switches(seen, what)
    found = Found(
        problems=[*flaws, *seen.record.flaws, *tables.problems(), *switches.problems()],
        pending=[*map(sentences.rolled_back, waiting), *switches.pending()],
        unknown=list(_gaps(seen, what)),
    )
    silent = exchanges.without_table(seen)
    found.problems.extend(exchanges.problems(seen, told, silent))
    found.problems.extend(counts.problems(seen))
    found.pending.extend(counts.pending(seen))
    if seen.record.lines and not (silent or seen.record.flaws):  # else what is not there says nothing
        _promotions(seen, told, what, found)
        if not (tables.last_is_strange or waiting):
            found.problems.extend(_not_followed(seen, told, what))
    return found


class _Switches:
    """The kill switch, as it was seen and as it was recorded."""

    def __init__(self, seen: Seen, what: Shown) -> None:
        self._seen = seen
        self._switches = what.switches
        self._told = kills_tell(seen.switches)
        happened = [(switch.since, switch.killed) for switch in what.switches]
        self._strange = [what.switches[i] for i in unexplained(happened, self._told, eq)]
        self._waits = seen.killed and not self._told[-1].what

    def problems(self) -> Iterator[str]:
        for switch in self._strange:
            if not switch.killed:
                yield sentences.revived(self._seen.endpoint, switch)
            elif not (self._waits and switch.until is None):
                yield sentences.killed(self._seen.endpoint, switch)

    def pending(self) -> Iterator[str]:
        if self._waits:
            last = self._switches[-1] if self._switches else None
            yield sentences.is_killed(self._seen.endpoint, last.since if last and last.killed else None)


def _promotions(seen: Seen, told: Sequence[Told[InForce]], what: Shown, found: Found) -> None:
    """Champions of the journal that no gateway served."""
    for place, one in enumerate(told):
        champion = one.what.champion
        if one.kind != PROMOTED or champion is None:
            continue
        others = (t.since for t in told[place:] if t.what.champion != champion)
        until = min(next(others, seen.now), seen.now)
        if until < later(one.since, PATIENCE) or _served(one, until, what):
            continue
        if any(later(max(run.since, one.since), PATIENCE) < min(run.until, until) for run in what.runs):
            refused = _refused(seen, one.since, until)
            found.problems.append(sentences.never_served(seen.endpoint, champion, one.since, refused))
        else:
            found.unknown.append(sentences.not_running(seen.endpoint, champion, one.since, until))


def _served(one: Told[InForce], until: datetime, what: Shown) -> bool:
    return any(
        table.who.champion == one.what.champion
        and table.since <= later(until, LATE)
        and earlier(one.since, CLOCKS) <= table.until
        for table in what.tables
    )


def _not_followed(seen: Seen, told: Sequence[Told[InForce]], what: Shown) -> Iterator[str]:
    """The last word of the journal, when the gateway had time to follow it and did not."""
    if not told or not what.tables:
        return
    last, table = told[-1], what.tables[-1]
    same = table.who.champion == last.what.champion and table.who.tries_alike(last.what)
    if not same and last.kind != PROMOTED and later(last.since, PATIENCE) < table.until:
        refused = _refused(seen, last.since, seen.now)
        yield sentences.still_served(seen.endpoint, table, last.what, last.since, refused)


def _refused(seen: Seen, since: datetime, until: datetime) -> str:
    lines = (line for line in seen.record.lines if line.what == "refused" and since <= line.time <= until)
    last = max(lines, key=lambda line: line.time, default=None)
    return sentences.refused(last.refused_version, last.reason) if last else ""


def _gaps(seen: Seen, what: Shown) -> Iterator[str]:
    """Where nothing can be known."""
    if not seen.record.lines and not seen.decided and seen.releases:
        yield sentences.never_ran(seen.endpoint)
    for run, following in zip_longest(what.runs, what.runs[1:]):
        if not run.whole:
            began = following.since if following else None
            yield sentences.vanished(seen.endpoint, run.since, run.until, began)
    for line in seen.record.lines:
        if line.lost:
            yield sentences.lost(seen.endpoint, line.lost, line.time)
