"""What the journal tells of an endpoint: who should have answered, and whether it was killed, from when on.

A fold that goes on where ``state.follow`` would refuse: of a journal from which something was left out, what
is still there must be told as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from workbench.core.errors import Conflict
from workbench.gateway.record import Served
from workbench.journal import Entry, Event
from workbench.models.history import ALIAS
from workbench.releases import routes
from workbench.releases.drills_records import DRILL_BEGAN, DRILLED
from workbench.releases.effects import ENDPOINT_KILLED, ENDPOINT_REVIVED
from workbench.releases.intents import Rollback
from workbench.releases.reconciliation.order import EVER, Told, lasting
from workbench.releases.reconciliation.records import InForce
from workbench.releases.records import Release
from workbench.releases.state import ABORTED, JUDGED, KILLED, OPENED, ROLLED_BACK, State, follow

#: What a person may do before it is written; a tick that is under way meanwhile may write it as an abort.
_ENDINGS = frozenset({ABORTED, KILLED, ROLLED_BACK})


class Tale(NamedTuple):
    """What the releases of an endpoint tell."""

    told: list[Told[InForce]]
    flaws: list[str]
    """Where they contradict themselves."""
    waiting: list[Rollback]
    """Intents that still wait for their entry; what they will tell comes last in ``told``."""


def releases_tell(entries: Iterable[Entry], intents: Sequence[Rollback] = ()) -> Tale:
    """Return who should have answered by the releases of an endpoint, and what was done by hand since."""
    fold = _Fold()
    told = [now for entry in sorted(entries, key=lambda entry: entry.seq) if (now := fold.take(entry))]
    meant = [(intent, now) for intent in intents if (now := fold.intend(intent))]
    return Tale(
        lasting([*told, *(now for _, now in meant)]), fold.flaws, waiting=[intent for intent, _ in meant]
    )


def aliases_tell(endpoint: str, entries: Iterable[Entry]) -> list[Told[InForce]]:
    """Return who should have answered where nothing was ever released: the alias, moved by hand."""
    return lasting(
        Told(InForce(served), entry.kind, entry.time, earliest=entry.time)
        for entry, served in champions_by_alias(endpoint, entries)
    )


def champions_by_alias(endpoint: str, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Served]]:
    """Yield whom the alias ``champion`` was pointed at."""
    for entry in entries:
        if entry.kind == ALIAS and entry.payload.get("alias") == "champion" and entry.subjects:
            yield entry, Served(ref=f"{endpoint}/{entry.payload.get('version')}", digest=entry.subjects[0])


def kills_tell(entries: Iterable[Entry]) -> list[Told[bool]]:
    """Return when no model should have answered."""
    told, revived = [Told(what=False, kind="", since=EVER)], EVER
    for entry in entries:
        if entry.kind == ENDPOINT_KILLED:
            told.append(Told(what=True, kind=entry.kind, since=entry.time, earliest=revived))
        elif entry.kind == ENDPOINT_REVIVED:
            revived = entry.time
            told.append(Told(what=False, kind=entry.kind, since=entry.time, earliest=entry.time))
    return lasting(told)


class _Fold:
    """The releases of one endpoint as they stand after the entries taken so far."""

    def __init__(self) -> None:
        self.flaws: list[str] = []
        self._began = EVER
        """When the last drill did."""
        self._states: dict[str, State] = {}
        self._unended: set[str] = set()
        """Releases after which another one began, although nothing says how they ended."""

    def take(self, entry: Entry) -> Told[InForce] | None:
        """Take the next entry; return what holds now, None when it says nothing of that."""
        if entry.kind == JUDGED:
            return None
        if entry.kind in (DRILL_BEGAN, DRILLED):
            return self._drilled(entry)
        event = Event(kind=entry.kind, payload=entry.payload)
        try:
            state = follow(self._states.get(entry.stream), event, time=entry.time, actor=entry.actor)
        except Conflict:
            self.flaws.append(f"{_name(entry)} does not follow what the journal has of it before.")
            return None
        except (KeyError, IndexError, TypeError, ValueError):
            self.flaws.append(f"{_name(entry)} cannot be read.")
            return None
        if entry.kind == OPENED:
            self._supersede(entry)
        self._states[entry.stream] = state
        return self._now(entry.kind, entry.time, state.release)

    def intend(self, intent: Rollback) -> Told[InForce] | None:
        """Take what somebody did, as ``Effects`` will record it; None when that is done."""
        ends = routes.taken_out(self._releases(), intent.took_out)
        for release in ends:
            stream = next(s for s, state in self._states.items() if state.release is release)
            event = Event(kind=ROLLED_BACK)
            self._states[stream] = follow(self._states[stream], event, time=intent.time, actor=intent.by)
        return self._now(ROLLED_BACK, intent.time, ends[0]) if ends else None

    def _drilled(self, entry: Entry) -> Told[InForce]:
        """A drill: champion and standby change places, and then are again as the releases say."""
        now = routes.wanted(self._releases())
        what = self._in_force(now) if now else InForce(None)
        if entry.kind == DRILL_BEGAN:
            self._began = entry.time
            return Told(what._replace(champion=what.standby, standby=what.champion), entry.kind, entry.time)
        return Told(what, entry.kind, entry.time, earliest=self._began)

    def _now(self, kind: str, time: datetime, release: Release) -> Told[InForce]:
        releases = self._releases()
        who, active = routes.wanted(releases), routes.active(releases)
        return Told(
            self._in_force(who) if who else InForce(None),
            kind,
            since=time,
            earliest=release.opened if kind in _ENDINGS else time,
            stage=f"release {active.id} is in {active.current.name}" if active else "",
        )

    def _in_force(self, who: routes.Wanted) -> InForce:
        digests = {release.candidate: release.candidate_digest for release in self._releases()}

        def served(ref: str) -> Served | None:
            return Served(ref=ref, digest=digests[ref]) if ref else None

        return InForce(
            served(who.champion), served(who.candidate), who.share, served(who.shadow), served(who.standby)
        )

    def _releases(self) -> list[Release]:
        return [state.release for stream, state in self._states.items() if stream not in self._unended]

    def _supersede(self, entry: Entry) -> None:
        for stream, state in self._states.items():
            if not state.release.status.final and stream not in self._unended:
                self._unended.add(stream)
                self.flaws.append(
                    f"{_name(entry)} opens a release while {state.release.id} is still under way: "
                    f"the journal has no end of {state.release.id}."
                )


def _name(entry: Entry) -> str:
    what = f"{entry.kind} of {entry.stream.partition('/')[2]}"
    return f"Entry {entry.seq} of the journal ({what}, {entry.time:%Y-%m-%d %H:%M:%S} UTC)"
