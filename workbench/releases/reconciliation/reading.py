"""Gathers what is held against each other, and holds it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from pydantic import ValidationError

from workbench.core.clock import Clock
from workbench.core.errors import InvalidInput
from workbench.core.settings import Settings
from workbench.gateway import is_killed, read_status
from workbench.gateway.record import Recorded, captured, read_record
from workbench.journal import Entry, Journal
from workbench.models.references import require_name
from workbench.releases.intents import Intents, Rollback
from workbench.releases.reconciliation.reconcile import reconcile
from workbench.releases.reconciliation.records import Reconciliation, Seen
from workbench.traffic import TrafficStore
from workbench.traffic.removal import removed, under_way


def look(settings: Settings, clock: Clock) -> Reconciliation:
    """Hold the gateway's own record of routes, and captured traffic, against the journal. Changes nothing.

    It opens the journal by itself: whoever wants to know needs no right to act.

    Args:
        settings: of the project, wherever its journal lies; gateways leave their records on their machine.
        clock: says what is too young to be judged.

    Raises:
        InvalidInput: the journal cannot be opened.
        Tampered: an entry of the journal is not the one that was appended.
        Unavailable: the journal's server does not answer, or the storage of captured traffic.
    """
    with Journal.open(settings.journal, actor=settings.actor, clock=clock, beside=settings.state) as journal:
        look = _Look(settings, journal, clock)
        endpoints = look.endpoints()
        found = [reconcile(look.at(endpoint)) for endpoint in endpoints]
    problems = [*look.unreadable, *(sentence for one in found for sentence in one.problems)]
    return Reconciliation(
        ok=not problems,
        endpoints=tuple(endpoints),
        problems=tuple(problems),
        pending=tuple(sentence for one in found for sentence in one.pending),
        unknown=tuple(sentence for one in found for sentence in one.unknown),
    )


class _Look:
    """Reads everything there is about each endpoint, and notes what cannot be read."""

    def __init__(self, settings: Settings, journal: Journal, clock: Clock) -> None:
        self.unreadable: list[str] = []
        self._state = settings.state
        self._journal = journal
        self._traffic = TrafficStore.of(settings)
        self._intents = Intents.of(settings)
        self._clock = clock

    def endpoints(self) -> list[str]:
        """Names of the endpoints that the journal, a gateway's record or traffic knows of."""
        known = {*_served_here(self._state), *self._traffic.endpoints(), *_told(self._journal)}
        return sorted(name for name in known if _is_name(name))

    def at(self, endpoint: str) -> Seen:
        """Read everything there is about one endpoint, the journal last."""
        now = self._clock.now()
        written = captured(self._record(endpoint).lines)
        decided, damaged = self._traffic.decided(endpoint)
        self.unreadable += (f"{endpoint}: {sentence}" for sentence in damaged)
        return Seen(
            endpoint,
            now,
            decided=decided,
            captured=written,
            damaged=bool(damaged),
            removing=under_way(self._traffic.folder),
            record=self._record(endpoint),
            alive=_alive(self._state, endpoint),
            killed=is_killed(self._state, endpoint),
            intents=list(self._waiting(endpoint)),
            releases=[*_releases(self._journal, endpoint), *self._journal.read(f"drill/{endpoint}")],
            switches=self._journal.read(f"endpoint/{endpoint}"),
            model=self._journal.read(f"model/{endpoint}"),
            removed=removed(self._journal, endpoint),
        )

    def _record(self, endpoint: str) -> Recorded:
        try:
            return read_record(self._state, endpoint)
        except OSError as error:
            why = error.strerror or str(error)
            self.unreadable.append(f"The gateway's record of {endpoint} cannot be read: {why}.")
            return Recorded()

    def _waiting(self, endpoint: str) -> Iterator[Rollback]:
        for path in self._intents.waiting(endpoint):
            try:
                intent = Rollback.from_json(path.read_bytes())
                yield intent.model_copy(update={"time": intent.time.astimezone(UTC)})
            except FileNotFoundError:
                continue  # recorded meanwhile
            except (OSError, ValueError, OverflowError):
                self.unreadable.append(
                    f"What waits to be recorded of {endpoint} cannot be read: {path.name}."
                )


def _served_here(state: Path) -> list[str]:
    """Endpoints of which a gateway here has a record, a table or a kill switch."""
    folder = state / "gateway"
    return [place.name for place in folder.iterdir() if place.is_dir()] if folder.is_dir() else []


def _told(journal: Journal) -> Iterator[str]:
    """Endpoints that the journal knows of."""
    for stream in journal.streams("release/"):
        endpoint, _, number = stream.removeprefix("release/").rpartition("-")
        if number.isdigit():
            yield endpoint
    yield from (stream.removeprefix("endpoint/") for stream in journal.streams("endpoint/"))


def _releases(journal: Journal, endpoint: str) -> list[Entry]:
    """Entries of the releases of one endpoint. ``a-2-1`` is the first of ``a-2``, not one of ``a``."""
    prefix = f"release/{endpoint}-"
    own = [stream for stream in journal.streams(prefix) if stream.removeprefix(prefix).isdigit()]
    return [entry for stream in own for entry in journal.read(stream)]


def _alive(state: Path, endpoint: str) -> bool:
    try:
        return read_status(state, endpoint) is not None
    except (OSError, ValidationError):
        return False


def _is_name(text: str) -> bool:
    try:
        return bool(require_name(text))
    except InvalidInput:
        return False
