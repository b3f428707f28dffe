"""What is in force: a routing table with its versions in memory, swapped as one pointer."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial

from workbench.core.settings import Settings
from workbench.gateway.answers import Loaded
from workbench.gateway.batch import Schema
from workbench.gateway.pool import Pool
from workbench.gateway.problems import not_here
from workbench.gateway.routing import Route, RoutingTable

#: Model calls that run at once per version. More would only take turns for the interpreter.
THREADS = 2
#: Calls that may wait per version before one is turned away.
WAITING = 256
#: Shadow calls that may wait before one is dropped.
SHADOW_WAITING = 100

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """A table in force. Never changed: a new one takes its place."""

    table: RoutingTable
    loaded: dict[int, Loaded]
    """By version number: every route of the table."""

    @cached_property
    def champion(self) -> Loaded | None:
        """Who answers."""
        return self._of(self.table.champion)

    @cached_property
    def candidate(self) -> Loaded | None:
        """Who is tried on a share of the requests."""
        return self._of(self.table.candidate)

    @cached_property
    def shadow(self) -> Loaded | None:
        """Who only listens."""
        return self._of(self.table.shadow)

    @cached_property
    def named(self) -> dict[int, Loaded]:
        """Versions a caller may ask for by number."""
        routes = (self.table.champion, self.table.candidate, self.table.standby)
        return {route.version: self.loaded[route.version] for route in routes if route is not None}

    @cached_property
    def answering(self) -> frozenset[int]:
        """Versions whose answers may go to a caller who named none."""
        return frozenset(one.version for one in (self.champion, self.candidate) if one is not None)

    @cached_property
    def schema(self) -> Schema:
        """What a request may carry: the champion's columns, and what candidate or shadow read beside them."""
        if self.champion is None:
            return Schema(())
        others = (one.model.columns for one in (self.candidate, self.shadow) if one is not None)
        return Schema.of(self.champion.model.columns, others)

    def version(self, number: int) -> Loaded:
        """Return a version that a caller named.

        Raises:
            Problem: 404, it is not loaded.
        """
        if number not in self.named:
            there = ", ".join(map(str, sorted(self.named)))
            raise not_here(f"Version {number} is not loaded.", remedy=f"There is: {there}.")
        return self.named[number]

    def _of(self, route: Route | None) -> Loaded | None:
        return None if route is None else self.loaded[route.version]


class Shelf:
    """Versions in memory, by version number and digest: bytes that are loaded are not loaded again.

    Args:
        settings: the project: routes' paths are relative to its folder, and it may name a key.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._loaded: dict[tuple[str, str], Loaded] = {}
        self._let_go: list[Loaded] = []
        self._pending: list[RoutingTable] = []
        self._loader = Pool("load", threads=4, waiting=16)

    def live(self, table: RoutingTable) -> Live | None:
        """Return the table with its versions when all of them are in memory."""
        if any(_key(route) not in self._loaded for route in table.routes):
            return None
        return Live(table, {route.version: self._loaded[_key(route)] for route in table.routes})

    async def load(self, table: RoutingTable) -> Live:
        """Load what is missing, off the event loop, and return the table with its versions.

        Raises:
            Tampered: bytes are not those that were registered, or their signature does not hold.
            Exception: whatever loading a model raises.
        """
        self._pending.append(table)
        try:
            for route in table.routes:
                if _key(route) not in self._loaded:
                    one = await self._loader.call(partial(load, route, self._settings), deadline=None)
                    self._loaded.setdefault(_key(route), one)
        finally:
            self._pending.remove(table)
        return Live(table, {route.version: self._loaded[_key(route)] for route in table.routes})

    def keep(self, lives: Iterable[Live]) -> None:
        """Let go of versions that neither ``lives`` nor a table that is loading needs."""
        tables = [*(live.table for live in lives), *self._pending]
        needed = {_key(route) for table in tables for route in table.routes}
        for key in self._loaded.keys() - needed:
            one = self._loaded.pop(key)
            one.close()
            self._let_go.append(one)
        self._let_go = [one for one in self._let_go if one.busy]

    @property
    def hung(self) -> bool:
        """Whether a call still runs somewhere, or a load."""
        return any(one.busy for one in (*self._loaded.values(), *self._let_go)) or self._loader.busy > 0

    @property
    def refs(self) -> tuple[str, ...]:
        """``name/version`` of all that is in memory."""
        return tuple(sorted(one.model.ref for one in self._loaded.values()))


def load(route: Route, settings: Settings) -> Loaded:
    """Load one version and let it answer once, so that the first caller does not pay for first-time work."""
    from workbench.models.attestations import verify_signature
    from workbench.models.loading import load_version

    one = Loaded(
        route.model,
        load_version(
            route.model,
            settings.root / route.path,
            check=lambda digests: verify_signature(route.model, digests, settings, serving=True),
        ),
        Pool(route.model.ref, threads=THREADS, waiting=WAITING),
        Pool(f"{route.model.ref} shadow", threads=1, waiting=SHADOW_WAITING),
    )
    _warm(one)
    return one


def _warm(one: Loaded) -> None:
    """Answer the input example. It is made up: a model that cannot answer it is not refused for that."""
    if not one.model.input_example:
        return
    try:
        one.answer(Schema(one.model.columns).batch_of_records(one.model.input_example), scores=True)
    except Exception:  # whatever a user's model raises on a made-up row
        log.warning("%s could not answer its own input example", one.model.ref, exc_info=True)


def _key(route: Route) -> tuple[str, str]:
    return route.model.ref, route.digest
